"""Queries: one state of the database for all of them, the same records from each, and what is refused."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from recon.domain.rulebook import Moves, Source
from recon.engine.duck import Engine
from recon.errors import Exit, ReconError, UnreachableError
from recon.ingest import databases
from recon.ingest.files import Limits
from recon.ingest.sql import Snapshot, read_query
from recon.workspace import Secret

START, END = datetime(2026, 11, 18, 15, tzinfo=UTC), datetime(2026, 11, 19, 15, tzinfo=UTC)
TABLE = f"recon_ingest_test_{os.getpid()}"  # each process its own: tests run side by side
QUERY = f"""
select entry_id, account, kind, currency, amount, posted_at, payment_order_id, memo -- :from in a comment
from {TABLE}
where posted_at >= :from and posted_at < :to and memo <> ':to';
"""
SOURCE = Source("ledger", "ledger_entry", Moves.EVENTS, database="shop", query=QUERY)
ROWS = [
    (3, "psp_receivable", "capture", "KRW", 1000, "2026-11-18 15:00:00", "po-3", "첫 번째"),
    (1, "psp_receivable", "capture", "EUR", -250, "2026-11-19 14:59:59", None, "100 %"),
    (2, "psp_receivable", "refund", "KRW", 5, "2026-11-19 00:00:00", "po-2", ""),
    (4, "psp_receivable", "capture", "KRW", 1, "2026-11-19 15:00:00", "po-4", "the next night"),
    (5, "psp_receivable", "capture", "KRW", 1, "2026-11-18 14:59:59", "po-5", "the night before"),
]


def url_of(which: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'shop.sqlite'}" if which == "sqlite" else str(request.getfixturevalue(which))


@pytest.fixture(params=["sqlite", "postgres", "mariadb", "sqlite without ADBC", "postgres without ADBC"])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A database of each kind with the table of entries; also as if the ADBC drivers were not installed."""
    which, _, without = str(request.param).partition(" ")
    if without:
        monkeypatch.setattr(databases, "_has", lambda module: False)
    made = url_of(which, request, tmp_path)
    create(made, "bigint")
    add(made, ROWS)
    yield made
    run(made, f"drop table if exists {TABLE}")


def run(url: str, *statements: str) -> None:
    engine = sa.create_engine(driver(url), poolclass=sa.NullPool)
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def elsewhere(url: str, statement: str) -> None:
    """Run a statement in another process: SQLite's locks belong to processes, and a night has one to itself."""
    code = (
        "import sys, sqlalchemy as sa\n"
        "with sa.create_engine(sys.argv[1]).begin() as connection: connection.exec_driver_sql(sys.argv[2])"
    )
    subprocess.run([sys.executable, "-c", code, driver(url), statement], check=True)


def driver(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://")


def create(url: str, amount: str) -> None:
    time_type = "text" if url.startswith("sqlite") else "timestamptz" if url.startswith("postgres") else "datetime(6)"
    run(
        url,
        f"drop table if exists {TABLE}",
        f"create table {TABLE} (entry_id bigint not null, account varchar(40), kind varchar(40), currency char(3), "
        f"amount {amount}, posted_at {time_type}, payment_order_id varchar(40), memo varchar(200))",
    )
    if url.startswith("sqlite"):
        run(url, "pragma journal_mode = wal")


def add(url: str, rows: list[tuple[Any, ...]]) -> None:
    engine = sa.create_engine(driver(url), poolclass=sa.NullPool)
    zoned = [(*row[:5], row[5] + "+00" if url.startswith("postgres") else row[5], *row[6:]) for row in rows]
    names = ("entry_id", "account", "kind", "currency", "amount", "posted_at", "payment_order_id", "memo")
    cast = ":posted_at" if not url.startswith("postgres") else "cast(:posted_at as timestamptz)"
    values = ", ".join(cast if name == "posted_at" else f":{name}" for name in names)
    with engine.begin() as connection:
        connection.execute(
            sa.text(f"insert into {TABLE} values ({values})"), [dict(zip(names, row, strict=True)) for row in zoned]
        )


LIMITS = Limits(1, 10)


def records(engine: Engine, loaded: Any) -> list[dict[str, Any]]:
    return engine.table(f"SELECT * FROM ({loaded.relation})").to_pylist()


def read(engine: Engine, url: str, tmp_path: Path, source: Source = SOURCE, limits: Limits = LIMITS) -> Any:
    return read_query(
        engine, source, Secret("env:SHOP", url), START, END, tmp_path / "out", ZoneInfo("Asia/Seoul"), time(0), limits
    )


def test_every_database_gives_the_same_records(engine: Engine, url: str, tmp_path: Path) -> None:
    loaded = read(engine, url, tmp_path)
    assert (loaded.rows, loaded.read, loaded.quarantined) == (3, 3, 0)
    assert loaded.totals == (("capture", "EUR", 1, -250), ("capture", "KRW", 1, 1000), ("refund", "KRW", 1, 5))
    found = [
        (
            r["record_id"],
            r["entry_id"],
            r["amount"],
            str(r["posted_at"]),
            str(r["business_date"]),
            r["payment_order_id"],
            r["memo"],
        )
        for r in records(engine, loaded)
    ]
    assert found == [
        ("1", "1", -250, "2026-11-19 14:59:59", "2026-11-19", None, "100 %"),
        ("2", "2", 5, "2026-11-19 00:00:00", "2026-11-19", "po-2", None),
        ("3", "3", 1000, "2026-11-18 15:00:00", "2026-11-19", "po-3", "첫 번째"),
    ]
    assert {(r["file"], r["sha256"], r["line"]) for r in records(engine, loaded)} == {("query:ledger", "", 0)}


def test_a_commit_between_two_queries_is_not_seen(engine: Engine, url: str, tmp_path: Path) -> None:
    """E6: the ledger moves while the night reads it; all its queries see one state."""
    zone = ZoneInfo("Asia/Seoul")
    with Snapshot(Secret("env:SHOP", url)) as snapshot:
        first = snapshot.read(engine, SOURCE, START, END, tmp_path / "1", zone, time(0), Limits(1, 10))
        elsewhere(
            url, f"insert into {TABLE} values (9, 'a', 'capture', 'KRW', 77, '2026-11-19 01:00:00', 'po-9', 'late')"
        )
        second = snapshot.read(engine, SOURCE, START, END, tmp_path / "2", zone, time(0), Limits(1, 10))
    assert records(engine, second) == records(engine, first)
    assert read(engine, url, tmp_path).rows == 4


def test_a_change_before_the_first_query_is_not_seen_either(engine: Engine, url: str, tmp_path: Path) -> None:
    with Snapshot(Secret("env:SHOP", url)) as snapshot:
        elsewhere(url, f"delete from {TABLE}")
        loaded = snapshot.read(engine, SOURCE, START, END, tmp_path / "1", ZoneInfo("UTC"), time(0), Limits(1, 10))
    assert loaded.rows == 3


def test_a_query_that_finds_nothing(engine: Engine, url: str, tmp_path: Path) -> None:
    run(url, f"delete from {TABLE}")
    loaded = read(engine, url, tmp_path)
    assert (loaded.rows, records(engine, loaded), loaded.set_aside) == (0, [], None)


def test_nothing_is_written_through_a_snapshot(engine: Engine, url: str, tmp_path: Path) -> None:
    source = Source("ledger", "ledger_entry", Moves.STATE, query=f"delete from {TABLE}")
    with pytest.raises(ReconError):
        read(engine, url, tmp_path, source)
    assert read(engine, url, tmp_path).rows == 3


def test_e7_a_query_that_no_longer_runs_is_schema_drift(engine: Engine, url: str, tmp_path: Path) -> None:
    run(url, f"alter table {TABLE} rename column payment_order_id to po")
    with pytest.raises(ReconError) as caught:
        read(engine, url, tmp_path)
    assert (caught.value.name, caught.value.exit) == ("schema-drift", Exit.USAGE)
    assert "payment_order_id" in caught.value.message
    assert url not in caught.value.message


def test_e7_a_query_without_a_required_column(engine: Engine, url: str, tmp_path: Path) -> None:
    source = Source(
        "ledger", "ledger_entry", Moves.EVENTS, query=f"select entry_id, kind, currency, amount as total from {TABLE}"
    )
    with pytest.raises(ReconError, match="account, amount, posted_at") as caught:
        read(engine, url, tmp_path, source)
    assert caught.value.exit == Exit.USAGE
    assert not list(tmp_path.glob("out/*.parquet"))


def test_an_unknown_column_is_ignored_with_a_warning(engine: Engine, url: str, tmp_path: Path) -> None:
    source = Source("ledger", "ledger_entry", Moves.STATE, query=f"select {TABLE}.*, 1 as colour from {TABLE}")
    loaded = read(engine, url, tmp_path, source)
    assert loaded.rows == 5
    assert loaded.warnings == ("1 column(s) that ledger_entry does not know, ignored: colour",)


def test_r13_money_in_a_floating_point_column_is_refused(engine: Engine, url: str, tmp_path: Path) -> None:
    create(url, "double precision")
    add(url, [(1, "a", "capture", "KRW", 10.5, "2026-11-19 00:00:00", "po", "x")])
    try:
        loaded = read(engine, url, tmp_path)
    except ReconError as error:
        assert "floating-point" in error.message
    else:  # SQLite types each value by itself: its row is refused
        assert (loaded.read, loaded.quarantined) == (0, 1)


def test_amounts_in_major_units_are_exact_decimals(engine: Engine, url: str, tmp_path: Path) -> None:
    create(url, "varchar(30)" if url.startswith("sqlite") else "decimal(30, 4)")
    rows = [
        (1, "a", "capture", "EUR", "90071992547409.9300", "2026-11-19 00:00:00", "po", "x"),
        (2, "a", "capture", "EUR", "1.0050", "2026-11-19 00:00:00", "po", "x"),
    ]
    add(url, rows)
    source = Source("ledger", "ledger_entry", Moves.EVENTS, query=QUERY, money="major")
    loaded = read(engine, url, tmp_path, source)
    assert [r["amount"] for r in records(engine, loaded)] == [9007199254740993]
    [refusal] = engine.table(loaded.quarantine).to_pylist()
    assert (refusal["file"], refusal["line"], refusal["column_name"], refusal["payment_order_id"]) == (
        "query:ledger",
        0,
        "amount",
        "po",
    )
    assert "entry_id=2" in refusal["raw"]


def test_too_many_unreadable_rows_set_the_query_aside(engine: Engine, url: str, tmp_path: Path) -> None:
    create(url, "bigint")
    add(url, [(n, "a", "capture", "EURO"[: 3 - n % 2], 1, "2026-11-19 00:00:00", "po", "x") for n in range(40)])
    loaded = read(engine, url, tmp_path)
    assert loaded.set_aside is not None and loaded.relation == ""


def test_a_server_that_is_down_is_unreachable_and_its_url_is_not_told(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tenacity

    monkeypatch.setattr(tenacity.nap.time, "sleep", lambda seconds: None)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    for url in (
        f"postgresql://someone:hush@127.0.0.1:{port}/x",
        f"mysql://someone:hush@127.0.0.1:{port}/x",
        f"sqlite:///{tmp_path}/none.sqlite",
    ):
        with pytest.raises(UnreachableError) as caught:
            read(engine, url, tmp_path)
        assert caught.value.exit == Exit.UNREACHABLE
        assert "env:SHOP" in caught.value.message
        for secret in ("hush", "someone", "127.0.0.1", "none.sqlite"):
            assert secret not in caught.value.render()


def test_a_settlement_source_by_query(engine: Engine, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'cards.sqlite'}"
    run(
        url,
        "create table cards (id text, kind text, currency text, amount integer, at text)",
        "insert into cards values ('g-1', 'capture', 'KRW', 500, '2026-11-19T09:00:00+09:00')",
    )
    query = "select id as natural_id, kind, currency, amount, at as occurred_at from cards"
    source = Source("gift_cards", "settlement_line", Moves.STATE, query=query, psp="gift_cards", account="kr")
    [record] = records(engine, read(engine, url, tmp_path, source))
    assert (record["record_id"], record["psp"], record["amount"]) == ("kr|g-1|capture", "gift_cards", 500)
    assert str(record["occurred_at"]) == "2026-11-19 00:00:00"


def test_many_rows_whose_first_thousands_are_empty(engine: Engine, tmp_path: Path) -> None:
    """The SQLite driver guesses a column's type from its first rows."""
    url = f"sqlite:///{tmp_path / 'shop.sqlite'}"
    create(url, "bigint")
    add(
        url,
        [
            (n, "a", "capture", "KRW", n, "2026-11-19 00:00:00", f"po-{n}" if n > 4000 else None, "x")
            for n in range(5000)
        ],
    )
    loaded = read(engine, url, tmp_path)
    assert loaded.read == 5000
    assert sum(1 for r in records(engine, loaded) if r["payment_order_id"]) == 999
