"""Fees from night to night: mended terms judge what is open, a proposed entry closes its break, fees may be booked by payout."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest

from recon.api import run

ROOT = Path(__file__).parents[2]
FIXTURE = ROOT / "tests" / "fixtures" / "fees_and_contracts"
LEDGER = "entry_id,journal_id,account,kind,psp,psp_reference,payment_order_id,payout_id,currency,amount,posted_at\n"


@pytest.fixture
def workspace(tmp_path) -> Path:
    root = tmp_path / "shop"
    shutil.copytree(FIXTURE, root, ignore=shutil.ignore_patterns("expected"))
    return root


def breaks(result, reconciliation: str = "fees") -> dict[str, tuple[str, str]]:
    """Key -> (code, state)."""
    with (result.folder / "breaks.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["reconciliation"] == reconciliation]
    return {row["key"]: (row["code"], row["state"]) for row in rows}


def test_terms_that_were_mended_judge_what_is_open(workspace):
    """Euros have a contract after all, and what came under no terms is by it; nothing else is judged otherwise."""
    run(workspace, "2026-10-13")
    terms = (workspace / "terms" / "nova.yaml").read_text(encoding="utf-8")
    euros = terms.replace("terms: nova\n", "terms: nova_eur\n").replace("currency: USD", "currency: EUR")
    (workspace / "terms" / "nova_eur.yaml").write_text(euros, encoding="utf-8")
    config = workspace / "recon.yaml"
    config.write_text(config.read_text("utf-8").replace("terms: [nova]", "terms: [nova, nova_eur]"), encoding="utf-8")
    found = breaks(run(workspace, "2026-10-14"))
    with (FIXTURE / "expected/2026-10-14/breaks.csv").open(encoding="utf-8", newline="") as file:
        expected = {row["key"]: (row["code"], row["state"]) for row in csv.DictReader(file)}
    assert found == expected | {"nova/R-07": ("fee_without_terms", "resolved")}


def test_what_cleared_stays_cleared_under_other_terms(workspace):
    run(workspace, "2026-10-13")
    terms = workspace / "terms" / "nova.yaml"
    terms.write_text(terms.read_text("utf-8").replace('"2.9"', '"1.9"'), encoding="utf-8")
    found = breaks(run(workspace, "2026-10-14"))
    assert not {"nova/R-01", "nova/R-02"} & found.keys()
    assert found["nova/R-05"] == ("dispute_fee_unbooked", "new")


def test_the_entries_that_are_proposed_close_their_breaks_and_trouble_no_other(workspace):
    """Every proposed journal is booked as it stands; payin, which follows the receivable, has nothing of it."""
    orders = "payment_order_id,psp,psp_reference,status,currency,amount,captured_amount,updated_at\n"
    orders += "PO-99,nova,R-99,PENDING,USD,1.00,,2026-10-13 01:00:00\n"
    (workspace / "in" / "orders_2026-10-13.csv").write_text(orders, encoding="utf-8")
    config = workspace / "recon.yaml"
    source = '  orders: {format: generic_payment_order, moves: changes, files: "in/orders_{date}.csv"}\nreconciliations: [fees, payin]\n'
    config.write_text(config.read_text("utf-8").replace("reconciliations: [fees]\n", source), encoding="utf-8")
    run(workspace, "2026-10-13")
    before = run(workspace, "2026-10-14")
    fixes = [json.loads(line) for line in (before.folder / "fixes.jsonl").read_text("utf-8").splitlines()]
    fixes = [fix for fix in fixes if fix["reconciliation"] == "fees"]
    rows = [
        f"F-{n}-{at},F-{n},{posting['account']},{fix['references']['kind']},{fix['references']['psp']},"
        f"{fix['references']['psp_reference']},,,{posting['currency']},{posting['amount']},2026-10-15 13:00:00\n"
        for n, fix in enumerate(fixes)
        for at, posting in enumerate(fix["postings"])
        if float(posting["amount"]) != 0
    ]
    (workspace / "in" / "ledger_2026-10-15.csv").write_text(LEDGER + "".join(rows), encoding="utf-8")
    after = run(workspace, "2026-10-15")
    closed = {key for key, (_, state) in breaks(after).items() if state == "resolved"}
    assert closed == {"nova/R-04", "nova/R-05", "nova/R-08", "nova/R-09", "nova/R-18"}
    assert {fix["template"] for fix in fixes} == {"book_fee", "claim_fee"}
    assert breaks(after, "payin").keys() == breaks(before, "payin").keys() != set()


def test_fees_that_are_booked_by_payout(tmp_path):
    """As docs/reconciliations/fees.md says it: another first pass, and no second."""
    rules = (ROOT / "rules" / "fees.yaml").read_text(encoding="utf-8")
    passes = (
        "  - {name: psp_reference, on: [psp, psp_reference]}\n  - {name: our_reference, on: [psp, payment_order_id]}\n"
    )
    assert passes in rules
    for folder in ("rules", "in"):
        (tmp_path / folder).mkdir()
    shutil.copytree(FIXTURE / "terms", tmp_path / "terms")
    shutil.copyfile(FIXTURE / "recon.yaml", tmp_path / "recon.yaml")
    own = rules.replace(passes, "  - {name: payout, on: [psp, payout_id]}\n")
    (tmp_path / "rules" / "fees.yaml").write_text(own, encoding="utf-8")
    lines = ["natural_id,kind,psp_reference,payout_id,currency,amount,fee,tax,occurred_at"]
    for number, (payout, fee) in enumerate([("P-1", "3.20"), ("P-1", "3.20"), ("P-2", "3.20"), ("P-2", "3.90")]):
        lines.append(f"N-{number},capture,R-{number},{payout},USD,100.00,{fee},0.32,2026-10-13 01:00:00")
    (tmp_path / "in" / "nova_2026-10-13.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    booked = [("P-1", "psp_fees", "6.40"), ("P-1", "input_vat", "0.64"), ("P-2", "psp_fees", "7.10"), ("P-2", "input_vat", "0.64")]  # fmt: skip
    rows = [f"E-{n},J-1,{a},fee,nova,,,{p},USD,{m},2026-10-13 13:00:00\n" for n, (p, a, m) in enumerate(booked)]
    (tmp_path / "in" / "ledger_2026-10-13.csv").write_text(LEDGER + "".join(rows), encoding="utf-8")
    assert breaks(run(tmp_path, "2026-10-13")) == {"nova/P-2": ("fee_variance", "new")}
