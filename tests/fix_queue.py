"""A fix queue of one's own on SQLite, PostgreSQL or MariaDB, and fixes to put into it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from recon.domain.queue import Ceilings, Policy
from recon.fixes import queue
from recon.fixes.queue import Proposed
from recon.store.audit import writing
from recon.store.state import engine_for, migrate, nights

NIGHT = date(2026, 11, 19)
WIDE = {"KRW": 10**12, "USD": 10**12, "EUR": 10**12}
POLICY = Policy(Ceilings(WIDE, WIDE, WIDE, WIDE))


@dataclass(frozen=True)
class Database:
    """A state database, migrated. `kind`: sqlite | postgresql | mysql."""

    kind: str
    url: str
    root: Path
    engine: sa.Engine

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(sql))]

    def fix(self, fix_id: str) -> queue.QueuedFix:
        with self.engine.connect() as connection:
            return queue.get(connection, fix_id)


@contextmanager
def database(server: str | None, root: Path) -> Iterator[Database]:
    """A database with a name of its own on that server, dropped at the end; SQLite under `root` without one."""
    if server is None:
        with _migrated("sqlite:///state.sqlite", root) as made:
            yield made
        return
    url = sa.make_url(server)
    name = f"recon_queue_{uuid.uuid4().hex[:10]}"
    driver = {"postgresql": "postgresql+psycopg"}.get(url.drivername, url.drivername)
    admin = sa.create_engine(url.set(drivername=driver), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with admin.connect() as connection:
        connection.exec_driver_sql(f"create database {name}")
    try:
        with _migrated(url.set(database=name).render_as_string(hide_password=False), root) as made:
            yield made
    finally:
        with admin.connect() as connection:
            force = " with (force)" if "postgresql" in driver else ""
            connection.exec_driver_sql(f"drop database {name}{force}")
        admin.dispose()


@contextmanager
def _migrated(url: str, root: Path) -> Iterator[Database]:
    engine = engine_for(url, root)
    try:
        migrate(engine)
        with engine.begin() as connection:
            facts = {"night": NIGHT, "verdict": "breaks", "manifest_sha256": "0" * 64, "previous_sha256": None}
            connection.execute(nights.insert(), [facts])
        kind = engine.dialect.name
        yield Database("mysql" if kind == "mariadb" else kind, url, root, engine)
    finally:
        engine.dispose()


def proposed(number: int | str = 1, **changes: Any) -> Proposed:
    """A journal of 1,000 won, or as changed. Its id and its break's are made of `number`."""
    fix_id = f"FIX-{number}"
    amount = changes.get("amount_minor", 1000)
    content = {
        "fix_id": fix_id,
        "kind": "journal",
        "memo": "psp_not_in_ledger toss",
        "currency": "KRW",
        "amount": str(amount),
        "postings": [
            {"account": "psp_receivable", "currency": "KRW", "amount": str(amount)},
            {"account": "customer_payments", "currency": "KRW", "amount": str(-amount)},
        ],
    }
    made = Proposed(
        fix_id=fix_id,
        break_id=f"BRK-{number}",
        idempotency_key=f"key-{number}",
        reconciliation="payin",
        code="psp_not_in_ledger",
        template="book_receivable",
        class_="auto_fix",
        psp="toss",
        currency="KRW",
        amount_minor=1000,
        content=content,
        rule_sha256="1" * 64,
        seen={"psp.amount": amount},
    )
    return replace(made, **changes)


def propose(base: Database, *fixes: Proposed, maker: str = "jane", night: date = NIGHT, **more: Any) -> None:
    """One night proposes these and nothing else."""
    with writing(base.engine) as connection:
        queue.propose(connection, night, fixes, maker, ["payin"], **more)


def approve(base: Database, fix_id: str, who: str = "kim", policy: Policy = POLICY, **more: Any) -> queue.QueuedFix:
    with writing(base.engine) as connection:
        return queue.approve(connection, fix_id, who, "looked at it", policy, **more)
