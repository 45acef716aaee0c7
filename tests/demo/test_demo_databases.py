"""The demo's books are the same rows in SQLite, PostgreSQL and MariaDB.

RECON_TEST_POSTGRES and RECON_TEST_MARIADB name servers on which the tests may make a schema and a database of their
own; without an answer from them these tests fail, they are not skipped.
"""

import os
import sqlite3
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pymysql
import pytest

from recon.api import run
from recon.demo.make import make_shop
from recon.errors import ReconError

POSTGRES = os.environ.get("RECON_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/test")
MARIADB = os.environ.get("RECON_TEST_MARIADB", "mysql+pymysql://root@127.0.0.1:3306/test")
TABLES = {
    "ledger_entries": "entry_id",
    "payment_order_versions": "payment_order_id, version",
    "payment_orders": "payment_order_id",
    "gift_card_lines": "line_id",
}


def postgres() -> psycopg.Connection:
    return psycopg.connect(POSTGRES.replace("postgresql+psycopg", "postgresql"), autocommit=True)


def mariadb(database: str | None = None) -> pymysql.Connection:
    parts = urlsplit(MARIADB)
    return pymysql.connect(
        host=parts.hostname,
        port=parts.port or 3306,
        user=parts.username,
        password=parts.password or "",
        database=database,
    )


@pytest.fixture
def own_name() -> str:
    return f"demo_{uuid.uuid4().hex[:12]}"


@pytest.fixture
def schema(own_name) -> Iterator[str]:
    yield own_name
    with postgres() as connection:
        connection.execute(f'drop schema if exists "{own_name}" cascade')


@pytest.fixture
def database(own_name) -> Iterator[str]:
    """The URL of a database of its own."""
    with mariadb() as connection:
        connection.cursor().execute(f"create database {own_name}")
    yield urlunsplit(urlsplit(MARIADB)._replace(path=f"/{own_name}"))
    with mariadb() as connection:
        connection.cursor().execute(f"drop database {own_name}")


@pytest.fixture
def postgres_database(own_name) -> Iterator[str]:
    """The URL of a PostgreSQL database of its own, for the state too."""
    with postgres() as connection:
        connection.execute(f'create database "{own_name}"')
    yield urlunsplit(urlsplit(POSTGRES)._replace(path=f"/{own_name}"))
    with postgres() as connection:
        connection.execute(f'drop database "{own_name}" with (force)')


def plain(row: tuple) -> tuple:
    """Instants of every database as UTC text."""

    def value(cell):
        if isinstance(cell, datetime):
            moment = cell if cell.tzinfo is None else cell.astimezone(UTC)
            return f"{moment:%Y-%m-%d %H:%M:%S}"
        return cell

    return tuple(value(cell) for cell in row)


@pytest.fixture(scope="module")
def expected(tmp_path_factory) -> dict[str, list[tuple]]:
    directory = tmp_path_factory.mktemp("sqlite") / "shop"
    make_shop(directory, 400, seed=3)
    with sqlite3.connect(directory / "shop.sqlite") as shop:
        return {
            table: shop.execute(f"select * from {table} order by {key}").fetchall() for table, key in TABLES.items()
        }


def in_postgres(schema: str) -> dict[str, list[tuple]]:
    with postgres() as connection:
        return {
            table: [
                plain(row) for row in connection.execute(f'select * from "{schema}".{table} order by {key}').fetchall()
            ]
            for table, key in TABLES.items()
        }


def test_postgresql_holds_what_sqlite_holds(tmp_path, schema, expected):
    shop = make_shop(tmp_path / "shop", 400, seed=3, ledger_url=POSTGRES, schema=schema)
    found = in_postgres(schema)
    # Text sorts by the database's collation there, so compare without the order.
    assert {table: sorted(map(str, rows)) for table, rows in found.items()} == {
        table: sorted(map(str, rows)) for table, rows in expected.items()
    }
    assert not (tmp_path / "shop" / "shop.sqlite").exists()
    assert shop.ledger_reference == "env:RECON_DEMO_DB_URL"


def test_mariadb_holds_what_sqlite_holds(tmp_path, database, expected):
    make_shop(tmp_path / "shop", 400, seed=3, ledger_url=database)
    with mariadb(urlsplit(database).path[1:]) as connection:
        for table, key in TABLES.items():
            cursor = connection.cursor()
            cursor.execute(f"select * from {table} order by {key}")
            assert [plain(row) for row in cursor.fetchall()] == expected[table], table


def breaks_of_the_first_night(directory: Path, **where: object) -> bytes:
    """Make the shop and run its first night; its breaks.csv."""
    shop = make_shop(directory, 300, seed=4, **where)
    return (run(directory, shop.nights[0]).folder / "breaks.csv").read_bytes()


def test_the_same_breaks_byte_for_byte_on_every_database(tmp_path, database, postgres_database, monkeypatch):
    found = breaks_of_the_first_night(tmp_path / "sqlite")
    assert found.count(b"\n") > 30
    monkeypatch.setenv("RECON_DEMO_DB_URL", database)
    assert breaks_of_the_first_night(tmp_path / "mariadb", ledger_url=database) == found
    monkeypatch.setenv("RECON_DEMO_DB_URL", postgres_database)
    assert breaks_of_the_first_night(tmp_path / "postgres", ledger_url=postgres_database, state_too=True) == found
    with psycopg.connect(postgres_database) as connection:
        nights = connection.execute("select night from nights order by night").fetchall()
    assert [str(night) for (night,) in nights] == ["2026-10-08"]


def test_the_workspace_names_the_database_by_reference_only(tmp_path, schema):
    url = POSTGRES.replace("://postgres@", "://postgres:secret-word@")
    make_shop(tmp_path / "shop", 300, ledger_url=url, schema=schema, state_too=True)
    for path in (tmp_path / "shop").rglob("*"):
        assert path.is_dir() or b"secret-word" not in path.read_bytes()
    text = (tmp_path / "shop" / "recon.yaml").read_text()
    assert (
        text.count('url: "env:RECON_DEMO_DB_URL"') == 4
    )  # the shop's database, the state, and the ledger and treasury that fixes are booked in


def test_an_earlier_demo_is_made_again_in_place(tmp_path, schema, expected):
    make_shop(tmp_path / "one", 300, seed=9, ledger_url=POSTGRES, schema=schema)
    make_shop(tmp_path / "two", 400, seed=3, ledger_url=POSTGRES, schema=schema)
    assert len(in_postgres(schema)["ledger_entries"]) == len(expected["ledger_entries"])


def test_a_database_with_tables_of_somebody_else_is_left_alone(tmp_path, schema):
    with postgres() as connection:
        connection.execute(f'create schema "{schema}"')
        connection.execute(f'create table "{schema}".ledger_entries (mine int)')
        connection.execute(f'insert into "{schema}".ledger_entries values (7)')
    with pytest.raises(ReconError, match="no earlier demo made them"):
        make_shop(tmp_path / "shop", 300, ledger_url=POSTGRES, schema=schema)
    with postgres() as connection:
        assert connection.execute(f'select mine from "{schema}".ledger_entries').fetchall() == [(7,)]


def test_an_unreachable_database_is_named_as_such(tmp_path):
    with pytest.raises(ReconError) as caught:
        make_shop(tmp_path / "shop", 300, ledger_url="postgresql://nobody@127.0.0.1:1/none")
    assert (caught.value.name, int(caught.value.exit)) == ("database-unreachable", 4)


def test_other_databases_are_refused(tmp_path: Path):
    with pytest.raises(ReconError, match="neither PostgreSQL nor MariaDB"):
        make_shop(tmp_path / "shop", 300, ledger_url="oracle://db/shop")
