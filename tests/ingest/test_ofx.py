"""OFX 1.x and 2.x: tags closed or not, the sign that is the truth, the bank's own day; what is refused."""

from __future__ import annotations

import pytest
from bank_files import FILES, bank, money, states
from hypothesis import given, settings
from hypothesis import strategies as st
from ingest_reading import Reader, shipped

from recon.ingest import ofx
from recon.ingest.loaded import Balance
from recon.ingest.statements import Found

SGML = (FILES / "ofx1.ofx").read_bytes()


def test_sgml(read: Reader) -> None:
    result = bank(read, "ofx1.ofx")
    assert money(result) == [("credit", "EUR", 50000), ("credit", "EUR", 1200), ("fee", "EUR", -350)]
    first = result.records[0]
    assert (first["account"], first["natural_id"], first["counterparty"]) == ("00012345678", "F-1", "STRIPE & CO")
    assert (first["remittance"], str(first["booked_on"])) == ("po_1NXW café", "2026-11-19"), "the bank's own day"
    assert first["line"] == 16
    assert result.loaded.balances == (Balance("00012345678", "EUR", None, 150850, None, "2026-11-20", ""),)
    assert states(result) == {"opening + lines = closing": "unproven"}


def test_xml_of_a_card(read: Reader) -> None:
    only = bank(read, "ofx2.ofx").only
    assert (only["account"], only["currency"], only["amount"], only["kind"]) == ("card-1", "KRW", -33000, "debit")
    assert (only["counterparty"], only["remittance"]) == ("카페 서울", "<점심> & 커피")


def test_values_that_are_none_refuse_their_row(read: Reader) -> None:
    result = bank(read, "ofx1.ofx", ("-3.50", "$3.50"), ("20261120<TRNAMT>12", "20261140<TRNAMT>12"))
    assert [(each["column_name"], each["found"]) for each in result.refusals] == [
        ("posted_on", "20261140"),
        ("amount", "$3.50"),
    ]


def test_a_decimal_comma_where_it_is_declared(read: Reader) -> None:
    changed = (
        SGML.replace(b"+500.00", b"+500,00")
        .replace(b"12.00", b"12,00")
        .replace(b"3.50", b"3,50")
        .replace(b"1508.50", b"1508,50")
    )
    result = read(changed, shipped("ofx", decimal=","))
    assert [amount for _, _, amount in money(result)] == [50000, 1200, -350]
    assert result.loaded.balances[0].closing == 150850


def test_f09_a_file_that_ends_early(read: Reader) -> None:
    for cut in (300, 700, len(SGML) - 8):
        result = read(SGML[:cut], shipped("ofx"))
        assert "before </OFX>" in result.reason and result.records == []


@pytest.mark.parametrize(
    "hostile", ['<!DOCTYPE OFX [<!ENTITY a "b">]>', "<!DOCTYPE OFX>", '<!ENTITY x SYSTEM "file:///etc/passwd">']
)
def test_f30_a_doctype_or_an_entity(read: Reader, hostile: str) -> None:
    result = bank(read, "ofx2.ofx", ("<OFX>", hostile + "<OFX>"))
    assert result.reason == "the document has a DOCTYPE" and result.records == []


def test_f30_a_huge_token(read: Reader) -> None:
    for huge in (
        b"<MEMO>" + b"y" * 3_000_000,
        b"<" + b"y" * 3_000_000 + b">",
        b"<MEMO><![CDATA[" + b"y" * 3_000_000 + b"]]>",
    ):
        assert "longer than" in read(SGML.replace(b"<MEMO>po_1NXW caf\xe9", huge), shipped("ofx")).reason


def test_an_error_answer_and_what_is_no_ofx(read: Reader) -> None:
    assert (
        "error answer"
        in bank(
            read, "ofx1.ofx", ("<TRNUID>1<STATUS><CODE>0<SEVERITY>INFO", "<TRNUID>1<STATUS><CODE>2000<SEVERITY>ERROR")
        ).reason
    )
    for text in ("hello", "OFXHEADER:100\n", "<OFX></OFX>", "<OFX></STMTRS></OFX>"):
        assert read(text, shipped("ofx")).reason


def test_two_rows_with_the_same_id_are_both_kept(read: Reader) -> None:
    records = bank(read, "ofx1.ofx", ("F-2", "F-1")).records
    assert len({each["record_id"] for each in records}) == 3


@settings(max_examples=25, deadline=None)
@given(st.integers(16, 400), st.sampled_from(["ofx1.ofx", "ofx2.ofx"]))
def test_pieces_of_any_size_give_the_same(piece: int, name: str) -> None:
    expected = list(ofx.rows(FILES / name, shipped("ofx"), Found()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ofx, "_PIECE", piece)
        assert list(ofx.rows(FILES / name, shipped("ofx"), Found())) == expected
