"""R12: a whole file is 100 times too large. tests/fixtures/mixed_up_units tells the story; here is what comes after it."""

from __future__ import annotations

import csv
import json
import shutil
from datetime import date
from pathlib import Path

import pytest

import recon.api

FIXTURE = Path(__file__).parents[1] / "fixtures" / "mixed_up_units"
BEFORE, BAD, AFTER = date(2026, 10, 12), date(2026, 10, 13), date(2026, 10, 14)
OFF = {"PO-2/capture", "PO-3/capture", "PO-4/capture", "PO-5/capture"}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The workspace after the night before the bad file."""
    root = tmp_path / "shop"
    shutil.copytree(FIXTURE, root, ignore=shutil.ignore_patterns("expected"))
    recon.api.run(root, BEFORE)
    return root


def breaks(shop: Path, night: date) -> dict[str, dict[str, str]]:
    recon.api.run(shop, night)
    with (shop / "nights" / str(night) / "breaks.csv").open(encoding="utf-8", newline="") as file:
        return {row["key"]: row for row in csv.DictReader(file)}


def fixed(shop: Path, night: date) -> set[str]:
    text = (shop / "nights" / str(night) / "fixes.jsonl").read_text("utf-8")
    return {json.loads(line)["break_id"] for line in text.splitlines()}


def rewritten(path: Path, keep: set[str]) -> None:
    """Only the header and the rows of these payments."""
    header, *rows = path.read_text("utf-8").splitlines()
    path.write_text("\n".join([header, *(row for row in rows if keep & set(row.split(",")))]) + "\n", encoding="utf-8")


def sound(shop: Path, payments: int) -> None:
    """So many more payments on the night after, on which all sides agree."""
    rows = {
        "adyen": "A-{0},capture,pay-{0},PO-{0},EUR,5.00,2026-10-14 05:00:00",
        "ledger": "E-{0},psp_receivable,capture,adyen,pay-{0},PO-{0},EUR,5.00,2026-10-14 05:00:00",
        "orders": "PO-{0},adyen,pay-{0},SUCCESS,EUR,5.00,,2026-10-14 05:00:00",
    }
    for source, row in rows.items():
        with (shop / "in" / f"{source}_{AFTER}.csv").open("a", encoding="utf-8") as file:
            file.writelines(row.format(1000 + n) + "\n" for n in range(payments))


def test_r12_a_file_in_minor_units_is_one_suspicion_and_stops_the_fixes_of_its_provider(shop):
    found = breaks(shop, BAD)
    assert {key for key, row in found.items() if row["code"] == "scale_suspected"} == OFF
    assert {found[key]["class"] for key in OFF} == {"investigate"}
    refund = found["PO-1/refund"]
    assert (refund["code"], refund["class"], refund["fix_id"]) == ("refund_not_in_ledger", "manual_review", "")
    assert refund["reason"] == "whole and minor units may be mixed up"
    assert fixed(shop, BAD) == {found["PO-50/capture"]["break_id"]}  # Stripe's


def test_r12_the_mended_format_clears_the_night_when_it_is_run_again(shop):
    breaks(shop, BAD)
    generic = (Path(__file__).parents[2] / "rules" / "formats" / "generic_settlement.yaml").read_text("utf-8")
    formats = shop / "rules" / "formats"
    formats.mkdir(parents=True)
    in_minor = generic.replace("format: generic_settlement", "format: adyen_in_minor")
    in_minor = in_minor.replace("{column: amount}", "{column: amount, money: minor}")
    assert in_minor.count("money: minor") == 1
    (formats / "adyen_in_minor.yaml").write_text(in_minor, encoding="utf-8")
    settings = shop / "recon.yaml"
    settings.write_text(
        settings.read_text("utf-8").replace("adyen: {format: generic_settlement", "adyen: {format: adyen_in_minor"),
        encoding="utf-8",
    )
    found = breaks(shop, BAD)
    assert set(found) == {"PO-1/refund", "PO-50/capture", "PO-51/capture"}
    refund = found["PO-1/refund"]
    assert (refund["class"], refund["psp_amount"]) == ("auto_fix", "-0.90")
    assert refund["break_id"] in fixed(shop, BAD)


def test_r12_a_large_sound_file_on_the_next_night_does_not_end_the_suspicion(shop):
    breaks(shop, BAD)
    sound(shop, 100)
    found = breaks(shop, AFTER)
    assert {key for key, row in found.items() if row["code"] == "scale_suspected"} == OFF
    assert found["PO-1/refund"]["class"] == "manual_review"


@pytest.mark.parametrize(("payments", "suspected"), [(27, True), (28, False)])
def test_r12_several_payments_that_are_off_among_many_are_a_coincidence(shop, payments, suspected):
    """Three of 30 are a tenth; of 31 less."""
    for source in ("adyen", "ledger", "orders"):
        kept = {"PO-2", "PO-3", "PO-4"}
        (shop / "in" / f"{source}_{AFTER}.csv").unlink()
        path = shop / "in" / f"{source}_{BAD}.csv"
        rewritten(path, kept)
        path.rename(shop / "in" / f"{source}_{AFTER}.csv")
    (shop / "in" / f"stripe_{BAD}.csv").unlink()
    sound(shop, payments)
    breaks(shop, BAD)
    codes = {row["code"] for row in breaks(shop, AFTER).values()}
    assert codes == ({"scale_suspected"} if suspected else {"amount_over"})


@pytest.mark.parametrize(("payments", "codes"), [(2, {"amount_over"}), (3, {"scale_suspected"})])
def test_r12_two_payments_are_not_enough(shop, payments, codes):
    for source in ("adyen", "ledger", "orders"):
        rewritten(shop / "in" / f"{source}_{BAD}.csv", {f"PO-{n}" for n in range(2, 2 + payments)})
    (shop / "in" / f"stripe_{BAD}.csv").unlink()
    assert {row["code"] for row in breaks(shop, BAD).values()} == codes
