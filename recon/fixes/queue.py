"""The fix queue: the only way by which anything changes a fix's state. Every move is in the audit trail, in one transaction.

proposed -> approved -> applied, or rejected, superseded, failed -> retrying -> dead_letter (recon/domain/queue.py has every
move). Nights propose; people other than the maker approve; appliers claim what is approved and say what became of it.

Every function works inside the caller's transaction (`writing(engine)`), so that an applier whose target is the same
database writes its effect, its key and the queue's state together. Lock order: the trail's lock first, then fixes, then
the target; `writing` and every function here take it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from recon.domain.canonical import canonical, sha256_text
from recon.domain.corrections import moved
from recon.domain.money import to_text
from recon.domain.queue import AUTOMATIC, MACHINE, MOVES, OPEN, SIGNED, Ceilings, Policy, Status
from recon.errors import InvariantError, ReconError
from recon.store.audit import Entry, append, lock, now_text, person, refuse_unsigned, writing
from recon.store.state import fix_approvals, fix_makers, fixes, nights

Connection = sa.Connection


@dataclass(frozen=True, slots=True)
class Proposed:
    """A fix as a night proposes it.

    content       what it does: a mapping that becomes canonical JSON, whose hash an approval signs
    rule_sha256   of the rule file; seen: what it was proposed from. Approvals sign both too
    """

    fix_id: str
    break_id: str
    idempotency_key: str
    reconciliation: str
    code: str
    template: str
    class_: str
    psp: str
    currency: str
    amount_minor: int
    content: Mapping[str, Any]
    rule_sha256: str
    seen: Mapping[str, Any]
    auto_approve: bool = False
    limit_text: str | None = None


@dataclass(frozen=True, slots=True)
class QueuedFix:
    """A fix of the queue. Amounts are minor units; moments are UTC text; `content` and `seen` are parsed JSON.

    content    kind "journal": memo, postings of {account, currency, amount}; "update": change of {record, record_id, seen,
               set}. Amounts in it are decimal text in major units
    attempts   how often an applier took it in hand since it was approved or sent again, to look what became of it included
    """

    fix_id: str
    break_id: str
    idempotency_key: str
    reconciliation: str
    code: str
    template: str
    class_: str
    psp: str
    currency: str
    amount_minor: int
    content: Mapping[str, Any]
    content_sha256: str
    rule_sha256: str
    seen: Mapping[str, Any]
    seen_sha256: str
    auto_approve: bool
    limit_text: str | None
    status: Status
    proposed_on: date
    seen_on: date
    maker: str
    approved_by: str | None
    audit_seq: int
    attempts: int
    not_before: str | None
    claimed_by: str | None
    claimed_until: str | None
    error: str | None
    receipt: Mapping[str, Any] | None

    @property
    def amount(self) -> str:
        """In major units, as decimal text."""
        return _text(self.amount_minor, self.currency)


@dataclass(frozen=True, slots=True)
class Passed:
    """A fix that an applier was not given, and why."""

    fix_id: str
    why: str


@dataclass(frozen=True, slots=True)
class Claim:
    """What an applier has in hand. `in_doubt`: another applier had it and was not heard of: look by key before anything else."""

    fix: QueuedFix
    in_doubt: bool


@dataclass(slots=True)
class Claims:
    given: list[Claim] = field(default_factory=list)
    passed: list[Passed] = field(default_factory=list)


# --- reading ---------------------------------------------------------------------------------------------------------


def find(
    connection: sa.Connection, fix_ids: Iterable[str] | None = None, statuses: Iterable[str] | None = None
) -> list[QueuedFix]:
    """Fixes by id; those of these ids, in these states, where given."""
    statement = sa.select(fixes).order_by(fixes.c.fix_id)
    if fix_ids is not None:
        statement = statement.where(fixes.c.fix_id.in_(list(fix_ids)))
    if statuses is not None:
        statement = statement.where(fixes.c.status.in_([str(each) for each in statuses]))
    return [_queued(dict(row._mapping)) for row in connection.execute(statement)]


def get(connection: sa.Connection, fix_id: str) -> QueuedFix:
    """One fix. Raises ReconError `no-fix`."""
    found = find(connection, [fix_id])
    if not found:
        raise ReconError("no-fix", f"there is no fix {fix_id}", "recon fixes list")
    return found[0]


def newest_night(connection: sa.Connection) -> date | None:
    """The newest night that the state database knows."""
    return connection.execute(sa.select(sa.func.max(nights.c.night))).scalar()


def _queued(row: Mapping[str, Any]) -> QueuedFix:
    made = {name: row["class" if name == "class_" else name] for name in QueuedFix.__dataclass_fields__}
    made |= {
        "content": json.loads(made["content"]),
        "seen": json.loads(made["seen"]),
        "auto_approve": bool(made["auto_approve"]),
        "status": Status(made["status"]),
        "receipt": json.loads(made["receipt"]) if made["receipt"] else None,
    }
    return QueuedFix(**made)


# --- nights ----------------------------------------------------------------------------------------------------------


def propose(
    connection: sa.Connection,
    night: date,
    proposed: Sequence[Proposed],
    maker: str,
    reconciliations: Iterable[str],
    held: Iterable[str] = (),
    gone: Mapping[str, str] | None = None,
    at: datetime | None = None,
) -> None:
    """Bring the queue to what the newest night proposes, and keep what people decided where nothing has changed since.

    maker            who runs the night
    reconciliations  those that ran: fixes of others are left alone
    held             breaks of which tonight could not judge (an input is missing): their fixes stay as they are
    gone             break_id -> why it is no break any more, for the reason in the trail
    A fix in an applier's hands is left alone: what became of it is the applier's to say.
    """
    tonight = {each.fix_id: each for each in proposed}
    ours, kept = set(reconciliations), set(held)
    lock(connection)
    known = {each.fix_id: each for each in find(connection)}
    entries: list[Entry] = []
    changes: list[dict[str, Any]] = []  # rows to insert or update, in the order of the entries
    seen_again: list[dict[str, Any]] = []
    replaced = {each.break_id: each.fix_id for each in proposed}
    for each in proposed:
        row = _row(each, maker, night)
        before = known.get(each.fix_id)
        if before is None:
            why = _why_new(each, night, known.values())
            entries.append(_entry(maker, "propose", row, "", Status.PROPOSED, why, night))
            changes.append({**row, "proposed_on": night, "new": True})
            continue
        if before.claimed_by is not None or before.status is Status.APPLIED:
            continue
        why = _what_changed(before, row)
        if before.status is Status.SUPERSEDED and not why:
            why = f"the night of {night} proposes it again"
        if not why:
            seen_again.append(
                {
                    "b_fix_id": each.fix_id,
                    "seen_on": max(before.seen_on, night),
                    "limit_text": each.limit_text,
                    "proposed_on": min(before.proposed_on, night),
                }
            )
            continue
        if before.approved_by and before.status in SIGNED:
            why += f"; it was {before.status}, approved by {before.approved_by}"
        elif before.status is Status.REJECTED:
            why += "; it was rejected"
        entries.append(_entry(maker, "propose_again", row, before.status, Status.PROPOSED, why, night))
        changes.append({**row, "proposed_on": min(before.proposed_on, night), "new": False})
    over: list[str] = []
    for fix in known.values():
        open_ = fix.status in OPEN or fix.status is Status.REJECTED
        if fix.fix_id in tonight or not open_ or fix.claimed_by or fix.reconciliation not in ours:
            continue
        if fix.break_id in kept:
            continue
        other = replaced.get(fix.break_id)
        why = f"{other} takes its place" if other else (gone or {}).get(fix.break_id, "the night no longer proposes it")
        if fix.approved_by and fix.status in SIGNED:
            why += f"; it was {fix.status}, approved by {fix.approved_by}"
        entries.append(_move(maker, "supersede", fix, Status.SUPERSEDED, why, night))
        over.append(fix.fix_id)
    seqs = append(connection, entries, at)
    for row, seq in zip(changes, seqs, strict=False):
        row.update(audit_seq=seq, proposed_seq=seq)
    _insert(connection, [row for row in changes if row["new"]])
    _update(connection, [row for row in changes if not row["new"]])
    for fix_id, seq in zip(over, seqs[len(changes) :], strict=True):
        _set(connection, fix_id, status=Status.SUPERSEDED, audit_seq=seq, approved_by=None)
    if seen_again:
        connection.execute(fixes.update().where(fixes.c.fix_id == sa.bindparam("b_fix_id")), seen_again)


def signature(each: Proposed) -> tuple[str, str, str]:
    """What an approval signs: the hashes of its content, of its rule file and of what was seen."""
    return sha256_text(canonical(each.content)), each.rule_sha256, sha256_text(canonical(each.seen))


def _row(each: Proposed, maker: str, night: date) -> dict[str, Any]:
    content, seen = canonical(each.content), canonical(each.seen)
    return {
        "fix_id": each.fix_id,
        "break_id": each.break_id,
        "idempotency_key": each.idempotency_key,
        "reconciliation": each.reconciliation,
        "code": each.code,
        "template": each.template,
        "class": each.class_,
        "psp": each.psp,
        "currency": each.currency,
        "amount_minor": each.amount_minor,
        "content": content,
        "content_sha256": sha256_text(content),
        "rule_sha256": each.rule_sha256,
        "seen": seen,
        "seen_sha256": sha256_text(seen),
        "auto_approve": int(each.auto_approve),
        "limit_text": each.limit_text,
        "status": str(Status.PROPOSED),
        "seen_on": night,
        "maker": maker,
        "approved_by": None,
        "attempts": 0,
        "not_before": None,
        "error": None,
    }


def _why_new(each: Proposed, night: date, known: Iterable[QueuedFix]) -> str:
    before = [
        fix for fix in known if fix.break_id == each.break_id and fix.status in (*OPEN, Status.REJECTED, Status.APPLIED)
    ]
    why = f"{each.code}: proposed by the night of {night}"
    if before:
        why += f"; before it {', '.join(f'{fix.fix_id} was {fix.status}' for fix in before)}"
    return why


def _what_changed(before: QueuedFix, row: Mapping[str, Any]) -> str:
    """What is no longer as it was signed, in words; empty where nothing is."""
    found = []
    if before.content_sha256 != row["content_sha256"]:
        found.append("what it does changed" + _differences(before.content, json.loads(row["content"])))
    if before.rule_sha256 != row["rule_sha256"]:
        found.append(f"the rule file changed ({before.rule_sha256[:12]} to {row['rule_sha256'][:12]})")
    if before.seen_sha256 != row["seen_sha256"]:
        found.append("what was seen changed" + _differences(before.seen, json.loads(row["seen"])))
    if before.auto_approve != bool(row["auto_approve"]):
        found.append(f"automatic approval was switched {'on' if row['auto_approve'] else 'off'}")
    return "; ".join(found)


def _differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    names = [name for name in sorted({*one, *other}) if one.get(name) != other.get(name)]
    told = [f"{name} {canonical(one.get(name))} to {canonical(other.get(name))}" for name in names]
    return f" ({', '.join(told)})" if told else ""


def _insert(connection: sa.Connection, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(fixes.insert(), [{name: row[name] for name in row if name != "new"} for row in rows])


def _update(connection: sa.Connection, rows: list[dict[str, Any]]) -> None:
    fixed = ("fix_id", "break_id", "idempotency_key", "new")
    if rows:
        connection.execute(
            fixes.update().where(fixes.c.fix_id == sa.bindparam("b_fix_id")),
            [{**{k: v for k, v in row.items() if k not in fixed}, "b_fix_id": row["fix_id"]} for row in rows],
        )


# --- people ----------------------------------------------------------------------------------------------------------


def approve(
    connection: sa.Connection,
    fix_id: str,
    who: str,
    why: str,
    policy: Policy,
    signed: str | None = None,
    at: datetime | None = None,
) -> QueuedFix:
    """Sign a fix as it is now: its content, its rule file and what was seen.

    signed   the content's hash that the person was shown; refused where the fix has another one by now
    Raises ReconError: `not-proposed`, `changed-since`, `own-fix`, `not-an-approver`, `above-ceiling`, `in-hand`.
    """
    lock(connection)
    fix, name = get(connection, fix_id), _signer(who, why, automatic=who == AUTOMATIC)
    _decidable(fix)
    if signed is not None and signed != fix.content_sha256:
        raise ReconError("changed-since", f"{fix_id} is not what you were shown: it changed since", _show(fix_id))
    if fix.status is not Status.PROPOSED:
        raise ReconError("not-proposed", f"{fix_id} is {fix.status}, not proposed", _show(fix_id))
    if name in makers(connection, fix_id):
        raise ReconError("own-fix", f"{name} made {fix_id}: its maker never approves it", "another person has to")
    if name == AUTOMATIC and not fix.auto_approve:
        raise ReconError("not-automatic", f"the rule {fix.code} does not approve by itself", "a person has to")
    if name != AUTOMATIC and policy.approvers is not None and name not in policy.approvers:
        raise ReconError(
            "not-an-approver", f"{name} is not one of the approvers in recon.yaml", f"ask {', '.join(policy.approvers)}"
        )
    night = newest_night(connection) or fix.seen_on
    over = above_ceiling(connection, fix, policy.ceilings, night, name)
    if over:
        raise ReconError("above-ceiling", f"{fix_id}: {over}", "book it by hand, or raise the ceiling in recon.yaml")
    details = _signature(fix)
    [seq] = append(connection, [_move(name, "approve", fix, Status.APPROVED, why, night, details)], at)
    connection.execute(
        fix_approvals.insert(),
        [
            {
                "audit_seq": seq,
                "fix_id": fix_id,
                "approved_by": name,
                "content_sha256": fix.content_sha256,
                "rule_sha256": fix.rule_sha256,
                "seen_sha256": fix.seen_sha256,
                "approved_on": night,
            }
        ],
    )
    _set(connection, fix_id, status=Status.APPROVED, audit_seq=seq, approved_by=name, attempts=0, error=None)
    return get(connection, fix_id)


def reject(
    connection: sa.Connection,
    fix_id: str,
    who: str,
    why: str,
    code: str = "",
    signed: str | None = None,
    at: datetime | None = None,
) -> QueuedFix:
    """Say no to a fix that is not applied; it comes back only if it changes. `code`: a reason code."""
    lock(connection)
    fix, name = get(connection, fix_id), _signer(who, why)
    _decidable(fix)
    if signed is not None and signed != fix.content_sha256:
        raise ReconError("changed-since", f"{fix_id} is not what you were shown: it changed since", _show(fix_id))
    if fix.status not in OPEN:
        raise ReconError("not-open", f"{fix_id} is {fix.status}: there is nothing to reject", _show(fix_id))
    details = {"reason_code": code} if code else {}
    night = newest_night(connection)
    [seq] = append(connection, [_move(name, "reject", fix, Status.REJECTED, why, night, details)], at)
    _set(connection, fix_id, status=Status.REJECTED, audit_seq=seq, approved_by=None)
    return get(connection, fix_id)


def retry(connection: sa.Connection, fix_id: str, who: str, why: str, at: datetime | None = None) -> QueuedFix:
    """Let a failed fix or a dead letter be tried again; its key is the same, so what was done is not done twice."""
    lock(connection)
    fix, name = get(connection, fix_id), _signer(who, why)
    _decidable(fix)
    if fix.status not in (Status.FAILED, Status.DEAD_LETTER):
        raise ReconError("not-failed", f"{fix_id} is {fix.status}: only what failed can be tried again", _show(fix_id))
    [seq] = append(connection, [_move(name, "retry", fix, Status.RETRYING, why, newest_night(connection))], at)
    _set(connection, fix_id, status=Status.RETRYING, audit_seq=seq, attempts=0, not_before=None)
    return get(connection, fix_id)


def makers(connection: sa.Connection, fix_id: str) -> set[str]:
    """Everybody who ever proposed the fix."""
    statement = sa.select(fix_makers.c.name).where(fix_makers.c.fix_id == fix_id)
    return {row.name for row in connection.execute(statement)}


def above_ceiling(connection: sa.Connection, fix: QueuedFix, ceilings: Ceilings, night: date, name: str) -> str:
    """Why the fix would pass a ceiling if `name` approved it while `night` is the newest; empty where it would not.

    What counts is what it does, in each currency that it moves, beside what is approved or further. What moves no money
    passes: a message, a guarded update of goods or of an order over nothing.
    """
    try:
        moves = {
            currency: amount
            for currency, amount in moved(fix.content, fix.currency, fix.amount_minor).items()
            if amount
        }
    except (ValueError, KeyError):
        return "what it moves can't be read, so nothing passes"
    if "" in moves or (fix.amount_minor and not fix.currency):
        return "its amount has no currency, so no ceiling holds for it and nothing passes"
    if fix.content.get("kind") == "journal" and moves and not 0 < moves.get(fix.currency, 0) <= fix.amount_minor:
        told = ", ".join(f"{to_text(amount, currency)} {currency}" for currency, amount in sorted(moves.items()))
        listed = f"{fix.amount} {fix.currency}" if fix.currency else "none"
        return f"its postings move {told}, and it is listed as {listed}, so nothing passes"
    for currency, amount in sorted(moves.items()):
        over = _above(connection, fix, currency, amount, ceilings, night, name)
        if over:
            return over
    return ""


def _above(
    connection: sa.Connection, fix: QueuedFix, currency: str, amount: int, ceilings: Ceilings, night: date, name: str
) -> str:
    """As `above_ceiling`, in one currency, of which the fix moves that amount."""
    sums = {"per_fix": 0, "per_rule": 0, "per_night": 0, "per_person": 0}
    for rule, before, approved_by in _approved(connection, fix, currency, night):
        sums["per_night"] += before
        sums["per_rule"] += before if rule == (fix.reconciliation, fix.code) else 0
        sums["per_person"] += before if approved_by == name else 0
    words = {
        "per_fix": "one fix",
        "per_rule": f"fixes of {fix.code} on one night",
        "per_night": "fixes on one night",
        "per_person": f"what {name} approves on one night",
    }
    for kind, before in sums.items():
        ceiling = getattr(ceilings, kind).get(currency)
        if ceiling is None:
            return f"recon.yaml has no ceiling {kind} for {currency}, so nothing passes"
        if before + amount > ceiling:
            so_far = f" after {to_text(before, currency)}" if before else ""
            return (
                f"{to_text(amount, currency)} {currency}{so_far} is above the ceiling of {to_text(ceiling, currency)} "
                f"{currency} for {words[kind]}"
            )
    return ""


def _approved(
    connection: sa.Connection, fix: QueuedFix, currency: str, night: date
) -> Iterator[tuple[tuple[str, str], int, str]]:
    """What else is approved or further, while that night is the newest: its rule, what it moves, who approved it."""
    others = fixes.c.currency != currency
    # A journal may move this currency beside the one that it is listed in; an update may set more than the row holds.
    told = sa.or_(others, fixes.c.content.contains(canonical({"kind": "update"})[1:-1], autoescape=True))
    content = sa.case((told, fixes.c.content), else_=None)
    statement = (
        sa.select(
            fixes.c.fix_id,
            fixes.c.reconciliation,
            fixes.c.code,
            fixes.c.currency,
            fixes.c.amount_minor,
            content.label("content"),
            fix_approvals.c.approved_by,
        )
        .join(fix_approvals, fix_approvals.c.fix_id == fixes.c.fix_id)
        .where(
            fix_approvals.c.approved_on == night,
            sa.or_(~others, fixes.c.content.contains(canonical({"currency": currency})[1:-1], autoescape=True)),
            fixes.c.status.in_([str(each) for each in SIGNED]),
            fixes.c.fix_id != fix.fix_id,
            fix_approvals.c.audit_seq > fixes.c.proposed_seq,
        )
        .distinct()
    )
    for row in connection.execute(statement):
        amount = row.amount_minor
        if row.content is not None:
            amount = moved(json.loads(row.content), row.currency, amount).get(currency, 0)
        yield (row.reconciliation, row.code), amount, row.approved_by


def _signer(who: str, why: str, automatic: bool = False) -> str:
    refuse_unsigned(who, why)
    name = person(who)
    if name in (MACHINE, AUTOMATIC) and not automatic:
        raise ReconError("bad-signer", f"{name} is the program's own name", "decide in your own: --as NAME")
    return name


def _decidable(fix: QueuedFix) -> None:
    if fix.claimed_by is not None:
        raise ReconError("in-hand", f"{fix.fix_id} is being applied right now", "wait for what becomes of it")


def _show(fix_id: str) -> str:
    return f"look at it again: recon fixes show {fix_id}"


# --- appliers --------------------------------------------------------------------------------------------------------


def claimable(now: datetime) -> sa.ColumnElement[bool]:
    """True for what may be taken in hand: approved, or failed and its time has come, or its applier is not heard of any more.

    One fix of a break at a time: what became of the one that is in hand decides what the other is worth.
    """
    moment = now_text(now)
    other = fixes.alias("other")
    in_hand = sa.select(other.c.break_id).where(other.c.claimed_by.is_not(None))
    ready = sa.and_(
        fixes.c.claimed_by.is_(None),
        sa.or_(
            fixes.c.status.in_([str(Status.APPROVED), str(Status.RETRYING)]),
            sa.and_(fixes.c.status == str(Status.FAILED), sa.func.coalesce(fixes.c.not_before, "") <= moment),
        ),
        fixes.c.break_id.not_in(in_hand),
    )
    return sa.or_(ready, sa.and_(fixes.c.claimed_by.is_not(None), fixes.c.claimed_until < moment))


def claim_order() -> tuple[sa.ColumnElement[Any], ...]:
    """What is in doubt comes last: a fix that kills its applier must not stand before the others each time."""
    return fixes.c.claimed_by.is_not(None), fixes.c.fix_id


def claim(
    connection: sa.Connection,
    token: str,
    who: str,
    policy: Policy,
    now: datetime,
    until: datetime,
    limit: int = 100,
    only: Iterable[str] | None = None,
) -> Claims:
    """Take fixes in hand: approved ones, failed ones whose time has come, and those whose applier is not heard of.

    token   of this applier and no other; every later word about these fixes needs it
    who     the name in the trail; it applies nothing that it approved itself
    until   when others may look what became of them
    What no longer deserves its approval (a ceiling, an approver who is none) is sent back to proposed.
    """
    lock(connection)
    name, claims, in_hand = person(who), Claims(), set[str]()
    statement = sa.select(fixes).where(claimable(now)).order_by(*claim_order())
    if only is not None:
        statement = statement.where(fixes.c.fix_id.in_(list(only)))
    for row in connection.execute(statement).all():
        fix = _queued(dict(row._mapping))
        if len(claims.given) >= limit:
            break
        if fix.break_id in in_hand:
            continue
        in_doubt = fix.claimed_by is not None
        if fix.approved_by == name:
            claims.passed.append(Passed(fix.fix_id, f"{name} approved it: who approves a fix does not apply it"))
            continue
        why = "" if in_doubt else _undeserved(connection, fix, row, policy)
        if why:
            send_back(connection, fix.fix_id, name, why, at=now)
            claims.passed.append(Passed(fix.fix_id, f"sent back to proposed: {why}"))
            continue
        status = fix.status
        if status is Status.FAILED:
            [seq] = append(
                connection,
                [_move(name, "retry", fix, Status.RETRYING, f"attempt {fix.attempts + 1}", newest_night(connection))],
                now,
            )
            _set(connection, fix.fix_id, status=Status.RETRYING, audit_seq=seq)
        _set(
            connection,
            fix.fix_id,
            claimed_by=token,
            claimed_until=now_text(until),
            attempts=fix.attempts + 1,
        )
        claims.given.append(Claim(get(connection, fix.fix_id), in_doubt))
        in_hand.add(fix.break_id)
    return claims


def overtaken(connection: sa.Connection, fix: QueuedFix) -> str:
    """Why another fix of the same break stands in the way of this one; empty where none does.

    A night leaves a fix that is in hand alone, and may propose another for its break beside it.
    """
    columns = (fixes.c.fix_id, fixes.c.status, fixes.c.proposed_seq, fixes.c.audit_seq)
    rows = connection.execute(sa.select(*columns).where(fixes.c.break_id == fix.break_id)).all()
    [own] = [row for row in rows if row.fix_id == fix.fix_id]
    for row in rows:
        if row.fix_id == fix.fix_id or row.status == Status.SUPERSEDED:
            continue
        if row.proposed_seq > own.proposed_seq:
            return f"{row.fix_id}, which a later night proposed, takes its place"
        if row.status == Status.APPLIED and row.audit_seq > own.proposed_seq:
            return f"{row.fix_id} was applied to its break since it was proposed: the next night has to judge it again"
    return ""


def _undeserved(connection: sa.Connection, fix: QueuedFix, row: sa.Row[Any], policy: Policy) -> str:
    """Why an approved fix may not be applied after all, whoever approved it and by whatever way."""
    if sha256_text(row.content) != fix.content_sha256 or sha256_text(row.seen) != fix.seen_sha256:
        return "what it does is not what was signed"
    approvals = connection.execute(
        sa.select(fix_approvals)
        .where(fix_approvals.c.fix_id == fix.fix_id, fix_approvals.c.audit_seq > row.proposed_seq)
        .order_by(fix_approvals.c.audit_seq.desc())
    ).all()
    made = makers(connection, fix.fix_id)
    valid = [each for each in approvals if each.approved_by not in made]
    if not valid:
        return "nobody but its maker approved it"
    for each in valid:
        name = each.approved_by
        if name != AUTOMATIC and policy.approvers is not None and name not in policy.approvers:
            return f"{name} is not one of the approvers in recon.yaml"
        over = above_ceiling(connection, fix, policy.ceilings, each.approved_on, name)
        if over:
            return over
    return ""


def applied(
    connection: sa.Connection,
    fix_id: str,
    token: str,
    who: str,
    receipt: Mapping[str, Any],
    why: str = "applied",
    at: datetime | None = None,
) -> None:
    """The correction is in its target. `receipt`: what the target said of it, e.g. {"journal_id": ...}."""
    fix = _in_hand(connection, fix_id, token)
    [seq] = append(
        connection, [_move(person(who), "apply", fix, Status.APPLIED, why, newest_night(connection), receipt)], at
    )
    _set(
        connection,
        fix_id,
        status=Status.APPLIED,
        audit_seq=seq,
        receipt=canonical(receipt),
        claimed_by=None,
        claimed_until=None,
        error=None,
        not_before=None,
    )


def failed(
    connection: sa.Connection,
    fix_id: str,
    token: str,
    who: str,
    error: str,
    not_before: datetime,
    at: datetime | None = None,
) -> None:
    """A try failed for a reason that may pass; it is tried again from `not_before` on."""
    _ended(connection, fix_id, token, who, "fail", Status.FAILED, error, at, not_before=now_text(not_before))


def dead_letter(
    connection: sa.Connection, fix_id: str, token: str, who: str, error: str, at: datetime | None = None
) -> None:
    """It will not be tried again until a person says so: the target refuses it, or it has been tried often enough."""
    _ended(connection, fix_id, token, who, "give_up", Status.DEAD_LETTER, error, at, not_before=None)


def supersede(
    connection: sa.Connection, fix_id: str, token: str, who: str, why: str, at: datetime | None = None
) -> None:
    """At the moment of applying there is nothing left to correct."""
    _ended(connection, fix_id, token, who, "supersede", Status.SUPERSEDED, why, at, approved_by=None)


def send_back(
    connection: sa.Connection, fix_id: str, who: str, why: str, token: str | None = None, at: datetime | None = None
) -> None:
    """To proposed: what was approved is not what is there now. `token`: of the applier that has it in hand."""
    lock(connection)
    fix = _in_hand(connection, fix_id, token) if token is not None else get(connection, fix_id)
    [seq] = append(
        connection, [_move(person(who), "send_back", fix, Status.PROPOSED, why, newest_night(connection))], at
    )
    _set(
        connection,
        fix_id,
        status=Status.PROPOSED,
        audit_seq=seq,
        proposed_seq=seq,
        approved_by=None,
        claimed_by=None,
        claimed_until=None,
        not_before=None,
    )


def release(connection: sa.Connection, fix_id: str, token: str) -> None:
    """Give a fix back untouched (the target is left alone for now); the attempt does not count."""
    fix = _in_hand(connection, fix_id, token)
    _set(connection, fix_id, claimed_by=None, claimed_until=None, attempts=max(fix.attempts - 1, 0))


def _ended(
    connection: sa.Connection,
    fix_id: str,
    token: str,
    who: str,
    action: str,
    to: Status,
    why: str,
    at: datetime | None,
    **values: Any,
) -> None:
    fix = _in_hand(connection, fix_id, token)
    [seq] = append(connection, [_move(person(who), action, fix, to, why, newest_night(connection))], at)
    values |= {"error": why} if to is not Status.SUPERSEDED else {}
    _set(connection, fix_id, status=to, audit_seq=seq, claimed_by=None, claimed_until=None, **values)


def _in_hand(connection: sa.Connection, fix_id: str, token: str) -> QueuedFix:
    lock(connection)
    fix = get(connection, fix_id)
    if fix.claimed_by != token:
        raise ReconError(
            "not-in-hand", f"{fix_id} is no longer in this applier's hands", "another applier looks what became of it"
        )
    return fix


# --- writing ---------------------------------------------------------------------------------------------------------


def _signature(fix: QueuedFix) -> dict[str, Any]:
    return {
        "content_sha256": fix.content_sha256,
        "rule_sha256": fix.rule_sha256,
        "seen_sha256": fix.seen_sha256,
        "currency": fix.currency,
        "amount": fix.amount,
    }


def _entry(who: str, action: str, row: Mapping[str, Any], of: str, to: Status, why: str, night: date | None) -> Entry:
    details = {name: row[name] for name in ("break_id", "template", "content_sha256", "rule_sha256", "seen_sha256")}
    details |= {"currency": row["currency"], "amount": _text(row["amount_minor"], row["currency"])}
    return Entry(who, action, row["fix_id"], why, str(of), str(to), details, night)


def _move(
    who: str,
    action: str,
    fix: QueuedFix,
    to: Status,
    why: str,
    night: date | None,
    details: Mapping[str, Any] | None = None,
) -> Entry:
    if (fix.status, to) not in MOVES:
        raise InvariantError("no-such-move", f"{fix.fix_id} is {fix.status} and cannot become {to}", "report this")
    return Entry(who, action, fix.fix_id, why, str(fix.status), str(to), details or {}, night)


def _text(amount_minor: int, currency: str) -> str:
    """In major units; empty for a message about no money."""
    return to_text(amount_minor, currency) if currency else ""


def _set(connection: sa.Connection, fix_id: str, **values: Any) -> None:
    plain = {name: str(value) if isinstance(value, Status) else value for name, value in values.items()}
    connection.execute(fixes.update().where(fixes.c.fix_id == fix_id).values(**plain))


__all__ = [
    "Claim",
    "Claims",
    "Connection",
    "Passed",
    "Proposed",
    "QueuedFix",
    "applied",
    "approve",
    "claim",
    "claim_order",
    "claimable",
    "dead_letter",
    "failed",
    "find",
    "get",
    "overtaken",
    "propose",
    "reject",
    "release",
    "retry",
    "send_back",
    "signature",
    "supersede",
    "writing",
]
