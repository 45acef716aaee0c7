"""Database: engines for the databases that corrections go into, and what their errors mean.

In SQLite a transaction takes the write lock when it begins: one that reads first and writes later could be refused in
the middle. A statement that fails tells which of the four it was (recon/fixes/targets/effect.py); a COMMIT whose answer
is lost leaves it open, and only looking can tell.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from recon.fixes.targets.effect import RefusedError, TemporaryError, UnknownError

#: How long a connection, or a lock, is waited for.
SECONDS = 10
_DRIVERS = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql", "mariadb": "mysql+pymysql"}
#: MariaDB: what a trigger said (45000), a check or a JSON check that does not hold, a value that does not fit.
_REFUSED = frozenset({1644, 4025, 3819, 1264, 1366, 1406})


def engine(url: str, *, listen: Callable[[sa.Engine], None] | None = None) -> sa.Engine:
    """An engine whose transactions can be trusted with money. `listen`: called with it before it is used."""
    made = sa.make_url(url)
    made = made.set(drivername=_DRIVERS.get(made.drivername, made.drivername))
    if made.drivername.startswith("sqlite"):
        found = sa.create_engine(made, connect_args={"timeout": SECONDS, "check_same_thread": False})
        begin_at_once(found)
    elif made.drivername.startswith("postgresql"):
        found = sa.create_engine(
            made, connect_args={"connect_timeout": SECONDS, "options": "-c timezone=UTC"}, pool_pre_ping=True
        )
    else:
        # READ COMMITTED: a guard has to see what others committed, not the snapshot of the transaction's first read.
        found = sa.create_engine(
            made,
            connect_args={"connect_timeout": SECONDS, "charset": "utf8mb4"},
            pool_pre_ping=True,
            isolation_level="READ COMMITTED",
        )
        sa.event.listen(found, "connect", _utc)
    if listen is not None:
        listen(found)
    return found


def begin_at_once(found: sa.Engine) -> None:
    """Let every transaction of a SQLite engine take the write lock when it begins."""

    @sa.event.listens_for(found, "connect")
    def _own_transactions(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver opens none by itself
        connection.execute("pragma foreign_keys = on")

    @sa.event.listens_for(found, "begin")
    def _immediate(connection: sa.Connection) -> None:
        connection.exec_driver_sql("begin immediate")


def _utc(connection: Any, _record: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("set time_zone = '+00:00'")


def same_database(one: str, other: str) -> bool:
    """Whether two URLs open the same database as the same user: then one transaction can hold both."""

    def place(url: str) -> tuple[Any, ...]:
        made = sa.make_url(url)
        kind = _DRIVERS.get(made.drivername, made.drivername).partition("+")[0]
        return (kind, made.username, made.host or "localhost", made.port, made.database, sorted(made.query.items()))

    return place(one) == place(other)


@contextmanager
def transaction(found: sa.Engine) -> Iterator[sa.Connection]:
    """One transaction: committed when the block ends, rolled back when it raises.

    Raises TemporaryError or RefusedError where a statement failed and nothing was written, UnknownError where it is
    the answer to COMMIT that did not come.
    """
    try:
        connection = found.connect()
    except sa.exc.DBAPIError as error:
        raise TemporaryError(words(error)) from error
    with connection:
        started = None
        try:
            started = connection.begin()
            yield connection
        except sa.exc.DBAPIError as error:
            _leave(connection, started)
            raise told(error) from error
        except BaseException:
            _leave(connection, started)
            raise
        try:
            started.commit()
        except sa.exc.DBAPIError as error:
            if _is_sure(error):
                _leave(connection, started)
                raise told(error) from error
            connection.invalidate()
            raise UnknownError(f"the answer to COMMIT did not come: {words(error)}") from error


def _is_sure(error: sa.exc.DBAPIError) -> bool:
    """Whether a failed COMMIT surely wrote nothing: the server said so itself, or there is no server."""
    original = error.orig
    if isinstance(original, sqlite3.Error):
        return True
    state = str(getattr(original, "sqlstate", None) or "")
    return bool(state) and state[:2] not in ("08", "57") and not error.connection_invalidated


def _leave(connection: sa.Connection, started: sa.RootTransaction | None) -> None:
    try:
        if started is not None:
            started.rollback()
    except sa.exc.DBAPIError:
        connection.invalidate()  # the server ends the transaction with the connection


def told(error: sa.exc.DBAPIError) -> TemporaryError | RefusedError:
    """What a failed statement means for the fix: only the data itself, or a guard that speaks of it, refuses it for good.

    A right that is missing or a table that is not there is the target's trouble: no fix is given up for it.
    """
    original = error.orig
    number = original.args[0] if original is not None and original.args else None
    raised = str(getattr(original, "sqlstate", None) or "") == "P0001" or number in _REFUSED
    for_good = raised or isinstance(error, (sa.exc.IntegrityError, sa.exc.DataError))
    return RefusedError(words(error)) if for_good else TemporaryError(words(error))


def words(error: sa.exc.DBAPIError) -> str:
    """The database's own words on one line; never a URL or a statement's values."""
    original = error.orig
    text = str(original.args[1]) if original is not None and len(original.args) > 1 else str(original)
    return " ".join(text.split("\n")[0].split())[:300]
