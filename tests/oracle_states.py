"""Oracle of states: what a break becomes from night to night, and what a night judges whose inputs are not all there.

Plain Python over the answers of tests/oracle.py, written from docs/matching.md ("Incomplete sources") and design section 7; it
shares no code with recon. A night of the scenario may have "incomplete": the (record, psp or None) of sources that are awaited.
"""

from dataclasses import dataclass, replace
from datetime import date, timedelta

import oracle

#: Business days that a code allows, as rules/payin.yaml has them.
DEADLINES = {
    "dup_capture": 5,
    "refund_not_at_psp": 3,
    "chargeback_unbooked": 7,
    "second_chargeback": 5,
    "ledger_not_in_psp": 1,
}
SIDES = {"settlement_line": "psp", "ledger_entry": "ledger", "payment_order": "order"}


@dataclass(frozen=True)
class Known:
    """A break as a night leaves it."""

    code: str
    class_: str
    state: str
    first_seen: date
    deadline: date | None = None
    closed_on: date | None = None


@dataclass(frozen=True)
class Night:
    """Breaks by key (those open, and those closed tonight), each with its age in business days, and the pending keys."""

    breaks: dict[str, tuple[Known, int]]
    pending: set[str]


def run(scenario):
    """Every night's `Night`."""
    known: dict[str, Known] = {}
    psps = provider_of_unread_rows(scenario)
    told = []
    for night, answer in zip(scenario["nights"], oracle.run(scenario), strict=True):
        tonight, awaited = judged(night, answer, known, psps)
        known = settled(night["date"], tonight, known, scenario)
        shown = {key: each for key, each in known.items() if each.closed_on in (None, night["date"])}
        ages = {key: (each, business_days(each.first_seen, night["date"], scenario)) for key, each in shown.items()}
        told.append(Night(ages, answer.pending | awaited))
    return told


def judged(night, answer, known, psps):
    """Tonight's breaks, key -> (code, class, the open break that stays as it was), and the keys that wait for a source."""
    incomplete = night.get("incomplete", set())
    groups = {"/".join(group.home[:2]): group for group in answer.groups}
    tonight, awaited = {}, set()
    for key, code, class_ in answer.breaks:
        group = groups.get(key)
        psp, missing = (provider(group), lacks(group)) if group else (psps.get(key), lacks_all(key))
        waits = any(SIDES[record] in missing and psp_in(source, psp) for record, source in incomplete)
        before = known.get(key)
        if waits and before and before.state != "resolved":
            tonight[key] = (before.code, before.class_, before)
        elif waits:
            awaited |= {key} if group else set()
        else:
            # No fix is proposed from a source that is not whole, nor any when a source that names no provider is not.
            unfixed = any(source is None or source == psp for _, source in incomplete)
            tonight[key] = (code, "manual_review" if unfixed and class_ == "auto_fix" else class_, None)
    return tonight, awaited


def provider(group):
    """The smallest name of a provider that tonight's or remembered records of the group bear."""
    rows = [*group.rows, *(row for old in group.memory for row in old.rows)]
    return min((row["psp"] for row in rows if row["psp"]), default=None)


def lacks(group):
    """Sides that a group misses; a record that no side takes misses none."""
    return set() if group.state == "unclaimed" else group.missing()


def lacks_all(key):
    """A row in quarantine that no group bears misses every side that speaks of its kind."""
    return {"psp", "ledger", "order"} if key.endswith("/capture") else {"psp", "ledger"}


def psp_in(source, psp):
    return source is None or psp is None or source == psp


def provider_of_unread_rows(scenario):
    """Key of a break without a group -> provider of its row in quarantine."""
    found = {}
    for row in (each for night in scenario["nights"] for each in night["quarantined"]):
        reference = row["payment_order_id"] or row["psp_reference"]
        if reference:
            found["/".join(filter(None, (reference, row["kind"])))] = row["row"]["psp"]
    return found


def settled(night, tonight, known, scenario):
    """What is known after tonight: identity for life, first seen, state, deadline; closed ones within the look-back."""
    after = {}
    for key, (code, class_, kept) in tonight.items():
        before = known.get(key)
        first = before.first_seen if before else night
        state = "new" if not before else "reopened" if before.state == "resolved" else "persisting"
        allowed = DEADLINES.get(code)
        deadline = kept.deadline if kept else add(first, allowed, scenario) if allowed else None
        after[key] = Known(code, class_, state, first, deadline)
    for key, before in known.items():
        if key in after:
            continue
        if before.state != "resolved":
            after[key] = replace(before, state="resolved", closed_on=night)
        elif (night - before.closed_on).days <= scenario["look_back_days"]:
            after[key] = before
    return after


def is_business_day(day, scenario):
    return day.weekday() < 5 and day not in scenario["holidays"]


def business_days(first, last, scenario):
    return sum(is_business_day(first + timedelta(days=n), scenario) for n in range(1, (last - first).days + 1))


def add(day, business_days, scenario):
    while business_days:
        day += timedelta(days=1)
        business_days -= is_business_day(day, scenario)
    return day
