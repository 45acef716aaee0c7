"""The desk: what a person does with fixes and breaks, from a command, a decisions.json or a workbook.

Reads   the newest night's folder, the queue
Writes  moves of fixes (recon/fixes/queue.py) and records of the audit trail; nothing in a night's folder
Never   takes a decision on what the person did not see: a line that the night has moved on from is refused, the others go on.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from recon.classify import seen
from recon.domain.breaks import Break, break_id
from recon.domain.casework import REASONS, Case, fold
from recon.domain.money import to_text
from recon.domain.queue import OPEN, Policy, Status
from recon.errors import ReconError
from recon.fixes import queue
from recon.fixes.queue import Connection, QueuedFix
from recon.fixes.read import deciding, reading
from recon.report.tables import read_known
from recon.store.audit import person, refuse_unsigned
from recon.store.casework import add_word, read_words
from recon.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Filter:
    """Which fixes; empty: all. `least`, `most` in major units of `currency`; `age`: at least so many days since proposed."""

    fix_ids: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    class_: str = ""
    code: str = ""
    psp: str = ""
    currency: str = ""
    least: int | None = None
    most: int | None = None
    age: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """What became of one decision: `done`, and in words."""

    subject: str
    done: bool
    text: str
    refusal: str = ""  # the name of the error


def select(fixes: Iterable[QueuedFix], wanted: Filter, newest: date | None) -> list[QueuedFix]:
    """The fixes that the filter lets through. Raises ReconError `no-fix` for an id that there is none of."""
    known = {each.fix_id: each for each in fixes}
    lost = [each for each in wanted.fix_ids if each not in known]
    if lost:
        raise ReconError("no-fix", f"there is no fix {lost[0]}", "recon fixes list")
    return [
        each
        for each in known.values()
        if (not wanted.fix_ids or each.fix_id in wanted.fix_ids)
        and (not wanted.statuses or each.status in wanted.statuses)
        and wanted.class_ in ("", each.class_)
        and wanted.code in ("", each.code)
        and wanted.psp in ("", each.psp)
        and wanted.currency in ("", each.currency)
        and (wanted.least is None or each.amount_minor >= wanted.least)
        and (wanted.most is None or each.amount_minor <= wanted.most)
        and (not wanted.age or (newest is not None and (newest - each.proposed_on).days >= wanted.age))
    ]


def totals(fixes: Iterable[QueuedFix]) -> list[tuple[str, str, int, str]]:
    """(code, currency, how many, sum in major units) per rule and currency, and (`all`, ...) per currency at the end."""
    sums: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for each in fixes:
        for code in (each.code, "~"):
            sums[code, each.currency][0] += 1
            sums[code, each.currency][1] += each.amount_minor
    return [
        ("all" if code == "~" else code, currency, count, to_text(amount, currency) if currency else "")
        for (code, currency), (count, amount) in sorted(sums.items())
    ]


def unusual(fix: QueuedFix, policy: Policy) -> str:
    """Why a person should look at this fix by itself before it is approved with others; empty where nothing stands out."""
    why = []
    if fix.class_ != "auto_fix":
        why.append("its cause is not proven, or it is above its rule's limit")
    ceiling = policy.ceilings.per_fix.get(fix.currency)
    if ceiling is not None and fix.amount_minor * 2 > ceiling:
        why.append(f"more than half of the ceiling of {to_text(ceiling, fix.currency)} {fix.currency} for one fix")
    return "; ".join(why)


def phrase(decision: str, fixes: Sequence[QueuedFix], strange: int) -> str:
    """What has to be typed before this is done; empty for a single usual fix."""
    if len(fixes) == 1 and not strange:
        return ""
    count = f"{len(fixes)} fix{'es' if len(fixes) != 1 else ''}"
    return f"{decision} {count}" + (f", {strange} unusual" if strange else "")


def decide(
    workspace: Workspace, decision: str, fixes: Sequence[QueuedFix], who: str, why: str, code: str = ""
) -> list[Line]:
    """Approve, reject or retry fixes as they were shown; each is refused or done by itself, all in one transaction."""
    words = {"approve": "approved", "reject": "rejected", "retry": "tried again at the next apply"}

    def one(connection: Connection, fix: QueuedFix) -> None:
        if decision == "approve":
            queue.approve(connection, fix.fix_id, who, why, workspace.policy, fix.content_sha256)
        elif decision == "reject":
            queue.reject(connection, fix.fix_id, who, why, reason_code(code), fix.content_sha256)
        else:
            queue.retry(connection, fix.fix_id, who, why)

    with deciding(workspace.state_url.value, workspace.root) as connection:
        return [_line(fix.fix_id, words[decision], one, connection, fix) for fix in fixes]


def _line(subject: str, done: str, work: Callable[..., object], *arguments: Any) -> Line:
    try:
        work(*arguments)
    except ReconError as refused:
        return Line(subject, False, refused.message, refused.name)
    return Line(subject, True, done)


def reason_code(code: str) -> str:
    """A reason code. Raises ReconError `bad-reason`."""
    made = code.strip().lower().replace(" ", "_")
    if made and made not in REASONS:
        raise ReconError("bad-reason", f"{code!r} is no reason code", f"one of: {', '.join(REASONS)}")
    return made


# --- breaks ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Night:
    """The newest night, as the desk sees it: its folder, its date and every break that it knows."""

    folder: Path
    breaks: Mapping[str, Break]

    @property
    def date(self) -> date:
        return date.fromisoformat(self.folder.name)

    def find(self, reference: str) -> Break:
        """A break by its id or its key. Raises ReconError `no-break`."""
        found = [each for each in self.breaks.values() if reference in (each.break_id, each.key)]
        if len(found) != 1:
            what = "no break" if not found else "several breaks"
            raise ReconError("no-break", f"{reference} is {what} of {self.folder.name}", f"recon explain {reference}")
        return found[0]

    def find_open(self, reference: str) -> Break:
        """An open break. Raises ReconError `no-break`, `not-open-break`."""
        each = self.find(reference)
        if not each.is_open:
            raise ReconError(
                "not-open-break",
                f"{each.break_id} is closed: {each.reason}",
                f"recon breaks reopen {each.break_id} --as NAME --why TEXT",
            )
        return each


def newest(folder: Path) -> Night:
    """The night in that folder."""
    return Night(folder, read_known(folder / "open" / "breaks.parquet"))


def assign(workspace: Workspace, night: Night, reference: str, owner: str, who: str, why: str) -> Break:
    """Give a break an owner; an empty one takes it away."""
    return _say(workspace, night, night.find(reference), "assign", who, why, {"owner": owner.strip()})


def note(workspace: Workspace, night: Night, reference: str, who: str, text: str) -> Break:
    """Write something down about a break."""
    return _say(workspace, night, night.find(reference), "note", who, text, {})


def resolve(workspace: Workspace, night: Night, reference: str, code: str, who: str, why: str) -> Break:
    """Close a break by hand. Its open fix is rejected with it, so that nothing is corrected twice."""
    each, made = night.find_open(reference), reason_code(code)
    if not made:
        raise ReconError("bad-reason", "a resolution needs a reason code", f"one of: {', '.join(REASONS)}")
    return _say(workspace, night, each, "resolve", who, why, {"code": made, "seen": seen(each)})


def reopen(workspace: Workspace, night: Night, reference: str, who: str, why: str) -> Break:
    """Take a resolution back; what it rejected is proposed again."""
    each = night.find(reference)
    case = _case(workspace, each.break_id)
    if case is None or case.closed is None or case.closed.action != "resolve":
        raise ReconError("not-resolved", f"nobody resolved {each.break_id} by hand", f"recon breaks show {each.key}")
    return _say(workspace, night, each, "reopen", who, why, {})


def match(workspace: Workspace, night: Night, references: Sequence[str], who: str, why: str) -> list[Break]:
    """Say that open breaks belong together: their differences cancel out, and they close as one.

    Raises ReconError `not-a-match` where they are of several reconciliations or currencies, or something is left over.
    """
    breaks = [night.find_open(each) for each in references]
    if len({each.break_id for each in breaks}) < 2:
        raise ReconError("not-a-match", "a match needs two breaks or more", "recon breaks match BREAK BREAK")
    kinds = {(each.reconciliation, each.currency) for each in breaks}
    left = sum(each.difference or 0 for each in breaks)
    if len(kinds) > 1 or any(each.difference is None or each.currency is None for each in breaks):
        raise ReconError(
            "not-a-match", "they are not of one reconciliation and one currency", "resolve each with a reason"
        )
    if left:
        currency = breaks[0].currency or ""
        raise ReconError(
            "not-a-match",
            f"{to_text(left, currency)} {currency} is left over when they are taken together",
            "add what is missing to the match, or resolve each with a reason",
        )
    details = {"members": {each.break_id: seen(each) for each in sorted(breaks, key=lambda each: each.break_id)}}
    _say(workspace, night, breaks[0], "match", who, why, details)
    return breaks


def unmatch(workspace: Workspace, night: Night, reference: str, who: str, why: str) -> str:
    """Take a match apart: one made by hand, or one by which a payment cleared; gives the break that it becomes."""
    known = [each for each in night.breaks.values() if reference in (each.break_id, each.key)]
    if known:
        case = _case(workspace, known[0].break_id)
        if case is None or case.closed is None or case.closed.action != "match":
            raise ReconError(
                "not-matched", f"nobody matched {known[0].break_id} by hand", f"recon breaks show {known[0].key}"
            )
        details = {"members": dict(case.closed.details["members"])}
        _say(workspace, night, known[0], "unmatch", who, why, details)
        return known[0].break_id
    from recon.explain import explain

    # Two reconciliations may have cleared the same key: `payin:PO-1/capture` says which is meant.
    named, colon, key = reference.partition(":")
    wanted = named if colon and named in {each.name for each in workspace.reconciliations} else ""
    key = key if wanted else reference
    told = explain(workspace.nights, key, workspace.root / "state" / ".spill", workspace.look_back_days)
    cleared = {
        (each.reconciliation, each.key): each
        for each in told.standings
        if each.outcome == "cleared" and wanted in ("", each.reconciliation)
    }
    cleared = {name: each for name, each in cleared.items() if each.key == key} or cleared
    if len(cleared) != 1:
        listed = ", ".join(f"{rule}:{of}" for rule, of in sorted(cleared))
        what = f"{listed} cleared under" if cleared else "nothing cleared under"
        raise ReconError("not-matched", f"{what} {key}", f"name one of them, or look: recon explain {key}")
    [standing] = cleared.values()
    made = break_id(standing.reconciliation, standing.key)
    told_of: dict[str, Any] = {
        "reconciliation": standing.reconciliation,
        "key": standing.key,
        "cleared_on": str(standing.night),
        "psp": "",
    }
    _write(workspace, night, made, "unmatch", who, why, told_of)
    return made


def _case(workspace: Workspace, subject: str) -> Case | None:
    with reading(workspace.state_url.value, workspace.root) as connection:
        return fold(read_words(connection)).get(subject) if connection is not None else None


def _say(
    workspace: Workspace, night: Night, each: Break, action: str, who: str, why: str, details: Mapping[str, Any]
) -> Break:
    _write(workspace, night, each.break_id, action, who, why, details)
    return each


def _write(
    workspace: Workspace, night: Night, subject: str, action: str, who: str, why: str, details: Mapping[str, Any]
) -> None:
    with deciding(workspace.state_url.value, workspace.root) as connection:
        write_word(connection, night.date, subject, action, who, why, details)


def write_word(
    connection: Connection,
    night: date,
    subject: str,
    action: str,
    who: str,
    why: str,
    details: Mapping[str, Any],
) -> None:
    """A decision on a break, and what follows for its fix: closed by hand it is rejected, open again it is proposed again."""
    refuse_unsigned(who, why)
    name = person(who)
    members = {*details.get("members", ()), subject}
    ours = [each for each in queue.find(connection) if each.break_id in members]
    if action in ("resolve", "match"):
        for fix in (each for each in ours if each.status in OPEN):
            queue.reject(connection, fix.fix_id, name, f"its break was closed by hand: {why}", "corrected")
    add_word(connection, subject, action, name, why, details, night)
    if action in ("reopen", "unmatch"):
        for fix in (each for each in ours if each.status is Status.REJECTED):
            queue.send_back(connection, fix.fix_id, name, f"its break was opened again: {why}")


# --- trust -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Trust:
    """How often people agreed with one rule's fixes. `agreed_percent` is of those that a person decided, None without any."""

    reconciliation: str
    code: str
    proposed: int
    approved: int
    rejected: int
    applied: int
    automatic: int
    since: date
    auto_approve: bool

    @property
    def decided(self) -> int:
        return self.approved + self.rejected

    @property
    def agreed_percent(self) -> int | None:
        return self.approved * 100 // self.decided if self.decided else None


def trust(connection: Connection) -> list[Trust]:
    """Per rule, from the audit trail: what people made of its fixes. A fix counts once, by the last word on it.

    What was rejected because its break was closed by hand says nothing against the rule, and is not counted.
    """
    from recon.domain.queue import AUTOMATIC
    from recon.store.audit import read_records

    last: dict[str, str] = {}
    automatic: set[str] = set()
    for record in read_records(connection, actions=["approve", "reject"]):
        if record.who == AUTOMATIC:
            automatic.add(record.subject)
        elif not record.why.startswith("its break was closed by hand"):
            last[record.subject] = record.action
    found: dict[tuple[str, str], list[QueuedFix]] = defaultdict(list)
    for fix in queue.find(connection):
        found[fix.reconciliation, fix.code].append(fix)
    made = []
    for (reconciliation, code), ours in sorted(found.items()):
        words = Counter(last.get(fix.fix_id, "") for fix in ours)
        made.append(
            Trust(
                reconciliation,
                code,
                len(ours),
                words["approve"],
                words["reject"],
                sum(fix.status is Status.APPLIED for fix in ours),
                sum(fix.fix_id in automatic for fix in ours),
                min(fix.proposed_on for fix in ours),
                any(fix.auto_approve for fix in ours),
            )
        )
    return made


__all__ = [
    "Filter",
    "Line",
    "Night",
    "Trust",
    "assign",
    "decide",
    "match",
    "newest",
    "note",
    "phrase",
    "reason_code",
    "reopen",
    "resolve",
    "select",
    "totals",
    "trust",
    "unmatch",
    "unusual",
    "write_word",
]
