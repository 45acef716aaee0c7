"""Workbooks: what a number in a cell may be, and files that only call themselves workbooks."""

from __future__ import annotations

import io
import zipfile
from datetime import date, datetime
from typing import Any

import openpyxl
import pytest
from ingest_reading import Reader, shipped

from recon.domain.rulebook import Format

HEADER = ["natural_id", "kind", "currency", "amount", "occurred_at", "memo", "nobody asks"]
SOUND: dict[str, Any] = {
    "natural_id": "n-1",
    "kind": "capture",
    "currency": "EUR",
    "amount": 10,
    "occurred_at": datetime(2026, 11, 19, 10),
}


def excel(**options: Any) -> Format:
    from dataclasses import replace

    fmt = shipped("generic_settlement")
    return replace(fmt, reader="excel", options={"decimal": ".", "thousands": "", "header_line": 1, **options})


def book(*rows: dict[str, Any], above: int = 0, title: str = "Sheet") -> bytes:
    made = openpyxl.Workbook()
    made.active.title = title
    for _ in range(above):
        made.active.append(["a remark"])
    made.active.append(HEADER)
    for row in rows:
        made.active.append([{**SOUND, **row}.get(column) for column in HEADER])
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("cell", "minor"),
    [
        (10, 1000),
        (26.2, 2620),
        (0.07, 7),
        (-1234567.89, -123456789),
        (1e-2, 1),
        (9999999999999.99, 999999999999999),
        ("10.50", 1050),
        (-0.0, 0),
    ],
)
def test_numbers_of_15_digits_are_exact(read: Reader, cell: Any, minor: int) -> None:
    assert read(book({"amount": cell}), excel()).only["amount"] == minor


@pytest.mark.parametrize("cell", [0.1 + 0.2, 10.005, 1e22, 1234567890123456, "1e3", "1,000"])
def test_an_amount_that_may_not_be_what_was_typed_is_refused(read: Reader, cell: Any) -> None:
    data = book({}, {"natural_id": "n-2", "amount": cell})
    if cell == 0.1 + 0.2:  # openpyxl writes 16 digits; Excel keeps 17 of a formula's result
        data = with_cell(data, "<v>0.3</v>", "<v>0.30000000000000004</v>")
    assert read(data, excel()).refusal["line"] == 3


def with_cell(data: bytes, old: str, new: str) -> bytes:
    """The workbook with a cell's XML changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as before, zipfile.ZipFile(out, "w") as after:
        for item in before.infolist():
            content = before.read(item)
            if item.filename.endswith("sheet1.xml"):
                assert old.encode() in content
                content = content.replace(old.encode(), new.encode())
            after.writestr(item, content)
    return out.getvalue()


def test_r14_an_id_that_a_spreadsheet_made_a_number_is_refused_past_15_digits(read: Reader) -> None:
    result = read(
        book({"natural_id": 123456789012345}, {"natural_id": 8815123456789012}, {"natural_id": "8815123456789012"}),
        excel(),
    )
    assert [record["natural_id"] for record in result.records] == ["123456789012345", "8815123456789012"]
    assert result.refusal["found"] == "8815123456789012 in natural_id"
    assert "at most 15 digits" in result.refusal["expected"]


def test_a_column_that_nobody_reads_may_hold_anything(read: Reader) -> None:
    assert read(book({"nobody asks": 1234567890123456789}), excel()).only["natural_id"] == "n-1"


def test_dates_become_the_declared_text(read: Reader) -> None:
    moments = [datetime(2026, 11, 19, 23, 59, 59), date(2026, 11, 19), "2026-11-19 08:00:00"]
    result = read(book(*({"natural_id": f"n-{n}", "occurred_at": each} for n, each in enumerate(moments))), excel())
    assert [str(record["occurred_at"]) for record in result.records] == [
        "2026-11-19 23:59:59",
        "2026-11-19 00:00:00",
        "2026-11-19 08:00:00",
    ]


def test_number_cells_follow_the_declared_decimal_mark(read: Reader) -> None:
    result = read(
        book({"amount": 1234.5}, {"natural_id": "n-2", "amount": "1.234,50"}), excel(decimal=",", thousands=".")
    )
    assert [record["amount"] for record in result.records] == [123450, 123450]


def test_lines_are_the_rows_that_the_spreadsheet_shows(read: Reader) -> None:
    result = read(book({}, {"natural_id": "n-2", "amount": "?"}, above=3), excel(header_line=4))
    assert (result.only["line"], result.refusal["line"]) == (5, 6)


def test_rows_under_the_footer_are_no_rows_and_nothing_follows_it(read: Reader) -> None:
    rows = [{}, {"natural_id": "Total", "kind": None, "currency": None, "occurred_at": None}]
    assert read(book(*rows), excel(footer=("Total",))).only["line"] == 2
    assert (
        read(book(*rows, {"natural_id": "n-3"}), excel(footer=("Total",))).refusal["expected"]
        == "nothing after the footer of row 3"
    )


def test_a_declared_sheet_is_read_and_another_is_not_taken_for_it(read: Reader) -> None:
    assert read(book({}, title="Lines"), excel(sheet="Lines")).only["natural_id"] == "n-1"
    assert read(book({}, title="Other"), excel(sheet="Lines")).reason == 'it has no sheet "Lines", but Other'


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"<html><table><tr><td>1</td></tr></table></html>", "it is an HTML page that calls itself"),
        (b'\xef\xbb\xbf\r\n<META charset="euc-kr"><TABLE border=1>', "it is an HTML page that calls itself"),
        (b"natural_id,kind\nn-1,capture\n", "it is text, not a workbook"),
        (b'<?xml version="1.0"?><Workbook/>', "it is an XML document, not a workbook"),
        (b"\x00\x01\x02", "it is something else, not a workbook"),
        (b"PK\x03\x04 and nothing", "the workbook cannot be read"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 and nothing", "the workbook cannot be read"),
        (b"", "the file is empty"),
    ],
)
def test_f29_files_that_are_no_workbook_are_named(read: Reader, data: bytes, said: str) -> None:
    result = read(data, excel())
    assert result.reason.startswith(said) and result.loaded.set_aside and result.loaded.set_aside.remedy


def test_f16_a_workbook_that_unpacks_to_far_more_than_it_is(read: Reader) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 50_000_000)
    assert "unpacks to 50000000 bytes" in read(out.getvalue(), excel()).reason


def test_f1_a_header_and_no_rows(read: Reader) -> None:
    assert read(book(), excel()).reason == "the sheet has a header and no rows"
