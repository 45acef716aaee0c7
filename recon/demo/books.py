"""The shop's books: ledger postings and payment orders, written in batches into SQLite, PostgreSQL or MariaDB.

`ledger_entries` is append-only: `posted_at` is when the movement happened, `recorded_at` when the row was written; a
night reads by `recorded_at`. `payment_order_versions` keeps every version of a payment order (`updated_at`) and when the
books had it (`recorded_at`), so that a past night can be read again; the view `payment_orders` shows the newest. `gift_card_lines` is a system of the shop's own that someone
added as a source and nobody wrote a rule for. Other systems bring tables of their own (systems.py). The same rows, in the same order, go into every database.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from recon.demo.systems import systems
from recon.errors import ReconError, UnreachableError

BATCH = 10_000
POSTING_COLUMNS = (
    "entry_id, journal_id, account, kind, psp, psp_reference, payment_order_id, order_id, currency, amount_minor, "
    "posted_at, recorded_at, memo, settled_currency, settled_amount_minor"
)
ORDER_COLUMNS = (
    "payment_order_id, version, order_id, psp, psp_reference, status, currency, amount_minor, captured_amount_minor, "
    "created_at, updated_at, recorded_at, method, status_reason, points_amount_minor, gift_card_amount_minor, "
    "total_amount_minor, ledger_updated, wallet_updated"
)
GIFT_CARD_COLUMNS = "line_id, kind, currency, amount_minor, occurred_at"
Row = tuple[Any, ...]


class Books(Protocol):
    """Where rows go. `prepare` makes empty tables, `add` takes a batch, `finish` builds indexes and commits."""

    def prepare(self) -> None: ...
    def add(self, table: str, columns: str, rows: list[Row]) -> None: ...
    def finish(self) -> None: ...
    def close(self) -> None: ...


def ddl(*, key: str, text: str, time: str, prefix: str = "") -> tuple[list[str], list[str]]:
    """Statements that make the tables, and those that follow the load. `key`, `text`, `time`: the database's types."""
    ledger = (
        f"create table {prefix}ledger_entries (entry_id bigint not null primary key, journal_id bigint not null, "
        f"account {key} not null, kind {key} not null, psp {key}, psp_reference {key}, payment_order_id {key}, "
        f"order_id {key}, currency char(3) not null, amount_minor bigint not null, posted_at {time} not null, "
        f"recorded_at {time} not null, memo {text}, settled_currency char(3), settled_amount_minor bigint, "
        f"period_closed_at {time}, seller_id {key}, seller_payout_id {key})"
    )
    orders = (
        f"create table {prefix}payment_order_versions (payment_order_id {key} not null, version integer not null, "
        f"order_id {key}, psp {key}, psp_reference {key}, status {key} not null, currency char(3) not null, "
        f"amount_minor bigint not null, captured_amount_minor bigint, created_at {time} not null, "
        f"updated_at {time} not null, recorded_at {time} not null, method {key}, status_reason {text}, "
        "points_amount_minor bigint, gift_card_amount_minor bigint, total_amount_minor bigint, "
        "ledger_updated smallint, wallet_updated smallint, primary key (payment_order_id, version))"
    )
    gift_cards = (
        f"create table {prefix}gift_card_lines (line_id {key} not null primary key, kind {key} not null, "
        f"currency char(3) not null, amount_minor bigint not null, occurred_at {time} not null)"
    )
    newest = (
        f"create view {prefix}payment_orders as select * from {prefix}payment_order_versions v where not exists "
        f"(select 1 from {prefix}payment_order_versions n where n.payment_order_id = v.payment_order_id "
        "and n.version > v.version)"
    )
    then = [
        f"create index ledger_entries_recorded on {prefix}ledger_entries (recorded_at)",
        f"create index payment_order_versions_recorded on {prefix}payment_order_versions (recorded_at)",
        newest,
    ]
    tables = [table for system in systems() for table in system.tables]
    others = [
        f"create table {prefix}{table.name} ({table.columns.format(key=key, text=text, time=time)})" for table in tables
    ]
    then += [statement.format(prefix=prefix) for table in tables for statement in table.then]
    return [ledger, orders, gift_cards, *others], then


class SqliteBooks:
    """A new SQLite file; times are UTC text (`YYYY-MM-DD HH:MM:SS`)."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("pragma journal_mode = off")
        self._connection.execute("pragma synchronous = off")
        self._then: list[str] = []

    def prepare(self) -> None:
        made, self._then = ddl(key="text", text="text", time="text")
        for statement in made:
            self._connection.execute(statement)
        self._connection.execute("begin")

    def add(self, table: str, columns: str, rows: list[Row]) -> None:
        marks = ", ".join("?" * len(rows[0]))
        self._connection.executemany(f"insert into {table} ({columns}) values ({marks})", rows)

    def finish(self) -> None:
        for statement in self._then:
            self._connection.execute(statement)
        self._connection.execute("commit")

    def close(self) -> None:
        self._connection.close()


class PostgresBooks:
    """A PostgreSQL database, or one schema of it; rows go in by COPY. Times are `timestamptz`."""

    def __init__(self, url: str, schema: str) -> None:
        import psycopg

        try:
            self._connection = psycopg.connect(url.replace("postgresql+psycopg://", "postgresql://", 1))
        except psycopg.OperationalError as error:
            raise _unreachable("PostgreSQL", error) from error
        self._schema = schema
        self._prefix = f'"{schema}".' if schema else ""
        self._then: list[str] = []

    def prepare(self) -> None:
        made, self._then = ddl(key="text", text="text", time="timestamptz", prefix=self._prefix)
        cursor = self._connection.cursor()
        cursor.execute("set time zone 'UTC'")
        if self._schema:
            cursor.execute(f'create schema if not exists "{self._schema}"'.encode())
        where = "table_schema = %s" if self._schema else "table_schema = current_schema() and %s = ''"
        query = f"select table_name from information_schema.tables where {where}"
        there = {row[0] for row in cursor.execute(query.encode(), (self._schema,)).fetchall()}
        for statement in _clear(there, self._prefix):
            cursor.execute(statement.encode())
        for statement in made:
            cursor.execute(statement.encode())

    def add(self, table: str, columns: str, rows: list[Row]) -> None:
        statement = f"copy {self._prefix}{table} ({columns}) from stdin".encode()
        with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)

    def finish(self) -> None:
        for statement in self._then:
            self._connection.execute(statement.encode())
        self._connection.execute(f"create table {self._prefix}{MARK} (made_by text)".encode())
        self._connection.commit()

    def close(self) -> None:
        self._connection.close()


class MariaBooks:
    """A MariaDB database, named by the URL's path; rows go in by multi-row INSERT. Times are UTC `datetime`."""

    def __init__(self, url: str) -> None:
        import pymysql

        parts = urlsplit(url)
        try:
            self._connection = pymysql.connect(
                host=parts.hostname or "localhost",
                port=parts.port or 3306,
                user=unquote(parts.username or ""),
                password=unquote(parts.password or ""),
                database=parts.path.lstrip("/"),
                unix_socket=_query_value(parts.query, "unix_socket"),
                charset="utf8mb4",
            )
        except pymysql.err.OperationalError as error:
            raise _unreachable("MariaDB", error) from error
        self._then: list[str] = []

    def prepare(self) -> None:
        # Keys compare byte for byte, as they do in the other databases.
        key = "varchar(64) character set utf8mb4 collate utf8mb4_bin"
        made, self._then = ddl(key=key, text="varchar(255)", time="datetime")
        with self._connection.cursor() as cursor:
            cursor.execute("set time_zone = '+00:00'")
            cursor.execute("select table_name from information_schema.tables where table_schema = database()")
            for statement in _clear({row[0] for row in cursor.fetchall()}, ""):
                cursor.execute(statement)
            for statement in made:
                cursor.execute(statement)

    def add(self, table: str, columns: str, rows: list[Row]) -> None:
        marks = ", ".join(["%s"] * len(rows[0]))
        with self._connection.cursor() as cursor:
            cursor.executemany(f"insert into {table} ({columns}) values ({marks})", rows)

    def finish(self) -> None:
        with self._connection.cursor() as cursor:
            for statement in self._then:
                cursor.execute(statement)
            cursor.execute(f"create table {MARK} (made_by text)")
        self._connection.commit()

    def close(self) -> None:
        self._connection.close()


#: A table that says that the others were made by the demo, and may be made again.
MARK = "recon_demo_made_this"
_OURS = ("ledger_entries", "payment_order_versions", "gift_card_lines")


def _clear(there: set[str], prefix: str) -> list[str]:
    """Statements that drop an earlier demo's tables; tables that the demo did not make are refused."""
    ours = (*_OURS, *(table.name for system in systems() for table in system.tables))
    if MARK not in there:
        taken = sorted(there.intersection((*ours, "payment_orders")))
        if taken:
            raise ReconError(
                "demo-database-in-use",
                f"the database already has {', '.join(taken)}, and no earlier demo made them",
                "give an empty database, or a schema of its own with --schema",
            )
        return []
    drop = [f"drop view if exists {prefix}payment_orders"]
    return drop + [f"drop table if exists {prefix}{table}" for table in (*ours, MARK)]


def _unreachable(what: str, error: Exception) -> UnreachableError:
    return UnreachableError("database-unreachable", f"{what}: {error}", "check the URL and try again")


def _query_value(query: str, name: str) -> str | None:
    pairs = (pair.partition("=") for pair in query.split("&"))
    return next((unquote(value) for key, _, value in pairs if key == name), None)


def open_books(directory: Path, url: str | None, schema: str = "") -> Books:
    """The books at `url` (postgresql://, mysql:// or mariadb://), or a new `shop.sqlite` in the directory."""
    if url is None:
        path = directory / "shop.sqlite"
        path.unlink(missing_ok=True)
        return SqliteBooks(path)
    scheme = urlsplit(url).scheme.partition("+")[0]
    if scheme in ("postgresql", "postgres"):
        return PostgresBooks(url, schema)
    if scheme in ("mysql", "mariadb"):
        return MariaBooks(url)
    raise ReconError("demo-database", f"{scheme}:// is neither PostgreSQL nor MariaDB", "see recon demo --help")
