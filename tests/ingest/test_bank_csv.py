"""Bank CSV: signed amounts, flags, debit and credit columns; running balances and balance lines; Windows-1252."""

from __future__ import annotations

import pytest
from bank_files import money, states
from ingest_reading import Read, Reader, shipped

from recon.domain.rulebook import Moves, Source
from recon.ingest.loaded import Balance

SOURCE = Source("bank", "bank_line", Moves.EVENTS, account="12-345")


def csv(read: Reader, fmt: str, *lines: str, encoding: str = "utf-8", **options: str) -> Read:
    return read("\n".join(lines).encode(encoding), shipped(fmt, **options), source=SOURCE)


RUNNING = (
    '"Date","Label","Amount","Balance"',
    '"11/19/2026","STRIPE po_1","1,500.00","2,000.00"',
    '"11/19/2026","fee","-0.50","1,999.50"',
    '"11/20/2026","rent","-999.50","1,000.00"',
)


def test_a_running_balance_proves_every_step_and_gives_opening_and_closing(read: Reader) -> None:
    result = csv(read, "bank_csv_balance", *RUNNING)
    assert [amount for _, _, amount in money(result)] == [150000, -50, -99950]
    assert states(result) == {"running balance": "proved"}
    assert result.loaded.balances == (Balance("12-345", "USD", 50000, 100000, "2026-11-19", "2026-11-20", ""),)


def test_the_newest_line_may_stand_on_top(read: Reader) -> None:
    result = csv(read, "bank_csv_balance", RUNNING[0], *reversed(RUNNING[1:]))
    assert states(result) == {"running balance": "proved"}
    assert [(each.opening, each.closing) for each in result.loaded.balances] == [(50000, 100000)]


def test_f12_a_step_that_does_not_lead_to_the_next_balance(read: Reader) -> None:
    result = csv(read, "bank_csv_balance", *RUNNING[:2], *RUNNING[3:])
    assert "running balance: 12-345 USD: 1 of 2 line(s) do not lead to the next balance" in result.reason
    assert result.records == []
    assert len(csv(read, "bank_csv_balance", *RUNNING[:2], *RUNNING[3:], unbalanced="flag").records) == 2


def test_a_flag_is_the_truth_whatever_the_sign(read: Reader) -> None:
    result = csv(
        read,
        "bank_csv_flag",
        '"Date","Label","Amount","D/C"',
        *(f'"11/19/2026","x","{amount}","{flag}"' for amount in ("5.00", "-5.00") for flag in ("D", "C", "X")),
    )
    assert [amount for _, _, amount in money(result)] == [-500, 500, -500, 500]
    assert [each["line"] for each in result.refusals] == [4, 7]


BETWEEN = (
    "Bank code : 1,,,,,",
    "Account Number : 12-345,,: EUR,,,",
    ",,,,,",
    'Balance at end of period,,,,"+1 070,11",',
    "Date,Operation Number,Label,Debit,Credit,Detail",
    '19/11/26,OP 1,fee,"-50,00",,',
    '20/11/26,OP 2,payout,,"120,11",po_1',
    'Balance at start of period,,,,"+1 000,00",',
)


def test_f13_balance_lines_above_and_below_the_rows(read: Reader) -> None:
    result = csv(read, "bank_csv_debit_credit", *BETWEEN, thousands=" ")
    assert money(result) == [("debit", "EUR", -5000), ("credit", "EUR", 12011)]
    assert states(result) == {"opening + lines = closing": "proved"}
    assert [each["line"] for each in result.records] == [6, 7]
    [balance] = result.loaded.balances
    assert (balance.account, balance.currency, balance.opening, balance.closing) == ("12-345", "EUR", 100000, 107011)


@pytest.mark.parametrize("gone", [3, 7])
def test_f09_a_balance_line_that_is_missing_sets_the_file_aside(read: Reader, gone: int) -> None:
    lines = [line if n != gone else ",,,,," for n, line in enumerate(BETWEEN)][: 8 if gone == 3 else 7]
    assert "balance is missing" in csv(read, "bank_csv_debit_credit", *lines, thousands=" ").reason


def test_f12_rows_that_do_not_lead_from_one_balance_to_the_other(read: Reader) -> None:
    result = csv(read, "bank_csv_debit_credit", *BETWEEN[:5], *BETWEEN[6:], thousands=" ")
    assert "but the closing balance is 1070.11 EUR" in result.reason and result.records == []


def test_two_currencies_in_one_file(read: Reader) -> None:
    lines = ('"Date","Label","Currency","Amount"', '"11/19/2026","a","USD","-33.50"', '"11/19/2026","b","KRW","1,500"')
    assert money(csv(read, "bank_csv_signed", *lines)) == [("debit", "USD", -3350), ("credit", "KRW", 1500)]


def test_windows_1252(read: Reader) -> None:
    lines = ('"Date","Remarque","Montant"', '"2026/3/2","CAFÉ – À 20 €","-20.00"')
    only = csv(read, "bank_csv_cp1252", *lines, encoding="cp1252").only
    assert (only["remittance"], only["amount"], str(only["booked_on"])) == ("CAFÉ – À 20 €", -2000, "2026-03-02")


def test_an_account_that_nobody_says_refuses_every_row(read: Reader) -> None:
    source = Source("bank", "bank_line", Moves.EVENTS)
    result = read("\n".join(RUNNING), shipped("bank_csv_balance"), source=source)
    assert {each["column_name"] for each in result.refusals} == {"account"}


def test_a_card_number_in_the_text_is_masked(read: Reader) -> None:
    lines = (RUNNING[0], '"11/19/2026","refund 4111 1111 1111 1111","1.00","1.00"')
    assert csv(read, "bank_csv_balance", *lines).only["remittance"] == "refund ************1111"
