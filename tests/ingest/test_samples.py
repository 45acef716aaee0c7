"""Real files of public projects, where they lie beside the checkout: rows and sums against a count made another way."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from ingest_reading import Reader, shipped

from recon.domain.money import to_text

Sums = dict[tuple[str, str], tuple[int, Decimal]]
Count = Callable[[Path], Iterator[tuple[str, str, Decimal]]]

STRIPE_KINDS = {
    "charge": "capture",
    "refund": "refund",
    "dispute": "chargeback",
    "dispute_reversal": "chargeback_reversal",
    "fee": "fee",
    "payout": "payout",
}
ADYEN_KINDS = {
    "Settled": "capture",
    "Refunded": "refund",
    "Chargeback": "chargeback",
    "Fee": "fee",
    "MerchantPayout": "payout",
    "Balancetransfer": "adjustment",
    "DepositCorrection": "reserve",
}
#: Adyen samples whose batch does not sum to zero: made up, or shortened by hand.
UNBALANCED = {"settlement_detail_report_chargeback.csv", "settlement_detail_report_donation-ideal.csv"}


def rows_of(path: Path) -> Iterator[dict[str, str]]:
    lines = [line for line in path.read_text("utf-8").splitlines() if line.strip()]
    yield from csv.DictReader(lines)


def summed(parts: Iterator[tuple[str, str, Decimal]]) -> Sums:
    sums: dict[tuple[str, str], tuple[int, Decimal]] = defaultdict(lambda: (0, Decimal(0)))
    for kind, currency, amount in parts:
        count, total = sums[kind, currency]
        sums[kind, currency] = (count + 1, total + amount)
    return dict(sums)


def stripe(path: Path) -> Iterator[tuple[str, str, Decimal]]:
    for row in rows_of(path):
        yield STRIPE_KINDS[row["reporting_category"]], row["currency"].upper(), Decimal(row["gross"])


def adyen(path: Path) -> Iterator[tuple[str, str, Decimal]]:
    for row in rows_of(path):
        gross = row["Gross Credit (GC)"] or row["Gross Debit (GC)"]
        letter, currency = ("G", row["Gross Currency"]) if gross else ("N", row["Net Currency"])
        names = {"G": ("Gross Credit (GC)", "Gross Debit (GC)"), "N": ("Net Credit (NC)", "Net Debit (NC)")}[letter]
        credit, debit = (Decimal(row[name] or "0") for name in names)
        yield ADYEN_KINDS[row["Type"]], currency, credit - debit


def toss(path: Path) -> Iterator[tuple[str, str, Decimal]]:
    for row in json.loads(path.read_text("utf-8"), parse_int=Decimal):
        yield "refund" if row["cancel"] else "capture", row["currency"], row["amount"]


def files(samples: Path | None, pattern: str) -> list[Path]:
    if samples is None:
        pytest.skip("the sample files are not beside this checkout")
    found = sorted(samples.glob(pattern))
    assert found, pattern
    return found


@pytest.mark.parametrize(
    ("pattern", "fmt", "count"),
    [
        ("stripe/*.csv", "stripe_balance_change", stripe),
        ("adyen/settlement_detail_report_*.csv", "adyen_settlement_details", adyen),
        ("toss/*.json", "toss_settlements", toss),
    ],
)
def test_every_sample_reads_and_its_sums_are_right(
    samples: Path | None, read: Reader, pattern: str, fmt: str, count: Count
) -> None:
    for path in files(samples, pattern):
        result = read(path.read_bytes(), shipped(fmt), keep=True)
        found = {
            (kind, currency): (rows, Decimal(to_text(minor, currency)))
            for kind, currency, rows, minor in result.loaded.totals
        }
        assert found == summed(count(path)), path.name
        assert result.loaded.quarantined == 0, path.name
        assert result.loaded.rows == sum(rows for rows, _ in found.values())


def test_unbalanced_adyen_samples_are_set_aside_in_a_night(samples: Path | None, read: Reader) -> None:
    for path in files(samples, "adyen/settlement_detail_report_*.csv"):
        result = read(path.read_bytes(), shipped("adyen_settlement_details"))
        [(name, state, _)] = result.loaded.controls
        assert name == "batch sums to zero"
        if path.name in UNBALANCED:
            assert state == "failed" and result.reason.startswith("control total failed") and result.records == []
        else:
            assert state in ("proved", "unproven") and result.reason == "" and result.records


def test_the_stripe_payout_row_that_does_not_add_up_is_told(samples: Path | None, read: Reader) -> None:
    [path] = files(samples, "stripe/settlement_report.csv")
    warnings = read(path.read_bytes(), shipped("stripe_balance_change")).loaded.warnings
    assert warnings == ("1 row(s) whose amount - fee - tax is not their net, kept as written: line 8",)


def test_an_adyen_batch_in_full(samples: Path | None, read: Reader) -> None:
    [path] = files(samples, "adyen/settlement_detail_report_batch_380.csv")
    result = read(path.read_bytes(), shipped("adyen_settlement_details"))
    assert result.loaded.controls == (("batch sums to zero", "proved", "1 group(s)"),)
    by_kind = {record["kind"]: record for record in result.records}
    assert by_kind["refund"]["psp_reference"] == by_kind["refund"]["natural_id"]
    assert by_kind["payout"]["psp_reference"] is None
    assert all(record["settled_amount"] - (record["fee"] or 0) == record["net"] for record in result.records)
