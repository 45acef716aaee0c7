"""Statements: what the readers of bank statements share: rows of named texts on their way to Parquet.

Comes in   a reader's rows, one by one: texts by column, the line, the text as it stood, what is wrong with it
Goes out   Staged rows of the columns that the format names, with the statements and control totals that the reader met
Never      more than a batch of rows in memory; a column that a format asks for and no row of the file has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from pathlib import Path

from recon.domain.rulebook import Format
from recon.engine.duck import text
from recon.ingest.staged import FIELD_MAX, Staged, Statement, UnreadableError, cell

AGAIN = "ask the bank for the file again"
_BATCH = 10_000
_RAW_KEPT = 4_000  # characters of a row's text that are staged; the raw store has all of it
_WARNINGS = 20


@dataclass(slots=True)
class Row:
    """One row: texts by column (None or missing: an empty cell), the line it starts on, its text, its defect."""

    cells: dict[str, str | None]
    line: int
    raw: str
    defect: tuple[str, str] | None = None


@dataclass(slots=True)
class Found:
    """What a reader met beside its rows."""

    statements: list[Statement] = field(default_factory=list)
    controls: list[tuple[str, str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    rows: int = 0  # handed out so far

    def warn(self, message: str) -> None:
        """Note something that a person should see; the first twenty are kept, and how many there are more."""
        if len(self.warnings) <= _WARNINGS:
            self.warnings.append(message if len(self.warnings) < _WARNINGS else "there are more such warnings")

    def counted(self, name: str, claims: list[tuple[str, bool]]) -> None:
        """A control of claims that the reader compared: (what it says, whether it holds)."""
        if not claims:
            return
        wrong = [claim for claim, holds in claims if not holds]
        state = "failed" if wrong else "proved"
        self.controls.append((name, state, "; ".join(wrong[:5]) if wrong else f"{len(claims)} claim(s)"))


#: A reader: (path, format, what to fill) -> rows in the file's order. Raises UnreadableError.
Reader = Callable[[Path, Format, Found], Iterator[Row]]


def reader_of(fmt: Format) -> Reader:
    """The reader that a format names; imported when it is needed."""
    if fmt.reader == "camt":
        from recon.ingest.camt import rows
    elif fmt.reader == "mt940":
        from recon.ingest.mt940 import rows
    elif fmt.reader == "bai2":
        from recon.ingest.bai2 import rows
    elif fmt.reader == "ofx":
        from recon.ingest.ofx import rows
    else:
        raise KeyError(fmt.reader)
    return rows


def stage(fmt: Format, path: Path, work: Path) -> Staged:
    """The file's rows as text columns. `work` is a folder for this file alone. Raises UnreadableError."""
    found = Found()
    wanted = (*fmt.required, *fmt.optional)
    staged, filled = work / "rows.parquet", set[str]()
    count = _write(_counted(reader_of(fmt)(path, fmt, found), found), wanted, staged, filled)
    missing = [column for column in fmt.required if column not in filled]
    if count and missing:
        raise UnreadableError(
            "no row has the required column(s) " + ", ".join(f'"{column}"' for column in missing),
            "compare the file with the format's columns",
        )
    if not count and not fmt.options.get("allow_empty") and not _says_nothing_moved(found):
        raise UnreadableError(
            "the file holds no line, and no two equal balances that say so",
            AGAIN + "; `allow_empty: true` in the format takes such files",
        )
    return Staged(
        f"read_parquet({text(staged)})",
        wanted,
        count,
        None,
        tuple(found.warnings),
        tuple(found.statements),
        tuple(found.controls),
    )


def _counted(rows: Iterator[Row], found: Found) -> Iterator[Row]:
    for row in rows:
        yield row
        found.rows += 1


def _says_nothing_moved(found: Found) -> bool:
    """Whether every account's balances say by themselves that there was nothing to report."""
    return bool(found.statements) and all(
        each.opening is not None and each.opening == each.closing and not each.doubt for each in found.statements
    )


def _write(rows: Iterator[Row], wanted: tuple[str, ...], staged: Path, filled: set[str]) -> int:
    """Write the rows to a scratch Parquet file; notes the columns that some row fills. Returns how many rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = [*(cell(n) for n in range(len(wanted))), "place", "line", "raw", "defect_found", "defect_expected"]
    schema = pa.schema([(name, pa.int64() if name in ("place", "line") else pa.string()) for name in names])
    count = 0
    with pq.ParquetWriter(staged, schema, compression="lz4") as writer:
        while batch := [_row(row, wanted, filled, count + n) for n, row in enumerate(islice(rows, _BATCH))]:
            count += len(batch)
            columns = [pa.array(c, t) for c, t in zip(zip(*batch, strict=True), schema.types, strict=True)]
            writer.write_batch(pa.record_batch(columns, schema=schema))
    return count


def _row(row: Row, wanted: tuple[str, ...], filled: set[str], place: int) -> tuple[str | int | None, ...]:
    values, defect = [row.cells.get(column) or None for column in wanted], row.defect
    filled.update(column for column, value in zip(wanted, values, strict=True) if value)
    if any(value and "\x00" in value for value in values):
        defect = defect or ("a NUL byte", "text without NUL bytes")
        values = [value and value.replace("\x00", "\u2400") for value in values]
    if any(value and len(value) > FIELD_MAX for value in values):
        defect = defect or ("a text longer than can be read", f"at most {FIELD_MAX} characters")
        values = [value and value[:_RAW_KEPT] for value in values]
    found, expected = defect or (None, None)
    return (*values, place, row.line, row.raw[:_RAW_KEPT].replace("\x00", "\u2400"), found, expected)


# --- texts that several readers tidy in the same way -----------------------------------------------------------------


def plain_amount(amount: str, decimal: str = ".", written: str = ".") -> str:
    """An amount as the mapping reads it: "+1,5" -> "1.5", "8500," -> "8500", ",5" -> "0.5". What is none stays as it is.

    decimal, written   the mark that it has, and the one that it gets
    """
    value = amount.removeprefix("+")
    negative, value = value.startswith("-"), value.removeprefix("-")
    whole, mark, places = value.partition(decimal)
    if not (whole + places).isdigit() or not (whole + places).isascii():
        return amount
    return ("-" if negative else "") + (whole or "0") + (written + places if mark and places else "")


def signed(amount: str, negative: bool) -> str:
    """An unsigned amount as the mapping reads it, turned round where it is a debit."""
    return f"-{amount}" if negative else amount


def iso_day(yymmdd: str) -> str:
    """YYMMDD as YYYY-MM-DD, of this century; what is no such date stays as it is."""
    if len(yymmdd) != 6 or not yymmdd.isascii() or not yymmdd.isdigit():
        return yymmdd
    day = f"20{yymmdd[:2]}-{yymmdd[2:4]}-{yymmdd[4:]}"
    try:
        date.fromisoformat(day)
    except ValueError:
        return yymmdd
    return day
