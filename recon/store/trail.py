"""Trail: prove the audit trail, or find and place what was done to it: an edit, a deletion, an insertion, a swap, a cut tail.

Reads   `audit`, `audit_head`, the queue's tables, the guards in the schema, and the heads that published nights printed
Gives   findings, each with the number of the record at which it is
A trail that was written anew from some record on, head and all, agrees with itself; the heads in the reports still tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import sqlalchemy as sa

from recon.domain.queue import SIGNED
from recon.store.audit import NOTHING, Head, Record, record_sha256
from recon.store.guards import family, triggers
from recon.store.state import audit, audit_head, fix_approvals, fix_makers, fixes

#: How far a record is looked for from where it stands; swaps farther apart are found among the records that do not fit.
_NEAR = 32


@dataclass(frozen=True, slots=True)
class Finding:
    """`seq`: the first record at which something is wrong, 0 where it is no record; `kind` in a word, `text` in a sentence."""

    seq: int
    kind: str
    text: str

    def __str__(self) -> str:
        return f"audit trail, record {self.seq}: {self.text}" if self.seq else f"audit trail: {self.text}"


@dataclass(frozen=True, slots=True)
class Witness:
    """What a published night printed: after so many records the head was this."""

    night: str
    seq: int
    sha256: str


def verify_trail(connection: sa.Connection, witnesses: Iterable[Witness] = ()) -> list[Finding]:
    """Everything that is wrong with the trail, first record first; empty where it is whole."""
    columns = [audit.c[name] for name in Record.__dataclass_fields__]
    rows = [dict(row._mapping) for row in connection.execute(sa.select(*columns).order_by(audit.c.seq))]
    heads = connection.execute(sa.select(audit_head.c.seq, audit_head.c.sha256)).all()
    head = Head(*heads[0]) if len(heads) == 1 else None
    found = check_records(rows, head, witnesses)
    return sorted([*found, *_queue(connection, rows), *_guards(connection)], key=lambda each: each.seq or 10**18)


def check_records(rows: Sequence[Mapping[str, Any]], head: Head | None, witnesses: Iterable[Witness]) -> list[Finding]:
    """What is wrong with records that stand in the order of their numbers."""
    found = _chain(rows)
    last = Head(rows[-1]["seq"], rows[-1]["sha256"]) if rows else Head(0, NOTHING)
    if head is None:
        found.append(Finding(0, "head", "its head is gone"))
    elif head.seq > last.seq:
        found.append(Finding(last.seq + 1, "cut", f"its tail is cut: there were {head.seq} records"))
    elif head.seq < last.seq:
        found.append(Finding(head.seq + 1, "added", f"was added by hand: the head is record {head.seq}"))
    elif head != last and not found:
        found.append(Finding(last.seq, "edited", "is not the one that the head names: it was changed"))
    return found or _witnessed(rows, witnesses)


def _chain(rows: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """What the records say of each other."""
    misfits = {row["seq"]: row for row in rows if record_sha256(row) != row["sha256"]}
    found: list[Finding] = []
    before, expected, shift = NOTHING, 1, 0
    swapped: set[int] = set()
    for row in rows:
        seq = row["seq"]
        if seq != expected:
            gone = f"records {expected} to {seq - 1} are" if seq - expected > 1 else f"record {expected} is"
            found.append(Finding(expected, "deleted", f"{gone} gone"))
        fits = seq if seq not in misfits else _true_place(row, shift, misfits)
        if fits is None:
            found.append(Finding(seq, "edited", "was changed: it is not what its hash says"))
        elif fits != seq and fits - seq == shift and seq not in swapped:
            pass  # moved together with those before it
        elif fits != seq and _takes(misfits.get(fits), seq):
            if seq not in swapped:
                low, high = sorted((seq, fits))
                found.append(Finding(low, "swapped", f"records {low} and {high} were swapped"))
                swapped |= {seq, fits}
        elif fits != seq:
            moved = seq - fits + shift
            shift = fits - seq
            if moved > 0:
                found.append(Finding(seq - moved, "inserted", f"was inserted: record {seq} was record {fits}"))
            else:
                found.append(Finding(seq, "deleted", f"a record is gone here: record {seq} was record {fits}"))
        elif seq == expected and row["previous_sha256"] != before and not _told(found, seq):
            # Its own hash fits: the one before it was changed together with its hash, or is another one.
            place = max(seq - 1, 1)
            found.append(Finding(place, "edited", f"is not the one that record {seq} follows: it was changed"))
        before, expected = row["sha256"], seq + 1
    return found


def _told(found: Sequence[Finding], seq: int) -> bool:
    """Whether what stands before this record is known to be wrong already."""
    return bool(found) and found[-1].seq >= seq - 1


def _true_place(row: Mapping[str, Any], shift: int, misfits: Iterable[int]) -> int | None:
    """The number for which the record's hash is right; None where there is none."""
    seq = row["seq"]
    near = [seq + shift, *(seq + step for far in range(1, _NEAR + 1) for step in (-far, far))]
    for place in dict.fromkeys([*near, *islice(misfits, 2_000)]):
        if place > 0 and place != seq and record_sha256({**row, "seq": place}) == row["sha256"]:
            return int(place)
    return None


def _takes(other: Mapping[str, Any] | None, seq: int) -> bool:
    """Whether the record is the one that belongs to `seq`."""
    return other is not None and record_sha256({**other, "seq": seq}) == other["sha256"]


def _witnessed(rows: Sequence[Mapping[str, Any]], witnesses: Iterable[Witness]) -> list[Finding]:
    """What the reports say of a trail that agrees with itself."""
    hashes = {row["seq"]: row["sha256"] for row in rows} | {0: NOTHING}
    agreed = 0
    for witness in sorted(witnesses, key=lambda each: (each.seq, each.night)):
        if witness.seq not in hashes:
            text = f"its tail is cut: the report of {witness.night} knew {witness.seq} records"
            return [Finding(len(rows) + 1, "cut", text)]
        if hashes[witness.seq] != witness.sha256:
            text = (
                f"it was written anew between records {agreed + 1} and {witness.seq}: "
                f"the report of {witness.night} has another head"
            )
            return [Finding(agreed + 1, "rewritten", text)]
        agreed = witness.seq
    return []


def _queue(connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """The queue holds what the trail says, and nothing else."""
    moves = {row["subject"]: row for row in rows if row["to_state"]}
    by_seq = {row["seq"]: row for row in rows}
    made = _made_from(connection, rows)
    signed: dict[str, list[Any]] = {}
    found = []
    for each in connection.execute(sa.select(fix_approvals).order_by(fix_approvals.c.audit_seq)):
        record = by_seq.get(each.audit_seq)
        if not record or (record["subject"], record["who"], record["to_state"]) != (
            each.fix_id,
            each.approved_by,
            "approved",
        ):
            found.append(Finding(each.audit_seq, "queue", f"the approval of {each.fix_id} is not in the trail"))
        if made.get((each.fix_id, each.approved_by), each.audit_seq) < each.audit_seq:
            found.append(
                Finding(each.audit_seq, "queue", f"{each.fix_id} was approved by its maker {each.approved_by}")
            )
        signed.setdefault(each.fix_id, []).append(each)
    known = set()
    columns = ("fix_id", "status", "audit_seq", "proposed_seq", "content_sha256", "rule_sha256", "seen_sha256")
    for fix in connection.execute(sa.select(*(fixes.c[name] for name in columns))):
        known.add(fix.fix_id)
        last = moves.get(fix.fix_id)
        if last is None or (last["seq"], last["to_state"]) != (fix.audit_seq, fix.status):
            said = (
                f"the trail's last word is {last['to_state']}, record {last['seq']}" if last else "the trail has none"
            )
            found.append(Finding(fix.audit_seq, "queue", f"{fix.fix_id} is {fix.status}, and {said}"))
        elif fix.status in SIGNED and not any(_signs(each, fix) for each in signed.get(fix.fix_id, ())):
            found.append(
                Finding(fix.audit_seq, "queue", f"{fix.fix_id} is {fix.status} without an approval of what it is")
            )
    lost = {subject for subject, row in moves.items()} - known
    found += [Finding(moves[each]["seq"], "queue", f"{each} is gone from the queue") for each in sorted(lost)]
    return found


def _made_from(connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], int]:
    """The record from which on somebody is a maker of a fix; 0, always, where no record tells.

    Who approved a fix may run a later night that proposes it again, and has done no wrong.
    """
    first: dict[tuple[str, str], int] = {}
    for row in rows:
        if row["action"] in ("propose", "propose_again"):
            first.setdefault((row["subject"], row["who"]), row["seq"])
    makers = [(row.fix_id, row.name) for row in connection.execute(sa.select(fix_makers))]
    return {each: first.get(each, 0) for each in makers}


def _signs(approval: Any, fix: Any) -> bool:
    names = ("content_sha256", "rule_sha256", "seen_sha256")
    return approval.audit_seq > fix.proposed_seq and all(getattr(approval, n) == getattr(fix, n) for n in names)


def _guards(connection: sa.Connection) -> list[Finding]:
    """The guards that hold all this are in the schema, and none is switched off."""
    kind = family(connection.dialect.name)
    asked = {
        "sqlite": "select name from sqlite_master where type = 'trigger'",
        "postgresql": "select tgname from pg_trigger where tgenabled = 'A' and not tgisinternal",
        "mysql": "select trigger_name from information_schema.triggers where trigger_schema = database()",
    }
    there = {row[0] for row in connection.exec_driver_sql(asked[kind])}
    if kind == "mysql" and not there and not _sees_triggers(connection):
        return [Finding(0, "guard", _UNSEEN)]
    missing = sorted(set(triggers(connection.dialect.name)) - there)
    return [Finding(0, "guard", f"the guard {each} is gone, or off") for each in missing]


_UNSEEN = (
    "whether its guards are there can't be seen by this login, because MariaDB shows triggers only to one with the right TRIGGER: "
    "run recon verify as the owner of the schema"
)


def _sees_triggers(connection: sa.Connection) -> bool:
    """Whether the login has the right TRIGGER in this database, on MariaDB."""
    asked = """select (select count(*) from information_schema.user_privileges where privilege_type = 'TRIGGER')
 + (select count(*) from information_schema.schema_privileges where privilege_type = 'TRIGGER' and database() like table_schema)
 + (select count(*) from information_schema.table_privileges where privilege_type = 'TRIGGER' and table_schema = database())"""
    return bool(connection.execute(sa.text(asked)).scalar_one())


__all__ = ["Finding", "Witness", "check_records", "verify_trail"]
