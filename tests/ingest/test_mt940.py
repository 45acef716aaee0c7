"""MT940 and MT942: marks, pages, dialects of :86:, dates that do not exist; balances and sums; what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from bank_files import FILES, bank, money, states
from hypothesis import given, settings
from hypothesis import strategies as st
from ingest_reading import Reader, shipped

from recon.ingest import mt940
from recon.ingest.loaded import Balance
from recon.ingest.mt940_text import text_parts
from recon.ingest.statements import Found, iso_day, plain_amount


def test_a_statement_of_two_pages_and_a_day_without_movement(read: Reader) -> None:
    result = bank(read, "mt940.sta")
    assert money(result) == [
        ("credit", "EUR", 50000),
        ("fee", "EUR", -705),
        ("debit", "EUR", -11250),
        ("returned", "EUR", -5000),
        ("reversal", "EUR", 2000),
    ]
    assert result.loaded.controls == (
        ("opening + lines = closing", "proved", "2 statement(s)"),
        ("opening = last closing", "proved", "1 statement(s)"),
    )
    assert result.loaded.balances == (
        Balance("NL02SHOP0123456789", "EUR", 100000, 135045, "2026-11-19", "2026-11-19", "223/1"),
        Balance("NL02SHOP0123456789", "EUR", 135045, 135045, "2026-11-19", "2026-11-20", "224/1"),
    )


def test_what_a_payout_says_of_itself(read: Reader) -> None:
    payout = bank(read, "mt940.sta").records[0]
    assert (payout["customer_reference"], payout["bank_reference"]) == ("TX7001XT", "B-0001")
    assert (payout["end_to_end_id"], payout["counterparty"]) == ("TX7001XT", "Adyen N.V.")
    assert payout["counterparty_account"] == "NL13ADYE0000000001", "joined over the line break inside it"
    assert "TX7001XT batch 41 ShopEU" in payout["remittance"]
    assert (payout["kind_raw"], payout["bank_text"], payout["line"]) == ("051", "Credit transfer", 6)


def test_words_between_slashes(read: Reader) -> None:
    paid, back = bank(read, "mt940.sta").records[2:4]
    assert (paid["end_to_end_id"], paid["counterparty"], paid["remittance"]) == (
        "SELLER-1",
        "Seller One",
        "payout week 47",
    )
    assert paid["counterparty_account"] == "NL44BANK0000000009"
    assert (back["return_reason"], back["structured_reference"]) == ("AC04", "RF18539007547034")


def test_a_booking_day_falls_in_the_year_that_is_nearest(read: Reader) -> None:
    paid = bank(read, "mt940.sta").records[2]
    assert (str(paid["value_on"]), str(paid["booked_on"])) == ("2026-12-31", "2027-01-02")


@pytest.mark.parametrize(
    ("mark", "amount"),
    [("C", 100), ("D", -100), ("RC", -100), ("RD", 100), ("CR", 100), ("DR", -100), ("RCR", -100), ("DN", -100)],
)
def test_the_mark_says_the_direction_and_a_letter_behind_it_is_the_currencys(
    read: Reader, mark: str, amount: int
) -> None:
    result = bank(read, "mt940.sta", ("RD20,00N", f"{mark}1,N"), unbalanced="flag")
    assert result.records[4]["amount"] == amount


@pytest.mark.parametrize("written", ["12", "12,", "12,0", "12,00"])
def test_amounts_with_and_without_their_decimals(read: Reader, written: str) -> None:
    assert bank(read, "mt940.sta", ("RD20,00N", f"RD{written}N"), unbalanced="flag").records[4]["amount"] == 1200


@pytest.mark.parametrize(
    ("day", "taken"), [("260230", "2026-02-28"), ("280230", "2028-02-29"), ("270229", "2027-02-28")]
)
def test_a_thirtieth_of_february_is_taken_as_the_months_last_day_and_told(read: Reader, day: str, taken: str) -> None:
    result = bank(read, "mt940.sta", ("2611191119RD", f"{day}0301RD"))
    assert str(result.records[4]["value_on"]) == taken
    assert any(f"the value date {day} does not exist, taken as {taken}" in each for each in result.loaded.warnings)


def test_any_other_day_that_does_not_exist_refuses_its_row(read: Reader) -> None:
    result = bank(read, "mt940.sta", ("2611191119RD", "2611311119RD"))
    assert (result.refusal["column_name"], result.refusal["found"]) == ("value_on", "261131")


def test_a_line_that_cannot_be_split_is_refused_with_its_place_and_never_passed_over(read: Reader) -> None:
    result = bank(read, "mt940.sta", (":61:2611191119RD20,00NMSC", ":61:2611191119XX20.00NMSC"))
    assert (result.loaded.rows, result.loaded.read) == (5, 4)
    assert result.refusal["found"] == ":61:2611191119XX20.00NMSCNONREF//B-0005"
    assert result.refusal["line"] == (FILES / "mt940.sta").read_text("utf-8").split("//B-0005")[0].count("\n") + 1
    assert states(result)["opening + lines = closing"] == "unproven"


def test_envelopes_control_characters_and_blank_lines_around_messages(read: Reader) -> None:
    text = (FILES / "mt940.sta").read_text("utf-8")
    for changed in (
        text.replace("{1:", "\x01{1:").replace("-\n", "-\x03\n"),
        text.replace("-}\n", "-}\n\n\nBANKNL2A\n940\nBANKNL2A\n"),
        text.replace("\n", "\r\n"),
        "\ufeff" + text,
    ):
        assert money(read(changed, shipped("mt940"))) == money(bank(read, "mt940.sta"))


def test_text_behind_the_closing_balance_is_of_no_line(read: Reader) -> None:
    assert "belongs to no line" not in str(bank(read, "mt940.sta").records)


def test_an_interim_report(read: Reader) -> None:
    result = bank(read, "mt942.sta")
    assert money(result) == [("credit", "EUR", 1050), ("debit", "EUR", -300), ("credit", "EUR", 525)]
    assert {each["status"] for each in result.records} == {"interim"}
    assert {"counts of lines": "proved", "claimed sums": "proved"}.items() <= states(result).items()


@pytest.mark.parametrize("old", [":90C:2EUR", ":90D:1EUR"])
def test_f11_a_count_of_lines_that_is_wrong(read: Reader, old: str) -> None:
    result = bank(read, "mt942.sta", (old, old[:5] + "7EUR"))
    assert "counts of lines" in result.reason and "line(s)" in result.reason
    assert result.records == []


def test_f12_a_sum_or_a_balance_that_is_wrong(read: Reader) -> None:
    claimed = bank(read, "mt942.sta", ("EUR15,75", "EUR15,76"))
    assert "claims credits of 15.76 EUR, 15.75 EUR found" in claimed.reason
    closing = bank(read, "mt940.sta", (":62F:C261119EUR1350,45", ":62F:C261119EUR1350,46"))
    assert "but the closing balance is 1350.46 EUR" in closing.reason
    assert claimed.records == closing.records == []


def test_f12_a_bank_that_never_balances_is_taken_flagged_where_its_format_says_so(read: Reader) -> None:
    result = bank(read, "mt940.sta", (":61:2611191119RD20,00", ":61:2611191119RD21,00"), unbalanced="flag")
    assert (result.reason, len(result.records)) == ("", 5)
    assert any("taken all the same" in each for each in result.loaded.warnings)


def test_f13_an_opening_balance_that_is_not_the_last_closing(read: Reader) -> None:
    result = bank(
        read,
        "mt940.sta",
        (":60F:C261119EUR1350,45", ":60F:C261119EUR1350,00"),
        (":62F:C261120EUR1350,45", ":62F:C261120EUR1350,00"),
    )
    assert "statement 224/1 opens with 1350.00 EUR, but NL02SHOP0123456789 statement 223/1 closes with 1350.45 EUR" in (
        result.reason
    )
    assert result.records == []


def test_a_statement_of_which_a_page_is_missing_proves_nothing(read: Reader) -> None:
    text = (FILES / "mt940.sta").read_text("utf-8")
    second = "".join(
        text.partition(
            "{1:F01BANKNL2AXXXX0000000000}{2:I940SHOPNL2AXXXXN}{4:\n:20:ST261119\n:25:NL02SHOP0123456789\n:28C:223/2"
        )[1:]
    )
    result = read(second, shipped("mt940"))
    assert (result.reason, states(result)["opening + lines = closing"]) == ("", "unproven")
    assert "pages of the statement are missing" in " ".join(result.loaded.warnings)


@pytest.mark.parametrize("gone", [":62F:C261120EUR1350,45\n-\n", ":60F:C261119EUR1000,00\n"])
def test_f09_a_statement_without_one_of_its_balances(read: Reader, gone: str) -> None:
    result = bank(read, "mt940.sta", (gone, ""))
    assert "balance (:6" in result.reason and result.records == []


@pytest.mark.parametrize("text", ["hello", "natural_id,kind\n", ":61:2611191119C1,NTRFNONREF\n"])
def test_what_is_no_mt940(read: Reader, text: str) -> None:
    assert read(text, shipped("mt940")).reason


def test_a_field_without_end_and_an_encoding_that_is_another(read: Reader) -> None:
    assert "longer than" in bank(read, "mt940.sta", ("PAYOUT\n", "x" * 2_000_000 + "\n")).reason
    data = (FILES / "mt940.sta").read_text("utf-8").replace("Adyen", "Café").encode("cp1252")
    assert "is not utf-8" in read(data, shipped("mt940")).reason
    assert read(data, shipped("mt940", encoding="cp1252")).records[0]["counterparty"] == "Café N.V."


@settings(deadline=None)
@given(st.text(st.characters(codec="utf-8"), max_size=400))
def test_any_text_of_a_line_is_read_without_failing_and_kept(text: str) -> None:
    found = text_parts(text)
    assert "".join((found["text"] or "").split()) == "".join(
        "".join(line for line in text.split("\n") if line.strip()).split()
    )


@settings(deadline=None)
@given(st.text("0123456789,.+-eE_１٣ ", max_size=12))
def test_an_amount_is_tidied_or_left_as_it_is(amount: str) -> None:
    made = plain_amount(amount, ",")
    assert made == amount or made.replace(".", "").removeprefix("-").isdigit()


@settings(deadline=None)
@given(st.text("0123456789x", max_size=7))
def test_a_day_is_a_day_or_left_as_it_is(day: str) -> None:
    assert iso_day(day) == day or len(iso_day(day)) == 10


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                ":20:A",
                ":25:B",
                ":28C:1",
                ":60F:C261119EUR1,",
                ":61:2611191119C1,NTRFNONREF",
                ":86:x",
                ":62F:C261119EUR2,",
                "-",
                ":62M:C261119EUR2,",
                ":60M:C261119EUR2,",
                ":90D:1EUR1,",
                "",
                "zz",
            ]
        ),
        max_size=14,
    )
)
def test_tags_in_any_order_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    from recon.ingest.staged import UnreadableError

    path: Path = tmp_path_factory.getbasetemp() / "any.sta"
    path.write_text("\n".join(lines), encoding="utf-8")
    try:
        rows = list(mt940.rows(path, shipped("mt940"), Found()))
    except UnreadableError:
        return
    assert len(rows) == sum(line.startswith(":61:") for line in lines)
