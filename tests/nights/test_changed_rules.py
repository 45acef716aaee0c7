"""Rules that change between two nights: what an earlier night did not keep of a payment is unknown, and clears nothing."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

from recon.api import run

ROOT = Path(__file__).parents[2]
#: PO-1 clears on the 13th; its order is cancelled later.
FIXTURE = ROOT / "tests" / "fixtures" / "order_after_clearing"


def breaks(result) -> dict[str, str]:
    with (result.folder / "breaks.csv").open(encoding="utf-8", newline="") as file:
        return {row["key"]: row["code"] for row in csv.DictReader(file)}


def test_a_rule_that_reads_a_field_more_does_not_trip_over_earlier_nights(tmp_path):
    """An `agree` over a field of the order that the first night's rules did not read."""
    workspace = tmp_path / "shop"
    shutil.copytree(FIXTURE, workspace, ignore=shutil.ignore_patterns("expected"))
    first = run(workspace, "2026-10-13")
    rules = (ROOT / "rules" / "payin.yaml").read_text(encoding="utf-8")
    more = "agree:\n  - kind <> 'capture' or order.method is null or order.method <> 'barter'\n"
    (workspace / "rules").mkdir()
    (workspace / "rules" / "payin.yaml").write_text(rules.replace("agree:\n", more, 1), encoding="utf-8")
    second = run(workspace, "2026-10-14")
    assert first.verdict in ("reconciled", "breaks", "pending")
    plain = tmp_path / "plain"
    shutil.copytree(FIXTURE, plain, ignore=shutil.ignore_patterns("expected"))
    run(plain, "2026-10-13")
    assert breaks(second) == breaks(run(plain, "2026-10-14"))
