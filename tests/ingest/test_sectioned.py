"""Sectioned files: what the lines of a PayPal settlement report prove, and what sets one aside."""

from __future__ import annotations

from pathlib import Path

import pytest
from ingest_reading import Read, Reader, shipped

PAYPAL = shipped("paypal_settlement")
FILE = Path(__file__).parents[1] / "formats" / "cases" / "paypal_settlement" / "STL-20261118.01.009.CSV"
LINES = FILE.read_text("utf-8-sig").splitlines()


def place(start: str, nth: int = 0) -> int:
    return [n for n, line in enumerate(LINES) if line.startswith(f'"{start}"')][nth]


def changed(old: str, new: str, start: str, nth: int = 0) -> list[str]:
    lines, at = list(LINES), place(start, nth)
    assert old in lines[at]
    lines[at] = lines[at].replace(old, new)
    return lines


def reading(read: Reader, lines: list[str]) -> Read:
    return read("\n".join(lines) + "\n", PAYPAL)


def states(result: Read) -> dict[str, str]:
    return {name: state for name, state, _ in result.loaded.controls}


def test_a_whole_report_is_proved_down_to_its_count(read: Reader) -> None:
    result = reading(read, LINES)
    unproven = [name for name, state in states(result).items() if state != "proved"]
    assert (result.reason, unproven) == ("", ["rows of the file part"])  # what FF counts is not sure
    assert [record["account"] for record in result.records] == ["ACCT1"] * 6 + ["ACCT2"]
    assert [record["line"] for record in result.records] == [5, 6, 7, 8, 9, 10, 16]


def test_f9_a_report_cut_before_its_totals_is_unproven(read: Reader) -> None:
    result = reading(read, LINES[: place("SF")])
    assert result.reason == "" and set(states(result).values()) == {"unproven"} and len(result.records) == 6


def test_f11_trailer_count_wrong(read: Reader) -> None:
    result = reading(read, changed("6", "5", "SC"))
    assert (
        result.reason == "control total failed: rows of a section: 1 of 2 differ(s): line 13 states 5, 6 row(s) counted"
    )
    assert result.records == []


def test_f11_a_lost_row_fails_count_and_sum(read: Reader) -> None:
    lines = [line for n, line in enumerate(LINES) if n != place("SB")]
    failed = [name for name, state in states(reading(read, lines)).items() if state == "failed"]
    assert failed == [
        "gross credits of a section",
        "rows of a section",
        "gross credits of the report",
        "rows of the report",
    ]


def test_f12_trailer_sum_wrong(read: Reader) -> None:
    result = reading(read, changed("5001,4824", "5001,4825", "RF"))
    assert result.reason.startswith(
        "control total failed: gross debits of the report: 1 of 3 differ(s): line 19 states 48.25 USD"
    )


def test_f12_a_total_that_is_no_amount_is_not_agreed(read: Reader) -> None:
    result = reading(read, changed("5001,4824", "5001,n/a", "SF"))
    assert "states n/a, which is no amount of USD" in result.reason


def test_with_a_row_in_quarantine_sums_are_unproven_and_the_count_still_holds(read: Reader) -> None:
    found = states(reading(read, changed('"CR",5000', '"CR",50.00', "SB")))
    assert found["gross credits of a section"] == "unproven" and found["rows of a section"] == "proved"


@pytest.mark.parametrize(
    ("moved", "said"),
    [
        ("SB", "a row after the totals (FF of line"),
        ("SH", "a section after the report's totals (FF of line"),
        ("RH", "a second report begins (RH after SH)"),
        ("CH", "CH stands outside a section"),
    ],
)
def test_f14_lines_after_the_trailer(read: Reader, moved: str, said: str) -> None:
    result = reading(read, [*LINES, LINES[place(moved)]])
    assert said in result.reason and result.records == []


def test_f14_a_row_between_a_sections_totals(read: Reader) -> None:
    lines = list(LINES)
    lines.insert(place("SC"), LINES[place("SB")])
    assert "a row after the totals (SF of line 12)" in reading(read, lines).reason


def test_f27_a_column_that_is_missing_from_a_sections_names(read: Reader) -> None:
    result = reading(read, changed('"Fee Amount"', '"Fee Amnt"', "CH", 1))
    assert result.reason == '1 required column(s) missing: "Fee Amount" (the file has "Fee Amnt")'


def test_f20_of_r20_a_row_that_is_too_short_is_quarantined(read: Reader) -> None:
    refusal = reading(read, changed(',"","","","","",,,', "", "SB")).refusal
    assert (refusal["line"], refusal["expected"]) == (5, "21 cells, as CH has")


def test_a_line_of_a_type_that_nobody_declared_is_quarantined(read: Reader) -> None:
    lines = list(LINES)
    lines.insert(place("SF"), '"XX",1')
    refusal = reading(read, lines).refusal
    assert (refusal["found"], refusal["line"]) == ("XX", 11) and refusal["expected"].startswith(
        "one of the record types CH"
    )


def test_a_totals_line_that_is_cut_sets_the_file_aside(read: Reader) -> None:
    assert (
        "SF has 3 cell(s), 18 expected"
        in reading(read, changed(LINES[place("SF")], '"SF","USD",5001,4824', "SF")).reason
    )


def test_a_later_part_of_a_report_proves_nothing_alone(read: Reader) -> None:
    result = reading(read, changed("01", "02", "FH"))
    assert result.reason == "" and states(result)["gross credits of the report"] == "unproven"


def test_a_fee_in_another_currency_is_refused(read: Reader) -> None:
    refusal = reading(read, changed('"DR",175,"USD"', '"DR",175,"EUR"', "SB")).refusal
    assert (refusal["column_name"], refusal["found"]) == ("Fee Currency", "EUR")
    assert refusal["expected"] == "the fee in the currency of the amount"


def test_a_direction_that_nobody_knows_is_refused(read: Reader) -> None:
    assert reading(read, changed('"CR",5000', '"XR",5000', "SB")).refusal["column_name"] == "Gross Transaction Amount"


def test_a_file_without_sections(read: Reader) -> None:
    assert reading(read, ['"RH",2026/11/19 02:00:00 -0800,"A","ACCT1",009,']).reason.startswith(
        "the file has no SH line"
    )
