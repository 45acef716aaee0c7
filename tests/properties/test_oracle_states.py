"""recon and the oracle of states agree: files that come a night late, and what becomes of breaks over a week and more."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import oracle_states
import pytest
import shops
import workspaces

import recon.api

#: Night number -> the source whose files come one night late.
LATE = {1: "stripe", 2: "ledger", 4: "orders", 5: "toss"}


def scenarios(first: int, count: int, nights: int, late: dict[int, str], look_back_days: int = 60) -> list[dict]:
    made = (shops.seeded_shop(seed, f"S{seed}", nights, look_back_days) for seed in range(first, first + count))
    kept = workspaces.apart(map(workspaces.identified, made))
    for scenario in kept:
        hold_back(scenario, late)
    return kept


def hold_back(scenario: dict, late: dict[int, str]) -> None:
    """Move what a late file holds to the night after, and say of which source the night waits."""
    nights = scenario["nights"]
    for number in sorted(late, reverse=True):
        source, night, after = late[number], nights[number], nights[number + 1]
        prefix = f"{source}_{night['date']}"
        for what, name_of in (("rows", lambda row: row["file"]), ("quarantined", lambda each: each["row"]["file"])):
            held = [each for each in night[what] if name_of(each).startswith(prefix)]
            night[what] = [each for each in night[what] if not name_of(each).startswith(prefix)]
            after[what] = [*held, *after[what]]
        after["rows"].sort(key=lambda row: (row["file"], row["at"]))
        record = workspaces.SOURCES[source]
        night["incomplete"] = {(record, source if record == "settlement_line" else None)}


def write(root: Path, told: list[dict]) -> list[date]:
    """The workspace, in which every source has to send a file each night."""
    days = workspaces.write_workspace(root, told)
    settings = root / "recon.yaml"
    lines = settings.read_text(encoding="utf-8").splitlines()
    lines = [f"{line}\n    expected: daily" if line.startswith("    files:") else line for line in lines]
    settings.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return days


def night_of(root: Path, day: date, waiting: Path, late: str | None) -> dict[str, Any]:
    """Run a night while the files of the late source have not come; they are there after it."""
    held = sorted((root / "in").glob(f"{late}_{day}*.csv")) if late else []
    assert bool(held) == bool(late)
    for path in held:
        path.rename(waiting / path.name)
    result = recon.api.run(root, day)
    for path in held:
        (waiting / path.name).rename(path)
    assert result.incomplete == ((late,) if late else ())
    with (result.folder / "breaks.csv").open(encoding="utf-8", newline="") as handle:
        breaks = {row["key"]: said(row) for row in csv.DictReader(handle)}
    with (result.folder / "pending.csv").open(encoding="utf-8", newline="") as handle:
        pending = {row["key"] for row in csv.DictReader(handle)}
    return {"breaks": breaks, "pending": pending, "fixes": {fix.break_id for fix in result.fixes}, "result": result}


def said(row: dict[str, str]) -> tuple[str, ...]:
    return (row["code"], row["class"], row["state"], row["first_seen"], row["age_days"], row["deadline"])


def expected(known: oracle_states.Known, age: int) -> tuple[str, ...]:
    return (known.code, known.class_, known.state, str(known.first_seen), str(age), str(known.deadline or ""))


def differences(root: Path, told: list[dict], late: dict[int, str]) -> list[str]:
    """Every break, resolved ones among them, and every pending key that the two see differently."""
    (waiting := root / "waiting").mkdir(parents=True)
    answers = [oracle_states.run(scenario) for scenario in told]
    wrong = []
    for number, day in enumerate(write(root, told)):
        found = night_of(root, day, waiting, late.get(number))
        tonight = [answer[number] for answer in answers]
        breaks = {key: expected(*each) for answer in tonight for key, each in answer.breaks.items()}
        pending = set().union(*(answer.pending for answer in tonight))
        for key in sorted(breaks.keys() | found["breaks"].keys()):
            if breaks.get(key) != found["breaks"].get(key):
                wrong.append(f"{day} {key}: recon {found['breaks'].get(key)}, oracle {breaks.get(key)}")
        wrong += [f"{day} {key}: pending for one only" for key in sorted(pending ^ found["pending"])]
    return wrong


def test_states_ages_and_deadlines_agree_while_files_come_late(tmp_path):
    told = scenarios(40_000, 250, 7, LATE)
    assert differences(tmp_path / "shops", told, LATE) == []


@pytest.mark.soak
def test_states_agree_when_what_closed_is_forgotten_after_a_day(tmp_path):
    told = scenarios(41_000, 150, 5, {}, look_back_days=1)
    assert differences(tmp_path / "shops", told, {}) == []


def test_the_shops_are_worth_comparing():
    """They hold every state, breaks that stay as they were while a source is awaited, and fixes that are held back."""
    told = scenarios(40_000, 250, 7, LATE)
    nights = [answer for scenario in told for answer in oracle_states.run(scenario)]
    states = Counter(known.state for night in nights for known, _ in night.breaks.values())
    assert set(states) == {"new", "persisting", "reopened", "resolved"}
    ages = {age for night in nights for _, age in night.breaks.values()}
    deadlines = {known.code for night in nights for known, _ in night.breaks.values() if known.deadline}
    assert len(ages) >= 4
    assert deadlines == set(oracle_states.DEADLINES)
    complete = scenarios(40_000, 250, 7, {})
    assert any(
        set(now.breaks) != set(then.breaks)
        for late, whole in zip(told, complete, strict=True)
        for now, then in zip(oracle_states.run(late), oracle_states.run(whole), strict=True)
    )


@pytest.mark.soak
@pytest.mark.parametrize("batch", range(10))
def test_states_agree_on_thousands_of_shops(tmp_path, batch):
    told = scenarios(200_000 + batch * 1_000, 400, 7, LATE)
    assert differences(tmp_path / "shops", told, LATE) == []
