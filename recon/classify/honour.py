"""Honour: what people decided about breaks, put on tonight's breaks.

Reads   tonight's breaks, the cases folded from people's decisions, the fixes that were applied
Never   hides a break whose records are others than those that the person saw: it comes back, and says why.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date

from recon.domain.breaks import Break, break_id
from recon.domain.casework import UNMATCHED, Case, FixWord, Word, seen_of
from recon.domain.rulebook import Class


def seen(each: Break) -> str:
    """What a decision on this break is about."""
    difference = None if each.difference is None else str(each.difference)
    return seen_of(each.break_id, each.code, each.currency, difference, each.provenance)


def closed_by_people(tonight: Sequence[Break], cases: Mapping[str, Case]) -> tuple[dict[str, str], dict[str, str]]:
    """(break id -> why it is closed, break id -> why it is closed no longer), for tonight's breaks.

    A resolution holds while the break's records are those that were seen; a match by hand while that is so of all its members.
    """
    now = {each.break_id: seen(each) for each in tonight}
    closed: dict[str, str] = {}
    lapsed: dict[str, str] = {}
    for each in tonight:
        word = cases[each.break_id].closed if each.break_id in cases else None
        if word is None:
            continue
        expected = word.details.get("members") or {word.break_id: word.details["seen"]}
        changed = sorted(member for member, was in expected.items() if now.get(member) != was)
        if changed:
            others = ", ".join(member for member in changed if member != each.break_id)
            what = f"{others} changed since" if others else "its records changed since"
            lapsed[each.break_id] = f"{said(word, each.break_id)}; {what}"
        else:
            closed[each.break_id] = said(word, each.break_id)
    return closed, lapsed


def said(word: Word, of: str) -> str:
    """What closes the break `of`, in a sentence."""
    if word.action == "match":
        others = ", ".join(sorted({*word.details["members"]} - {of}))
        return f"matched by hand with {others} by {word.who}: {word.why}"
    return f"resolved by {word.who} ({str(word.details.get('code', '')).replace('_', ' ')}): {word.why}"


def unmatched(reconciliation: str, cases: Mapping[str, Case], known: Mapping[str, Break], night: date) -> list[Break]:
    """The breaks of what had cleared and a person unmatched."""
    found = []
    for each, case in sorted(cases.items()):
        word = case.opened
        if word is None or case.closed is not None or word.details["reconciliation"] != reconciliation:
            continue
        key = str(word.details["key"])
        assert each == break_id(reconciliation, key), each
        before = known.get(each)
        found.append(
            Break(
                break_id=each,
                reconciliation=reconciliation,
                key=key,
                code=UNMATCHED,
                class_=Class.INVESTIGATE,
                state="new",
                currency=None,
                difference=None,
                amounts={},
                currencies={},
                psp=str(word.details.get("psp") or ""),
                first_seen=before.first_seen if before else night,
                age_days=0,
                deadline=None,
                owner="",
                rule=UNMATCHED,
                why=f"It cleared on {word.details['cleared_on']}, and {word.who} says that it should not have: {word.why}",
                next_step="Look at both records; resolve it with a reason, or correct the rule that let it clear.",
                reason="",
                provenance="",
            )
        )
    return found


def honour(
    settled: Iterable[Break],
    known: Mapping[str, Break],
    cases: Mapping[str, Case],
    closed: Mapping[str, str],
    lapsed: Mapping[str, str],
    night: date,
) -> list[Break]:
    """Breaks with their states, as people decided: owners, and what is closed.

    known   as the last night left them
    """
    made = []
    for each in settled:
        case = cases.get(each.break_id)
        if case is not None and case.owner is not None:
            each = replace(each, owner=case.owner)
        if each.break_id in closed:
            before = known.get(each.break_id)
            since = before.closed_on if before and before.closed_on else night
            each = replace(each, state="resolved", reason=closed[each.break_id], closed_on=since, fix_id=None)
        elif each.break_id in lapsed and each.is_open:
            each = replace(each, reason="; ".join(filter(None, [lapsed[each.break_id], each.reason])))
        made.append(each)
    return made


def corrected(became: str, fix: FixWord | None) -> str:
    """Why a break is gone: with the fix that corrected it, if one was applied and it cleared."""
    if fix is None or not became.startswith("cleared"):
        return became
    return f"corrected by fix {fix.fix_id}, approved by {fix.approved_by}, applied by {fix.applied_by} on {fix.applied_at[:10]}; {became}"


__all__ = ["closed_by_people", "corrected", "honour", "said", "seen", "unmatched"]
