"""Sixteen appliers at once with kills between any two statements, and lost answers to COMMIT: none doubled, none lost.

In all 440 races here; `make soak` has 100,000. A race is one fix that sixteen appliers go for. 2,000 of them were run and proved with two
workers on two cores at a load of 8: 174 s, of which 85 s of CPU in this process (43 ms a race; it was 100 ms), the servers' not
counted. That is more than CI's twenty minutes have left: RECON_RACES=2000 runs as many.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from apply_world import World, journal, world
from races import prove, race

APPLIERS = 16
#: Of all races, the share of each database in one layout.
RACES = int(os.environ.get("RECON_RACES", "440"))
COUNTS = {"sqlite": RACES * 35 // 200, "postgresql": RACES * 35 // 200, "mariadb": RACES * 30 // 200}
#: Of each database and layout, in batches, each with a queue of its own.
SOAK_BATCHES, SOAK_BATCH = 42, 400


def approved(shop: World, count: int, start: int = 0) -> dict[str, int]:
    """That many approved journals; idempotency key -> amount."""
    fixes = [journal(f"{number:06}", 1000 + number) for number in range(start, start + count)]
    shop.approved(*fixes)
    return {each.idempotency_key: each.amount_minor for each in fixes}


def server(request: pytest.FixtureRequest, kind: str) -> str | None:
    return None if kind == "sqlite" else request.getfixturevalue("postgres" if kind == "postgresql" else "mariadb")


@pytest.mark.parametrize("together", [True, False], ids=["one database", "two databases"])
@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mariadb"])
def test_sixteen_appliers_that_are_killed(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, together: bool
) -> None:
    with world(server(request, kind), tmp_path, together=together) as shop:
        fixes = approved(shop, COUNTS[kind])
        kills = race(shop, APPLIERS, one_in=150, seed=1)
        assert kills > 3, kills
        prove(shop, fixes)


@pytest.mark.soak
@pytest.mark.parametrize("together", [True, False], ids=["one database", "two databases"])
@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mariadb"])
def test_a_hundred_thousand_races(request: pytest.FixtureRequest, tmp_path: Path, kind: str, together: bool) -> None:
    for seed in range(SOAK_BATCHES):
        folder = tmp_path / str(seed)
        folder.mkdir()
        with world(server(request, kind), folder, together=together) as shop:
            fixes = approved(shop, SOAK_BATCH)
            race(shop, APPLIERS, one_in=150, seed=seed, seconds=900)
            prove(shop, fixes)
