"""camt.053, .052, .054: what an entry becomes, in every version; balances and sums; what is refused."""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from bank_files import FILES, bank, money, states
from ingest_reading import Reader, shipped

from recon.errors import ReconError
from recon.ingest import camt
from recon.ingest.loaded import Balance
from recon.ingest.statements import Found

SPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001."


def test_a_statement_in_full(read: Reader) -> None:
    result = bank(read, "camt053.xml")
    assert result.reason == ""
    assert money(result) == [
        ("credit", "EUR", 50000),
        ("credit", "EUR", 10000),
        ("fee", "EUR", -705),
        ("debit", "EUR", -11250),
        ("returned", "EUR", -5000),
        ("credit", "EUR", 900),
    ]
    assert result.loaded.controls == (
        ("counts of entries", "proved", "3 claim(s)"),
        ("opening + lines = closing", "proved", "2 statement(s)"),
        ("opening = last closing", "proved", "1 statement(s)"),
        ("claimed sums", "proved", "3 statement(s)"),
    )
    assert result.loaded.balances == (
        Balance("NL02SHOP0123456789", "EUR", 100000, 143045, "2026-11-19", "2026-11-19", "223"),
        Balance("NL02SHOP0123456789", "EUR", 143045, 143045, "2026-11-19", "2026-11-20", "224"),
    )


def test_what_a_payout_says_of_itself(read: Reader) -> None:
    payout = bank(read, "camt053.xml").records[0]
    assert (payout["account"], payout["status"]) == ("NL02SHOP0123456789", "booked")
    assert (payout["end_to_end_id"], payout["bank_reference"], payout["natural_id"]) == ("TX7001XT", "B-0001", "1")
    assert (payout["counterparty"], payout["counterparty_account"]) == ("Adyen N.V.", "NL13ADYE0000000001")
    assert payout["remittance"] == "TX7001XT batch 41, ShopEU & Co"
    assert [str(payout[day]) for day in ("booked_on", "value_on", "business_date")] == ["2026-11-19"] * 3
    assert payout["line"] == (FILES / "camt053.xml").read_text("utf-8").split("<Ntry>")[0].count("\n") + 1


def test_an_entry_for_several_payments_is_one_row_with_their_texts(read: Reader) -> None:
    batch = bank(read, "camt053.xml").records[1]
    assert (batch["amount"], batch["details"], batch["end_to_end_id"]) == (10000, 2, "E-1 E-2")
    assert batch["remittance"] == "order 1 order 2"


def test_or_a_row_for_each_payment_where_they_add_up(read: Reader) -> None:
    result = bank(read, "camt053.xml", details="transactions")
    assert [(each["amount"], each["end_to_end_id"], each["details"]) for each in result.records[1:3]] == [
        (6000, "E-1", 1),
        (4000, "E-2", 1),
    ]
    assert set(states(result).values()) == {"proved"}, "counts are of entries, sums of rows: both hold"


def test_payments_that_do_not_add_up_stay_one_row_and_it_is_told(read: Reader) -> None:
    result = bank(read, "camt053.xml", ('<Amt Ccy="EUR">40.00', '<Amt Ccy="EUR">40.01'), details="transactions")
    assert result.records[1]["amount"] == 10000
    assert any("do not add up" in each for each in result.loaded.warnings)
    assert any("batch total 100.00 EUR is not the sum" in each for each in result.loaded.warnings)


def test_exchange_structured_reference_and_an_account_without_iban(read: Reader) -> None:
    paid = bank(read, "camt053.xml").records[3]
    assert (paid["instructed_currency"], paid["instructed_amount"], paid["fx_rate"]) == ("USD", 12000, "0.9375")
    assert (paid["structured_reference"], paid["counterparty_account"]) == ("RF18539007547034", "998877")
    assert paid["end_to_end_id"] is None, "NOTPROVIDED is none"


def test_a_reversal_is_not_turned_round_again_and_says_why_it_came_back(read: Reader) -> None:
    back = bank(read, "camt053.xml").records[4]
    assert (back["amount"], back["return_reason"]) == (-5000, "AC04")
    undone = bank(read, "camt053.xml", ("<RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf>", "")).records[4]
    assert (undone["kind"], undone["amount"]) == ("reversal", -5000)


def test_pending_entries_are_read_and_move_no_balance(read: Reader) -> None:
    pending = bank(read, "camt053.xml").records[5]
    assert (pending["status"], str(pending["booked_on"])) == ("pending", "2026-11-21")


def test_reports_and_notifications_are_interim(read: Reader) -> None:
    report, notice = bank(read, "camt052.xml"), bank(read, "camt054.xml")
    assert {each["status"] for each in report.records} == {"interim", "pending"}
    assert money(report) == money(bank(read, "camt053.xml"))
    assert report.records[0]["counterparty"] == "Adyen N.V.", "Dbtr/Nm, before there was Pty"
    assert [each["amount"] for each in notice.records] == [50000, 6000, 4000, -705, -11250, -5000, 900]
    assert (states(notice)["claimed sums"], notice.loaded.balances[0].opening) == ("proved", None)


@pytest.mark.parametrize("version", ["02", "03", "04", "06", "07", "08", "10", "13"])
def test_every_version_reads(read: Reader, version: str) -> None:
    assert bank(read, "camt053.xml", (SPACE + "08", SPACE + version)).reason == ""


def test_f30_a_version_or_message_that_the_format_does_not_know(read: Reader) -> None:
    unknown = bank(read, "camt053.xml", (SPACE + "08", SPACE + "99"))
    assert unknown.reason == "it is version 99 of camt.053, which this format does not know"
    assert unknown.records == []
    assert bank(read, "camt053.xml", message="camt.054").reason == "it is a camt.053 message, camt.054 is expected"
    other = bank(read, "camt053.xml", (SPACE + "08", "urn:iso:std:iso:20022:tech:xsd:pain.001.001.03"))
    assert "namespace" in other.reason


DOCTYPES = [
    "<!DOCTYPE Document>",
    '<!DOCTYPE Document SYSTEM "http://127.0.0.1:1/evil.dtd">',
    '<!DOCTYPE Document [<!ENTITY a "x"><!ENTITY b "&a;&a;&a;&a;">]>',
    '<!DOCTYPE Document [<!ENTITY file SYSTEM "file:///etc/passwd">]>',
]


@pytest.mark.parametrize("doctype", DOCTYPES)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_f30_any_doctype_is_refused_before_it_is_read(read: Reader, doctype: str, encoding: str) -> None:
    text = (FILES / "camt053.xml").read_text("utf-8").replace('encoding="UTF-8"?>', f'encoding="{encoding}"?>{doctype}')
    result = read(text.encode(encoding), shipped("camt053"))
    assert result.reason == "the document has a DOCTYPE"
    assert result.records == []


def test_f30_a_doctype_behind_a_long_comment(read: Reader) -> None:
    text = (FILES / "camt053.xml").read_text("utf-8")
    text = text.replace("?>\n", "?>\n<!--" + "x" * 300_000 + f"-->\n{DOCTYPES[2]}\n", 1)
    assert read(text, shipped("camt053")).reason == "the document has a DOCTYPE"


def test_f30_an_entity_that_nobody_declared(read: Reader) -> None:
    assert "not a whole XML document" in bank(read, "camt053.xml", ("order 1", "order &evil;")).reason


def test_f30_a_huge_token_is_refused_quickly_and_in_bounded_memory(tmp_path: Path, read: Reader) -> None:
    text = (FILES / "camt053.xml").read_text("utf-8")
    for huge in (
        f"<Ustrd>{'y' * 12_000_000}</Ustrd>",
        f"<Ustrd a='{'y' * 12_000_000}'/>",
        "<" + "y" * 12_000_000 + "/>",
    ):
        began = time.monotonic()
        result = read(text.replace("<Ustrd>order 1</Ustrd>", huge), shipped("camt053"))
        assert time.monotonic() - began < 10
        assert "not a whole XML document" in result.reason


def test_f30_a_text_longer_than_a_field_refuses_its_row(read: Reader) -> None:
    result = bank(read, "camt053.xml", ("order 1", "y" * 1_100_000), keep=True)
    assert result.refusal["found"] == "a text longer than can be read"


def test_f30_an_entry_without_end(read: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camt, "_ENTRY_MAX", 200_000)
    result = bank(read, "camt053.xml", ("<AddtlNtryInf>", "<X>" + "<Y>1</Y>\n" * 50_000 + "</X><AddtlNtryInf>"))
    assert "without an entry or a payment" in result.reason


@pytest.mark.parametrize("cut", [500, 3000, 4500, -20])
def test_f09_a_document_that_ends_early(read: Reader, cut: int) -> None:
    data = (FILES / "camt053.xml").read_bytes()[:cut]
    result = read(data, shipped("camt053"))
    assert "not a whole XML document" in result.reason and "line" in result.reason
    assert result.records == []


def test_f11_a_count_of_entries_that_is_wrong(read: Reader) -> None:
    result = bank(read, "camt053.xml", ("<NbOfNtries>5<", "<NbOfNtries>6<"))
    assert "counts of entries: 223 speaks of 6 entries, 5 found" in result.reason
    assert result.records == []


def test_f12_a_claimed_sum_that_is_wrong(read: Reader) -> None:
    result = bank(read, "camt053.xml", ("<Sum>169.55<", "<Sum>169.56<"))
    assert (
        "claimed sums: NL02SHOP0123456789 statement 223 claims debits of 169.56 EUR, 169.55 EUR found" in result.reason
    )
    assert result.records == []


def test_f12_an_entry_that_is_missing_leaves_the_balance_open(read: Reader) -> None:
    text = (FILES / "camt053.xml").read_text("utf-8")
    start, end = text.index("<NtryRef>3<") - 40, text.index("<NtryRef>4<") - 40
    start, end = text.index("<Ntry>", start), text.index("<Ntry>", end)
    result = read(text[:start] + text[end:], shipped("camt053"))
    failed = {name: detail for name, state, detail in result.loaded.controls if state == "failed"}
    assert failed["opening + lines = closing"] == (
        "NL02SHOP0123456789 statement 223: 1000.00 EUR + lines 437.50 EUR = 1437.50 EUR, "
        "but the closing balance is 1430.45 EUR"
    )
    assert result.records == []


def test_f12_a_format_may_take_such_a_file_flagged(read: Reader) -> None:
    result = bank(read, "camt053.xml", ("1430.450<", "1430.46<"), unbalanced="flag")
    assert (result.reason, len(result.records)) == ("", 6)
    assert states(result)["opening + lines = closing"] == "unproven"
    assert any("closing balance is 1430.46 EUR; taken all the same" in each for each in result.loaded.warnings)


def test_f13_an_opening_balance_that_is_not_the_last_closing(read: Reader) -> None:
    result = bank(read, "camt053.xml", ("1430.45<", "1430.40<"))
    assert "statement 224 opens with 1430.40 EUR, but NL02SHOP0123456789 statement 223 closes with 1430.45 EUR" in (
        result.reason
    )


def test_with_a_row_in_quarantine_nothing_is_proved_and_nothing_failed(read: Reader) -> None:
    result = bank(read, "camt053.xml", ('<Amt Ccy="EUR">7.05', '<Amt Ccy="EUR">7.055'))
    assert result.refusal["column_name"] == "amount" and result.refusal["found"] == "7.055"
    assert states(result)["opening + lines = closing"] == "unproven" and result.reason == ""


def test_balances_in_two_currencies_prove_nothing(read: Reader) -> None:
    result = bank(read, "camt053.xml", ('<Amt Ccy="EUR">1430.450', '<Amt Ccy="SEK">1430.450'))
    assert (result.reason, states(result)["opening + lines = closing"]) == ("", "unproven")
    assert "the balances are in EUR and SEK" in " ".join(result.loaded.warnings)


def test_a_day_without_movement_is_proved_by_its_balances(read: Reader) -> None:
    text = (FILES / "camt053.xml").read_text("utf-8")
    first, second = text.index("<Stmt>"), text.rindex("<Stmt>")
    text = text[:first] + text[second:]
    empty = text[: text.index("<Ntry>")] + text[text.index("</Ntry>") + len("</Ntry>") :]
    result = read(empty, shipped("camt053"))
    assert (result.reason, result.loaded.rows) == ("", 0)
    moved = read(empty.replace("1430.45<", "1430.44<", 1), shipped("camt053"))
    assert "no line" in moved.reason


def test_two_entries_alike_are_both_kept(read: Reader) -> None:
    text = (FILES / "camt053.xml").read_text("utf-8")
    entry = text[text.rindex("<Ntry>") : text.rindex("</Ntry>") + len("</Ntry>")]
    records = read(text.replace(entry, entry * 2), shipped("camt053")).records
    assert records[-1]["record_id"] == records[-2]["record_id"].replace("#1", "#2")


def test_an_account_that_the_source_is_not_declared_for(read: Reader) -> None:
    from recon.domain.rulebook import Moves, Source

    source = Source("bank", "bank_line", Moves.EVENTS, account="NL00OTHER")
    result = read((FILES / "camt053.xml").read_bytes(), shipped("camt053"), source=source)
    assert "rows of account NL02SHOP0123456789, but the source is declared for NL00OTHER" in result.reason


def test_memory_is_bounded_and_lines_are_right_far_down(tmp_path: Path) -> None:
    """8,000 entries on 130,000 lines: more lines than XML libraries keep count of, a fraction of the file in memory."""
    text = (FILES / "camt053.xml").read_text("utf-8")
    start = text.index("<Ntry>")
    end = text.index("<Ntry>", start + 1)
    entry, first = text[start:end], text[:start].count("\n") + 1
    path = tmp_path / "long.xml"
    path.write_text(text[:start] + entry * 8_000 + text[end:], encoding="utf-8")
    lines = entry.count("\n")
    tracemalloc.start()
    rows = 0
    for n, row in enumerate(camt.rows(path, shipped("camt053"), Found())):
        if n < 8_000:
            assert row.line == first + n * lines
        rows += 1
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rows == 8_005
    assert peak < 8 << 20


def test_without_lxml_the_extra_is_named(read: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    import builtins

    real = builtins.__import__

    def without(name: str, *arguments: Any, **given: Any) -> Any:
        if name.startswith("lxml"):
            raise ImportError(name)
        return real(name, *arguments, **given)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ReconError) as caught:
        bank(read, "camt053.xml")
    assert (caught.value.name, caught.value.remedy) == ("missing-extra", "pip install 'payrecon[bank]'")
