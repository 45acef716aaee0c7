"""Framed: a delimited table that stands among other lines: facts above its header, totals and remarks below its rows.

Comes in   a delimited file whose format has one of the options `header_with`, `above`, `footer`, `trailing_delimiter`
Goes out   staged rows; a fact above the header (`SellerId,A1B2`) is a column of every row, named by its first cell
Never      a row after the footer read as a row, or a line above the header taken for a fact that was not declared.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from recon.domain.rulebook import Format
from recon.ingest.csv_text import CsvRecord, read_records
from recon.ingest.delimited import Dialect, check_header
from recon.ingest.staged import Staged, UnreadableError
from recon.ingest.staging import Record, staged

_SEARCHED = 200  # lines in which a header may be
_AGAIN = "ask the provider for the file again"


def wanted(fmt: Format) -> bool:
    """Whether the format's table is framed."""
    options = fmt.options
    return any(options.get(each) for each in ("header_with", "above", "footer", "trailing_delimiter"))


def stage(fmt: Format, path: Path, work: Path) -> Staged:
    """The table's rows as text columns. `work` is a folder for this file alone. Raises UnreadableError."""
    dialect = Dialect(fmt.options)
    records = read_records(path, dialect.encoding, dialect.delimiter, dialect.quote)
    above: dict[str, str] = {}
    header = _header(records, fmt, dialect, above)
    short = bool(fmt.options.get("trailing_delimiter"))
    names = [each.strip() for each in (header.cells[:-1] if short and header.cells[-1] == "" else header.cells)]
    facts = tuple(above)
    warnings = check_header([*names, *facts], fmt, dialect.delimiter)
    rows = _rows(records, fmt, dialect, len(names), list(above.values()))
    made = staged(rows, lambda: [*names, *facts], work, lambda: warnings)
    if not made.rows and not dialect.allow_empty:
        raise UnreadableError(
            "the file has a header and no rows", _AGAIN + "; an empty file never means that nothing was sold"
        )
    return made


def _header(records: Iterator[CsvRecord], fmt: Format, dialect: Dialect, above: dict[str, str]) -> CsvRecord:
    """The header record; the declared facts above it are collected on the way."""
    sought, declared = str(fmt.options.get("header_with", "")), fmt.options.get("above", ())
    for record in records:
        cells = [each.strip() for each in record.cells]
        if sought in cells if sought else record.line >= dialect.header_line and record.raw:
            break
        if record.line >= _SEARCHED:
            break
        if cells[0] in declared and len(cells) > 1:
            if cells[0] in above:
                raise UnreadableError(f'line {record.line}: "{cells[0]}" stands above the header twice', _AGAIN)
            above[cells[0]] = cells[1]
    else:
        record = CsvRecord(0, 1, "", [""])
    if sought and sought not in [each.strip() for each in record.cells]:
        raise UnreadableError(
            f'no line has the header\'s cell "{sought}"',
            "compare the file with the format's columns, or ask for it again",
        )
    if not record.raw:
        raise UnreadableError("the file has no header line", _AGAIN)
    for each in declared:
        above.setdefault(each, "")
    return record


def _rows(
    records: Iterator[CsvRecord], fmt: Format, dialect: Dialect, width: int, facts: list[str]
) -> Iterator[Record]:
    """The rows under the header, each with the facts above it."""
    footer = tuple(fmt.options.get("footer", ()))
    short = bool(fmt.options.get("trailing_delimiter"))
    ended = 0
    for record in records:
        if not record.raw and dialect.skip_blank:
            continue
        if footer and record.raw.lstrip(dialect.quote).startswith(footer):
            ended = ended or record.line
            continue
        cells, defect = record.cells, record.defect
        if short and len(cells) == width + 1 and cells[-1] == "":
            cells = cells[:-1]
        if defect is None and len(cells) != width:
            defect = (f"{len(cells)} cell(s)", f"{width} cells, as the header has")
        if ended:
            defect = ("a row after the table's end", f"nothing after the footer of line {ended}")
        yield Record(record.line, record.raw, [*(cells + [""] * width)[:width], *facts], defect)
