"""Breaks: class, amounts, identity, age and state of each named group; what became of the breaks known before.

Reads   `Named` groups, the breaks known after the last night, what became of every key tonight
Writes  `Break` values in the order of reconciliation and key
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from recon.classify.name import Named
from recon.domain.breaks import Break, History, Past, break_id
from recon.domain.calendar import Calendar
from recon.domain.rulebook import BreakRule, Class
from recon.engine.expressions import compared
from recon.engine.plan import Plan


@dataclass(frozen=True, slots=True)
class Naming:
    """What names a break: a rule, a lifecycle `must`, or nothing at all."""

    code: str
    class_: Class
    why: str
    next_step: str
    place: str
    rule: BreakRule | None = None
    rule_number: int | None = None


UNEXPLAINED = Naming(
    "unexplained",
    Class.INVESTIGATE,
    "The sides disagree and no rule names the cause.",
    "Look at the records side by side; if the cause is a known one, add a rule for it.",
    "unexplained",
)


def naming(plan: Plan, named: Named) -> Naming:
    """A rule names what was left over by itself, unless it would fix automatically what a `must` forbids."""
    rule = plan.rule.breaks[named.rule] if named.rule is not None else None
    must = plan.rule.musts[named.must] if named.must is not None else None
    if must and (rule is None or rule.class_ is Class.AUTO_FIX or named.must_names):
        return Naming(must.code, must.class_, must.why, must.next_step, f"{must.holds.place} {must.code}")
    if rule:
        return Naming(rule.code, rule.class_, rule.why, rule.next_step, f"{rule.place} {rule.code}", rule, named.rule)
    return UNEXPLAINED


def make_break(plan: Plan, named: Named, fill: Callable[[str, Mapping[str, Any]], str]) -> Break:
    """A left-over group as a break: code, class before limits and brake, amounts, difference. State and age come later.

    fill   puts facts into a text's placeholders
    """
    name = naming(plan, named)
    amounts, currencies = _amounts(plan, named.facts)
    if plan.rule.difference:
        off = named.facts["off_by"]
        currency, difference = named.facts["off_currency"], None if off is None else int(off)
    else:
        currency, difference = _difference(plan, named.kind, amounts, currencies)
    class_, reason = name.class_, ""
    if class_ is Class.AUTO_FIX and not named.proven and name.rule and name.rule.proven:
        class_, reason = Class.MANUAL_REVIEW, f"not proven: {name.rule.proven.text}"
    return Break(
        break_id=break_id(plan.rule.name, named.key),
        reconciliation=plan.rule.name,
        key=named.key,
        code=name.code,
        class_=class_,
        state="new",
        currency=currency,
        difference=difference,
        amounts=amounts,
        currencies=currencies,
        psp=named.psp or "",
        first_seen=plan.night,
        age_days=0,
        deadline=None,
        owner=name.rule.owner if name.rule else "",
        rule=name.place,
        why=fill(name.why, named.facts),
        next_step=fill(name.next_step, named.facts),
        reason=reason,
        provenance=named.provenance,
        gid=named.gid,
        rule_number=name.rule_number,
        facts=named.facts,
        postings=named.postings,
    )


def _amounts(plan: Plan, facts: Mapping[str, Any]) -> tuple[dict[str, int | None], dict[str, str | None]]:
    """Per side the sum of the group, remembered records included; None where the side is absent or has several currencies."""
    amounts: dict[str, int | None] = {}
    currencies: dict[str, str | None] = {}
    for side in plan.rule.sides:
        value = facts[f"{side.name}__amount"] if facts[f"{side.name}__count"] else None
        amounts[side.name] = None if value is None else int(value)
        currencies[side.name] = facts[f"{side.name}__currency"] if facts[f"{side.name}__count"] else None
    return amounts, currencies


def _difference(
    plan: Plan, kind: str | None, amounts: Mapping[str, int | None], currencies: Mapping[str, str | None]
) -> tuple[str | None, int | None]:
    """External minus internal, in one currency; None where currencies are mixed or differ (docs/matching.md)."""
    present = [name for name, currency in currencies.items() if currency is not None]
    named = {currencies[name] for name in present}
    if not present or len(named) != 1 or "mixed" in named or any(amounts[name] is None for name in present):
        return None, None
    external, *others = (side.name for side in plan.rule.sides)
    internal = [side.name for side in plan.required(kind or "") if side.name in others][:1]
    others_compared = [
        *internal,
        *(name for name in others if name in present and name not in internal and _meets(plan, name)),
    ]
    outside = amounts[external] or 0
    differences = (outside - (amounts[name] or 0) for name in others_compared)
    return currencies[present[0]], next((each for each in differences if each), 0 if others_compared else outside)


def _meets(plan: Plan, name: str) -> bool:
    """Whether a group's outside amount has to do with that side's: it needs the side, or `agree` compares just the two."""
    side, outside = plan.rule.side(name), plan.rule.sides[0].name
    pair = {frozenset([f"{outside}.amount"]), frozenset([f"{name}.amount"])}
    return not side.optional or any(set(compared(expr)) == pair for expr in plan.rule.agree)


def settle_breaks(
    tonight: Iterable[Break],
    known: History,
    calendar: Calendar,
    night: date,
    deadlines: Callable[[Break], int | None],
    outcome_of: Callable[[list[Break]], Mapping[str, str]],
    look_back_days: int,
) -> list[Break]:
    """Give tonight's breaks their state, first seen, age and deadline; close the known ones that are gone.

    known        break id -> break as the last night left it, open or closed
    outcome_of   break id -> why a known open break is no longer one, in words
    Returns every known break, closed ones too while within the look-back, by reconciliation and key.
    """
    settled: dict[str, Break] = {}
    for each in tonight:
        before = known.get(each.break_id)
        first_seen = before.first_seen if before else night
        state, reason = "new", each.reason
        if before and before.is_open:
            state = "persisting"
        elif before:
            state, reason = (
                "reopened",
                "; ".join(filter(None, [f"closed on {before.closed_on}: {before.reason}", each.reason])),
            )
        settled[each.break_id] = replace(each, state=state, first_seen=first_seen, reason=reason)
    gone = [each for each in known.values() if each.is_open and each.break_id not in settled]
    why = outcome_of(gone) if gone else {}
    for each in gone:
        settled[each.break_id] = replace(
            each, state="resolved", reason=why[each.break_id], closed_on=night, gid=None, fix_id=None
        )
    for each in known.values():
        closed = each.closed_on
        if closed and each.break_id not in settled and (night - closed).days <= look_back_days:
            settled[each.break_id] = each
    dated = [
        _dated(each, _past(each, known.get(each.break_id), night), calendar, night, deadlines(each))
        for each in settled.values()
    ]
    return sorted(dated, key=lambda each: (each.reconciliation, each.key, each.break_id))


def _past(each: Break, before: Break | None, night: date) -> tuple[Past, ...]:
    """Its past: one entry more where its state, class, code or difference is not what it was."""
    past = before.past if before else ()
    state = "open" if each.is_open and before and before.is_open else each.state
    now = Past(night, state, each.class_, each.code, each.currency, each.difference)
    if before and not past:  # known since before pasts were kept
        past = (Past(before.first_seen, "new", before.class_, before.code, before.currency, before.difference),)
    if past and state in ("open", "resolved") and before is not None:
        same = (before.class_, before.code, before.currency, before.difference, before.is_open)
        if same == (each.class_, each.code, each.currency, each.difference, each.is_open):
            return past
    return (*past, now)


def _dated(each: Break, past: tuple[Past, ...], calendar: Calendar, night: date, deadline_days: int | None) -> Break:
    until = each.closed_on or night
    deadline = calendar.add(each.first_seen, deadline_days) if deadline_days else each.deadline
    return replace(each, past=past, age_days=calendar.age(each.first_seen, until), deadline=deadline)
