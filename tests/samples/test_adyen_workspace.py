"""A workspace on real Adyen files, where they lie beside the checkout: a whole batch runs to a report."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

import recon.api

NIGHT = "2021-01-07"
BATCH = "settlement_detail_report_batch_380.csv"
RECON_YAML = f"""\
version: 1
name: adyen-samples
time_zone: Europe/Amsterdam
calendar: TARGET
calendars: {{TARGET: {{market: ECB}}}}
opening: {{empty_from: {NIGHT}}}
sources:
  adyen: {{format: adyen_settlement_details, files: "in/adyen_{{date}}*.csv", calendar: TARGET, expected: daily}}
  ledger: {{format: generic_ledger, moves: events, files: "in/ledger_{{date}}.csv"}}
  orders: {{format: generic_payment_order, moves: changes, files: "in/orders_{{date}}.csv"}}
reconciliations: [payin]
"""
Rows = list[dict[str, str]]
Change = Callable[[Rows, Rows], None]


@pytest.fixture
def adyen(samples: Path | None) -> Path:
    if samples is None:
        pytest.skip("the samples are not beside this checkout")
    return samples / "adyen"


def lines_of(path: Path) -> Rows:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(line for line in handle if line.strip()))


def books_of(lines: Rows) -> tuple[Rows, Rows]:
    """The ledger and the orders of somebody whose books say what Adyen's lines say."""
    ledger: Rows = []
    orders: Rows = []
    for line in lines:
        if line["Type"] not in ("Settled", "Refunded"):
            continue
        capture = line["Type"] == "Settled"
        amount = Decimal(line["Gross Credit (GC)"] or "0") - Decimal(line["Gross Debit (GC)"] or "0")
        shared = {
            "psp": "adyen",
            "psp_reference": line["Psp Reference"] if capture else line["Modification Reference"],
            "payment_order_id": line["Merchant Reference"],
            "currency": line["Gross Currency"],
            "amount": str(amount),
        }
        about = {
            "account": "psp_receivable",
            "kind": "capture" if capture else "refund",
            "posted_at": "2021-01-05 10:00:00",
        }
        ledger.append({"entry_id": f"E-{len(ledger) + 1}", **about, **shared})
        if capture:
            orders.append({**shared, "status": "SUCCESS", "captured_amount": "", "updated_at": "2021-01-05 10:00:00"})
    return ledger, orders


def write(path: Path, rows: Rows) -> None:
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def workspace(root: Path, adyen: Path, change: Change = lambda ledger, orders: None) -> Path:
    (root / "in").mkdir(parents=True)
    (root / "recon.yaml").write_text(RECON_YAML, encoding="utf-8")
    shutil.copy(adyen / BATCH, root / "in" / f"adyen_{NIGHT}.csv")
    ledger, orders = books_of(lines_of(adyen / BATCH))
    change(ledger, orders)
    write(root / "in" / f"ledger_{NIGHT}.csv", ledger)
    write(root / "in" / f"orders_{NIGHT}.csv", orders)
    return root


def breaks_of(folder: Path) -> dict[str, tuple[str, str, str]]:
    with (folder / "breaks.csv").open(encoding="utf-8", newline="") as handle:
        return {row["key"]: (row["code"], row["class"], row["difference"]) for row in csv.DictReader(handle)}


def test_a_real_batch_reconciles_with_books_that_agree(adyen, tmp_path):
    night = recon.api.run(workspace(tmp_path, adyen), NIGHT)
    assert night.verdict == "reconciled"
    assert night.counts["cleared"] == 226  # 220 captures, 6 refunds
    [tie] = json.loads((night.folder / "summary.json").read_text())["reconciliations"]["payin"]["tie_out"]
    lines = lines_of(adyen / BATCH)
    gross = sum(
        Decimal(line["Gross Credit (GC)"] or "0") - Decimal(line["Gross Debit (GC)"] or "0")
        for line in lines
        if line["Type"] in ("Settled", "Refunded")
    )
    assert (tie["external"], tie["internal"], tie["cleared"]) == (str(gross),) * 3
    [file] = [
        each for each in json.loads((night.folder / "inputs.json").read_text())["inputs"] if each["source"] == "adyen"
    ]
    assert (file["rows"], file["read"]) == (228, 228)
    assert file["controls"] == [["batch sums to zero", "proved", "1 group(s)"]]
    page = (night.folder / "report.html").read_text(encoding="utf-8")
    assert "reconciled" in page
    assert (night.folder / "report.xlsx").stat().st_size > 5_000


def test_planted_differences_are_the_only_breaks_of_a_real_batch(adyen, tmp_path):
    planted: dict[str, tuple[str, str, str]] = {}

    def expect(row: dict[str, str], kind: str, code: str, class_: str, difference: str) -> None:
        planted[f"{row['payment_order_id']}/{kind}"] = (code, class_, difference)

    def change(ledger: Rows, orders: Rows) -> None:
        captures = [row for row in ledger if row["kind"] == "capture"]
        [refund, *_] = [row for row in ledger if row["kind"] == "refund"]
        order = {row["payment_order_id"]: row for row in orders}

        def order_of(row: dict[str, str]) -> dict[str, str]:
            return order[row["payment_order_id"]]

        lost, without_order, more, cent, twice, waiting, foreign = captures[:7]
        expect(lost, "capture", "psp_not_in_ledger", "auto_fix", lost["amount"])
        ledger.remove(lost)
        expect(without_order, "capture", "psp_no_order", "investigate", "0.00")
        orders.remove(order_of(without_order))
        expect(more, "capture", "amount_under", "manual_review", "-5.00")
        more["amount"] = str(Decimal(more["amount"]) + 5)
        expect(cent, "capture", "rounding", "auto_fix", "0.01")
        cent["amount"] = str(Decimal(cent["amount"]) - Decimal("0.01"))
        expect(twice, "capture", "dup_ledger_posting", "auto_fix", f"-{twice['amount']}")
        ledger.append({**twice, "entry_id": "E-again"})
        expect(waiting, "capture", "order_status_lag", "auto_fix", "0.00")
        order_of(waiting)["status"] = "PENDING"
        expect(foreign, "capture", "currency_mismatch", "investigate", "")
        order_of(foreign)["currency"] = "EUR"
        expect(refund, "refund", "refund_not_in_ledger", "manual_review", refund["amount"])  # its capture is not known
        ledger.remove(refund)

    night = recon.api.run(workspace(tmp_path, adyen, change), NIGHT)
    assert {key: (code, class_, two_places(text)) for key, (code, class_, text) in planted.items()} == breaks_of(
        night.folder
    )
    assert night.counts["cleared"] == 226 - len(planted)
    assert night.verdict == "breaks"


def two_places(text: str) -> str:
    return f"{Decimal(text):.2f}" if text else ""


@pytest.mark.parametrize("name", ["chargeback", "donation-ideal"])
def test_a_real_file_that_does_not_balance_is_set_aside_whole_with_a_reason(adyen, tmp_path, name):
    root = workspace(tmp_path, adyen)
    shutil.copy(adyen / f"settlement_detail_report_{name}.csv", root / "in" / f"adyen_{NIGHT}_{name}.csv")
    night = recon.api.run(root, NIGHT)
    assert (night.verdict, night.incomplete) == ("incomplete", ("adyen",))
    inputs = json.loads((night.folder / "inputs.json").read_text())["inputs"]
    [aside] = [each for each in inputs if each["status"] == "set_aside"]
    assert aside["name"] == f"in/adyen_{NIGHT}_{name}.csv"
    assert aside["reason"].startswith("control total failed: batch sums to zero")
    assert aside["remedy"]
    assert aside["reason"].split(":")[0] in (night.folder / "report.html").read_text(encoding="utf-8")
    assert night.counts["cleared"] == 226  # the sound file of the same night is read
    assert breaks_of(night.folder) == {}


def test_every_balanced_settlement_file_enters_one_night(adyen, tmp_path):
    """Shapes of other years and accounts: blank lines, batches without payments, the long column set."""
    root = workspace(tmp_path, adyen)
    for name in ("batch_100", "batch_238", "deposit_correction"):
        shutil.copy(adyen / f"settlement_detail_report_{name}.csv", root / "in" / f"adyen_{NIGHT}_{name}.csv")
    night = recon.api.run(root, NIGHT)
    assert night.verdict == "reconciled"
    read = {each["name"]: each["read"] for each in json.loads((night.folder / "inputs.json").read_text())["inputs"]}
    assert sum(count for file, count in read.items() if "/adyen_" in file) == 228 + 3 + 3 + 2
