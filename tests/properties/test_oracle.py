"""recon and the oracle agree: many random little shops, with a history of several nights, through the whole pipeline.

Hundreds of shops share one workspace. Where the two differ, the shop is run once more by itself, and what differs is
shown with its rows; `shops.seeded_shop(SEED, "S<SEED>", nights, look_back_days)` makes it again.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import oracle
import pytest
import shops
import workspaces
from hypothesis import HealthCheck, given, settings

import recon.api
import recon.pipeline


def scenarios(first: int, count: int, nights: int, look_back_days: int = 60) -> list[dict]:
    made = (shops.seeded_shop(seed, f"S{seed}", nights, look_back_days) for seed in range(first, first + count))
    return workspaces.apart(map(workspaces.identified, made))


def differences(root: Path, told: list[dict]) -> dict[str, list[str]]:
    """Shop -> what recon and the oracle say differently, night by night. Totals count as the shop `all`."""
    answers = [oracle.run(scenario) for scenario in told]
    differing: dict[str, list[str]] = {}
    for number, night in enumerate(workspaces.write_workspace(root, told)):
        result = recon.api.run(root, night)
        tonight = [answer[number] for answer in answers]
        found = workspaces.found(result.folder)
        for what in ("breaks", "pending"):
            expected = set().union(*(getattr(answer, what) for answer in tonight))
            for sign, those in (("recon", found[what] - expected), ("oracle", expected - found[what])):
                for each in sorted(those):
                    shop = workspaces.shop_of(each if what == "pending" else each[0])
                    differing.setdefault(shop, []).append(f"{night}: only {sign} has {what} {each}")
        for line in totals(workspaces.summary(result.folder), tonight):
            differing.setdefault("all", []).append(f"{night}: {line}")
    return differing


def totals(summary: dict, tonight: list) -> list[str]:
    """What the summary counts otherwise than the oracle: groups, and the roll-forward in records and minor units."""
    states = Counter(state for answer in tonight for state in answer.states)
    groups = summary["reconciliations"]["payin"]["groups"]
    expected = {name: states[name] for name in ("cleared", "pending", "silent")}
    wrong = [f"{name}: {groups[name]} groups, {n} expected" for name, n in expected.items() if groups[name] != n]
    rolled, found = workspaces.rolled(tonight), workspaces.roll_forward(summary)
    for key in sorted(set(rolled) | set(found)):
        for column in ("brought", "new", "cleared", "carried", "excluded", "replayed"):
            if key[1]:  # rows in quarantine have no currency
                pair = [(counts[column], counts[column + "_amount"]) for counts in (found[key], rolled[key])]
                wrong += [f"{key} {column}: {pair[0]}, {pair[1]} expected"] if pair[0] != pair[1] else []
    return wrong


def explained(root: Path, told: list[dict], differing: dict[str, list[str]]) -> str:
    """The differences of a few shops, each run again by itself, with its rows."""
    lines = differing.get("all", [])
    for name in [name for name in differing if name != "all"][:3]:
        alone = next(scenario for scenario in told if name in names(scenario))
        again = differences(root / name, [alone])
        lines += [f"--- {name}", *differing[name], *([] if again else ["by itself it agrees"]), *rows(alone)]
    return "\n".join(lines)


def names(scenario: dict) -> set[str]:
    return {workspaces.shop_of(row["record_id"]) for night in scenario["nights"] for row in night["rows"]}


def rows(scenario: dict) -> list[str]:
    return [
        f"{night['date']} {workspaces.cells(row)}{' (unreadable)' if row in unread else ''}"
        for night in scenario["nights"]
        for unread in [[each["row"] for each in night["quarantined"]]]
        for row in [*night["rows"], *unread]
    ]


def check(root: Path, told: list[dict]) -> None:
    differing = differences(root / "together", told)
    assert not differing, explained(root, told, differing)


def test_oracle_agrees_on_many_small_shops(tmp_path):
    told = scenarios(0, 600, nights=4)
    assert len(told) >= 400
    check(tmp_path, told)


def test_oracle_agrees_when_what_cleared_is_forgotten_after_two_days(tmp_path, monkeypatch):
    """And with the relations of a large night, which are views where a small night's are tables."""
    monkeypatch.setattr(recon.pipeline, "SMALL", 0)
    check(tmp_path, scenarios(10_000, 300, nights=5, look_back_days=2))


def test_the_shops_are_worth_comparing():
    """Between them the shops above fire nearly every break of payin, under every class, and every kind of ending."""
    answers = [answer for scenario in scenarios(0, 600, nights=4) for answer in oracle.run(scenario)]
    codes = {(code, class_) for answer in answers for _, code, class_ in answer.breaks}
    states = {state for answer in answers for state in answer.states}
    assert states == {"cleared", "pending", "silent", "left", "unclaimed"}
    assert len({code for code, _ in codes}) >= 24
    assert len({code for code, class_ in codes if class_ == "auto_fix"}) >= 6


@pytest.mark.soak
@pytest.mark.parametrize("batch", range(20))
@pytest.mark.parametrize("look_back_days", [60, 1, 3])
def test_oracle_agrees_on_thousands_of_shops(tmp_path, batch, look_back_days):
    check(tmp_path, scenarios(100_000 + batch * 1_000, 600, nights=6, look_back_days=look_back_days))


@pytest.mark.soak
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
@given(shop=shops.shops(nights=4))
def test_oracle_agrees_on_shops_that_hypothesis_draws(tmp_path_factory, shop):
    check(tmp_path_factory.mktemp("shop"), [workspaces.identified(shop)])
