"""Delimited: CSV and its relatives, read by name of column. Two readers, one answer.

Fast   DuckDB's reader with an explicit all-text schema, when a scan of the bytes proves that every physical line is one
       record with the header's number of cells: UTF-8, even line ends, no blank line, quotes only around whole cells.
Slow   the state machine of csv_text.py for everything else; it is the specification.
Never  sniffs. Encoding, delimiter, quote and header line are the format's; what does not fit them is refused.
"""

from __future__ import annotations

import codecs
import difflib
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from recon.domain.rulebook import Format
from recon.engine.duck import text
from recon.ingest.csv_text import CsvRecord, read_records
from recon.ingest.staged import FIELD_MAX, Staged, Statement, UnreadableError, cell, column_pattern
from recon.ingest.statements import plain_amount

_BLOCK = 1 << 18  # bytes looked at together: they stay in the processor's cache
_BATCH = 20_000
_AGAIN = "ask the provider for the file again"


class Dialect:
    """A format's options for delimited files, with their defaults."""

    def __init__(self, options: Any) -> None:
        self.encoding = str(options.get("encoding", "utf-8"))
        self.delimiter = str(options.get("delimiter", ","))
        self.quote = str(options.get("quote", '"'))
        self.header_line = int(options.get("header_line", 1))
        self.skip_blank = bool(options.get("skip_blank_lines", True))
        self.allow_empty = bool(options.get("allow_empty", False))
        self.own_columns = tuple(options.get("columns_without_header", ()))
        self.any_case = bool(options.get("case_insensitive", False))
        self.decimal = str(options.get("decimal", "."))
        self.thousands = str(options.get("thousands", ""))
        self.balance_lines = {
            what: str(options[f"{what}_line"]) for what in ("opening", "closing") if options.get(f"{what}_line")
        }

    @property
    def utf8(self) -> bool:
        return codecs.lookup(self.encoding).name == "utf-8"


def stage(fmt: Format, path: Path, work: Path, *, fast: bool = True) -> Staged:
    """The file's rows as text columns. `work` is a folder for this file alone. Raises UnreadableError."""
    dialect = Dialect(fmt.options)
    balances: dict[str, str] = {}
    records = read_records(path, dialect.encoding, dialect.delimiter, dialect.quote)
    if dialect.balance_lines:
        records = _without_balances(records, dialect, balances)
    header = _header(records, dialect)
    if header is None:
        raise UnreadableError("the file has no header line", _AGAIN)
    names = _names(header.cells, fmt) if dialect.any_case else header.cells
    warnings = check_header(names, fmt, dialect.delimiter)
    one_line = header.line == dialect.header_line and header.lines == 1
    plain = one_line and len(names) > 1 and not dialect.balance_lines
    rows = count_plain_rows(path, dialect, header.line, len(names)) if fast and plain and dialect.utf8 else None
    if rows is None:
        staged = _slow(records, dialect, names, work, warnings)
    else:
        staged = _fast(path, dialect, names, rows, warnings)
    if not staged.rows and not dialect.allow_empty:
        raise UnreadableError(
            "the file has a header and no rows",
            _AGAIN + "; an empty file never means that nothing was sold",
            code="empty",
        )
    return _with_balances(staged, dialect, balances) if dialect.balance_lines else staged


def _without_balances(records: Iterator[CsvRecord], dialect: Dialect, into: dict[str, str]) -> Iterator[CsvRecord]:
    """The records but for the lines that hold a balance: the amount is their last filled cell."""
    for record in records:
        what = next((what for what, start in dialect.balance_lines.items() if record.raw.startswith(start)), "")
        if not what:
            yield record
            continue
        if what in into:
            raise UnreadableError(f"line {record.line}: a second line starts with {record.raw[:40]!r}", _AGAIN)
        amount = next((each.strip() for each in reversed(record.cells) if each.strip()), "")
        into[what] = plain_amount(
            amount.replace(dialect.thousands, "") if dialect.thousands else amount, dialect.decimal
        )


def _with_balances(staged: Staged, dialect: Dialect, balances: dict[str, str]) -> Staged:
    for what, start in dialect.balance_lines.items():
        if what not in balances:
            raise UnreadableError(f"no line starts with {start!r}: the {what} balance is missing", _AGAIN)
    opening, closing = balances.get("opening"), balances.get("closing")
    return replace(staged, statements=(Statement(0, staged.rows, opening=opening, closing=closing),))


def _header(records: Any, dialect: Dialect) -> CsvRecord | None:
    """The header record: that on line `header_line`, or with skip_blank_lines the next that is not blank."""
    if not dialect.header_line:
        return CsvRecord(0, 1, "", list(dialect.own_columns))
    for record in records:
        if record.line >= dialect.header_line and not (dialect.skip_blank and record.raw == ""):
            return record if isinstance(record, CsvRecord) and record.raw else None
    return None


def _names(cells: list[str], fmt: Format) -> list[str]:
    """The header's names in the format's spelling."""
    known = {column.casefold(): column for column in (*fmt.required, *fmt.optional)}
    return [known.get(cell.casefold(), cell) for cell in cells]


def check_header(names: list[str], fmt: Format, delimiter: str) -> tuple[str, ...]:
    """Warnings about columns the format does not know. Raises UnreadableError for missing and duplicate ones."""
    doubled = sorted({name for name in names if names.count(name) > 1})
    used = {name for name in doubled if name in fmt.required or name in fmt.optional}
    if used:
        raise UnreadableError(
            f"the header names {_quoted(sorted(used))} twice",
            "which of them holds the value cannot be known; ask the provider",
        )
    missing = [name for name in fmt.required if name not in names]
    if missing:
        shown = ", ".join(f'"{name}"{_nearest(name, names, fmt)}' for name in missing)
        other = next(
            (mark for mark in (",", ";", "\t", "|") if mark != delimiter and len(names) == 1 and mark in names[0]), ""
        )
        remedy = (
            f"the header holds {other!r}: set `delimiter`" if other else "compare the header with the format's columns"
        )
        raise UnreadableError(f"{len(missing)} required column(s) missing: {shown}", remedy)
    known = [column_pattern(pattern) for pattern in (*fmt.required, *fmt.optional)]
    extra = [name for name in names if not any(pattern.fullmatch(name) for pattern in known)]
    return (
        (f"{len(extra)} column(s) that the format does not know, left unread: {_quoted(extra[:5])}",) if extra else ()
    )


def _nearest(name: str, names: list[str], fmt: Format) -> str:
    unknown = [other for other in names if other not in fmt.required]
    near = difflib.get_close_matches(name, unknown, n=1, cutoff=0.6)
    return f' (the file has "{near[0]}")' if near else ""


def _quoted(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


# --- fast ------------------------------------------------------------------------------------------------------------


def _fast(path: Path, dialect: Dialect, names: list[str], rows: int, warnings: tuple[str, ...]) -> Staged:
    columns = ", ".join(f"'{cell(n)}': 'VARCHAR'" for n in range(len(names)))
    quote = text(dialect.quote)
    relation = (
        f"read_csv({text(path)}, columns = {{{columns}}}, auto_detect = false, header = false, "
        f"skip = {dialect.header_line}, delim = {text(dialect.delimiter)}, quote = {quote}, escape = {quote}, "
        f"strict_mode = true, ignore_errors = true, "
        f"max_line_size = {FIELD_MAX})"
    )
    return Staged(relation, tuple(names), rows, dialect.header_line + 1, warnings)


def count_plain_rows(path: Path, dialect: Dialect, header_line: int, width: int) -> int | None:
    """Rows below the header, when the bytes prove that each is one physical line with `width` cells; else None."""
    delimiter, quote = dialect.delimiter.encode(), dialect.quote.encode()
    if len(delimiter) != 1 or len(quote) > 1:
        return None
    decoder = codecs.getincrementaldecoder("utf-8")()
    rows = delimiters = 0
    line_end: bytes | None = None
    with path.open("rb") as file:
        for _ in range(header_line):
            above = file.readline(FIELD_MAX)
            line_end = b"\r\n" if above.endswith(b"\r\n") else b"\n"
            if b"\r" in above.removesuffix(line_end):
                return None
        held = b""
        while True:
            chunk = file.read(_BLOCK)
            block = held + chunk
            cut = block.rfind(b"\n") + 1 if chunk else len(block)
            block, held = block[:cut], block[cut:]
            if len(held) > FIELD_MAX:
                return None
            if not block:
                if not chunk:
                    break
                continue
            if line_end is None:
                line_end = b"\r\n" if b"\r\n" in block else b"\n"
            lines = _plain_lines(block, line_end)
            outside = _delimiters(block, quote, delimiter) if lines is not None else None
            if lines is None or outside is None:
                return None
            if not block.isascii():
                try:
                    decoder.decode(block)
                except UnicodeDecodeError:
                    return None  # the slow reader names the offset
            rows += lines
            delimiters += outside
            if not chunk:
                break
    # DuckDB takes one empty cell too many at a line's end in silence; one too few it refuses, and the count shows that.
    return rows if delimiters == rows * (width - 1) else None


def _plain_lines(block: bytes, line_end: bytes) -> int | None:
    """How many lines it has; None where there is a NUL, a blank line, or more than one kind of line end."""
    if b"\x00" in block or block.startswith((b"\n", b"\r")):
        return None
    # Places of line ends are few: looking at them is quicker than another search through all bytes.
    ends = np.flatnonzero(np.frombuffer(block, dtype=np.uint8) == 10)
    if len(ends) > 1 and np.diff(ends).min() <= len(line_end):
        return None
    if (
        (block.count(b"\r\n") != len(ends) or block.count(b"\r") != len(ends))
        if line_end == b"\r\n"
        else b"\r" in block
    ):
        return None
    return len(ends) + (not block.endswith(b"\n"))


def _delimiters(block: bytes, quote: bytes, delimiter: bytes) -> int | None:
    """Delimiters outside quotes; None unless every opening quote stands at a cell's start (or is the second of a doubled
    one), every closing one at a cell's end, and no line ends inside quotes."""
    data = np.frombuffer(block, dtype=np.uint8)
    marks = data == delimiter[0]
    count = int(np.count_nonzero(marks))
    if not quote or quote not in block:
        return count
    places = np.flatnonzero(data == quote[0])
    if len(places) % 2:
        return None
    opening, closing = places[0::2], places[1::2]
    before = np.where(opening > 0, data[opening - 1], 10)
    after = np.where(closing + 1 < len(data), data[np.minimum(closing + 1, len(data) - 1)], 10)
    starts = (before == delimiter[0]) | (before == 10) | (before == quote[0])
    ends = (after == delimiter[0]) | (after == 10) | (after == 13) | (after == quote[0])
    line_ends = np.flatnonzero(data == 10)
    if not (starts.all() and ends.all()) or (np.searchsorted(places, line_ends) % 2).any():
        return None
    # Sums from each quote to the next: every other one lies inside quotes.
    return count - int(np.add.reduceat(marks, places, dtype=np.int32)[0::2].sum())


# --- slow ------------------------------------------------------------------------------------------------------------


def _slow(records: Any, dialect: Dialect, names: list[str], work: Path, warnings: tuple[str, ...]) -> Staged:
    """Write the records to a scratch Parquet of text columns, each with its line, its text and its defect."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    width = len(names)
    staged_names = [*(cell(n) for n in range(width)), "place", "line", "raw", "defect_found", "defect_expected"]
    schema = pa.schema([(name, pa.int64() if name in ("place", "line") else pa.string()) for name in staged_names])
    kept = (record for record in records if _is_row(record, dialect))
    rows = (_row(record, width, place) for place, record in enumerate(kept))
    count = 0
    staged = work / "rows.parquet"
    with pq.ParquetWriter(staged, schema, compression="lz4") as writer:
        while batch := list(islice(rows, _BATCH)):
            count += len(batch)
            columns = list(zip(*batch, strict=True))
            writer.write_batch(
                pa.record_batch([pa.array(c, t) for c, t in zip(columns, schema.types, strict=True)], schema=schema)
            )
    return Staged(f"read_parquet({text(staged)})", tuple(names), count, None, warnings)


def _is_row(record: CsvRecord, dialect: Dialect) -> bool:
    """Not a blank line that may be skipped."""
    return bool(record.raw) or not dialect.skip_blank


def _row(record: CsvRecord, width: int, place: int) -> list[Any]:
    """A record as one staged row. Cells that are missing or too many are left out; the defect says so."""
    cells, defect = record.cells, record.defect
    if defect is None and "\x00" in record.raw:
        defect = ("a NUL byte", "text without NUL bytes")
        cells = [value.replace("\x00", "") for value in cells]
    if defect is None and len(cells) != width:
        defect = (f"{len(cells)} cell(s)", f"{width} cells, as the header has")
    if defect is None and any(len(value) > FIELD_MAX for value in cells):
        raise UnreadableError(
            f"line {record.line}: a cell is longer than {FIELD_MAX} characters", "ask the provider for the file again"
        )
    cells = (cells + [""] * width)[:width]
    found, expected = defect or (None, None)
    return [
        *(value or None for value in cells),
        place,
        record.line,
        record.raw.replace("\x00", "\u2400"),
        found,
        expected,
    ]
