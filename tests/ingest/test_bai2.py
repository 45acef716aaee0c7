"""BAI2: continuation records, funds types, directions by code; trailers that count and sum; what is refused."""

from __future__ import annotations

import pytest
from bank_files import FILES, bank, money, states
from ingest_reading import Reader, shipped

from recon.ingest.loaded import Balance

TEXT = (FILES / "bai2.txt").read_text("utf-8")


def test_a_file_in_full(read: Reader) -> None:
    result = bank(read, "bai2.txt")
    assert money(result) == [
        ("credit", "USD", 50000),
        ("credit", "USD", 10000),
        ("fee", "USD", -10000),
        ("information", "USD", 0),
        ("returned", "KRW", 900),
    ]
    assert states(result) == {"trailers": "proved", "opening + lines = closing": "unproven"}
    assert result.loaded.balances == (
        Balance("000123456", "USD", 100000, 150000, "2026-11-19", "2026-11-19", "7"),
        Balance("000999", "KRW", 0, 900, "2026-11-19", "2026-11-19", "7"),
    )


def test_fields_behind_every_funds_type_and_texts_with_commas_and_slashes(read: Reader) -> None:
    value, split, plain, notice, distributed = bank(read, "bai2.txt").records
    assert (value["bank_reference"], value["customer_reference"], str(value["value_on"])) == (
        "B-1",
        "PO-77",
        "2026-11-20",
    )
    assert (value["end_to_end_id"], value["counterparty"], value["line"]) == ("PO-77", "STRIPE INC", 5)
    assert value["bank_text"] == "STRIPE TRANSFER po_1NXW, INC EREF: PO-77 DBNM: STRIPE INC"
    assert (split["bank_reference"], split["remittance"]) == ("B-2", "ACH/SETTLEMENT")
    assert (plain["bank_reference"], plain["remittance"]) == ("B-3", "ANALYSIS FEE")
    assert (notice["status"], notice["remittance"]) == ("information", "see the notice of 11/19")
    assert (distributed["bank_reference"], distributed["account"]) == ("B-4", "000999")


@pytest.mark.parametrize(
    ("code", "amount"), [("115", 50000), ("399", 50000), ("475", -50000), ("935", 50000), ("965", -50000)]
)
def test_the_type_code_says_the_direction(read: Reader, code: str, amount: int) -> None:
    assert bank(read, "bai2.txt", ("16,195,", f"16,{code},")).records[0]["amount"] == amount


def test_money_whose_direction_the_code_does_not_say_is_refused(read: Reader) -> None:
    result = bank(read, "bai2.txt", ("16,195,", "16,721,"))
    assert (result.loaded.read, result.refusal["column_name"]) == (4, "amount")


def test_a_line_end_instead_of_a_slash_and_records_on_one_line(read: Reader) -> None:
    expected = money(bank(read, "bai2.txt"))
    assert money(read(TEXT.replace("/\n", "\n"), shipped("bai2"))) == expected
    together = TEXT.replace("/\n16,142", "/16,142").replace("/\n49,390000", "/ 49,390000").replace("/\n98,", "/98,")
    assert money(read(together, shipped("bai2"))) == expected


def test_a_record_that_is_broken_over_lines(read: Reader) -> None:
    result = read(TEXT.replace("STRIPE TRANSFER", "STRIPE TR\nANSFER"), shipped("bai2"))
    assert result.records[0]["bank_text"].startswith("STRIPE TRANSFER po_1NXW")


def test_fixed_fields_may_go_on_in_the_next_record(read: Reader) -> None:
    changed = TEXT.replace("B-1,PO-77,STRIPE", "B-1/\n88,PO-77,STRIPE").replace(",9/", ",10/").replace(",14/", ",15/")
    first = read(changed.replace(",16/", ",17/"), shipped("bai2")).records[0]
    assert (first["customer_reference"], first["remittance"][:15]) == ("PO-77", "STRIPE TRANSFER")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("49,390000,9/", "49,390000,8/", "the account 000123456 claims records 8, 9 found"),
        ("98,391800,2,14/", "98,391800,3,14/", "the group claims accounts 3, 2 found"),
        ("99,391800,1,16/", "99,391800,1,15/", "the file claims records 15, 16 found"),
    ],
)
def test_f11_a_trailer_that_counts_otherwise(read: Reader, old: str, new: str, said: str) -> None:
    result = bank(read, "bai2.txt", (old, new))
    assert said in result.reason and result.records == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("49,390000,", "49,390001,"),
        ("98,391800,", "98,391900,"),
        ("99,391800,", "99,-391800,"),
        ("16,195,50000,", "16,195,5000,"),
    ],
)
def test_f12_a_trailer_that_sums_otherwise(read: Reader, old: str, new: str) -> None:
    result = bank(read, "bai2.txt", (old, new))
    assert "trailers: " in result.reason and " found" in result.reason and result.records == []
    assert len(bank(read, "bai2.txt", (old, new), unbalanced="flag").records) == 5


def test_f09_a_file_without_its_trailer_and_f14_a_record_after_it(read: Reader) -> None:
    assert "trailer (99) is missing" in read(TEXT[: TEXT.index("99,391800")], shipped("bai2")).reason
    assert "after the file's trailer" in read(TEXT + "16,195,1,,,,/\n", shipped("bai2")).reason


@pytest.mark.parametrize(("status", "said"), [("2", "deletes"), ("4", "is a test")])
def test_f34_groups_that_delete_or_are_tests_are_left_to_a_person(read: Reader, status: str, said: str) -> None:
    assert said in bank(read, "bai2.txt", ("BANKUS33,1,", f"BANKUS33,{status},")).reason


def test_a_group_that_corrects_is_read_and_told(read: Reader) -> None:
    result = bank(read, "bai2.txt", ("BANKUS33,1,", "BANKUS33,3,"))
    assert result.reason == "" and "corrects" in result.loaded.warnings[0]


def test_a_transaction_that_cannot_be_split_is_refused_with_its_line(read: Reader) -> None:
    result = bank(read, "bai2.txt", ("16,142,10000,S", "16,142,10000,Q"), unbalanced="flag")
    assert (result.refusal["line"], result.refusal["found"]) == (8, "Q")
    assert result.loaded.rows == 5


@pytest.mark.parametrize("text", ["hello\n", "16,195,1,,,,/\n", "01,a,b,261120,0300,7,80,,3/\n99,0,0,2/\n", "88,x/\n"])
def test_what_is_no_bai2(read: Reader, text: str) -> None:
    assert read(text, shipped("bai2")).reason
