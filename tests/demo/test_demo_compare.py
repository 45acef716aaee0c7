"""Comparing nights with the truth: each way in which they can differ is told apart."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from recon.demo.compare import compare
from recon.errors import ReconError

TRUTH = """night,reconciliation,key,code,class,state
2026-10-08,payin,PO-1/capture,rounding,auto_fix,break
2026-10-08,payin,PO-2/capture,amount_over,manual_review,break
2026-10-08,payin,PO-3/capture,timing,,pending
2026-10-08,payin,PO-4/capture,in_transit,,cleared
"""
RIGHT = ("PO-1/capture,rounding,auto_fix,new", "PO-2/capture,amount_over,manual_review,persisting")


@pytest.fixture
def night(tmp_path):
    """Write what one night found; gives how that compares with the truth."""
    (tmp_path / "truth.csv").write_text(TRUTH)

    def found(*breaks: str, pending: tuple[str, ...] = ("PO-3/capture",)):
        folder = tmp_path / "nights" / "2026-10-08"
        folder.mkdir(parents=True)
        rows = [f"BRK-{n},payin,{row}" for n, row in enumerate(breaks)]
        (folder / "breaks.csv").write_text("\n".join(("break_id,reconciliation,key,code,class,state", *rows)) + "\n")
        waiting = [f"payin,{key},,2026-10-12" for key in pending]
        (folder / "pending.csv").write_text("\n".join(("reconciliation,key,reason,due", *waiting)) + "\n")
        return compare(tmp_path)

    return found


def test_what_was_planted_and_nothing_else_is_exact(night):
    result = night(*RIGHT, "PO-4/capture,psp_no_order,investigate,resolved")
    assert result.exact
    assert (result.planted, result.right, result.traps, result.recall) == (2, 2, 1, 1.0)


def test_a_missed_break_that_is_not_pending_cleared_wrongly(night):
    result = night(RIGHT[0])
    assert not result.exact
    assert [stand.key for stand in result.missing] == [stand.key for stand in result.wrong_clear] == ["PO-2/capture"]
    assert result.recall == 0.5


def test_a_missed_break_that_is_pending_is_only_missed(night):
    result = night(RIGHT[0], pending=("PO-2/capture", "PO-3/capture"))
    assert [stand.key for stand in result.missing] == ["PO-2/capture"]
    assert result.wrong_clear == ()


def test_a_trap_taken_for_a_break_is_extra(night):
    result = night(*RIGHT, "PO-4/capture,ledger_not_in_psp,investigate,new")
    assert [stand.key for stand in result.extra] == ["PO-4/capture"]
    assert not result.exact


@pytest.mark.parametrize(
    ("row", "list_name"), [("amount_under,manual_review", "wrong_code"), ("amount_over,investigate", "wrong_class")]
)
def test_another_code_or_class_is_told_apart(night, row, list_name):
    result = night(RIGHT[0], f"PO-2/capture,{row},new")
    assert not result.exact and result.missing == result.extra == ()
    [(planted, found)] = getattr(result, list_name)
    assert (planted.code, found.key) == ("amount_over", "PO-2/capture")
    assert result.right == 1


def test_a_planted_pending_group_has_to_be_pending(night):
    result = night(*RIGHT, pending=())
    assert (
        [stand.key for stand in result.not_pending] == [stand.key for stand in result.wrong_clear] == ["PO-3/capture"]
    )


def test_nights_that_did_not_run_found_nothing(tmp_path):
    (tmp_path / "truth.csv").write_text(TRUTH)
    result = compare(tmp_path)
    assert (result.recall, len(result.missing), len(result.not_pending)) == (0.0, 2, 1)


def test_without_a_truth_there_is_nothing_to_compare(tmp_path):
    with pytest.raises(ReconError, match=r"truth\.csv is missing"):
        compare(tmp_path)


def test_the_command_makes_a_shop_and_says_what_comes_next(tmp_path):
    shop: Path = tmp_path / "shop"
    command = [sys.executable, "-m", "recon", "demo", str(shop), "--payments", "300", "--no-run"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "truth in" in done.stdout and "recon run --date 2026-10-08" in done.stderr
    again = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True)
    assert json.loads(again.stdout)["nights"][0] == "2026-10-08"
