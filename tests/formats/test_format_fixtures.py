"""Every shipped format reads a small file of its own, written for it: records, totals, controls and refusals as they stand in
expected.json beside it. `--refresh-golden` rewrites that file and says so; what it then holds is to be checked by hand.
"""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from ingest_reading import FORMATS, Read, Reader, shipped

from recon.domain.money import to_text
from recon.domain.records import RECORD_TYPES, Type

CASES = Path(__file__).parent / "cases"
#: Read from files that other tests write: recon's own column names, and a workbook made of the CSV's rows.
ELSEWHERE = {"generic_settlement", "generic_ledger", "generic_payment_order", "adyen_settlement_details_xlsx"}
NAMES = sorted(path.name for path in CASES.iterdir())


def reading(result: Read) -> dict[str, Any]:
    """What came of a file, as plain values: only filled fields, money as decimal text."""
    records = []
    for record in result.records:
        fields = RECORD_TYPES["settlement_line"].fields
        money = {
            f.name: to_text(record[f.name], record[f.of])
            for f in fields
            if f.type is Type.MONEY and record[f.name] is not None
        }
        shown = {key: str(value) for key, value in {**record, **money}.items() if value is not None}
        records.append({key: value for key, value in shown.items() if key not in ("source", "file", "sha256", "psp")})
    loaded = result.loaded
    return {
        "rows": loaded.rows,
        "totals": [[kind, currency, rows, to_text(minor, currency)] for kind, currency, rows, minor in loaded.totals],
        "controls": [list(each[:2]) for each in loaded.controls],
        "refused": [
            f"line {each['line']}, {each['column_name']}: {each['found']} found, {each['expected']} expected"
            for each in result.refusals
        ],
        "warnings": list(loaded.warnings),
        "set_aside": result.reason,
        "records": records,
    }


def test_every_shipped_format_has_a_file_here() -> None:
    psps = {path.stem for path in FORMATS.glob("*.yaml") if "record: settlement_line" in path.read_text("utf-8")}
    own = {path.stem for path in FORMATS.glob("*.yaml") if path.stem in ELSEWHERE}
    assert set(NAMES) == psps - own


@pytest.mark.parametrize("name", NAMES)
def test_a_format_reads_its_file(read: Reader, name: str, request: pytest.FixtureRequest) -> None:
    folder = CASES / name
    [path] = [each for each in folder.iterdir() if each.name != "expected.json"]
    found = reading(read(path.read_bytes(), shipped(name)))
    golden = folder / "expected.json"
    if request.config.getoption("--refresh-golden"):
        golden.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        request.node.user_properties.append(("golden", str(golden)))
    assert found == json.loads(golden.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", NAMES)
def test_every_format_keeps_a_row_type_that_nobody_knows(name: str) -> None:
    """`unknown` is kept with its money. Payout lists have no types; Toss has approvals and cancellations only."""
    expected = json.loads((CASES / name / "expected.json").read_text(encoding="utf-8"))
    kinds = {kind for kind, *_ in expected["totals"]}
    if kinds != {"payout"} and name not in ("toss_settlements", "stripe_balance_transactions", "razorpay_recon_csv"):
        assert "unknown" in kinds


@pytest.mark.parametrize("name", NAMES)
def test_no_record_says_that_amount_less_costs_is_not_its_net(name: str) -> None:
    expected = json.loads((CASES / name / "expected.json").read_text(encoding="utf-8"))
    assert not [warning for warning in expected["warnings"] if "is not their net" in warning]


def test_a_workbook_reads_as_the_csv_of_the_same_rows(read: Reader) -> None:
    import openpyxl

    data = (CASES / "adyen_settlement_details" / "batch_31.csv").read_bytes()
    book = openpyxl.Workbook()
    for row in csv.reader(io.StringIO(data.decode())):
        book.active.append([float(cell) if cell.replace(".", "").isdigit() else cell or None for cell in row])
    made = io.BytesIO()
    book.save(made)
    from_csv = reading(read(data, shipped("adyen_settlement_details")))
    from_book = reading(read(made.getvalue(), shipped("adyen_settlement_details_xlsx")))
    for record in (*from_csv["records"], *from_book["records"]):
        record.pop("fx_rate", None)  # a rate keeps its text, and a workbook has none
    assert from_book == from_csv


def test_the_workbook_format_is_the_csv_format_but_for_its_reader() -> None:
    left, right = shipped("adyen_settlement_details"), shipped("adyen_settlement_details_xlsx")
    for part in ("record", "required", "optional", "identity", "numbered", "zone"):
        assert getattr(left, part) == getattr(right, part), part
    assert list(left.fields) == list(right.fields)
    assert [each.name for each in left.controls] == [each.name for each in right.controls]
