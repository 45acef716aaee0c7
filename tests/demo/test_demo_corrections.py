"""The circle on the demo: what is proposed is approved by another person, booked, found by the next night, and closes its break."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path

from click.testing import CliRunner, Result
from demo_shop import keep_only

from recon.cli.main import cli

BEFORE, AFTER = "2026-10-11", "2026-10-12"
#: Of these the books are one part: the order's state, the settled amount or the bank's own line stays as it is, and a person closes them.
NOT_BY_BOOKS = {"bank_short_by_fee", "fx_difference", "void_not_recorded"}


def test_a_booked_correction_closes_its_break(demo: Path, tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    shutil.copytree(demo, shop)
    keep_only(shop, "payin", "fees", "psp_balance", "bank", "payout")
    shutil.rmtree(shop / "nights" / AFTER)
    shutil.rmtree(shop / "state")

    def do(*words: str, exits: tuple[int, ...] = (0,)) -> Result:
        done = CliRunner().invoke(cli, [*words, "--workspace", str(shop)])
        assert done.exit_code in exits, (words, done.output, done.exception)
        return done

    do("run", "--date", BEFORE)
    for target in ("ledger", "treasury"):
        do("fixes", "install-target", target, "--run")
    made = [json.loads(line) for line in (shop / "nights" / BEFORE / "fixes.jsonl").read_text("utf-8").splitlines()]
    journals = {each["fix_id"]: each for each in made if each["kind"] == "journal"}
    for fix_id in journals:
        approve = ("fixes", "approve", fix_id, "--as", "anna", "--why", "seen")
        asked = do(*approve, exits=(0, 1))
        if typed := re.search(r"nothing was done: (.+) was not confirmed", str(asked.exception or "")):
            do(*approve, "--confirm", typed[1])
    do("fixes", "apply", "--as", "robot", "--book-on", AFTER)
    do("run", "--date", AFTER)

    fixes = {each["fix_id"]: each for each in json.loads(do("fixes", "list", "--limit", "9999", "--json").stdout)}
    applied = {fix_id: each for fix_id, each in journals.items() if fixes[fix_id]["status"] == "applied"}
    assert len(applied) == len(journals) > 30, {fix_id: fixes[fix_id]["status"] for fix_id in journals.keys() - applied}
    assert {each["reconciliation"] for each in applied.values()} == {"payin", "fees", "psp_balance", "bank", "payout"}
    with (shop / "nights" / AFTER / "breaks.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["break_id"]: row for row in csv.DictReader(file)}
    closed = 0
    for fix_id, each in applied.items():
        row, was = rows[each["break_id"]], fixes[fix_id]["code"]
        if row["state"] == "resolved":
            closed += 1
            assert f"corrected by fix {fix_id}" in row["reason"]
        else:  # the books are right, and what is still wrong has another name or another place
            assert row["code"] != was or was in NOT_BY_BOOKS, (was, row)
            assert f"{fix_id} was applied on" in row["reason"]
    assert closed > 20
    assert not any(row["code"] == "currency_mismatch" and row["fix_id"] for row in rows.values())
