"""Hand-made histories through the whole pipeline: what random shops meet seldom. What cleared is forgotten after one day.

Every case is a shop of its own (its references begin with its name) and all cases share one workspace. Nights are
2026-11-19 (a Thursday) and after.
"""

from __future__ import annotations

import csv
from collections import Counter
from datetime import UTC, datetime, time, timedelta
from itertools import count
from pathlib import Path

import oracle
import pytest
import shops
import workspaces

import recon.api

NIGHTS, LOOK_BACK_DAYS = 6, 1
NUMBERS = count(1)
BREAKS, PENDING = "breaks", "pending"


def row(record: str, payment: str | None, reference: str | None, amount: int, kind: str, **fields) -> dict:
    base = {"record": record, "payment_order_id": payment, "psp_reference": reference, "amount": amount, "kind": kind}
    return {**base, "psp": "stripe", "currency": "USD", "number": next(NUMBERS), **fields}


def psp(payment: str | None, reference: str | None, amount: int, kind: str = "capture", **fields) -> dict:
    made = row("settlement_line", payment, reference, amount, kind, source="stripe", **fields)
    return {"natural_id": f"L{made['number']}", **made}


def ledger(payment: str | None, reference: str | None, amount: int, kind: str = "capture", **fields) -> dict:
    made = row("ledger_entry", payment, reference, amount, kind, source="ledger", account="psp_receivable", **fields)
    return {"entry_id": f"E{made['number']}", **made}


def order(payment: str, reference: str | None, amount: int, status: str = "SUCCESS") -> dict:
    made = row("payment_order", payment, reference, amount, "", source="orders", status=status, captured_amount=None)
    del made["kind"]
    return made


def paid(payment: str, reference: str | None, amount: int) -> list[dict]:
    return [psp(payment, reference, amount), ledger(payment, reference, amount), order(payment, reference, amount)]


def unreadable(made: dict) -> dict:
    return {**made, "unreadable": True}


def replay_of_an_open_row() -> list[list[dict]]:
    line = psp("P1", "R1", 111)
    return [[line, order("P1", "R1", 111)], [], [], [dict(line)]]


def restatement_of_an_open_row() -> list[list[dict]]:
    line = psp("P1", "R1", 112)
    return [[line, order("P1", "R1", 112)], [], [], [{**line, "amount": 113}]]


def replay_of_an_unclaimed_row() -> list[list[dict]]:
    line = psp("P1", "R1", 114, "unknown", natural_id="X")
    return [[line], [], [], [dict(line)]]


def two_unreadable_rows_of_one_payment() -> list[list[dict]]:
    return [[unreadable(psp("P1", "R1", -120, "refund")), unreadable(psp("P1", "R1", -121, "refund"))]]


def restated_unclaimed_row() -> list[list[dict]]:
    line = psp("P1", "R1", 130, "unknown", natural_id="X")
    return [[line], [{**line, "amount": 131}]]


def line_that_bears_the_reference_of_an_old_row_that_cleared_last_night() -> list[list[dict]]:
    early, late = ledger("P1", "R1", 140), [psp("P1", "R2", 140), order("P1", "R2", 140)]
    return [[early], [], late, [psp(None, "R1", 5)]]


def line_that_bears_a_reference_that_was_replaced() -> list[list[dict]]:
    return [
        [order("P1", "R1", 150)],
        [psp("P1", "R2", 150), ledger("P1", "R2", 150), order("P1", "R2", 150)],
        [psp(None, "R1", 6)],
    ]


def refund_that_rejoins_and_its_posting_that_would_wait() -> list[list[dict]]:
    refund = [psp("P1", "F1", -160, "refund"), ledger("P1", "F1", -160, "refund")]
    more = [psp(None, "F1", -161, "refund"), ledger("P1", None, -161, "refund")]
    return [[*paid("P1", "R1", 999), *refund], more]


def second_line_of_a_part_of_a_united_payment() -> list[list[dict]]:
    parts = [psp("P1", "R1", 170), order("P1", "R1", 170), ledger("P2", "R1", 170)]
    return [parts, [psp("P2", "R3", 7)]]


def refunds_of_an_order_of_several_versions_whose_capture_is_forgotten() -> list[list[dict]]:
    refunds = [psp("P1", "F1", -180, "refund"), psp("P1", "F2", -180, "refund"), ledger("P1", "F1", -360, "refund")]
    return [paid("P1", "R1", 180), [order("P1", "R1", 180)], [order("P1", "R1", 180, "UNKNOWN"), *refunds]]


def one_reference_on_hundreds_of_lines() -> list[list[dict]]:
    """A provider or a till that writes a constant where our reference belongs: one group, not a product of its sides."""
    lines = [psp("P1", None, 200 + n) for n in range(300)]
    entries = [ledger("P1", None, 200 + n) for n in range(300)]
    return [[*lines, *entries, order("P1", "R1", 200)], [psp("P1", None, 7)]]


CASES = {
    made.__name__.replace("_", " "): made()
    for made in (
        replay_of_an_open_row,
        restatement_of_an_open_row,
        replay_of_an_unclaimed_row,
        two_unreadable_rows_of_one_payment,
        restated_unclaimed_row,
        line_that_bears_the_reference_of_an_old_row_that_cleared_last_night,
        line_that_bears_a_reference_that_was_replaced,
        refund_that_rejoins_and_its_posting_that_would_wait,
        second_line_of_a_part_of_a_united_payment,
        refunds_of_an_order_of_several_versions_whose_capture_is_forgotten,
        one_reference_on_hundreds_of_lines,
    )
}


def scenario(name: str, told: list[list[dict]]) -> dict:
    """The case's rows, in files and under its name, as tests/oracle.py reads them."""
    made = {"nights": [], "look_back_days": LOOK_BACK_DAYS, **shops.CALENDARS}
    for number, rows in enumerate(told + [[]] * (NIGHTS - len(told))):
        day = shops.FIRST_NIGHT + timedelta(days=number)
        end = datetime.combine(day + timedelta(days=1), time(), UTC)
        night: dict = {"date": day, "end": end, "rows": [], "quarantined": []}
        for each in rows:
            names = ("payment_order_id", "psp_reference", "natural_id", "entry_id")
            each = each | {field: f"{name}-{each[field]}" for field in names if each.get(field)}
            at = end - timedelta(hours=12) + timedelta(seconds=each.pop("number"))
            # A row that comes again is the same to the second.
            at = STAMPS.setdefault((name, each.get("natural_id") or each.get("entry_id") or at), at)
            each |= {"at": at, "instant": at, "business_date": at.date(), "file": f"{each['source']}_{day}.csv"}
            if each.pop("unreadable", False):
                read = ("record", "account", "payment_order_id", "psp_reference", "kind")
                night["quarantined"].append({**{field: each.get(field) for field in read}, "row": each})
            else:
                night["rows"].append(each | {"line": len(night["rows"])})
        made["nights"].append(night)
    return workspaces.identified(made)


STAMPS: dict[tuple, datetime] = {}
TOLD = {name: scenario(f"C{number}", told) for number, (name, told) in enumerate(CASES.items())}


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> list[Path]:
    root = tmp_path_factory.mktemp("cases")
    return [recon.api.run(root, night).folder for night in workspaces.write_workspace(root, TOLD.values())]


def said(folder: Path, name: str, what: str) -> list[tuple]:
    """The open breaks (key, code, class), or the pending keys, of a case; without its name."""
    shop = f"C{list(TOLD).index(name)}"
    found = [each if isinstance(each, tuple) else (each,) for each in workspaces.found(folder)[what]]
    return sorted((each[0].replace(f"{shop}-", ""), *each[1:]) for each in found if workspaces.shop_of(each[0]) == shop)


def nights(folders: list[Path], name: str, what: str = BREAKS) -> list[list[tuple]]:
    return [said(folder, name, what) for folder in folders]


@pytest.mark.parametrize("name", CASES)
def test_the_oracle_agrees_on_every_case(folders, name):
    for number, answer in enumerate(oracle.run(TOLD[name])):
        shop = f"C{list(TOLD).index(name)}-"
        breaks = sorted((key.replace(shop, ""), *named) for key, *named in answer.breaks)
        pending = sorted((key.replace(shop, ""),) for key in answer.pending)
        assert (said(folders[number], name, BREAKS), said(folders[number], name, PENDING)) == (breaks, pending), number


def test_one_key_is_one_break(folders):
    for folder in folders:
        with (folder / "breaks.csv").open(encoding="utf-8", newline="") as handle:
            keys = Counter(line["key"] for line in csv.DictReader(handle))
        assert {key: n for key, n in keys.items() if n > 1} == {}
        pending = {key for (key,) in ((each,) for each in workspaces.found(folder)["pending"])}
        assert not pending & set(keys)
        groups = workspaces.summary(folder)["reconciliations"]["payin"]["groups"]
        assert groups["broken"] == len({key for key, *_ in workspaces.found(folder)["breaks"]})


def test_a_replay_of_a_row_that_is_still_open_changes_nothing_whenever_it_was_read(folders):
    still = [("P1/capture", "psp_not_in_ledger", "auto_fix")]
    assert nights(folders, "replay of an open row") == [still] * NIGHTS
    assert nights(folders, "replay of an unclaimed row")[0] == nights(folders, "replay of an unclaimed row")[-1]


def test_a_row_that_is_still_open_can_be_restated_whenever_it_was_read(folders):
    found = nights(folders, "restatement of an open row")
    assert found[2] == [("P1/capture", "psp_not_in_ledger", "auto_fix")]
    assert found[3] == [("P1/capture", "restated_row", "manual_review")]


def test_two_unreadable_rows_of_one_payment_are_one_break(folders):
    still = [("P1/refund", "quarantined_row", "manual_review")]
    assert nights(folders, "two unreadable rows of one payment") == [still] * NIGHTS


def test_a_restated_unclaimed_row_is_one_break(folders):
    still = [("stripe/|X|unknown", "unclassified_type", "investigate")]
    assert nights(folders, "restated unclaimed row") == [still] * NIGHTS


def test_a_reference_is_remembered_by_when_it_cleared_not_by_when_it_was_read(folders):
    found = nights(folders, "line that bears the reference of an old row that cleared last night")
    assert found[2] == []
    assert [key for key, *_ in found[3]] == ["P1/capture"]


def test_the_reference_of_a_replaced_version_is_not_remembered(folders):
    found = nights(folders, "line that bears a reference that was replaced")
    assert [code for _, code, _ in found[2]] == ["psp_no_order"]


def test_a_group_that_rejoined_and_a_pending_one_of_its_key_are_judged_as_one(folders):
    name = "refund that rejoins and its posting that would wait"
    assert nights(folders, name)[1] == []
    assert nights(folders, name, PENDING)[1] == []


def test_a_united_payment_is_remembered_under_the_key_of_every_part(folders):
    found = nights(folders, "second line of a part of a united payment")
    assert found[0] == []
    assert [key for key, *_ in found[1]] == ["P1/capture"]


def test_an_order_s_versions_are_one_amount_however_many_nights_remember_it(folders):
    found = nights(folders, "refunds of an order of several versions whose capture is forgotten")
    assert ("P1/refund", "refund_exceeds_capture", "investigate") in found[2]
