"""Cross-checks between reconciliations: breaks that speak of one payment, fixes that would be made twice, and breaks that stop
automatic fixes everywhere.

Reads   the night's breaks and fixes of every reconciliation, and the records of their groups
Gives   the breaks with `related`, their final class and fix; the fixes that are left
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import pyarrow as pa

from recon.domain.breaks import Break, Fix
from recon.domain.rulebook import Class, Reconciliation
from recon.engine.duck import Engine
from recon.engine.plan import Plan

#: Fields that name one payment, whatever the record.
SHARED = ("payment_order_id", "order_id")
#: At most so many relatives are named; an id that more breaks share names no payment.
MOST = 50


def references(engine: Engine, plan: Plan, gids: Sequence[int]) -> dict[int, list[str]]:
    """gid -> the ids of payments and orders that its records bear, each as `field=value`."""
    parts = [
        f"select w.root as gid, '{field}=' || s.{field} as reference from {plan.table('work_' + side.name)} s "
        f"join {plan.table('work')} w on w.gid = s.gid where s.{field} is not null and w.root in (select gid from asked)"
        for side in plan.rule.sides
        for field in SHARED
        if plan.record(side).field(field)
    ]
    if not parts or not gids:
        return {}
    engine.register("asked", pa.table({"gid": pa.array(gids, pa.int64())}))
    rows = engine.rows(f"select distinct gid, reference from ({' union all '.join(parts)}) order by all")
    engine.unregister("asked")
    found: dict[int, list[str]] = defaultdict(list)
    for gid, reference in rows:
        found[gid].append(reference)
    return found


def relate(breaks: Sequence[Break], found: Mapping[str, Sequence[str]]) -> list[Break]:
    """The open breaks with the ids of those that share a payment or an order with them. `found`: break id -> references."""
    sharing: dict[str, list[str]] = defaultdict(list)
    for each in breaks:
        for reference in found.get(each.break_id, ()) if each.is_open else ():
            sharing[reference].append(each.break_id)
    related = []
    for each in breaks:
        others = {
            other
            for reference in found.get(each.break_id, ())
            if len(sharing[reference]) <= MOST
            for other in sharing[reference]
        }
        known = each.related if each.is_open and each.gid is None else ()
        related.append(replace(each, related=tuple(sorted(others - {each.break_id})) if each.is_open else known))
    return related


def fix_once(breaks: Sequence[Break], fixes: Sequence[Fix]) -> tuple[list[Break], list[Fix]]:
    """Where related breaks propose the same correction, the first keeps it and the others name it."""
    by_break = {fix.break_id: fix for fix in fixes}
    taken: dict[str, str] = {}  # fix id -> the fix that does the same
    kept: dict[str, tuple[int, Fix]] = {}  # break id -> its place and fix
    related = {each.break_id: each.related for each in breaks}
    for place, fix in enumerate(fixes):
        kin = [kept[other] for other in related.get(fix.break_id, ()) if other in kept]
        _, same = min((each for each in kin if _same(each[1], fix)), default=(0, None), key=lambda each: each[0])
        if same is None:
            kept[fix.break_id] = (place, fix)
        else:
            taken[fix.fix_id] = same.fix_id
    left = [fix for fix in fixes if fix.fix_id not in taken]
    named = []
    for each in breaks:
        own = by_break.get(each.break_id)
        other = taken.get(own.fix_id) if own else None
        named.append(replace(each, fix_id=other) if other else each)
    return named, left


def _same(one: Fix, other: Fix) -> bool:
    """Whether both make one correction. Postings alone do not say so: an order paid twice may lack two captures of one
    amount. They are two where one reconciliation asks for both, or where a reference says that they speak of different
    payments."""
    if one.kind != other.kind:
        return False
    if one.kind == "journal":
        shared = one.references.keys() & other.references.keys()
        return (
            sorted(one.postings) == sorted(other.postings)
            and one.reconciliation != other.reconciliation
            and all(one.references[name] == other.references[name] for name in shared)
        )
    return (one.record, one.record_id, one.set, one.message) == (
        other.record,
        other.record_id,
        other.set,
        other.message,
    )


def stopped_by(breaks: Iterable[Break], rules: Iterable[Reconciliation]) -> str:
    """Why no reconciliation has automatic fixes tonight, or empty: an open break whose rule stops them."""
    stopping = {(rule.name, each.code) for rule in rules for each in rule.breaks if each.stops_fixes}
    found = [each for each in breaks if each.is_open and (each.reconciliation, each.code) in stopping]
    if not found:
        return ""
    return f"no automatic fixes tonight: {found[0].code} in {found[0].reconciliation} ({found[0].break_id})"


def stop_fixes(breaks: Sequence[Break], fixes: Sequence[Fix], why: str) -> tuple[list[Break], list[Fix]]:
    """Every automatic fix waits for a person."""
    review = Class.MANUAL_REVIEW
    left = [
        replace(each, class_=review, reason="; ".join(filter(None, [each.reason, why])))
        if each.is_open and each.class_ is Class.AUTO_FIX
        else each
        for each in breaks
    ]
    return left, [replace(fix, class_=review) if fix.class_ is Class.AUTO_FIX else fix for fix in fixes]
