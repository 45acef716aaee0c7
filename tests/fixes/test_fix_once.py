"""One correction that several breaks propose is made once; two corrections that look alike are two."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from recon.crosscheck import fix_once
from recon.domain.breaks import Break, Fix
from recon.domain.rulebook import Class

NIGHT = date(2026, 11, 19)


def fix(number: int, reconciliation: str, **of: Any) -> Fix:
    made = Fix(
        fix_id=f"FIX-{number}",
        break_id=f"BRK-{number}",
        reconciliation=reconciliation,
        template="t",
        kind="journal",
        memo="",
        currency="KRW",
        amount=1000,
        limit=None,
        class_=Class.AUTO_FIX,
        idempotency_key=f"K-{number}",
        content_sha256="",
        proposed_on=NIGHT,
    )
    return replace(made, **of)


def broken(number: int, reconciliation: str, *related: int) -> Break:
    return Break(
        break_id=f"BRK-{number}",
        reconciliation=reconciliation,
        key=f"K-{number}",
        code="c",
        class_=Class.AUTO_FIX,
        state="new",
        currency="KRW",
        difference=1000,
        amounts={},
        currencies={},
        psp="toss",
        first_seen=NIGHT,
        age_days=0,
        deadline=None,
        owner="",
        rule="",
        why="",
        next_step="",
        reason="",
        provenance="",
        fix_id=f"FIX-{number}",
        related=tuple(f"BRK-{each}" for each in related),
    )


POSTINGS = (("cash", "KRW", 1000), ("sales", "KRW", -1000))
JOURNAL = {"postings": POSTINGS, "references": {"payment_order_id": "PO-1"}}
UPDATE = {"kind": "update", "record": "order", "record_id": "7", "set": {"status": "PAID"}, "seen": {"status": "NEW"}}
MESSAGE = {
    "kind": "message",
    "record": "outbox_event",
    "record_id": "7",
    "message": {"channel": "a", "key": "7", "body": {}},
}


def left(first: Fix, second: Fix) -> list[str]:
    """The fixes that are left of two whose breaks share a payment; every break still names a fix that is there."""
    breaks = [broken(1, first.reconciliation, 2), broken(2, second.reconciliation, 1)]
    named, fixes = fix_once(breaks, [first, second])
    assert {each.fix_id for each in named} == {each.fix_id for each in fixes}
    return [each.fix_id for each in fixes]


@pytest.mark.parametrize("of", [JOURNAL, UPDATE, MESSAGE], ids=["journal", "update", "message"])
def test_the_same_correction_of_two_reconciliations_is_made_once(of: dict[str, Any]) -> None:
    assert left(fix(1, "payin", **of), fix(2, "order_payment", **of)) == ["FIX-1"]


def test_references_that_only_one_of_them_names_do_not_make_two_of_one_posting() -> None:
    more = JOURNAL | {"references": {"payment_order_id": "PO-1", "psp_reference": "ch_1"}}
    assert left(fix(1, "payin", **JOURNAL), fix(2, "bank", **more)) == ["FIX-1"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # Two payments of one order, of one amount, both missing from the ledger.
        (JOURNAL, JOURNAL | {"references": {"payment_order_id": "PO-2"}}),
        (UPDATE, UPDATE | {"record": "payment_order"}),
        (UPDATE, UPDATE | {"set": {"status": "FAILED"}}),
        (UPDATE, MESSAGE),
        (MESSAGE, MESSAGE | {"message": {"channel": "b", "key": "7", "body": {}}}),
        (MESSAGE, MESSAGE | {"message": {"channel": "a", "key": "8", "body": {}}}),
    ],
    ids=["payments", "records", "values", "kinds", "channels", "keys"],
)
def test_corrections_that_look_alike_are_both_made(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert left(fix(1, "payin", **one), fix(2, "order_payment", **other)) == ["FIX-1", "FIX-2"]


def test_two_groups_of_one_reconciliation_are_two_corrections() -> None:
    assert left(fix(1, "payin", **JOURNAL), fix(2, "payin", **JOURNAL)) == ["FIX-1", "FIX-2"]


def test_breaks_that_share_nothing_keep_their_fixes() -> None:
    breaks = [broken(1, "payin"), broken(2, "order_payment")]
    _, fixes = fix_once(breaks, [fix(1, "payin", **JOURNAL), fix(2, "order_payment", **JOURNAL)])
    assert len(fixes) == 2
