"""recon explain: any id that was ever seen leads to the whole story; what is absent is said to be."""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Callable
from itertools import groupby
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from morning import Said, command

from recon.errors import ReconError

Recon = Callable[..., Said]


def breaks(shop: Path, night: str = "2026-10-12") -> list[dict[str, str]]:
    with (shop / "nights" / night / "breaks.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def lost(shop: Path) -> dict[str, str]:
    """The capture that was never booked."""
    return next(row for row in breaks(shop) if (row["reconciliation"], row["code"]) == ("payin", "psp_not_in_ledger"))


def test_every_id_of_a_payment_tells_the_same_story(shop: Path, recon: Recon) -> None:
    row = lost(shop)
    payment = row["key"].partition("/")[0]
    whole = recon("explain", payment, "--json").json
    orders = {each["kind"] or each["record"] for each in whole["events"]}
    assert orders >= {"capture", "payment_order"}
    references = {row["break_id"], row["fix_id"], row["key"]}
    for reference in references - {""}:
        told = recon("explain", reference, "--json").json
        assert told["found"] and told["payments"] == [payment]
        assert told["events"] == whole["events"]
        assert told["standings"] == whole["standings"]


def test_an_order_and_the_providers_reference_lead_to_the_payment(shop: Path, recon: Recon) -> None:
    found = {}
    for path in shop.glob("nights/2026-10-08/records/*/*.parquet"):
        table = pq.read_table(path)
        if {"payment_order_id", "order_id", "psp_reference", "amount"} <= set(table.column_names):
            for row in table.to_pylist():
                if row["order_id"] and row["psp_reference"]:
                    found[row["payment_order_id"]] = row
    payment, row = sorted((str(k), v) for k, v in found.items())[0]
    whole = recon("explain", payment, "--json").json
    assert {each["record"] for each in whole["events"]} >= {"settlement_line", "ledger_entry", "payment_order"}
    for reference in (row["order_id"], row["psp_reference"]):
        told = recon("explain", reference, "--json").json
        assert payment in told["payments"]
        mine = [each for each in whole["events"] if each["payment"] == payment]
        assert [each for each in told["events"] if each["payment"] == payment] == mine != []


def test_every_break_of_the_demo_is_explained(shop: Path, recon: Recon) -> None:
    """By its id: a record with a place, or a row in quarantine; what was tried; what to do next."""
    codes = {}
    for row in breaks(shop):
        if row["state"] != "resolved" and row["reconciliation"] == "payin":
            codes.setdefault(row["code"], row)
    assert len(codes) >= 20
    for code, row in codes.items():  # each takes a tenth of a second
        told = recon("explain", row["break_id"], "--json").json
        assert told["events"], code
        assert all(each["place"] for each in told["events"]), code
        mine = [each for each in told["breaks"] if each["break_id"] == row["break_id"]]
        assert [each["code"] for each in mine] == [code]
        assert mine[0]["next_step"] and mine[0]["why"]
        kept = pq.read_table(shop / "nights/2026-10-12/tried.parquet").to_pylist()
        assert mine[0]["tried"] == next((each["tried"] for each in kept if each["break_id"] == row["break_id"]), [])


def test_what_cleared_says_what_each_side_said(recon: Recon, shop: Path) -> None:
    told = recon("explain", "PO-00000001", "--json").json
    (last,) = [each for each in told["verdict"] if each["reconciliation"] == "payin"]
    assert last["outcome"] == "cleared"
    assert last["detail"].startswith("psp ") and ", ledger " in last["detail"] and ", order " in last["detail"]


def test_what_is_absent_is_expected_by_a_day_or_overdue(shop: Path, recon: Recon) -> None:
    with (shop / "nights/2026-10-12/pending.csv").open(encoding="utf-8", newline="") as file:
        waiting = next(
            row for row in csv.DictReader(file) if (row["reconciliation"], row["reason"]) == ("payin", "waits for psp")
        )
    told = recon("explain", waiting["key"], "--json").json
    place = (waiting["reconciliation"], waiting["key"])
    (lacking,) = [each for each in told["absent"] if (each["reconciliation"], each["key"]) == place]
    assert (lacking["side"], lacking["by"], lacking["overdue"]) == ("psp", waiting["due"], False)
    assert all(waiting["psp"] in source for source in lacking["sources"])
    late = recon("explain", lost(shop)["key"], "--json").json["absent"]
    assert ("ledger", True) in [(each["side"], each["overdue"]) for each in late if each["reconciliation"] == "payin"]
    said = recon("explain", waiting["key"])
    assert f"expected by {waiting['due']}" in said.out


def test_a_payout_is_told_by_its_totals(shop: Path, recon: Recon) -> None:
    """Hundreds of lines bear it: their number and sum, not the story of each."""
    by_payout: dict[str, list[int]] = {}
    for path in shop.glob("nights/*/records/*/*.parquet"):
        table = pq.read_table(path)
        if {"payout_id", "amount"} <= set(table.column_names):
            for row in table.to_pylist():
                if row["payout_id"] and not row.get("refused"):
                    by_payout.setdefault(row["payout_id"], []).append(row["amount"])
    payout, amounts = max(by_payout.items(), key=lambda each: len(each[1]))
    assert len(amounts) > 50
    told = recon("explain", payout, "--json").json
    assert told["payments"] == []
    assert sum(each["records"] for each in told["totals"]) >= len(amounts)  # and what else names the payout
    assert len(told["events"]) >= len(amounts) or told["more"]


def test_nights_that_say_the_same_are_one_line(shop: Path, recon: Recon) -> None:
    """A line for each run of nights; on 10-10 the ledger's planted break stops automatic fixes, so that night has its own."""
    key = lost(shop)["key"]
    said = recon("explain", key).out
    nights = [path.name for path in sorted((shop / "nights").glob("2*"))]
    classes = [row["class"] for night in nights for row in breaks(shop, night) if row["key"] == key]
    runs = [name.replace("_", " ") for name, _ in groupby(classes)]
    assert len(runs) < len(classes)
    assert re.findall(r"(?m)^2026-10-\d\d.*psp_not_in_ledger \((.*?)\)", said) == runs
    assert " to 10-12" in said
    assert "tried" in said and "our_reference" in said


def test_an_id_that_nobody_saw_is_an_error_that_names_what_is_awaited(recon: Recon) -> None:
    said = recon("explain", "PO-NOBODY")
    assert isinstance(said.error, ReconError) and said.error.name == "unknown-reference"
    told = recon("explain", "PO-NOBODY", "--json")
    assert told.code == 0 and told.json["found"] is False


def test_it_needs_no_database_and_no_rules(shop: Path, tmp_path: Path) -> None:
    """On call at night: the folders are enough, even where the configuration is broken."""
    root = tmp_path / "shop"
    shutil.copytree(shop, root, ignore=shutil.ignore_patterns("*.sqlite", "raw", "in", "state"))
    (root / "recon.yaml").write_text("version: 1\nnonsense: true\n")
    said = command("explain", "-w", root, lost(shop)["break_id"], "--json")
    assert said.json["breaks"][0]["code"] == "psp_not_in_ledger"
    assert [each["side"] for each in said.json["absent"] if each["overdue"]] == ["ledger"]


@pytest.mark.parametrize("reference", ["'", "x' or '1'='1", "%", "/", "\u202e", "a" * 5_000])
def test_a_strange_reference_is_only_text(reference: str, recon: Recon) -> None:
    assert recon("explain", reference, "--json").json["found"] is False
