"""F6, F13, F34: what a file says of itself: its date, its number, its balances, its account, and whether its money is live."""

from __future__ import annotations

from pathlib import Path

import pytest
from bad_inputs import mt940
from input_shop import HEADER, Shop

D13, D14, D15 = "2026-10-13", "2026-10-14", "2026-10-15"
OWN = '{format: marked, psp: toss, files: "in/toss_{date}*.csv", expected: business_days}'
SHIPPED = Path(__file__).parents[2] / "rules" / "formats" / "generic_settlement.yaml"


def marked(root: Path, marks: str, above: int = 0, columns: str = "", source: str = OWN) -> Shop:
    """A shop whose provider's format has marks: `above` lines stand over the header, `columns` come after `memo`."""
    shop = Shop(root / "shop", source)
    text = SHIPPED.read_text("utf-8").replace("format: generic_settlement", "format: marked")
    text = text.replace('decimal: "."}', f'decimal: ".", header_line: {above + 1}}}')
    text = text.replace("    - memo\n", f"    - memo\n{columns}")
    shop.write("rules/formats/marked.yaml", f"{text}file:\n{marks}")
    return shop


def lines(*rows: str, head: str = "", columns: str = "") -> str:
    return "\n".join([*filter(None, [head]), HEADER + columns, *rows]) + "\n"


def test_f6_the_files_own_date_is_that_of_yesterday(tmp_path):
    shop = marked(tmp_path, '  date: {line: 1, cell: 2, layout: "%Y%m%d"}\n', above=1)
    shop.pay(D13, T1=10000)
    shop.write(f"in/toss_{D13}.csv", lines(f"T-1,capture,pay-1,PO-1,KRW,10000,{D13} 01:00:00", head="H,20261012"))
    said = shop.run(D13)
    assert said.exit == 3
    entry = shop.entry(D13, "toss")
    assert entry["code"] == "wrong_day" and entry["read"] == 0
    assert entry["reason"] == "the file says it is for 2026-10-12, expected 2026-10-13, as its name has it"
    assert "recon inputs accept" in entry["remedy"] and entry["reason"] in said.out
    assert shop.new(D13)["new"] == 0 and shop.breaks(D13) == {}
    assert shop.accept("in/toss_2026-10-13.csv", why="their clock was wrong").exit == 0
    assert shop.run(D13).exit == 0 and shop.cleared(D13) == 1


def test_f6_the_files_own_number_was_read_before(tmp_path):
    shop = marked(tmp_path, "  sequence: {column: batch}\n", columns="    - batch\n")
    shop.pay(D13, T1=10000)
    shop.pay(D14, T2=20000)
    shop.write(f"in/toss_{D13}.csv", lines(f"T-1,capture,pay-1,PO-1,KRW,10000,{D13} 01:00:00,41", columns=",batch"))
    assert shop.run(D13).exit == 0
    assert shop.entry(D13, "toss")["numbers"] == [41]
    shop.write(f"in/toss_{D14}.csv", lines(f"T-2,capture,pay-2,PO-2,KRW,20000,{D14} 01:00:00,41", columns=",batch"))
    assert shop.run(D14).exit == 3
    entry = shop.entry(D14, "toss")
    assert entry["code"] == "number_repeated"
    assert entry["reason"] == "found number 41, which was read before, expected one that follows 41"
    assert shop.breaks(D14) == {} and shop.new(D14)["new"] == 0


@pytest.mark.parametrize("of", ["column", "name", "account"])
def test_f34_a_file_of_test_mode_or_of_another_account_is_set_aside(tmp_path, of):
    marks = {"column": '  live: {column: livemode, values: ["true"]}\n', "name": "  live: {name_lacks: [test]}\n"}
    source = OWN.replace("psp: toss", "psp: toss, account: KR-1") if of == "account" else OWN
    shop = marked(tmp_path, marks.get(of, "  live: {name_lacks: [test]}\n"), columns="    - livemode\n", source=source)
    shop.pay(D13, T1=10000, T2=20000)
    rows = [f"T-{n},capture,pay-{n},PO-{n},KRW,{n}0000,{D13} 01:00:00" for n in (1, 2)]
    own = {
        "column": lines(f"{rows[0]},true", f"{rows[1]},false", columns=",livemode"),
        "name": lines(*rows),
        "account": lines(*(f"{row},US-9" for row in rows), columns=",account"),
    }
    name = f"toss_{D13}_TEST.csv" if of == "name" else f"toss_{D13}_latest.csv"
    shop.write(f"in/{name}", own[of])
    said = shop.run(D13)
    assert said.exit == 3
    entry = shop.entry(D13, "toss")
    reason = {
        "column": 'a file of test mode: column "livemode": found "false", expected "true"',
        "name": f'its name says "test": a file of test mode, found "in/{name}", expected a name without it',
        "account": "it holds rows of account US-9, but the source is declared for KR-1",
    }
    assert entry["reason"] == reason[of] and entry["reason"] in said.out and entry["remedy"]
    assert entry["code"] == ("stranger" if of == "account" else "test_mode")
    assert shop.new(D13)["new"] == 0 and shop.breaks(D13) == {}
    refused = shop.accept(name)
    assert refused.exit == 2 and "[not-acceptable]" in refused.error, "money that is none is never taken"


def test_f6_a_shipped_format_knows_the_date_that_its_files_bear(tmp_path):
    """PayPal's settlement report says in each section which day it is of."""
    shop = Shop(tmp_path / "shop", more='  paypal: {format: paypal_settlement, files: "in/STL-{date:%Y%m%d}*.CSV"}\n')
    shop.pay(D13, T1=10000)
    shop.settle(f"toss_{D13}.csv", T1=10000)
    report = next((Path(__file__).parents[1] / "formats" / "cases" / "paypal_settlement").glob("*.CSV"))
    shop.write("in/STL-20261013.01.009.CSV", report.read_text("utf-8"))
    said = shop.run(D13)
    assert said.exit == 3
    [entry] = [each for each in shop.left(D13)["inputs"] if each["source"] == "paypal"]
    assert (entry["code"], entry["read"]) == ("wrong_day", 0)
    assert entry["reason"] == "the file says it is for 2026-11-18, expected 2026-10-13, as its name has it"
    assert entry["reason"] in said.out and shop.cleared(D13) == 1


BANK = '  bank: {format: mt940, psp: toss, files: "in/stmt_{date}.sta", expected: business_days}\n'


@pytest.fixture
def bank(tmp_path) -> Shop:
    """The shop with a bank account beside it, whose statement of the 13th (number 40) closes with 500.00 EUR."""
    made = Shop(tmp_path / "shop", more=BANK)
    for n, night in enumerate((D13, D14, D15), 1):
        made.pay(night, **{f"T{n}": n * 1000})
        made.settle(f"toss_{night}.csv", night, **{f"T{n}": n * 1000})
    stated(made, D13, "0,00", "500,00", "40", "C500,00")
    return made


def stated(shop: Shop, day: str, opening: str, closing: str, sequence: str, *lines: str) -> None:
    shop.write(f"in/stmt_{day}.sta", mt940(opening, closing, day[2:].replace("-", ""), sequence, *lines))


def test_f13_an_opening_balance_that_is_not_the_last_closing_balance_is_set_aside(bank):
    assert bank.run(D13).exit == 0
    assert bank.entry(D13, "stmt")["balances"][0]["closing"] == "500.00"
    stated(bank, D14, "400,00", "420,00", "41", "C20,00")
    said = bank.run(D14)
    assert said.exit == 3
    entry = bank.entry(D14, "stmt")
    assert (entry["code"], entry["rows"], entry["read"]) == ("opening_balance", 1, 0)
    assert entry["reason"] == (
        "opening balance of KR-1: found 400.00 EUR, expected 500.00, the closing balance of in/stmt_2026-10-13.sta"
    )
    assert entry["remedy"].startswith("it is looked at again each night: ask the bank for the statement between")
    assert entry["reason"] in said.out and entry["remedy"] in said.out
    assert bank.breaks(D14) == {} and bank.cleared(D14) == 1, "what does not depend on the bank is reconciled"
    assert bank.accept("stmt_2026-10-14.sta").exit == 0
    assert bank.run(D14).exit == 0 and bank.entry(D14, "stmt")["read"] == 1


def test_f13_the_statement_between_arrives_and_the_one_that_waited_is_taken_by_itself(bank):
    """Without numbers that tell a gap there is only the chain of balances: 40, then 40 again a page on."""
    stated(bank, D15, "520,00", "530,00", "0", "C10,00")
    stated(bank, D13, "0,00", "500,00", "0", "C500,00")
    assert bank.run(D13).exit == 0
    said = bank.run(D14)
    assert said.exit == 3 and [wait["kind"] for wait in bank.waits(D14)] == ["file"]
    assert bank.run(D15).exit == 3
    assert {wait["kind"] for wait in bank.waits(D15)} == {"file", "decision"}
    stated(bank, D14, "500,00", "520,00", "0", "C20,00")
    assert bank.run(D15).exit == 0, "the file of the 14th comes first"
    assert [bank.entry(D15, f"stmt_{day}")["read"] for day in (D14, D15)] == [1, 1]


def test_f13_numbered_statements_with_a_gap_are_a_gap_and_no_broken_chain(bank):
    assert bank.run(D13).exit == 0
    stated(bank, D14, "400,00", "420,00", "42", "C20,00")
    said = bank.run(D14)
    assert said.exit == 3 and "41 never arrived (KR-1 of 2026)" in said.out
    assert bank.entry(D14, "stmt")["status"] == "read"
    assert bank.accept("bank/KR-1/2026#41").exit == 0
    assert bank.run(D14).exit == 0
