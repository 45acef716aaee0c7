"""Breaker: a target that keeps failing is left alone, so that the queue waits instead of using up its tries.

closed     fixes go there; a success forgets the failures before it
open       after `FAILURES` in a row nothing goes there, for a time that doubles with each further opening
half-open  when that time is over one applier tries one fix: success closes it, failure opens it for longer

Its state is a row of the state database, so that appliers on other machines leave the target alone too. Every function
works inside a transaction that holds the trail's lock (recon/store/audit.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from recon.store.audit import now_text
from recon.store.state import breakers

FAILURES = 5
FIRST, LONGEST = timedelta(seconds=30), timedelta(minutes=30)
#: How long a half-open target waits for the applier that tries it, before another may.
PROBE = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Breaker:
    """One target. `until`: UTC text, the end of what the state is (open: alone until then; half-open: the try's end)."""

    target: str
    state: str = "closed"  # closed | open | half_open
    failures: int = 0
    openings: int = 0
    until: str = ""
    error: str = ""


def read(connection: sa.Connection) -> dict[str, Breaker]:
    """Every breaker that is not closed, or has failures, by target."""
    names = list(Breaker.__dataclass_fields__)
    rows = connection.execute(sa.select(*(breakers.c[name] for name in names)))
    return {row.target: Breaker(**row._mapping) for row in rows}


def room(connection: sa.Connection, target: str, now: datetime) -> int | None:
    """How many fixes may go to the target now: None for any number, 0 for none, 1 for the one that tries it.

    The caller that is given 1 has to try: it is the only one until that is over.
    """
    found = read(connection).get(target)
    if found is None or found.state == "closed":
        return None
    if now_text(now) < found.until:
        return 0
    _write(connection, Breaker(target, "half_open", found.failures, found.openings, now_text(now + PROBE), found.error))
    return 1


def succeeded(connection: sa.Connection, target: str) -> None:
    """The target works: whatever was, is forgotten."""
    connection.execute(breakers.delete().where(breakers.c.target == target))


def failed(connection: sa.Connection, target: str, error: str, now: datetime) -> bool:
    """The target failed for a reason of its own. Whether it is left alone from now on."""
    found = read(connection).get(target) or Breaker(target)
    failures = found.failures + 1
    if found.state == "open" and now_text(now) < found.until:
        return True  # several appliers had it in hand when it opened
    if found.state == "closed" and failures < FAILURES:
        _write(connection, Breaker(target, "closed", failures, found.openings, "", error))
        return False
    wait = min(FIRST * 2 ** min(found.openings, 20), LONGEST)
    _write(connection, Breaker(target, "open", failures, found.openings + 1, now_text(now + wait), error))
    return True


def _write(connection: sa.Connection, made: Breaker) -> None:
    connection.execute(breakers.delete().where(breakers.c.target == made.target))
    values = {name: getattr(made, name) for name in Breaker.__dataclass_fields__}
    connection.execute(breakers.insert(), [values])
