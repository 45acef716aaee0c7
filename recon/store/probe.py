"""Probe: whether a database answers, and what columns a query has, without reading a row or leaving one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import sqlalchemy as sa

SECONDS = 5
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)


def probe(url: str, queries: Mapping[str, str]) -> tuple[str, dict[str, tuple[str, ...]], dict[str, str]]:
    """Connect within a few seconds and ask for each query's columns.

    queries   by name; they may bind :from and :to
    Returns (why it can't be reached, columns by query, what is wrong by query). Messages never hold the URL.
    """
    if url.startswith(("redis://", "rediss://")):
        return _probe_redis(url), {}, {}
    made = sa.make_url(url)
    scheme = made.drivername.partition("+")[0]
    if scheme == "sqlite":
        # SQLite would make the file that is missing.
        made = made.set(drivername="sqlite", database=f"file:{made.database}", query={"mode": "ro", "uri": "true"})
    elif scheme == "postgresql":
        made = made.set(drivername="postgresql+psycopg")
    elif scheme in ("mysql", "mariadb"):
        made = made.set(drivername=f"{scheme}+pymysql")
    seconds = {"timeout": SECONDS} if scheme == "sqlite" else {"connect_timeout": SECONDS}
    engine = sa.create_engine(made, connect_args=seconds, poolclass=sa.NullPool)
    columns: dict[str, tuple[str, ...]] = {}
    wrong: dict[str, str] = {}
    try:
        with engine.connect() as connection:
            connection.execute(sa.text("SELECT 1")).all()
            connection.rollback()
            for name, query in queries.items():
                try:
                    columns[name] = _columns(connection, query)
                except sa.exc.DBAPIError as error:
                    wrong[name] = _first_line(error)
                connection.rollback()
    except sa.exc.DBAPIError as error:
        return _first_line(error), columns, wrong
    return "", columns, wrong


def _probe_redis(url: str) -> str:
    import redis

    try:
        with redis.Redis.from_url(url, socket_timeout=SECONDS, socket_connect_timeout=SECONDS) as client:
            client.ping()
    except redis.RedisError as error:
        return type(error).__name__
    return ""


def _columns(connection: sa.Connection, query: str) -> tuple[str, ...]:
    statement = sa.text(f"SELECT * FROM (\n{query.strip().rstrip(';')}\n) AS asked WHERE 1 = 0")
    bound = {name: _EPOCH for name in ("from", "to") if name in statement.compile().params}
    return tuple(connection.execute(statement, bound).keys())


def _first_line(error: sa.exc.DBAPIError) -> str:
    text = str(error.orig).strip()
    return text.splitlines()[0] if text else type(error.orig).__name__
