"""R1 to R34 of the bad-input list, as far as reading a file meets them: what is refused, and what is kept as it stands.

A refused row goes to the quarantine with line, column, what was found and what was expected; the file goes on.
"""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from ingest_reading import HEADER, Reader, line, shipped

from recon.domain.rulebook import Moves, Source


def refused_amount(read: Reader, amount: str, currency: str = "EUR") -> dict[str, object]:
    quoted = f'"{amount}"' if "," in amount else amount
    result = read([line(), line(natural_id="bad", amount=quoted, currency=currency)])
    assert [record["natural_id"] for record in result.records] == ["n-1"]
    assert (result.loaded.rows, result.loaded.read, result.loaded.quarantined) == (2, 1, 1)
    assert result.refusal["line"] == 3
    return result.refusal


@pytest.mark.parametrize("amount", ["1,000.00", "1.000,00", "1 000,00", "1'000", "₩1000", "5 KRW"])
def test_r01_marks_that_are_not_declared_are_never_guessed(read: Reader, amount: str) -> None:
    refusal = refused_amount(read, amount)
    assert (refusal["column_name"], refusal["found"]) == ("amount", amount)
    assert refusal["expected"] == 'a number with "." before the decimals, at most 2 of them for EUR'


def test_r01_declared_marks_are_read(read: Reader) -> None:
    european = shipped("generic_settlement", decimal=",", thousands=".", delimiter=";")
    result = read(
        HEADER.replace(",", ";") + "\n" + line(amount="1.234x50").replace(",", ";").replace("x", ",") + "\n", european
    )
    assert result.only["amount"] == 123450


@pytest.mark.parametrize("amount", ["1e3", "1E3", "1.5e2"])
def test_r02_exponents(read: Reader, amount: str) -> None:
    refused_amount(read, amount)


def test_r03_underscores(read: Reader) -> None:
    refused_amount(read, "1_000")


@pytest.mark.parametrize("amount", ["１２３", "١٢٣", "১২"])
def test_r04_digits_that_are_not_ascii(read: Reader, amount: str) -> None:
    refused_amount(read, amount)


@pytest.mark.parametrize("amount", ["−5", "–5", "+5"])
def test_r05_signs_that_are_not_a_hyphen(read: Reader, amount: str) -> None:
    refused_amount(read, amount)


@pytest.mark.parametrize("amount", ["(5.00)", "5.00-", "5.00 CR"])
def test_r06_signs_written_in_other_ways(read: Reader, amount: str) -> None:
    refused_amount(read, amount)


@pytest.mark.parametrize("amount", ["-0", "-0.00", "0", "0.000000"])
def test_r07_every_zero_is_zero(read: Reader, amount: str) -> None:
    assert read([line(amount=amount)]).only["amount"] == 0


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-inf", "sNaN"])
def test_r08_numbers_that_are_none(read: Reader, amount: str) -> None:
    refused_amount(read, amount)


@pytest.mark.parametrize("amount", ["", "-", "N/A", " "])
def test_r09_an_empty_amount_is_never_zero(read: Reader, amount: str) -> None:
    refusal = refused_amount(read, amount)
    assert refusal["column_name"] == "amount"


def test_r09_an_empty_optional_amount_is_absent_and_not_zero(read: Reader) -> None:
    assert read([line(fee="")]).only["fee"] is None


@pytest.mark.parametrize(
    ("amount", "currency"), [("1000.5", "KRW"), ("1.005", "USD"), ("1.999", "USD"), ("1.0001", "KWD")]
)
def test_r10_too_many_decimals_are_never_rounded(read: Reader, amount: str, currency: str) -> None:
    refusal = refused_amount(read, amount, currency)
    assert f"of them for {currency}" in str(refusal["expected"])


@pytest.mark.parametrize(("currency", "minor"), [("KRW", 12), ("USD", 1200), ("KWD", 12000), ("CLF", 120000)])
def test_r11_the_currency_decides_the_decimals(read: Reader, currency: str, minor: int) -> None:
    assert read([line(amount="12", currency=currency)]).only["amount"] == minor


@pytest.mark.parametrize("currency", ["usd", "XXX", "US", "", "€"])
def test_r11_a_code_that_is_none_is_refused(read: Reader, currency: str) -> None:
    refusal = refused_amount(read, "5.00", currency)
    assert refusal["column_name"] in ("currency", "amount")


def test_r13_more_than_64_bits_of_minor_units(read: Reader) -> None:
    refused_amount(read, "92233720368547758.08")
    assert read([line(amount="92233720368547758.07")]).only["amount"] == 2**63 - 1


@pytest.mark.parametrize("reference", ["1.23457E+15", "1E+22", "MAR-01", "1-Mar"])
def test_r14_references_that_a_spreadsheet_ruined(read: Reader, reference: str) -> None:
    result = read([line(), line(natural_id="n-2", payment_order_id=reference)])
    assert result.refusal["column_name"] == "payment_order_id"
    assert "spreadsheet" in result.refusal["expected"]


def test_r15_identical_rows_are_both_kept(read: Reader) -> None:
    row = "ACME,ShopECOM,8811,po-1,visa,2026-11-19 10:00:00,UTC,Settled,8812,EUR,,10,1,EUR,,9.9,0.1,,,,visa,,7,,,,,,,"
    header = (
        "Company Account,Merchant Account,Psp Reference,Merchant Reference,Payment Method,Creation Date,TimeZone,Type,"
        "Modification Reference,Gross Currency,Gross Debit (GC),Gross Credit (GC),"
        "Exchange Rate,Net Currency,Net Debit (NC),"
        "Net Credit (NC),Commission (NC),Markup (NC),Scheme Fees (NC),Interchange (NC),Payment Method Variant,"
        "Modification Merchant Reference,Batch Number,Reserved4,Reserved5,Reserved6,Reserved7,"
        "Reserved8,Reserved9,Reserved10"
    )
    other = row.replace("8812", "8813")
    result = read("\n".join([header, row, other, row, row]), shipped("adyen_settlement_details"))
    identity = "ShopECOM|7|8811|8812|capture"
    assert [record["record_id"] for record in result.records] == [
        f"{identity}#1",
        "ShopECOM|7|8811|8813|capture#1",
        f"{identity}#2",
        f"{identity}#3",
    ]
    assert [record["line"] for record in result.records] == [2, 3, 4, 5]


def test_r16_one_id_with_two_amounts_is_kept_twice(read: Reader) -> None:
    result = read([line(amount="10.00"), line(amount="11.00")])
    assert [(record["record_id"], record["amount"]) for record in result.records] == [
        ("|n-1|capture", 1000),
        ("|n-1|capture", 1100),
    ]


def test_r17_r19_account_and_kind_are_part_of_the_identity(read: Reader) -> None:
    header = HEADER + ",account"
    rows = [line() + ",A", line() + ",B", line(kind="refund", amount="-10.00") + ",A"]
    result = read("\n".join([header, *rows]))
    assert [record["record_id"] for record in result.records] == ["A|n-1|capture", "B|n-1|capture", "A|n-1|refund"]


def test_r17_a_separator_in_an_id_cannot_make_two_rows_one(read: Reader) -> None:
    header = HEADER + ",account"
    result = read("\n".join([header, line(natural_id="x|y") + ",A", line(natural_id="y") + ",A|x"]))
    assert len({record["record_id"] for record in result.records}) == 2


@pytest.mark.parametrize("row", [line() + ",extra", line().rsplit(",", 1)[0], "n-9,capture"])
def test_r20_too_few_or_too_many_cells(read: Reader, row: str) -> None:
    result = read([line(), row, line(natural_id="n-3")])
    assert [record["line"] for record in result.records] == [2, 4]
    assert result.refusal["raw"] == row
    assert result.refusal["expected"] == "11 cells, as the header has"


def test_r20_the_references_of_a_row_with_a_stray_comma_stay_attached(read: Reader) -> None:
    result = read([line(memo="one, two"), line(natural_id="n-2")])
    refusal = result.refusal
    assert (refusal["psp"], refusal["kind"], refusal["payment_order_id"]) == ("acme", "capture", "po-1")
    assert refusal["business_date"] == date(2026, 11, 19)


@pytest.mark.parametrize("reference", [" po-1", "po-1\u00a0", "po\u200b-1", "PO-1", "0012300"])
def test_r21_ids_are_kept_exactly(read: Reader, reference: str) -> None:
    assert read([line(payment_order_id=reference)]).only["payment_order_id"] == reference


def test_r22_hangul_in_two_forms_is_one_key(read: Reader) -> None:
    composed, decomposed = unicodedata.normalize("NFC", "주문-1"), unicodedata.normalize("NFD", "주문-1")
    assert composed != decomposed
    result = read([line(payment_order_id=composed), line(natural_id="n-2", payment_order_id=decomposed)])
    assert [record["payment_order_id"] for record in result.records] == [composed, composed]


@pytest.mark.parametrize(
    "moment", ["2026-02-31 10:00:00", "0000-00-00 00:00:00", "03/04/26", "2026-11-19", "19.11.2026 10:00:00"]
)
def test_r23_dates_that_are_none_or_in_another_layout(read: Reader, moment: str) -> None:
    result = read([line(), line(natural_id="n-2", occurred_at=moment)])
    assert (result.refusal["column_name"], result.refusal["found"]) == ("occurred_at", moment)


@pytest.mark.parametrize(
    "moment", ["1970-01-01 00:00:00", "1999-12-31 23:59:59", "2099-01-01 00:00:00", "9999-12-31 00:00:00"]
)
def test_r24_dates_that_stand_for_none(read: Reader, moment: str) -> None:
    assert read([line(), line(natural_id="n-2", occurred_at=moment)]).loaded.quarantined == 1


def test_r25_a_local_time_that_the_clocks_skip_is_refused(read: Reader) -> None:
    row = "txn_{0},{1},usd,1,0,1,charge\n"
    text = "balance_transaction_id,created,currency,gross,fee,net,reporting_category\n"
    text += (
        row.format(1, "2026-03-08 02:30:00")
        + row.format(2, "2026-03-08 03:30:00")
        + row.format(3, "2026-11-01 01:30:00")
    )
    fmt = shipped("stripe_balance_change")
    choices = fmt.fields["occurred_at"].choose
    local = (choices[0], (choices[1][0], replace(choices[1][1], zone="America/New_York")))
    fmt = replace(fmt, fields={**fmt.fields, "occurred_at": replace(fmt.fields["occurred_at"], choose=local)})
    result = read(text, fmt, zone=ZoneInfo("UTC"))
    assert result.refusal["line"] == 2
    assert [record["occurred_at"] for record in result.records] == [
        datetime(2026, 3, 8, 7, 30),
        datetime(2026, 11, 1, 6, 30),
    ]


#: Zone, the local day on which its clocks go back, and the hour that they show twice.
FOLDS = [
    ("America/New_York", "2026-11-01", 1),
    ("Europe/Amsterdam", "2026-10-25", 2),
    ("Australia/Sydney", "2026-04-05", 2),
]


def in_the_fold(read: Reader, zone: str, day: str, hour: int, cut_off: time, workspace: str = "") -> dict[str, object]:
    """The record of half past that hour, read in a workspace of the same zone or of another."""
    fmt = shipped("generic_settlement")
    local = replace(fmt.fields["occurred_at"], zone=zone)
    fmt = replace(fmt, fields={**fmt.fields, "occurred_at": local})
    return read(
        [line(occurred_at=f"{day} {hour:02}:30:00")], fmt, zone=ZoneInfo(workspace or zone), cut_off=cut_off
    ).only


def both(zone: str, day: str, hour: int) -> list[datetime]:
    """The two instants in UTC that the clocks show so, the earlier first, by Python's own tables."""
    local = datetime.combine(date.fromisoformat(day), time(hour, 30), ZoneInfo(zone))
    return [local.replace(fold=fold).astimezone(UTC).replace(tzinfo=None) for fold in (0, 1)]


@pytest.mark.parametrize(("zone", "day", "hour"), FOLDS)
def test_r25_of_a_time_that_occurs_twice_the_later_is_taken(read: Reader, zone: str, day: str, hour: int) -> None:
    earlier, later = both(zone, day, hour)
    assert later - earlier == timedelta(hours=1)
    assert in_the_fold(read, zone, day, hour, time(0))["occurred_at"] == later


@pytest.mark.parametrize(("zone", "day", "hour"), FOLDS)
@pytest.mark.parametrize("cut_off", [time(0), time(1, 15), time(1, 45), time(2, 15), time(2, 45), time(16)])
def test_r25_the_business_date_is_that_of_both_instants(
    read: Reader, zone: str, day: str, hour: int, cut_off: time
) -> None:
    """Whichever of the two was meant: the clock of the wall shows the same, and the cut-off is told by it."""
    late = timedelta(hours=cut_off.hour, minutes=cut_off.minute)
    meant = {
        (instant.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) - late).date()
        for instant in both(zone, day, hour)
    }
    assert meant == {in_the_fold(read, zone, day, hour, cut_off)["business_date"]}


@pytest.mark.parametrize(("cut_off", "day"), [(14, 1), (15, 1), (16, 31)])
def test_r25_a_cut_off_of_another_zone_between_the_two_instants_gives_the_later_day(
    read: Reader, cut_off: int, day: int
) -> None:
    """01:30 in New York is 14:30 or 15:30 in Seoul: with the later one what the payment waits for is never due too early."""
    record = in_the_fold(read, "America/New_York", "2026-11-01", 1, time(cut_off), "Asia/Seoul")
    assert record["business_date"] == date(2026, 11 if day == 1 else 10, day)


@pytest.mark.parametrize(
    ("moment", "cut_off", "day"),
    [
        ("2026-11-19 14:59:59", time(0), date(2026, 11, 19)),
        ("2026-11-19 15:00:00", time(0), date(2026, 11, 20)),
        ("2026-11-19 15:00:00", time(1), date(2026, 11, 19)),
        ("2026-11-19 16:00:00", time(1), date(2026, 11, 20)),
    ],
)
def test_r26_the_cut_off_decides_the_business_date(read: Reader, moment: str, cut_off: time, day: date) -> None:
    assert read([line(occurred_at=moment)], cut_off=cut_off).only["business_date"] == day


@pytest.mark.parametrize(
    ("zone", "cut_off", "day"),
    [
        ("UTC", time(10), date(2026, 11, 19)),
        ("UTC", time(10, 1), date(2026, 11, 18)),
        ("America/Phoenix", time(3), date(2026, 11, 19)),
        ("America/Phoenix", time(3, 1), date(2026, 11, 18)),
        ("Asia/Seoul", time(19), date(2026, 11, 19)),
        ("Asia/Seoul", time(19, 1), date(2026, 11, 18)),
        ("America/New_York", time(5), date(2026, 11, 19)),
        ("America/New_York", time(5, 1), date(2026, 11, 18)),
    ],
)
def test_r26_a_cut_off_late_in_the_day_and_zones_west_of_greenwich(
    read: Reader, zone: str, cut_off: time, day: date
) -> None:
    """10:00 in UTC is 03:00 in Phoenix, 05:00 in New York and 19:00 in Seoul."""
    assert read([line()], zone=ZoneInfo(zone), cut_off=cut_off).only["business_date"] == day


def test_r26_a_file_in_the_local_time_of_a_zone_west_of_greenwich(read: Reader) -> None:
    fmt = shipped("generic_settlement")
    local = replace(fmt.fields["occurred_at"], zone="America/Phoenix")
    fmt = replace(fmt, fields={**fmt.fields, "occurred_at": local})
    assert read([line()], fmt).only["occurred_at"] == datetime(2026, 11, 19, 17)


def test_r26_without_an_instant_the_plain_day_counts(read: Reader) -> None:
    assert read([line(occurred_at="", settled_on="2026-11-18")]).only["business_date"] == date(2026, 11, 18)
    assert read([line(occurred_at=""), line()]).loaded.quarantined == 1


@pytest.mark.parametrize(
    "memo", ['=HYPERLINK("http://x")', "@SUM(1)", "</script>", "{{7*7}}", "\u202eabc", "'; DROP TABLE x; --"]
)
def test_r27_r28_r29_r33_text_is_data(read: Reader, memo: str) -> None:
    quoted = '"' + memo.replace('"', '""') + '"'
    assert read([line(memo=quoted)]).only["memo"] == memo


def test_r30_card_numbers_in_free_text_are_masked(read: Reader) -> None:
    result = read(
        [line(memo="paid with 4111 1111 1111 1111 today"), line(natural_id="n-2", memo="order 4111111111111112")]
    )
    assert [record["memo"] for record in result.records] == [
        "paid with ************1111 today",
        "order 4111111111111112",
    ]


def test_r30_card_numbers_are_masked_in_the_quarantine_too(read: Reader) -> None:
    result = read([line(), line(natural_id="n-2", amount="x", memo="5500005555555559")])
    assert "5500005555555559" not in result.refusal["raw"]
    assert "************5559" in result.refusal["raw"]


def test_r34_a_net_that_is_not_the_rest_is_kept_and_told(read: Reader) -> None:
    result = read([line(fee="0.30", net="9.70"), line(natural_id="n-2", fee="0.30", net="9.69")])
    assert result.loaded.read == 2
    assert result.loaded.warnings == ("1 row(s) whose amount - fee - tax is not their net, kept as written: line 3",)


def test_an_unknown_kind_is_kept(read: Reader) -> None:
    record = read([line(kind="weird")]).only
    assert (record["kind"], record["kind_raw"]) == ("unknown", "weird")


def test_r09_a_row_without_a_type_is_refused_and_not_unknown(read: Reader) -> None:
    assert read([line(), line(natural_id="n-2", kind="")]).refusal["column_name"] == "kind"


def test_a_row_without_its_own_id_is_refused(read: Reader) -> None:
    assert read([line(), line(natural_id="")]).refusal["column_name"] == "natural_id"


def test_the_quarantine_names_the_line_as_an_editor_counts_it(read: Reader) -> None:
    rows = [line(natural_id=f"n-{n}") for n in range(50)]
    rows[20] = line(natural_id="bad", amount="?")
    rows[30] = line(natural_id="two", memo='"a\nb"')
    result = read(rows)
    assert (result.refusal["line"], result.refusal["raw"]) == (22, rows[20])
    assert {record["natural_id"]: record["line"] for record in result.records}["n-40"] == 43


def test_the_source_gives_psp_and_account_where_the_file_does_not(read: Reader) -> None:
    source = Source("s", "settlement_line", Moves.EVENTS, psp="acme", account="shop-1")
    record = read([line()], source=source).only
    assert (record["psp"], record["source"]) == ("acme", "s")
