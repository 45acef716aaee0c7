"""Every row of the bad-input list that a file can show, at the level of a night: its exit code, what it says, what it leaves.

Whatever came, `Shop.run` has held the night against the roll-forward, `recon verify` and the bytes of the ledger.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from bad_inputs import ASIDE, NIGHT, ROWS, Case, shop
from input_shop import Said, Shop

TESTS = Path(__file__).parents[1]
#: Rows of the list that no file can show; where they are tested, or why they are not yet.
ELSEWHERE = {
    "R12": "tests/scenarios/test_mixed_up_units.py: a break scale_suspected, and no fix",
    "R35": "no tolerance of exchange rates is declared anywhere until the reconciliation of fees reads one",
    "R36": "the ledger's chart of accounts is read by no reconciliation of customer payments",
}


class Night:
    """A shop that was run once, and what it left."""

    def __init__(self, root: Path, cases: list[Case]) -> None:
        self.shop: Shop = shop(root, cases)
        self.said: Said = self.shop.run(NIGHT)
        self.folder = self.shop.root / "nights" / NIGHT
        self.entries: dict[str, dict[str, Any]] = {each["source"]: each for each in self.shop.left(NIGHT)["inputs"]}
        with (self.folder / "quarantine.csv").open(encoding="utf-8", newline="") as file:
            self.quarantine = list(csv.DictReader(file))

    def records(self, case: Case) -> list[dict[str, Any]]:
        """The records of the case's file, in its order."""
        [folder] = (self.folder / "records").glob(f"*_{case.source_name}")
        [file] = [each for each in folder.glob("*.parquet") if "quarantine" not in each.name]
        return [row for row in pq.read_table(file).to_pylist() if row.get("refused") is None]


@pytest.fixture(scope="module")
def aside(tmp_path_factory) -> Night:
    return Night(tmp_path_factory.mktemp("aside"), ASIDE)


@pytest.fixture(scope="module")
def rows(tmp_path_factory) -> Night:
    return Night(tmp_path_factory.mktemp("rows"), ROWS)


def test_a_night_of_bad_files_ends_in_3_and_what_is_sound_is_reconciled(aside):
    assert aside.said.exit == 3
    assert aside.shop.cleared(NIGHT) == 2 and aside.shop.breaks(NIGHT) == {}
    assert aside.shop.summary(NIGHT)["verdict"] == "incomplete"
    assert not (aside.folder / "fixes.jsonl").read_text("utf-8")
    assert aside.shop.counts(NIGHT) == {"new": 2, "cleared": 2}
    assert {line["source"] for line in aside.shop.summary(NIGHT)["roll_forward"]} == {"toss", "ledger", "orders"}


@pytest.mark.parametrize("case", ASIDE, ids=lambda case: case.id.replace(" ", "_"))
def test_a_file_is_set_aside_with_a_reason_and_a_remedy(aside, case):
    entry = aside.entries[case.source_name]
    assert (entry["status"], entry["code"], entry["read"], entry["totals"]) == ("set_aside", case.code, 0, [])
    assert case.reason in entry["reason"] and entry["reason"] in aside.said.out
    assert case.remedy in entry["remedy"] and entry["remedy"] in aside.said.out
    assert "recon inputs reject" in entry["remedy"] and len(entry["remedy"]) > 40
    [wait] = [each for each in aside.shop.waits(NIGHT) if each["source"] == case.source_name]
    assert (wait["kind"], wait["since"], wait["code"]) == ("decision", NIGHT, case.code)
    raw = aside.shop.root / "raw" / entry["sha256"]
    assert raw.read_bytes() == case.file, "its bytes are kept as they came"
    left = (aside.folder / "records").glob(f"*_{case.source_name}/*")
    assert not [each for each in left if "quarantine" not in each.name], "nothing of it is left half taken"


def test_a_night_of_bad_rows_ends_in_0_and_every_row_is_accounted_for(rows):
    assert rows.said.exit == 0, rows.said.error
    assert rows.shop.cleared(NIGHT) == 2
    for case in ROWS:
        entry = rows.entries[case.source_name]
        assert entry["rows"] == entry["read"] + entry["quarantined"], case.id
        if entry["record"] == "settlement_line":
            counts = rows.shop.counts(NIGHT, case.source_name)
            assert counts["new"] == entry["rows"] and counts.get("quarantined", 0) == entry["quarantined"], case.id
    assert "\x1b" not in rows.said.out + rows.said.error, "what a file says steers no terminal"


@pytest.mark.parametrize("case", ROWS, ids=lambda case: case.id.replace(" ", "_"))
def test_a_row_is_refused_with_its_place_or_kept_as_it_stands(rows, case):
    entry = rows.entries[case.source_name]
    assert (entry["status"], entry["read"], entry["quarantined"]) == ("read", case.rows, int(case.refused is not None))
    told = [each for each in rows.quarantine if each["file"] == entry["name"]]
    if case.refused is None:
        assert told == []
    else:
        line, column, found, expected = case.refused
        [row] = told
        assert (row["line"], row["column"], row["found"]) == (str(line), column, found or row["found"])
        assert expected in row["expected"] and row["sha256"] == entry["sha256"]
    if case.kept:
        first = rows.records(case)[0]
        assert {name: first[name] for name, _ in case.kept} == dict(case.kept)
    assert case.warning in " ".join(entry["warnings"]) and bool(entry["warnings"]) == bool(case.warning)
    if case.broken:
        assert case.broken in [c for key, c in rows.shop.breaks(NIGHT).items() if key.startswith(case.source_name)]


def test_r30_and_r31_card_data_is_nowhere_in_what_the_night_leaves(rows):
    for file in rows.folder.rglob("*"):
        if file.is_file():
            assert b"4111111111111111" not in file.read_bytes(), file
    assert "4111111111111111" not in rows.said.out + rows.said.error


def test_r18_what_the_bank_repeats_is_no_key_by_itself(rows):
    [case] = [each for each in ROWS if each.id.startswith("r18")]
    records = rows.records(case)
    assert len({each["record_id"] for each in records}) == len(records) == 5
    assert len({each["end_to_end_id"] for each in records if each["end_to_end_id"]}) < 5


def test_every_row_of_the_list_is_a_named_test():
    named = {case.id.split()[0].upper() for case in (*ASIDE, *ROWS)}
    for file in TESTS.rglob("test_*.py"):
        for test in re.findall(r"def test_(\w+)", file.read_text("utf-8")):
            named |= {each.upper() for each in re.findall(r"(?<![a-z0-9])[fre][0-9]{1,2}(?![a-z0-9])", test)}
    plain = {each[0] + str(int(each[1:])) for each in named} | set(ELSEWHERE)
    wanted = (
        {f"F{n}" for n in range(1, 35)} | {f"R{n}" for n in range(1, 37)} | {f"E{n}" for n in range(10, 17)} | {"E33"}
    )
    assert wanted <= plain, sorted(wanted - plain)
