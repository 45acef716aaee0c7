"""What must not change, and what must change along: properties of whole nights that need no oracle."""

from __future__ import annotations

import copy
import csv
import random
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
import shops
import workspaces

import recon.api

NIGHTS = 4


def scenarios() -> list[dict]:
    made = (shops.seeded_shop(seed, f"S{seed}", NIGHTS) for seed in range(5_000, 5_100))
    return workspaces.apart(map(workspaces.identified, made))


def run(root: Path, told: list[dict]) -> list[Path]:
    """The folders of the nights of a workspace with these shops."""
    return [recon.api.run(root, night).folder for night in workspaces.write_workspace(root, told)]


@pytest.fixture(scope="module")
def nights(tmp_path_factory) -> list[Path]:
    return run(tmp_path_factory.mktemp("shops"), scenarios())


def changed(told: list[dict], change: Callable[[dict], dict]) -> list[dict]:
    """The same shops with every row, readable or not, changed by `change`."""
    told = copy.deepcopy(told)
    for night in (night for scenario in told for night in scenario["nights"]):
        night["rows"] = [change(row) for row in night["rows"]]
        for each in night["quarantined"]:
            each["row"] = change(each["row"])
    return told


def same_answers(folders: list[Path], others: list[Path], rename: Callable[[str], str] = str) -> bool:
    for folder, other in zip(folders, others, strict=True):
        one, two = workspaces.found(folder), workspaces.found(other)
        assert {(rename(key), code, class_) for key, code, class_ in one["breaks"]} == two["breaks"]
        assert {rename(key) for key in one["pending"]} == two["pending"]
        assert workspaces.roll_forward(workspaces.summary(folder)) == workspaces.roll_forward(workspaces.summary(other))
    return True


def test_shuffled_rows_make_the_same_breaks(nights, tmp_path):
    told = scenarios()
    dice = random.Random(1)
    for night in (night for scenario in told for night in scenario["nights"]):
        dice.shuffle(night["rows"])
    dice.shuffle(told)
    assert same_answers(nights, run(tmp_path, told))


def test_split_and_renamed_files_make_the_same_breaks(nights, tmp_path):
    dice = random.Random(2)

    def moved(row: dict) -> dict:
        return {**row, "file": row["file"].replace(".csv", f"-part{dice.randint(1, 2)}.csv")}

    assert same_answers(nights, run(tmp_path, changed(scenarios(), moved)))


def test_renamed_references_make_the_same_breaks_under_the_new_names(nights, tmp_path):
    """The names keep their order, which decides under which key united groups stand."""

    def renamed(text: str) -> str:
        return text.replace("S5", "SX-shop5").replace("SX-shop", "Shop")

    def change(row: dict) -> dict:
        fields = ("payment_order_id", "psp_reference", "natural_id", "entry_id", "record_id")
        return row | {name: renamed(row[name]) for name in fields if row.get(name)}

    assert same_answers(nights, run(tmp_path, changed(scenarios(), change)), renamed)


def test_a_rerun_of_any_night_leaves_the_same_bytes(nights):
    def contents(folder: Path) -> dict[str, bytes]:
        return {
            str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
        }

    before = [contents(folder) for folder in nights]
    for number in (3, 0, 2, 1):
        result = recon.api.run(nights[number].parent.parent, date.fromisoformat(nights[number].name))
        assert not result.changed
        assert contents(nights[number]) == before[number]


def test_every_row_and_every_minor_unit_is_accounted_for(nights):
    """Counted from the CSV files with Python's csv, not by recon."""
    carried: dict[tuple[str, str], tuple[int, int]] = {}
    for folder in nights:
        lines, read = workspaces.roll_forward(workspaces.summary(folder)), rows_in_files(folder)
        for key, line in lines.items():
            out = ("cleared", "carried", "quarantined", "excluded", "replayed")
            for unit in ("", "_amount"):
                assert line["brought" + unit] + line["new" + unit] == sum(line[column + unit] for column in out), key
            assert (line["brought"], line["brought_amount"]) == carried.get(key, (0, 0)), key
        new = {key: (line["new"], line["new_amount"]) for key, line in lines.items() if line["new"]}
        assert new == dict(read)
        carried = {key: (line["carried"], line["carried_amount"]) for key, line in lines.items()}


def rows_in_files(night: Path) -> dict[tuple[str, str], tuple[int, int]]:
    """(source, currency) -> rows and minor units in the night's files; rows that can't be read have no currency."""
    sums: dict[tuple[str, str], Counter] = defaultdict(Counter)
    for path in sorted((night.parent.parent / "in").glob(f"*_{night.name}*.csv")):
        with path.open(encoding="utf-8", newline="") as handle:
            for row in csv.DictReader(handle):
                unreadable = row["amount"] == workspaces.UNREADABLE
                count = sums[path.name.split("_")[0], "" if unreadable else row["currency"]]
                count["rows"] += 1
                count["minor"] += 0 if unreadable else int(row["amount"].replace(".", ""))
    return {key: (count["rows"], count["minor"]) for key, count in sums.items()}
