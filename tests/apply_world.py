"""A fix queue with a ledger to apply into: in one database with the queue, or in one of its own."""

from __future__ import annotations

import hashlib
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from fix_queue import NIGHT, POLICY, Database, database

from recon.fixes import queue
from recon.fixes.apply import Applier, Limits
from recon.fixes.queue import Proposed
from recon.fixes.route import Routes
from recon.fixes.targets import open_target
from recon.fixes.targets.database import engine as target_engine
from recon.fixes.targets.install import statements
from recon.store.audit import writing
from recon.store.state import breaks
from recon.workspace import JournalTarget, Secret, TargetSettings, UpdateTarget

START = datetime(2026, 11, 20, 9, tzinfo=UTC)
ENDS = datetime(2026, 11, 20, tzinfo=UTC)
QUICK = Limits(first_wait=timedelta(0), longest_wait=timedelta(0), lease=timedelta(seconds=30))
COLUMNS = {
    "entry_id": "entry_number",
    "journal_id": "number",
    "account": "account",
    "currency": "currency",
    "amount_minor": "amount",
    "kind": "kind",
    "payment_order_id": "payment_order_id",
    "memo": "memo",
    "recorded_at": "booked_at",
}


class Clock:
    """A clock that a test turns."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def on(self, **more: float) -> None:
        self.now += timedelta(**more)


def ledger_ddl(kind: str) -> list[str]:
    key = "varchar(64) character set utf8mb4 collate utf8mb4_bin" if kind == "mysql" else "text"
    time = {"sqlite": "text", "postgresql": "timestamptz", "mysql": "datetime"}[kind]
    return [
        (
            f"create table ledger (entry_id bigint not null primary key, journal_id bigint not null, account {key} not null, "
            f"currency char(3) not null, amount_minor bigint not null, kind {key}, payment_order_id {key}, memo {key}, "
            f"recorded_at {time} not null)"
        ),
        (
            f"create table payment_orders (id bigint not null primary key, state {key} not null, amount_minor bigint not null, "
            f"note {key}, changed_at {time})"
        ),
    ]


@dataclass
class World:
    """The queue and the ledger, and appliers for them. `kind`: sqlite | postgresql | mysql."""

    base: Database
    ledger_url: str
    kind: str
    settings: dict[str, TargetSettings]
    engine: sa.Engine  # of the ledger, to look at it

    def rows(self, sql: str, **values: Any) -> list[tuple[Any, ...]]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(sql), values)]

    def run(self, sql: str, **values: Any) -> None:
        with self.engine.begin() as connection:
            connection.execute(sa.text(sql), values)

    def approved(self, *fixes: Proposed, who: str = "kim") -> list[str]:
        """Propose these beside what is there, with a break for each, and approve them by another person."""
        with writing(self.base.engine) as connection:
            rows = list({each.break_id: break_row(each) for each in fixes}.values())
            known = set(connection.execute(sa.select(breaks.c.break_id)).scalars())
            if new := [row for row in rows if row["break_id"] not in known]:
                connection.execute(breaks.insert(), new)
            queue.propose(connection, NIGHT, fixes, "jane", [])
            for each in fixes:
                queue.approve(connection, each.fix_id, who, "looked at it", POLICY)
        return [each.fix_id for each in fixes]

    def applier(self, **more: Any) -> Applier:
        targets = {name: open_target(name, each) for name, each in self.settings.items()}
        given: dict[str, Any] = {
            "state": target_engine(self.state_url),
            "state_url": self.state_url,
            "targets": targets,
            "route": Routes(self.settings, {("payin", "order"): "payment_order"}).of,
            "policy": POLICY,
            "who": "recon",
            "night_ends": lambda night: ENDS,
            "limits": QUICK,
        }
        return Applier(**{**given, **more})

    @property
    def state_url(self) -> str:
        return self.base.engine.url.render_as_string(hide_password=False)

    def statuses(self, ids: list[str] | None = None) -> Counter[str]:
        with self.base.engine.connect() as connection:
            return Counter(str(each.status) for each in queue.find(connection, ids))

    def close_break(self, break_id: str) -> None:
        with writing(self.base.engine) as connection:
            connection.execute(breaks.update().where(breaks.c.break_id == break_id).values(state="resolved"))


@contextmanager
def world(server: str | None, root: Path, *, together: bool) -> Iterator[World]:
    """On that server (SQLite files under `root` without one); `together`: queue and ledger in one database."""
    with database(server, root) as base:
        if together:
            url = base.engine.url.render_as_string(hide_password=False)
            with _ledger(base, url) as made:
                yield made
        elif server is None:
            with _ledger(base, f"sqlite:///{root / 'ledger.sqlite'}") as made:
                yield made
        else:
            with other_database(server) as url, _ledger(base, url) as made:
                yield made


@contextmanager
def other_database(server: str) -> Iterator[str]:
    url, name = sa.make_url(server), f"recon_ledger_{uuid.uuid4().hex[:10]}"
    driver = {"postgresql": "postgresql+psycopg"}.get(url.drivername, url.drivername)
    admin = sa.create_engine(url.set(drivername=driver), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with admin.connect() as connection:
        connection.exec_driver_sql(f"create database {name}")
    try:
        yield url.set(database=name).render_as_string(hide_password=False)
    finally:
        with admin.connect() as connection:
            connection.exec_driver_sql(f"drop database {name}" + (" with (force)" if "postgresql" in driver else ""))
        admin.dispose()


@contextmanager
def _ledger(base: Database, url: str) -> Iterator[World]:
    engine = target_engine(url)
    kind = "mysql" if engine.dialect.name in ("mysql", "mariadb") else engine.dialect.name
    settings: dict[str, TargetSettings] = {
        "ledger": JournalTarget(Secret("env:LEDGER", url), "ledger", COLUMNS, recorded_at="recorded_at"),
        "orders": UpdateTarget(
            Secret("env:LEDGER", url),
            "payment_order",
            "payment_orders",
            "id",
            {"status": "state", "amount": "amount_minor", "psp_reference": "note"},
            "changed_at",
        ),
    }
    try:
        for statement in ledger_ddl(kind):
            with engine.begin() as connection:
                connection.exec_driver_sql(statement)
        install(engine, settings)
        yield World(base, url, kind, settings, engine)
    finally:
        engine.dispose()


def install(engine: sa.Engine, settings: dict[str, TargetSettings]) -> list[str]:
    """What `recon fixes install-target` runs."""
    ran = []
    for each in settings.values():
        if isinstance(each, (JournalTarget, UpdateTarget)):
            with engine.begin() as connection:
                ran += statements(connection, each)
                for statement in statements(connection, each):
                    connection.exec_driver_sql(statement)
    return ran


def journal(number: int | str, amount: int = 1000, **changes: Any) -> Proposed:
    """A journal in won about one payment."""
    content = {
        "kind": "journal",
        "memo": f"psp_not_in_ledger toss {number}",
        "references": {"kind": "capture", "payment_order_id": f"PO-{number}", "psp": "toss"},
        "postings": [
            {"account": "psp_receivable", "currency": "KRW", "amount": str(amount)},
            {"account": "customer_payments", "currency": "KRW", "amount": str(-amount)},
        ],
    }
    return _proposed(number, amount, content, "book_receivable", **changes)


def update(number: int | str, row: int, seen: dict[str, str | None], set_: dict[str, str], **changes: Any) -> Proposed:
    """A guarded update of a payment order."""
    change = {"record": "order", "record_id": str(row), "seen": seen, "set": set_}
    return _proposed(number, 1000, {"kind": "update", "memo": "", "change": change}, "mark_order_paid", **changes)


def message(number: int | str, channel: str = "", **changes: Any) -> Proposed:
    """A message about an outbox event."""
    body = {"channel": channel, "key": f"event-{number}", "body": {"event": "order.paid"}, "record": "outbox"}
    return _proposed(number, 1000, {"kind": "message", "memo": "", "message": body}, "send_event", **changes)


def _proposed(number: int | str, amount: int, content: dict[str, Any], template: str, **changes: Any) -> Proposed:
    fix_id, break_id = f"FIX-{number}", f"BRK-{number}"
    made = Proposed(
        fix_id=fix_id,
        break_id=break_id,
        idempotency_key=hashlib.sha256(f"{template} {number}".encode()).hexdigest(),
        reconciliation="payin",
        code="psp_not_in_ledger",
        template=template,
        class_="auto_fix",
        psp="toss",
        currency="KRW",
        amount_minor=amount,
        content={"fix_id": fix_id, "break_id": break_id, "currency": "KRW", "amount": str(amount), **content},
        rule_sha256="1" * 64,
        seen={"psp.amount": amount},
    )
    return replace(made, **changes)


def break_row(fix: Proposed) -> dict[str, Any]:
    return {
        "break_id": fix.break_id,
        "reconciliation": fix.reconciliation,
        "key": f"{fix.break_id}/capture",
        "code": fix.code,
        "class": "auto_fix",
        "state": "new",
        "currency": fix.currency,
        "difference_minor": fix.amount_minor,
        "psp": fix.psp,
        "first_seen": NIGHT,
        "last_seen": NIGHT,
        "owner": "",
        "rule": fix.code,
        "reason": "",
        "fix_id": fix.fix_id,
    }
