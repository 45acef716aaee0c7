"""Engine: runs named SQL steps on DuckDB, in process, out of core and bounded by a memory limit.

A step is a name and a statement that a finance engineer can read; every step that ran is kept in order, for
`--show-sql` and the night's `sql/` folder. Nothing here depends on the host's zone, locale or number of cores.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recon.errors import UnreachableError

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

#: How DuckDB words a write that failed; its errors carry no number of their own.
_WRITING = ("could not write", "write failed", "could not sync", "could not truncate", "failed to offload", "no space left")
_ERRNO = re.compile(r'"errno":"(\d+)"')


class Engine:
    """One DuckDB connection for one night.

    memory_limit   as DuckDB writes it ("1GB"); work beyond it spills into `spill`
    """

    def __init__(self, spill: Path, memory_limit: str = "1GB", threads: int = 2) -> None:
        import duckdb

        spill.mkdir(parents=True, exist_ok=True)
        self.steps: list[tuple[str, str]] = []
        self._connection: duckdb.DuckDBPyConnection = duckdb.connect(
            config={"memory_limit": memory_limit, "threads": threads, "temp_directory": str(spill)}
        )
        self._connection.execute("SET TimeZone = 'UTC'")

    def step(self, name: str, sql: str) -> None:
        """Run a named statement that leaves a table, a view or a file, and keep its text."""
        self.steps.append((name, sql.strip()))
        self.rows(sql)

    def rows(self, sql: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
        """All rows of a query: for small results."""
        with _no_room():
            return self._connection.execute(sql, parameters).fetchall()

    def one(self, sql: str) -> Any:
        """The only value of a query with one row and one column."""
        [(value,)] = self.rows(sql)
        return value

    def table(self, sql: str) -> pa.Table:
        """A query's result as an Arrow table."""
        with _no_room():
            return self._connection.sql(sql).to_arrow_table()

    def batches(self, sql: str, size: int = 10_000) -> Iterator[list[tuple[Any, ...]]]:
        """A query's rows in lists of at most `size`. Drain it before the next statement."""
        with _no_room():
            cursor = self._connection.execute(sql)
            while rows := cursor.fetchmany(size):
                yield rows

    def register(self, name: str, data: Any) -> None:
        """Make an Arrow table or record batch reader readable under `name`."""
        self._connection.register(name, data)

    def unregister(self, name: str) -> None:
        self._connection.unregister(name)

    def close(self) -> None:
        self._connection.close()


@contextmanager
def _no_room() -> Iterator[None]:
    """A disk that takes no more, or memory that does not suffice, is exit 4 and not a bug."""
    import duckdb

    try:
        yield
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


def name(identifier: str) -> str:
    """A column or table name, quoted."""
    return '"' + identifier.replace('"', '""') + '"'
