"""Casework in the state database: decisions on breaks are records of the audit trail, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from recon.domain.casework import ACTIONS, FixWord, Word
from recon.domain.queue import AUTOMATIC, MACHINE, Status
from recon.store.audit import EMPTY, Entry, Head, Record, append, read_records
from recon.store.state import audit, engine_for, fixes, unanswered

#: What a night writes by itself; the head that its own report prints is the one before these.
_OWN = ("propose", "propose_again", "supersede")


def read_casework(url: str, root: Path, night: date) -> tuple[Head, list[Word], list[FixWord]]:
    """What a run of that night takes into account; nothing where the database does not exist yet.

    Raises UnreachableError where it does not answer.
    """
    engine = engine_for(url, root)
    try:
        if not sa.inspect(engine).has_table("audit"):
            return EMPTY, [], []
        with engine.connect() as connection:
            return head_before(connection, night), read_words(connection), read_fix_words(connection)
    except (sa.exc.OperationalError, sa.exc.InterfaceError) as error:
        raise unanswered(error) from error
    finally:
        engine.dispose()


def add_word(
    connection: sa.Connection,
    break_id: str,
    action: str,
    who: str,
    why: str,
    details: Mapping[str, Any],
    night: date | None,
) -> int:
    """Add a decision on a break; gives its place in the trail."""
    assert action in ACTIONS, action
    [seq] = append(connection, [Entry(who, action, break_id, why, details=details, night=night)])
    return seq


def read_words(connection: sa.Connection, subjects: Iterable[str] | None = None) -> list[Word]:
    """Decisions on breaks, in the order in which they were made."""
    found = read_records(connection, None if subjects is None else list(subjects), ACTIONS)
    return [word_of(each) for each in found if not each.to_state]


def word_of(record: Record) -> Word:
    """A record as a decision on a break."""
    return Word(
        record.seq, record.at, record.who, record.action, record.subject, record.why, json.loads(record.details)
    )


def read_fix_words(connection: sa.Connection) -> list[FixWord]:
    """What the queue says of every fix."""
    applied = {each.subject: each for each in read_records(connection, actions=["apply"])}
    names = (
        "fix_id",
        "break_id",
        "status",
        "content_sha256",
        "rule_sha256",
        "seen_sha256",
        "proposed_on",
        "approved_by",
    )
    found = []
    for row in connection.execute(sa.select(*(fixes.c[name] for name in names)).order_by(fixes.c.fix_id)):
        values = {name: getattr(row, name) for name in names} | {"approved_by": row.approved_by or ""}
        last = applied.get(row.fix_id) if row.status == Status.APPLIED else None
        values |= {"applied_by": last.who, "applied_at": last.at, "applied_on": last.night} if last else {}
        found.append(FixWord(**values, automatic=row.approved_by == AUTOMATIC))
    return found


def head_before(connection: sa.Connection, night: date) -> Head:
    """The last record that is not the work of that night itself, or of a later one: what its report prints.

    A night that runs again without a new decision of anybody's prints the same head.
    """
    own = sa.and_(audit.c.night >= night, sa.or_(audit.c.action.in_(_OWN), audit.c.who.in_([MACHINE, AUTOMATIC])))
    statement = (
        sa.select(audit.c.seq, audit.c.sha256)
        .where(sa.or_(audit.c.night.is_(None), sa.not_(own)))
        .order_by(audit.c.seq.desc())
        .limit(1)
    )
    row = connection.execute(statement).first()
    return Head(row.seq, row.sha256) if row else EMPTY
