"""Tables among other lines: facts above the header, totals and remarks below the rows; nested arrays of JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from ingest_reading import HEADER, Reader, line, shipped

from recon.domain.rulebook import Expr, FieldMap, Format, Total
from recon.errors import Place


def framed(**options: Any) -> Format:
    fmt = shipped("generic_settlement", **options)
    return replace(fmt, optional=(*fmt.optional, *options.get("above", ())))


def lines(*rows: str) -> str:
    return "\n".join(rows) + "\n"


def test_the_header_is_the_first_line_with_its_cell(read: Reader) -> None:
    result = read(lines("Report of the shop", "", "made,today", HEADER, line()), framed(header_with="natural_id"))
    assert result.only["line"] == 5


def test_no_line_has_the_headers_cell(read: Reader) -> None:
    assert (
        read(lines("a,b", "1,2"), framed(header_with="natural_id")).reason
        == 'no line has the header\'s cell "natural_id"'
    )


def test_a_fact_above_the_header_stands_on_every_row(read: Reader) -> None:
    fmt = framed(header_with="natural_id", above=("Seller",))
    fmt = replace(fmt, fields={**fmt.fields, "account": FieldMap(first=("Seller",))})
    result = read(lines("Seller,S-1", HEADER, line(), line(natural_id="n-2")), fmt)
    assert [record["account"] for record in result.records] == ["S-1", "S-1"]
    assert "stands above the header twice" in read(lines("Seller,S-1", "Seller,S-2", HEADER, line()), fmt).reason


def test_f14_footer_lines_end_the_table(read: Reader) -> None:
    fmt = framed(footer=("Total", "Printed"))
    result = read(lines(HEADER, line(), '"Total",10.00', "", "Printed by hand"), fmt)
    assert result.loaded.rows == 1 and result.only["line"] == 2
    late = read(lines(HEADER, line(), "Total,10.00", line(natural_id="n-2")), fmt)
    assert (late.refusal["line"], late.refusal["expected"]) == (4, "nothing after the footer of line 3")


def test_a_delimiter_at_the_end_of_lines_is_no_column(read: Reader) -> None:
    fmt = framed(trailing_delimiter=True)
    result = read(lines(HEADER + ",", line(), line(natural_id="n-2") + ",", line(natural_id="n-3") + ",x"), fmt)
    assert [record["natural_id"] for record in result.records] == ["n-1", "n-2"]
    assert (result.refusal["line"], result.refusal["found"]) == (4, "12 cell(s)")


def stating(**given: Any) -> Format:
    """Rows whose kind is SUM state the total of amount."""
    total = Total("sum", Expr("kind = 'SUM'", Place("f")), "amount", "amount", (("currency", "currency"),), **given)
    return replace(shipped("generic_settlement"), totals=(total,))


@pytest.mark.parametrize(
    ("stated", "state"), [("20.00", "proved"), ("20.01", "failed"), ("x", "failed"), ("", "failed"), ("20", "proved")]
)
def test_f12_a_total_in_a_row_of_its_own(read: Reader, stated: str, state: str) -> None:
    result = read([line(), line(natural_id="n-2"), line(natural_id="", kind="SUM", amount=stated)], stating())
    assert [each[:2] for each in result.loaded.controls] == [("sum", state)]
    assert bool(result.reason) == (state == "failed")
    assert result.loaded.rows == 2, "the row with the total is no record"


def test_a_total_of_another_currency_or_of_nothing(read: Reader) -> None:
    rows = [line(), line(kind="SUM", amount="10.00"), line(kind="SUM", currency="USD", amount="0.00")]
    assert read(rows, stating()).loaded.controls[0][1] == "proved"
    rows[-1] = line(kind="SUM", currency="USD", amount="1.00")
    assert "states 1.00 USD, the rows sum to 0.00" in read(rows, stating()).reason
    rows[-1] = line(kind="SUM", currency="XXX", amount="1.00")
    assert "which is no amount of XXX" in read(rows, stating()).reason


def test_a_file_that_does_not_state_it_is_unproven(read: Reader) -> None:
    assert read([line()], stating()).loaded.controls == (("sum", "unproven", "the file does not state it"),)


def test_an_advisory_total_tells_and_fails_nothing(read: Reader) -> None:
    result = read([line(), line(kind="SUM", amount="11.00")], stating(advisory=True))
    assert result.loaded.controls[0][1] == "unproven" and "states 11.00 EUR" in result.loaded.controls[0][2]
    assert result.reason == ""


def test_f1_totals_and_no_rows(read: Reader) -> None:
    assert read([line(kind="SUM", amount="0.00")], stating()).reason == "the file has totals and no rows"


@pytest.mark.parametrize(
    ("text", "minor"), [(".11", 11), ("-.5", -50), ("0.11", 11), ("11", 1100), (".", None), ("-.", None), ("", None)]
)
def test_amounts_that_leave_out_the_zero_are_read_where_declared(read: Reader, text: str, minor: int | None) -> None:
    result = read([line(amount=text)], shipped("generic_settlement", bare_decimals=True))
    assert [record["amount"] for record in result.records] == ([minor] if minor is not None else [])
    if text.startswith((".", "-")):
        assert read([line(amount=text)]).refusal["column_name"] == "amount", "and nowhere else"


def nested(payouts: Any) -> str:
    return json.dumps({"payouts": payouts})


def json_format() -> Format:
    fmt = shipped("generic_settlement", records="payouts", each="lines")
    fields = {**fmt.fields, "payout_id": FieldMap(first=("outer.id",))}
    return replace(fmt, reader="json", fields=fields, optional=(*fmt.optional, "outer.id"))


def json_line(**values: str) -> dict[str, str]:
    return {**dict(zip(HEADER.split(","), line(**values).split(","), strict=True))}


def test_rows_inside_the_records_of_a_document(read: Reader) -> None:
    document = nested(
        [{"id": "po-1", "lines": [json_line(), json_line(natural_id="n-2")]}, {"id": "po-2", "lines": []}]
    )
    result = read(document, json_format())
    assert [(record["natural_id"], record["payout_id"]) for record in result.records] == [
        ("n-1", "po-1"),
        ("n-2", "po-1"),
    ]


@pytest.mark.parametrize(
    "broken", [{"id": "po-2"}, {"id": "po-2", "lines": "none"}, {"id": "po-2", "lines": ["text"]}, "text"]
)
def test_a_record_whose_rows_cannot_be_found_is_refused(read: Reader, broken: Any) -> None:
    result = read(nested([{"id": "po-1", "lines": [json_line()]}, broken]), json_format())
    assert (result.loaded.rows, result.loaded.read, result.refusal["expected"]) == (2, 1, "an object")
