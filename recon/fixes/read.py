"""The queue from outside a transaction: reading it, and a transaction to decide in, for commands and reports."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from recon.errors import ReconError
from recon.fixes.queue import QueuedFix, find
from recon.fixes.targets.database import words
from recon.store.audit import Record, read_records, writing
from recon.store.state import engine_for, migrate, unanswered


def read_queue(url: str, root: Path) -> list[QueuedFix]:
    """Every fix of the queue, by id; empty where the database does not exist yet."""
    with reading(url, root) as connection:
        return find(connection) if connection is not None else []


def read_history(url: str, root: Path, subject: str) -> list[Record]:
    """What the audit trail says of a fix or a break, oldest first."""
    with reading(url, root) as connection:
        return read_records(connection, [subject]) if connection is not None else []


@contextmanager
def reading(url: str, root: Path) -> Iterator[sa.Connection | None]:
    """A connection that reads; None where the database does not exist yet. Raises UnreachableError where it does not answer."""
    with _engine(url, root) as engine:
        if not sa.inspect(engine).has_table("audit"):
            yield None
        else:
            with engine.connect() as connection:
                yield connection


@contextmanager
def deciding(url: str, root: Path) -> Iterator[sa.Connection]:
    """A transaction that decides: all of it is written, or nothing. Raises UnreachableError where it was not."""
    with _engine(url, root) as engine:
        migrate(engine)
        with writing(engine) as connection:
            yield connection


def prepare(url: str, root: Path) -> None:
    """Bring the database's schema up to date. Raises UnreachableError where it does not answer."""
    with _engine(url, root) as engine:
        migrate(engine)


@contextmanager
def _engine(url: str, root: Path) -> Iterator[sa.Engine]:
    engine = engine_for(url, root)
    try:
        yield engine
    except sa.exc.DBAPIError as error:
        if _is_forbidden(error):
            raise ReconError(
                "not-permitted",
                f"this login may not do that in the state database: {words(error)}",
                "use the login whose work it is: docs/fix-queue.md has the roles",
            ) from error
        if isinstance(error, (sa.exc.OperationalError, sa.exc.InterfaceError)):
            raise unanswered(error) from error
        raise
    finally:
        engine.dispose()


#: MariaDB: a command, a column, a database, a privilege of the server, a routine that is denied.
_FORBIDDEN = frozenset({1044, 1142, 1143, 1227, 1370})


def _is_forbidden(error: sa.exc.DBAPIError) -> bool:
    """Whether the login lacks a right: MariaDB's driver tells it as it tells a server that does not answer."""
    original = error.orig
    number = original.args[0] if original is not None and original.args else None
    return str(getattr(original, "sqlstate", None) or "") == "42501" or number in _FORBIDDEN


__all__ = ["deciding", "prepare", "read_history", "read_queue", "reading"]
