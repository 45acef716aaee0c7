"""Databases: one connection that sees one state of its database, and streams a query's rows as text.

ADBC for SQLite and PostgreSQL (bulk, Arrow all the way), SQLAlchemy for MariaDB, MySQL and wherever an ADBC driver is
not installed. Every value is turned into text by the database itself, in UTC, so that one strict reader serves them all
and an amount never passes through a float. In each of them the whole night's reads are one read-only transaction.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, Protocol
from urllib.parse import quote, unquote, urlsplit

from recon.errors import ReconError

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH = 20_000
_SECONDS = 5  # to wait for a server to answer, each time
#: Quoted parts and comments, in which nothing is bound, and the two names that are.
_TOKENS = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|(?<![:\w]):(from|to)\b", re.DOTALL)

Column = tuple[str, bool]  # name, and whether the database holds it as a floating-point number


class Connection(Protocol):
    """What the snapshot needs of a database."""

    def columns(self, query: str, start: datetime, end: datetime) -> list[Column]:
        """The query's columns, without reading its rows."""
        ...

    def stream(self, query: str, columns: list[Column], start: datetime, end: datetime) -> pa.RecordBatchReader:
        """Its rows: every column as text, empty where NULL."""
        ...

    def close(self) -> None:
        """End the transaction and the connection."""
        ...


def connect(url: str) -> Connection:
    """Open a connection in a read-only snapshot. Raises the driver's own error where that fails (see `failures`)."""
    kind = urlsplit(url).scheme.partition("+")[0]
    if kind in ("redis", "rediss"):
        if not _has("redis"):
            raise ReconError(
                "missing-extra",
                "a source of Redis needs the library redis, which is not installed",
                "pip install 'payrecon[redis]'",
            )
        from recon.ingest.redis import RedisSets

        return RedisSets(url)
    if kind == "sqlite" and _has("adbc_driver_sqlite"):
        return _AdbcSqlite(url)
    if kind == "postgresql" and _has("adbc_driver_postgresql"):
        return _AdbcPostgres(url)
    return _Alchemy(url, kind)


def failures() -> tuple[type[Exception], ...]:
    """The classes of error that the drivers raise."""
    from sqlalchemy.exc import DBAPIError

    # Not every OSError: a full disk under our own scratch files is not the database.
    errors: list[type[Exception]] = [DBAPIError, ConnectionError, TimeoutError]
    if _has("redis"):
        from redis.exceptions import RedisError

        errors.append(RedisError)
    if _has("adbc_driver_manager"):
        import adbc_driver_manager

        errors.append(adbc_driver_manager.Error)
    return tuple(errors)


def is_unreachable(error: Exception) -> bool:
    """Whether a failed query speaks of the connection or a lock, not of the query."""
    state = str(getattr(error, "sqlstate", None) or getattr(getattr(error, "orig", None), "sqlstate", None) or "")
    if isinstance(error, OSError) or bool(getattr(error, "connection_invalidated", False)):
        return True
    lost = (
        "locked",
        "closed the connection",
        "lost connection",
        "gone away",
        "terminating connection",
        "broken pipe",
        "connection",
    )
    return state[:2] in ("08", "57") or any(words in str(error).lower() for words in lost)


def _has(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _bind(query: str, mark: Callable[[str], str], plain: Callable[[str], str] = lambda text: text) -> str:
    """The query with :from and :to replaced, outside quotes and comments; `plain` treats what is around them."""
    parts, at = [], 0
    for found in _TOKENS.finditer(query):
        if found[1]:
            parts += [plain(query[at : found.start()]), mark(found[1])]
            at = found.end()
    return "".join([*parts, plain(query[at:])]).strip().rstrip(";")


def _wrapped(query: str, columns: list[str]) -> str:
    return f"SELECT {', '.join(columns)} FROM (\n{query}\n) AS recon_query"


def _utc(moment: datetime) -> str:
    """An instant as `YYYY-MM-DD HH:MM:SS` in UTC, as SQLite and MariaDB columns hold it and compare rightly."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def _quoted(name: str, mark: str = '"') -> str:
    return mark + name.replace(mark, mark * 2) + mark


class _AdbcSqlite:
    """SQLite: a deferred transaction whose first read fixes what is seen."""

    def __init__(self, url: str) -> None:
        import adbc_driver_sqlite.dbapi

        path = unquote(urlsplit(url).path.removeprefix("/"))
        self._connection = adbc_driver_sqlite.dbapi.connect(f"file:{quote(path)}?mode=rw", autocommit=True)
        self._run("PRAGMA busy_timeout = 5000")
        self._run("PRAGMA query_only = ON")
        self._run("BEGIN")
        self._run("SELECT count(*) FROM sqlite_master")

    def _run(self, sql: str, parameters: Any = None) -> Any:
        with self._connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall()

    def columns(self, query: str, start: datetime, end: datetime) -> list[Column]:
        with self._connection.cursor() as cursor:
            cursor.execute(_wrapped(self._literal(query, start, end), ["*"]) + " LIMIT 0")
            return [(field.name, False) for field in cursor.fetch_record_batch().schema]

    def stream(self, query: str, columns: list[Column], start: datetime, end: datetime) -> pa.RecordBatchReader:
        # The driver takes a column's type from its first rows: never NULL, so that all of it is text.
        # A number held as REAL is marked: as an amount it is refused, because it has been through a float.
        each = [
            f"CASE WHEN typeof({_quoted(name)}) = 'real' THEN 'floating-point ' || {_quoted(name)} "
            f"ELSE coalesce(CAST({_quoted(name)} AS TEXT), '') END AS {_quoted(name)}"
            for name, _ in columns
        ]
        self._cursor = self._connection.cursor()  # kept: the stream ends with its cursor
        self._cursor.execute(_wrapped(self._literal(query, start, end), each))
        return self._cursor.fetch_record_batch()

    def _literal(self, query: str, start: datetime, end: datetime) -> str:
        # Ours and typed, so written into the text: a literal compares with TEXT columns as a bound value would.
        return _bind(query, lambda name: f"'{_utc(start if name == 'from' else end)}'")

    def close(self) -> None:
        self._connection.close()


class _AdbcPostgres:
    """PostgreSQL: one repeatable-read transaction; rows come by COPY, which the driver streams."""

    def __init__(self, url: str) -> None:
        import adbc_driver_postgresql.dbapi

        plain = "postgresql" + url[url.index("://") :]
        if "connect_timeout=" not in plain:
            plain += f"{'&' if '?' in plain else '?'}connect_timeout={_SECONDS}"
        self._connection = adbc_driver_postgresql.dbapi.connect(plain, autocommit=True)
        self._run("SET TIME ZONE 'UTC'")
        self._run("SET datestyle = 'ISO'")
        self._run("SET extra_float_digits = 3")
        self._run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        with self._connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.fetchall()

    def _run(self, sql: str) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(sql)

    def columns(self, query: str, start: datetime, end: datetime) -> list[Column]:
        import pyarrow as pa

        with self._connection.cursor() as cursor:
            cursor.execute(_wrapped(self._literal(query, start, end), ["*"]) + " LIMIT 0")
            schema = cursor.fetch_record_batch().schema
            return [(field.name, pa.types.is_floating(field.type)) for field in schema]

    def stream(self, query: str, columns: list[Column], start: datetime, end: datetime) -> pa.RecordBatchReader:
        each = [f"coalesce(CAST({_quoted(name)} AS text), '') AS {_quoted(name)}" for name, _ in columns]
        self._cursor = self._connection.cursor()  # kept: the stream ends with its cursor
        self._cursor.execute(_wrapped(self._literal(query, start, end), each))
        return self._cursor.fetch_record_batch()

    def _literal(self, query: str, start: datetime, end: datetime) -> str:
        # COPY takes no parameters; without it the driver holds the whole result. Both instants are ours and typed.
        return _bind(query, lambda name: f"TIMESTAMPTZ '{_utc(start if name == 'from' else end)}+00'")

    def close(self) -> None:
        self._connection.close()


class _Alchemy:
    """Any database through SQLAlchemy, with a server-side cursor."""

    _BEGIN: ClassVar = {
        "mysql": (
            "SET SESSION time_zone = '+00:00'",
            "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
            "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
        ),
        "postgresql": (
            "SET TIME ZONE 'UTC'",
            "SET datestyle = 'ISO'",
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            "SELECT 1",
        ),
        "sqlite": (
            "PRAGMA busy_timeout = 5000",
            "PRAGMA query_only = ON",
            "BEGIN",
            "SELECT count(*) FROM sqlite_master",
        ),
    }
    _DRIVERS: ClassVar = {
        "mysql": "mysql+pymysql",
        "mariadb": "mysql+pymysql",
        "postgresql": "postgresql+psycopg",
        "sqlite": "sqlite",
    }

    def __init__(self, url: str, kind: str) -> None:
        import sqlalchemy

        self._kind = "mysql" if kind == "mariadb" else kind
        full = self._DRIVERS.get(kind, kind) + url[url.index("://") :]
        self._engine = sqlalchemy.create_engine(full, isolation_level="AUTOCOMMIT", poolclass=sqlalchemy.NullPool)
        self._connection = self._engine.connect()
        # Autocommit leaves the transaction to the statements below, in the words of each database.
        for statement in self._BEGIN[self._kind]:
            self._connection.exec_driver_sql(statement).close()

    def columns(self, query: str, start: datetime, end: datetime) -> list[Column]:
        result = self._connection.exec_driver_sql(*self._bound(_wrapped, query, ["*"], start, end, " LIMIT 0"))
        floats = {4, 5} if self._kind == "mysql" else {700, 701}
        found = [(str(column[0]), column[1] in floats) for column in result.cursor.description]
        result.close()
        return found

    def stream(self, query: str, columns: list[Column], start: datetime, end: datetime) -> pa.RecordBatchReader:
        import pyarrow as pa

        mark, kind = ("`", "CHAR") if self._kind == "mysql" else ('"', "TEXT")
        each = [f"CAST({_quoted(name, mark)} AS {kind}) AS {_quoted(name, mark)}" for name, _ in columns]
        if self._kind == "sqlite":
            each = [
                f"CASE WHEN typeof({_quoted(name)}) = 'real' THEN 'floating-point ' || {_quoted(name)} "
                f"ELSE CAST({_quoted(name)} AS TEXT) END"
                for name, _ in columns
            ]
        statement, values = self._bound(_wrapped, query, each, start, end, "")
        result = self._connection.execution_options(stream_results=True).exec_driver_sql(statement, values)
        schema = pa.schema([(name, pa.string()) for name, _ in columns])

        def batches() -> Iterator[pa.RecordBatch]:
            rows = iter(result)
            while some := list(islice(rows, _BATCH)):
                arrays = [pa.array(column, pa.string()) for column in zip(*some, strict=True)]
                yield pa.record_batch(arrays, schema=schema)

        return pa.RecordBatchReader.from_batches(schema, batches())

    def _bound(
        self, wrap: Any, query: str, columns: list[str], start: datetime, end: datetime, tail: str
    ) -> tuple[str, Any]:
        values: list[Any] = []
        mark = "?" if self._kind == "sqlite" else "%s"

        def bind(name: str) -> str:
            moment = start if name == "from" else end
            values.append(moment.astimezone(UTC) if self._kind == "postgresql" else _utc(moment))
            return mark

        escape: Callable[[str], str] = (
            (lambda text: text) if self._kind == "sqlite" else (lambda text: text.replace("%", "%%"))
        )
        inner = _bind(query, bind, escape)
        escaped = [escape(column) for column in columns]
        return wrap(inner, escaped) + tail, tuple(values)

    def close(self) -> None:
        self._connection.close()
        self._engine.dispose()
