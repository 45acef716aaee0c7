"""`kill -9` at any moment of a night: run again, folder and state are those of a night that was never killed.

Two nights are killed: one that runs for the first time, and one that runs again because a file has come in since, so
that an old folder gives way to a new one. Every killed night leaves the lock, a temporary folder or half a transaction
behind; what is compared is everything that the next run leaves.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from night_shop import LAST, NIGHTS, SQLITE, copied, held_back, left_by

KILLED = -9


@dataclass(frozen=True)
class Scene:
    """A workspace before a night, what the night leaves when nobody kills it, and how long it takes."""

    name: str
    before: Path
    seconds: float
    points: list[str]
    expected: dict[str, Any]


@dataclass(frozen=True)
class Stage:
    """Both scenes on one state database; `reset` gives the URL of the database as it was before a scene's night."""

    scenes: tuple[Scene, Scene]
    reset: Callable[[str], str]


def scene(name: str, before: Path, folder: Path, runner, state: str) -> Scene:
    after = copied(before, folder / f"{name}-never-killed")
    done = runner.night(after, state=state)
    assert done.exit == 0, done.error
    expected = left_by(after, state)
    assert runner.night(copied(after, folder / f"{name}-again"), state=state).exit == 0
    assert left_by(folder / f"{name}-again", state) == expected
    return Scene(name, before, done.seconds, done.points, expected)


def without_a_file(four_nights: Path, to: Path, runner, state: str) -> Path:
    """A workspace whose last night ran before a provider had sent its file, which is there now."""
    shop = copied(four_nights, to)
    with held_back(shop, f"adyen_{LAST}*"):
        done = runner.night(shop, state=state)
    assert done.exit == 3, done.error
    return shop


@pytest.fixture(scope="session")
def on_sqlite(tmp_path_factory, four_nights, runner) -> Stage:
    folder = tmp_path_factory.mktemp("kill-sqlite")
    first = scene("first", four_nights, folder, runner, SQLITE)
    again = scene("again", without_a_file(four_nights, folder / "again", runner, SQLITE), folder, runner, SQLITE)
    return Stage((first, again), lambda name: SQLITE)


@pytest.fixture(scope="session")
def on_postgresql(tmp_path_factory, fresh_shop, runner, own_databases) -> Stage:
    folder = tmp_path_factory.mktemp("kill-postgresql")
    shop = copied(fresh_shop, folder / "first")
    state = own_databases.make("first")
    for night in NIGHTS[:-1]:
        assert runner.night(shop, night, state=state).exit == 0
    waiting = own_databases.make("again", copy_of="first")
    later = without_a_file(shop, folder / "again", runner, waiting)

    def reset(name: str) -> str:
        return own_databases.make("used", copy_of=name)

    first = scene("first", shop, folder, runner, reset("first"))
    again = scene("again", later, folder, runner, reset("again"))
    return Stage((first, again), reset)


def check(stage: Stage, where: Scene, folder: Path, runner, **kills: Any) -> bool:
    """Kill a night, run it again, compare. True where the kill came before its end."""
    state = stage.reset(where.name)
    shop = copied(where.before, folder)
    killed = runner.night(shop, state=state, **kills)
    assert killed.exit in (KILLED, 0), killed.error
    again = runner.night(shop, state=state)
    last = killed.points[-1] if killed.points else "nothing"
    assert again.exit == 0, f"killed after {last}: {again.error}"
    left = left_by(shop, state)
    for what in left:
        assert left[what] == where.expected[what], f"{where.name} night killed ({kills}) after {last}: {what} differs"
    return killed.exit == KILLED


def chosen(points: list[str]) -> list[int]:
    """Just before and just after what must not be torn apart: a file being kept, the renames, the transaction, the page."""
    keeping = [number for number, point in enumerate(points) if point.startswith("open /raw/.making")]
    named = [number for number, point in enumerate(points) if point.startswith("os.rename")]
    commits = [number for number, point in enumerate(points) if point == "before commit"]
    tidying = [number for number, point in enumerate(points) if point.startswith("shutil.rmtree")]
    assert len(named) >= 3 and keeping and commits and tidying, points
    assert points[named[-1]].startswith("os.rename /nights/.index.html."), points[named[-1]]
    after = [each + 1 for each in (*named[-3:], commits[-1]) if each + 1 < len(points)]
    return sorted({keeping[0] + 1, *after, named[-3], commits[-1], tidying[-1]})


def kill_at(stage: Stage, points: list[int], tmp_path: Path, runner) -> None:
    again = stage.scenes[1]
    for point in points:
        assert check(stage, again, tmp_path / f"at-{point}", runner, kill_at=point), again.points[point]


def kill_at_random(stage: Stage, tmp_path: Path, runner, count: int, seed: int) -> tuple[int, int]:
    """Alternately a random moment and a random point, on both nights. Returns (killed in time, tried)."""
    drawn = random.Random(seed)
    killed = 0
    for number in range(count):
        where = stage.scenes[number % 2]
        kills = (
            {"kill_after": drawn.uniform(0, where.seconds)}
            if number % 4 < 2
            else {"kill_at": drawn.randrange(len(where.points))}
        )
        killed += check(stage, where, tmp_path / f"random-{number}", runner, **kills)
    return killed, count


def test_e22_killed_around_the_renames_and_the_transaction_on_sqlite(on_sqlite, tmp_path, runner):
    kill_at(on_sqlite, chosen(on_sqlite.scenes[1].points), tmp_path, runner)


def test_e22_killed_around_the_transaction_on_postgresql(on_postgresql, tmp_path, runner):
    """The renames are no concern of the database's."""
    points = on_postgresql.scenes[1].points
    commit = max(number for number, point in enumerate(points) if point == "before commit")
    kill_at(on_postgresql, [commit, commit + 1], tmp_path, runner)


def test_e22_killed_at_random_on_sqlite(on_sqlite, tmp_path, runner):
    kill_at_random(on_sqlite, tmp_path, runner, 2, seed=22)


@pytest.mark.soak
def test_e22_killed_at_random_on_postgresql(on_postgresql, tmp_path, runner):
    kill_at_random(on_postgresql, tmp_path, runner, 2, seed=23)


@pytest.mark.soak
def test_e22_killed_at_a_hundred_random_points_on_sqlite(on_sqlite, tmp_path, runner, capsys):
    killed, tried = kill_at_random(on_sqlite, tmp_path, runner, 100, seed=1)
    with capsys.disabled():
        print(f"\nSQLite: {tried} nights, {killed} killed before their end, all equal after one more run")
    assert killed >= 90


@pytest.mark.soak
def test_e22_killed_at_a_hundred_random_points_on_postgresql(on_postgresql, tmp_path, runner, capsys):
    killed, tried = kill_at_random(on_postgresql, tmp_path, runner, 100, seed=2)
    with capsys.disabled():
        print(f"\nPostgreSQL: {tried} nights, {killed} killed before their end, all equal after one more run")
    assert killed >= 90


def test_e24_killed_again_while_recovering(on_sqlite, tmp_path, runner):
    """Killed between its renames a night leaves its old folder aside; killing what mends this changes nothing."""
    again = on_sqlite.scenes[1]
    renames = [
        number for number, point in enumerate(again.points) if point.startswith(f"os.rename /nights/.making-{LAST}")
    ]
    shop = copied(again.before, tmp_path / "shop")
    assert runner.night(shop, kill_at=renames[-1]).exit == KILLED
    assert (shop / "nights" / f".old-{LAST}").exists() and not (shop / "nights" / LAST).exists()
    recovering = runner.night(copied(shop, tmp_path / "look")).points
    first = next(number for number, point in enumerate(recovering) if f".old-{LAST}" in point)
    for point in (first, first + 1, first + 3):
        assert runner.night(shop, kill_at=point).exit == KILLED
    assert runner.night(shop).exit == 0
    assert left_by(shop) == again.expected


def test_the_points_of_a_night_cover_what_it_writes(on_sqlite):
    """The kills are where it matters: the lock, the inputs, the folder, both renames, the state's transaction."""
    first, again = (" ".join(each.points) for each in on_sqlite.scenes)
    for what in (f"open /state/{LAST}.lock", "open /raw/", f"os.mkdir /nights/.making-{LAST}", "INSERT INTO breaks"):
        assert what in first
    assert f"os.rename /nights/.making-{LAST}" in first
    assert f"os.rename /nights/{LAST}" in again and f"shutil.rmtree /nights/.old-{LAST}" in again
