"""Real bank files of public projects, where they lie beside the checkout: rows and sums per kind and currency against a
count made another way (regular expressions, ElementTree, csv); and for those that a night sets aside, why.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

import pytest
from ingest_reading import Reader, shipped

from recon.domain.money import to_text
from recon.domain.rulebook import Moves, Source

Line = tuple[str, str, Decimal]  # kind, currency, signed amount
CSV = {
    "balance.csv": "bank_csv_balance",
    "debit_credit.csv": "bank_csv_flag",
    "multi_currency.csv": "bank_csv_signed",
    "meta_data_separated_credit_debit.csv": "bank_csv_debit_credit",
    "sample.fr.cp1252.csv": "bank_csv_cp1252",
}
#: Why a night sets a sample aside: each is made up or shortened, so that it does not balance, or says nothing.
ASIDE = {
    "oca-test-camt053.xml": "but the closing balance is 15121.12 EUR",
    "camt53.only-Dt-with-DtTm.xml": "the file holds no line, and no two equal balances",
    "cmxl_mt940.sta": "11 of 16 rows cannot be read",
    "jejik_abnamro.sta": "but the closing balance is 876.84 EUR",
    "jejik_ing.sta": "but the closing balance is 3.47 EUR",
    "sample4-continuations-newline-delimited.txt": "the account 107049932 claims total -1260161341762",
    "meta_data_separated_credit_debit.csv": "but the closing balance is 31070.11 EUR",
}
#: Rows in quarantine: marks that went out of use (DEM), and a `$120`.
REFUSED = {"cmxl_mt940.sta": 11, "decimal_error.ofx": 1}


def camt(path: Path) -> Iterator[Line]:
    for entry in ElementTree.parse(path).iter():
        if not entry.tag.endswith("}Ntry"):
            continue
        found = {each.tag.rpartition("}")[2]: each for each in entry}
        out = found["CdtDbtInd"].text == "DBIT"
        kind = (
            "returned" if any(each.tag.endswith("}RtrInf") for each in entry.iter()) else "debit" if out else "credit"
        )
        amount = Decimal(str(found["Amt"].text))
        yield kind, found["Amt"].attrib["Ccy"], -amount if out else amount


def mt940(path: Path) -> Iterator[Line]:
    currency = ""
    for line in path.read_text("utf-8").split("\n"):
        if opening := re.match(r":60[FM]:[CD]\d{6}([A-Z]{3})", line):
            currency = opening[1]
        if not (found := re.match(r":61:\d{6}(?:\d{4})?([CD])[A-Z]?(\d+),(\d*)[NFS](.{3})", line)):
            continue
        amount = Decimal(f"{found[2]}.{found[3] or 0}") * (1 if found[1] == "C" else -1)
        kind = "returned" if found[4] == "RTI" else "credit" if amount > 0 else "debit"
        if currency != "DEM":
            yield kind, currency, amount


def bai2(path: Path) -> Iterator[Line]:
    currency = "USD"
    for line in path.read_text("utf-8").split("\n"):
        if account := re.match(r"03,[^,]*,([A-Z]{3})?,", line):
            currency = account[1] or "USD"
        if found := re.match(r"16,(\d{3}),(\d+),", line):
            amount = Decimal(found[2]) / 100 * (1 if int(found[1]) < 400 else -1)
            came_back = found[1] in ("255", "257", "261", "266", "557")
            yield "returned" if came_back else "credit" if amount > 0 else "debit", currency, amount


def ofx(path: Path) -> Iterator[Line]:
    text = path.read_text("utf-8")
    currency = re.findall(r"<CURDEF>([A-Z]{3})", text)[0]
    for amount in re.findall(r"<TRNAMT>([0-9.+-]+)\s*(?:<|\n|\r)", text):
        yield "debit" if amount.startswith("-") else "credit", currency, Decimal(amount)


def bank_csv(path: Path) -> Iterator[Line]:
    with path.open(encoding="cp1252", newline="") as file:
        lines = [row for row in csv.reader(file) if re.match(r"\d", row[0])]
    for row in lines:
        if path.name.startswith("meta"):
            amount = Decimal((row[3] or row[4]).replace(",", "."))
        else:
            at = {"multi_currency.csv": 3}.get(path.name, 2)
            amount = Decimal(row[at].replace(",", ""))
            if path.name == "debit_credit.csv":
                amount = abs(amount) * (-1 if row[3] == "D" else 1)
        named = {"multi_currency.csv": row[2], "balance.csv": "USD", "debit_credit.csv": "USD"}
        yield "credit" if amount > 0 else "debit", named.get(path.name, "EUR"), amount


READERS: dict[str, tuple[Callable[[Path], Iterator[Line]], str]] = {
    "camt": (camt, "camt053"),
    "mt940": (mt940, "mt940"),
    "bai2": (bai2, "bai2"),
    "ofx": (ofx, "ofx"),
    "generic-bank-csv": (bank_csv, ""),
}


def summed(lines: Iterator[Line]) -> dict[tuple[str, str], tuple[int, Decimal]]:
    sums: dict[tuple[str, str], tuple[int, Decimal]] = defaultdict(lambda: (0, Decimal(0)))
    for kind, currency, amount in lines:
        count, total = sums[kind, currency]
        sums[kind, currency] = (count + 1, total + amount)
    return dict(sums)


@pytest.mark.parametrize("family", READERS)
def test_every_sample_reads_or_is_set_aside_for_a_reason(samples: Path | None, read: Reader, family: str) -> None:
    if samples is None:
        pytest.skip("the sample files are not beside this checkout")
    count, usual = READERS[family]
    files = sorted((samples / family).iterdir())
    assert files
    for path in files:
        name = "camt054" if "camt054" in path.name else CSV.get(path.name, usual)
        fmt = shipped(name)
        account = "" if "account" in fmt.fields else "ours"
        source = Source("bank", "bank_line", Moves.EVENTS, account=account)
        kept = read(path.read_bytes(), fmt, keep=True, source=source)
        found = {(k, c): (rows, Decimal(to_text(minor, c))) for k, c, rows, minor in kept.loaded.totals}
        assert found == summed(count(path)), path.name
        assert kept.loaded.quarantined == REFUSED.get(path.name, 0), path.name
        assert kept.loaded.rows == sum(rows for rows, _ in found.values()) + kept.loaded.quarantined
        assert ASIDE.get(path.name, "") in kept.reason and bool(kept.reason) == (path.name in ASIDE), path.name


def test_what_does_not_balance_is_taken_flagged_where_a_format_says_so(samples: Path | None, read: Reader) -> None:
    if samples is None:
        pytest.skip("the sample files are not beside this checkout")
    for path, name, rows in (
        ("camt/oca-test-camt053.xml", "camt053", 3),
        ("mt940/jejik_abnamro.sta", "mt940", 10),
        ("mt940/jejik_ing.sta", "mt940", 7),
        ("bai2/sample4-continuations-newline-delimited.txt", "bai2", 17),
    ):
        result = read((samples / path).read_bytes(), shipped(name, unbalanced="flag"))
        assert (result.reason, len(result.records)) == ("", rows), path
        assert any("taken all the same" in each for each in result.loaded.warnings), path


def test_the_balances_of_a_real_statement(samples: Path | None, read: Reader) -> None:
    if samples is None:
        pytest.skip("the sample files are not beside this checkout")
    result = read((samples / "mt940" / "betterplace_with_binary_character.sta").read_bytes(), shipped("mt940"))
    assert [(each.account, each.opening, each.closing) for each in result.loaded.balances] == [
        ("51230800/0000007055", 38011577, 19992902),
        ("51230800/0000007304", 13007319, 13119319),
    ]
    paypal = result.records[0]
    assert (paypal["counterparty"], paypal["amount"], paypal["bank_text"]) == ("PAYPAL", 2700, "Bank Transfer Credit")
    assert "ABBUCHUNG VOM PAYPAL-KONTO" in paypal["remittance"]
