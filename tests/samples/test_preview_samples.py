"""`recon preview` as a person runs it, on every real Stripe, Adyen and Toss file that lies beside the checkout.

A file that a night would set aside is shown all the same, and says so by exit code 3. That every row is read right is
tests/ingest/test_samples.py; here the totals on the screen are held against a count of the raw file.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

FORMATS = {
    "stripe/*.csv": "stripe_balance_change",
    "adyen/settlement_detail_report_*.csv": "adyen_settlement_details",
    "toss/*.json": "toss_settlements",
}
SAMPLES = Path(__file__).parents[3] / "shared" / "samples"
FILES = [(path, format_) for pattern, format_ in FORMATS.items() for path in sorted(SAMPLES.glob(pattern))]
#: Shortened by hand, so that the batch does not sum to zero.
UNBALANCED = {"settlement_detail_report_chargeback.csv", "settlement_detail_report_donation-ideal.csv"}


def preview(path: Path, format_: str, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "recon", "preview", str(path), "--format", format_, *more]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def counted(path: Path) -> tuple[int, dict[str, Decimal]]:
    """Rows of the raw file, and its money per currency before fees, by the columns' own names."""
    if path.suffix == ".json":
        rows = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
        amounts = [(row["currency"], Decimal(row["amount"])) for row in rows]
    else:
        with path.open(encoding="utf-8", newline="") as handle:
            rows = list(csv.DictReader(line for line in handle if line.strip()))
        amounts = [stripe(row) if "gross" in row else adyen(row) for row in rows]
    sums: dict[str, Decimal] = {}
    for currency, amount in amounts:
        sums[currency] = sums.get(currency, Decimal(0)) + amount
    return len(rows), sums


def stripe(row: dict[str, str]) -> tuple[str, Decimal]:
    return row["currency"].upper(), Decimal(row["gross"])


def adyen(row: dict[str, str]) -> tuple[str, Decimal]:
    """The gross where there is one, else the net, each with its own currency."""
    which, unit = ("Gross", "GC") if row["Gross Debit (GC)"] or row["Gross Credit (GC)"] else ("Net", "NC")
    credit, debit = (Decimal(row[f"{which} {side} ({unit})"] or "0") for side in ("Credit", "Debit"))
    return row[f"{which} Currency"], credit - debit


def test_the_samples_are_there_or_it_is_said_that_they_are_not(samples):
    if samples is None:
        pytest.skip("the samples are not beside this checkout")
    assert len(FILES) >= 9
    assert {path.name for path, _ in FILES} >= UNBALANCED


@pytest.mark.parametrize(("path", "format_"), FILES, ids=lambda value: getattr(value, "name", value))
def test_preview_shows_the_totals_of_a_real_file(path, format_):
    done = preview(path, format_, "--json")
    assert done.returncode == (3 if path.name in UNBALANCED else 0), done.stderr
    shown = json.loads(done.stdout)
    rows, sums = counted(path)
    assert (shown["rows"], shown["read"], shown["quarantined"]) == (rows, rows, 0)
    told: dict[str, Decimal] = {}
    for line in shown["totals"]:
        told[line["currency"]] = told.get(line["currency"], Decimal(0)) + Decimal(line["amount"])
    assert told == sums


@pytest.mark.parametrize(("path", "format_"), FILES, ids=lambda value: getattr(value, "name", value))
def test_preview_shows_raw_beside_read(path, format_):
    done = preview(path, format_, "--rows", "1")
    assert f"read as {format_}" in done.stdout
    assert "psp " in done.stdout
    assert ("a night would set this file aside" in done.stdout) == (path.name in UNBALANCED)
