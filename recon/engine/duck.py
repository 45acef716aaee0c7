"""Engine: runs named SQL steps on DuckDB, in process, out of core and bounded by a memory limit.

A step is a name and a statement that a finance engineer can read; every step that ran is kept in order, for
`--show-sql` and the night's `sql/` folder. Nothing here depends on the host's zone, locale or number of cores.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recon.engine.ahead import ahead
from recon.errors import UnreachableError

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

#: How DuckDB words a write that failed; its errors carry no number of their own.
_WRITING = (
    "could not write",
    "write failed",
    "could not sync",
    "could not truncate",
    "failed to offload",
    "no space left",
)
_ERRNO = re.compile(r'"errno":"(\d+)"')


_ROW_GROUP = 122_880
#: Columns whose values repeat: worth a dictionary.
_REPETITIVE = (
    "source",
    "file",
    "sha256",
    "account",
    "kind",
    "kind_raw",
    "psp",
    "payout_id",
    "currency",
    "settled_currency",
    "status",
)


def _regrouped(batches: Iterable[pa.RecordBatch], size: int) -> Iterator[pa.Table]:
    """The same rows in tables of exactly `size`, the last one smaller: batches come as the threads make them."""
    import pyarrow as pa

    held: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        held.append(batch)
        count += batch.num_rows
        if count >= size:
            table = pa.Table.from_batches(held)
            whole = count - count % size
            for start in range(0, whole, size):
                yield table.slice(start, size)
            held, count = table.slice(whole).to_batches(), count - whole
    if count:
        yield pa.Table.from_batches(held)


class Engine:
    """One DuckDB connection for one night.

    memory_limit   as DuckDB writes it ("1GB"); work beyond it spills into `spill`
    """

    def __init__(self, spill: Path, memory_limit: str = "1GB", threads: int = 2) -> None:
        import duckdb

        spill.mkdir(parents=True, exist_ok=True)
        self.steps: list[tuple[str, str]] = []
        self.small = False  # few rows tonight: see `relation`
        self.advance: Callable[[int], None] | None = None  # told of rows as `write` writes them, for whoever watches
        self._connection: duckdb.DuckDBPyConnection = duckdb.connect(
            config={"memory_limit": memory_limit, "threads": threads, "temp_directory": str(spill)}
        )
        self._connection.execute("SET TimeZone = 'UTC'")
        # Dozens of steps look into the same Parquet files, which never change once they are written.
        self._connection.execute("SET parquet_metadata_cache = true")
        self._beside = ThreadPoolExecutor(1)
        self._started: list[Future[None]] = []

    def step(self, name: str, sql: str) -> None:
        """Run a named statement that leaves a table, a view or a file, and keep its text."""
        self.steps.append((name, sql.strip()))
        self.rows(sql)

    def relation(self, name: str, table: str, sql: str) -> None:
        """Run a named query that later steps read by `table`: a view, so that a large night's rows are written nowhere twice.

        On a small night it is a table: a view is planned anew in each of the dozens of steps that read it, which then
        costs more than its rows do (measured on the demo: a sixth of a night's SQL).
        """
        self.step(name, f"create {'table' if self.small else 'view'} {table} as\n{sql}")

    def step_beside(self, name: str, sql: str) -> None:
        """As `step`, beside what follows: for a file that no later step reads. `finish` waits for it."""
        self.steps.append((name, sql.strip()))
        self._started.append(self._beside.submit(self._run, self._connection.cursor(), sql))

    def _run(self, connection: duckdb.DuckDBPyConnection, sql: str) -> None:
        with _told(), connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute(sql).fetchall()

    def finish(self) -> None:
        """Wait for the steps that run beside; raises what one of them raised."""
        while self._started:
            self._started.pop(0).result()

    def write(self, name: str, sql: str, path: Path, note: dict[str, str] | None = None) -> int:
        """Run a named query and write its rows, in their order, to a Parquet file with `note` in its metadata; gives how many.

        DuckDB's own writer builds a dictionary for every column, which costs more than reading and checking the file did;
        most columns here are ids, each its own value. Row groups have a fixed size, so that the same rows are the same bytes.
        """
        import pyarrow.parquet as pq

        self.steps.append((name, sql.strip()))
        with _told():
            reader = self._connection.sql(sql).to_arrow_reader(_ROW_GROUP)
            schema = reader.schema.with_metadata(note or {})
            repetitive = [name for name in schema.names if name in _REPETITIVE]
            rows = 0
            options = {"compression": "lz4", "use_dictionary": repetitive, "write_statistics": False}
            with pq.ParquetWriter(path, schema, **options) as writer:
                # The engine makes the next rows while these are written.
                for group in ahead(_regrouped(reader, _ROW_GROUP)):
                    rows += group.num_rows
                    if self.advance:
                        self.advance(group.num_rows)
                    writer.write_table(group.replace_schema_metadata(note or {}), row_group_size=_ROW_GROUP)
        return rows

    def rows(self, sql: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
        """All rows of a query: for small results."""
        with _told():
            return self._connection.execute(sql, parameters).fetchall()

    def one(self, sql: str) -> Any:
        """The only value of a query with one row and one column."""
        [(value,)] = self.rows(sql)
        return value

    def table(self, sql: str) -> pa.Table:
        """A query's result as an Arrow table."""
        with _told():
            return self._connection.sql(sql).to_arrow_table()

    def batches(self, sql: str, size: int = 10_000) -> Iterator[list[tuple[Any, ...]]]:
        """A query's rows in lists of at most `size`. Drain it before the next statement."""
        with _told():
            cursor = self._connection.execute(sql)
            while rows := cursor.fetchmany(size):
                yield rows

    def register(self, name: str, data: Any) -> None:
        """Make an Arrow table or record batch reader readable under `name`."""
        self._connection.register(name, data)

    def unregister(self, name: str) -> None:
        self._connection.unregister(name)

    def close(self) -> None:
        self._beside.shutdown(cancel_futures=True)
        self._connection.close()


class StreamError(Exception):
    """A registered stream broke off; DuckDB tells of it in words of its own, and the source's error is in them."""


@contextmanager
def _told() -> Iterator[None]:
    """What is no bug of a statement: a disk that takes no more, too little memory (exit 4), a stream that broke off."""
    import duckdb

    try:
        yield
    except duckdb.InvalidInputException as error:
        if "reading the stream registered as" in str(error):
            raise StreamError(str(error)) from error
        raise
    except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
        said = str(error).split("\n")[0]
        if any(words in said.lower() for words in _WRITING):
            number = _ERRNO.search(said)
            reason = os.strerror(int(number[1])) if number else said
            remedy = "free space, then run the same night again"
            raise UnreachableError("disk", f"the engine could not write: {reason}", remedy) from error
        if isinstance(error, duckdb.OutOfMemoryException):
            remedy = "raise memory_limit in recon.yaml, then run the same night again"
            raise UnreachableError("memory", f"the engine has too little memory: {said}", remedy) from error
        raise


def text(value: object) -> str:
    """A value as a quoted SQL text literal."""
    return "'" + str(value).replace("'", "''") + "'"


def inside(path: Path) -> str:
    """A path as it stands inside quoted SQL text."""
    return text(path)[1:-1]


def name(identifier: str) -> str:
    """A column or table name, quoted."""
    return '"' + identifier.replace('"', '""') + '"'
