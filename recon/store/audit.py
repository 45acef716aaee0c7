"""The audit trail: who did what to which fix or break, when and why; each record holds the hash of the one before it.

Writes  `audit`, `audit_head`
Never   changes or takes away a record. The database refuses that too (recon/store/guards.py), and `recon verify` finds it
        where somebody who owns the database did it all the same (recon/store/trail.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa

from recon.domain.canonical import canonical, sha256_text
from recon.domain.queue import NAME
from recon.errors import ReconError
from recon.store.state import audit, audit_head

#: What the first record follows.
NOTHING = "0" * 64


@dataclass(frozen=True, slots=True)
class Head:
    """The last record: how many there are, and its hash. Printed in each report."""

    seq: int
    sha256: str

    def as_json(self) -> dict[str, Any]:
        return {"records": self.seq, "head": self.sha256}


EMPTY = Head(0, NOTHING)


@dataclass(frozen=True, slots=True)
class Entry:
    """A record before it has its place in the trail.

    who         a login or mail address, `recon` for what a night does by itself
    subject     a fix_id or a break_id
    from_state, to_state   of a fix; empty for what moves none
    night       the night that did it, or that was the newest when a person did
    """

    who: str
    action: str
    subject: str
    why: str
    from_state: str = ""
    to_state: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    night: date | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A record in its place. `at` is UTC; `details` is canonical JSON."""

    seq: int
    at: str
    who: str
    action: str
    subject: str
    from_state: str
    to_state: str
    why: str
    details: str
    night: date | None
    previous_sha256: str
    sha256: str

    def as_json(self) -> dict[str, Any]:
        """As `recon fixes show --json` and `recon breaks show --json` print it."""
        made = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**made, "details": json.loads(self.details), "night": str(self.night) if self.night else None}


def record_sha256(record: Mapping[str, Any]) -> str:
    """The hash of a record: over everything else it holds, its place and the hash before it included."""
    told = {name: record[name] for name in Record.__dataclass_fields__ if name != "sha256"}
    return sha256_text(canonical({**told, "night": str(told["night"]) if told["night"] else None}))


def now_text(at: datetime | None = None) -> str:
    """A moment in UTC, as the state database keeps it: texts that sort as the moments do."""
    return f"{(at or datetime.now(UTC)).astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


def person(name: str) -> str:
    """The name as the database keeps it: a login or a mail address in small letters.

    Raises ReconError `bad-signer` for anything else: two people must never look like one, nor one like two.
    """
    made = name.strip().lower()
    if not NAME.fullmatch(made):
        raise ReconError(
            "bad-signer",
            f"{name!r} is not a name that decisions are signed with",
            "a login or a mail address: letters a to z, digits, . _ @ + -",
        )
    return made


def refuse_unsigned(*words: str) -> None:
    """Raise ReconError `unsigned` where one of what signs a decision (its name, its reason) is empty."""
    if not all(word.strip() for word in words):
        raise ReconError("unsigned", "a decision needs a name and a reason", "give both: --as NAME --why TEXT")


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that may add to the trail; it holds the trail's lock from its first statement to its end."""
    with engine.begin() as connection:
        lock(connection)
        yield connection


def lock(connection: sa.Connection) -> Head:
    """Wait for the trail's lock, and give its head. Taken first in every transaction that moves a fix: they follow one another."""
    if connection.dialect.name == "sqlite":
        raw = connection.connection.dbapi_connection
        # Python opens SQLite's transactions late and for reading; two of them could then never both write.
        if raw is not None and not raw.in_transaction:
            connection.exec_driver_sql("begin immediate")
    statement = sa.select(audit_head.c.seq, audit_head.c.sha256).where(audit_head.c.id == 1).with_for_update()
    return Head(*connection.execute(statement).one())


def append(connection: sa.Connection, entries: Iterable[Entry], at: datetime | None = None) -> list[int]:
    """Add records in the order given; their places. The caller's transaction makes them last, or not be at all."""
    head = lock(connection)
    when, rows, last = now_text(at), [], head
    for entry in entries:
        row: dict[str, Any] = {
            "seq": last.seq + 1,
            "at": when,
            "who": entry.who,
            "action": entry.action,
            "subject": entry.subject,
            "from_state": entry.from_state,
            "to_state": entry.to_state,
            "why": entry.why,
            "details": canonical(entry.details),
            "night": entry.night,
            "previous_sha256": last.sha256,
        }
        row["sha256"] = record_sha256(row)
        last = Head(row["seq"], row["sha256"])
        rows.append(row)
    if rows:
        connection.execute(audit.insert(), rows)
        connection.execute(audit_head.update().where(audit_head.c.id == 1), {"seq": last.seq, "sha256": last.sha256})
    return [row["seq"] for row in rows]


def read_records(
    connection: sa.Connection, subjects: Sequence[str] | None = None, actions: Sequence[str] | None = None
) -> list[Record]:
    """Records in their order; of these subjects, with these actions, where given."""
    statement = sa.select(*(audit.c[name] for name in Record.__dataclass_fields__)).order_by(audit.c.seq)
    if subjects is not None:
        statement = statement.where(audit.c.subject.in_(subjects))
    if actions is not None:
        statement = statement.where(audit.c.action.in_(actions))
    return [Record(*row) for row in connection.execute(statement)]
