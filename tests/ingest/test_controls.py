"""Control totals: proved, failed, unproven; and what a failed one does to its file."""

from __future__ import annotations

import pytest
from ingest_reading import Reader, shipped

ADYEN = shipped("adyen_settlement_details")
HEADER = ",".join(ADYEN.required)


def row(**values: str) -> str:
    sound = {
        "Merchant Account": "Shop",
        "Creation Date": "2026-11-19 10:00:00",
        "TimeZone": "CET",
        "Net Currency": "EUR",
        "Batch Number": "7",
    }
    return ",".join({**sound, **values}.get(column, "") for column in ADYEN.required)


def settled(number: int, net: str, fee: str = "0.10", batch: str = "7") -> str:
    gross = {"Gross Currency": "EUR", "Gross Credit (GC)": "10.00", "Exchange Rate": "1"}
    costs = {"Commission (NC)": fee, "Net Credit (NC)": net, "Batch Number": batch}
    return row(
        **{"Psp Reference": str(number), "Modification Reference": f"m{number}", "Type": "Settled"}, **gross, **costs
    )


def payout(amount: str, batch: str = "7", kind: str = "MerchantPayout") -> str:
    return row(**{"Type": kind, "Modification Reference": "TX1XT", "Net Debit (NC)": amount, "Batch Number": batch})


def states(read: Reader, rows: list[str]) -> tuple[str, str]:
    result = read("\n".join([HEADER, *rows]), ADYEN)
    [(_, state, _)] = result.loaded.controls
    return state, result.reason


def test_a_batch_with_its_payout_is_proved(read: Reader) -> None:
    assert states(read, [settled(1, "9.90"), settled(2, "9.90"), payout("19.80")]) == ("proved", "")


@pytest.mark.parametrize("kind", ["MerchantPayout", "Balancetransfer"])
def test_a_batch_that_lacks_a_row_fails_and_the_file_is_set_aside(read: Reader, kind: str) -> None:
    state, reason = states(read, [settled(1, "9.90"), payout("19.80", kind=kind)])
    assert state == "failed"
    assert reason == "control total failed: batch sums to zero: 1 of 1 group(s) do not sum to 0: Shop 7 EUR: -9.90 EUR"


def test_one_failing_batch_of_several_fails_the_file(read: Reader) -> None:
    rows = [settled(1, "9.90"), payout("9.90"), settled(2, "9.90", batch="8"), payout("9.80", batch="8")]
    assert states(read, rows)[0] == "failed"


def test_a_batch_without_its_closing_row_claims_nothing(read: Reader) -> None:
    assert states(read, [settled(1, "9.90")]) == ("unproven", "")


def test_with_a_row_in_quarantine_a_total_is_unproven_and_not_failed(read: Reader) -> None:
    assert states(read, [settled(1, "9.90"), settled(2, "?"), payout("19.80")]) == ("unproven", "")


def test_rows_without_gross_take_their_net_and_ignore_the_gross_currency(read: Reader) -> None:
    closing = row(**{"Type": "MerchantPayout", "Gross Currency": "USD", "Net Debit (NC)": "9.90"})
    result = read("\n".join([HEADER, settled(1, "9.90"), closing]), ADYEN)
    assert [(record["currency"], record["amount"]) for record in result.records] == [("EUR", 1000), ("EUR", -990)]


@pytest.mark.parametrize(("zone", "hour"), [("CET", 9), ("CEST", 9), ("PST", 18), ("PDT", 18), ("UTC", 10), ("KST", 1)])
def test_a_zone_abbreviation_stands_for_its_place(read: Reader, zone: str, hour: int) -> None:
    result = read("\n".join([HEADER, settled(1, "9.90").replace("CET", zone)]), ADYEN)
    assert result.only["occurred_at"].hour == hour


def test_a_zone_that_nobody_knows_is_refused(read: Reader) -> None:
    result = read("\n".join([HEADER, settled(1, "9.90"), settled(2, "9.90").replace("CET", "XYZ")]), ADYEN)
    assert result.refusal["column_name"] == "Creation Date"


def test_a_format_may_declare_another_zone_for_an_abbreviation(read: Reader) -> None:
    fmt = shipped("adyen_settlement_details", zones={"CET": "Asia/Seoul"})
    assert read("\n".join([HEADER, settled(1, "9.90")]), fmt).only["occurred_at"].hour == 1
