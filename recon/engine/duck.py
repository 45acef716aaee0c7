"""Engine: runs named SQL steps on DuckDB, in process, out of core and bounded by a memory limit.

A step is a name and a statement that a finance engineer can read; every step that ran is kept in order, for
`--show-sql` and the night's `sql/` folder. Nothing here depends on the host's zone, locale or number of cores.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa


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
        self._connection.execute(sql).fetchall()

    def rows(self, sql: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
        """All rows of a query: for small results."""
        return self._connection.execute(sql, parameters).fetchall()

    def one(self, sql: str) -> Any:
        """The only value of a query with one row and one column."""
        [(value,)] = self.rows(sql)
        return value

    def table(self, sql: str) -> pa.Table:
        """A query's result as an Arrow table."""
        return self._connection.sql(sql).to_arrow_table()

    def batches(self, sql: str, size: int = 10_000) -> Iterator[list[tuple[Any, ...]]]:
        """A query's rows in lists of at most `size`. Drain it before the next statement."""
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


def text(value: object) -> str:
    """A value as a quoted SQL text literal."""
    return "'" + str(value).replace("'", "''") + "'"


def name(identifier: str) -> str:
    """A column or table name, quoted."""
    return '"' + identifier.replace('"', '""') + '"'
