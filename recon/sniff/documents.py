"""Documents: JSON and workbooks as tables, so that one look at columns serves every kind of file.

Comes in   a JSON document, or a sheet of a workbook
Goes out   a `Table`; of a document also where its records are, of a record the dotted names of its members
Never      a number through a float: JSON numbers keep their text, a workbook's are read as `recon run` reads them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from recon.domain.rulebook import Format
from recon.errors import Place
from recon.ingest import excel
from recon.ingest.staged import UnreadableError
from recon.sniff.evidence import CERTAIN, Finding, NotATableError, sure
from recon.sniff.table import Line, Table, frame

_DEPTH_MAX = 6
_LISTED = "(an array)"


def bare(reader: str, **options: Any) -> Format:
    """A format that says nothing but how bytes become rows."""
    return Format("sniffed", "", "settlement_line", reader, Place(""), options, (), (), (), False, {})


def sheet(path: Path) -> Table:
    """The table of a workbook's first sheet."""
    try:
        rows = list(excel.text_rows(bare("excel"), path))
    except UnreadableError as error:
        raise NotATableError(error.reason, error.remedy) from error
    lines = [Line(number, cells) for number, cells in rows if any(cells)]
    width = max((len(line.cells) for line in lines), default=0)
    padded = [Line(line.number, line.cells + [""] * (width - len(line.cells))) for line in lines]
    table = frame(padded, width)
    if table is None:
        raise NotATableError("its first sheet has no row of column names", "name the sheet and the header by hand")
    while table.header and not table.header[-1].strip():
        table.header.pop()
    table.findings.append(Finding("sheet", "the first", sure(1, 1), "other sheets were not looked at"))
    why = f"{len(table.rows):,} rows below it; {len(table.above)} line(s) above it"
    table.findings.append(Finding("header", f"row {table.header_line}, {len(table.header)} columns", sure(1, 1), why))
    if table.below:
        why = f"rows that begin with {', '.join(repr(_first(each)) for each in table.below[:3])}"
        table.findings.append(
            Finding("footer", f"{len(table.below)} row(s)", sure(len(table.below), len(table.below)), why)
        )
    return table


def _first(line: Line) -> str:
    return next((cell for cell in line.cells if cell), "")


def document(path: Path, encoding: str, whole: bool) -> tuple[Table, str]:
    """(the table, where its records are) of a JSON document. Raises NotATableError."""
    if not whole:
        raise NotATableError("it is a JSON document too large to be looked at whole", "sniff a smaller one of its kind")
    try:
        text = path.read_bytes().decode(encoding).removeprefix("\ufeff")
        top = json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError) as error:
        lines = text.split("\n") if isinstance(error, ValueError) and "text" in locals() else []
        if len(lines) > 1 and lines[0].strip().startswith("{") and lines[0].strip().endswith("}"):
            raise NotATableError(
                "it is JSON lines: an object on each line", "ask for one JSON array, or for CSV"
            ) from error
        raise NotATableError(f"it begins as JSON and is no whole document ({error})", "fetch it again") from error
    found = sorted(_arrays(top, ""), key=lambda each: -len(each[1]))
    if not found:
        raise NotATableError("it is a JSON document without an array of objects", "name the records by hand")
    where, records = found[0]
    why = f"{len(records):,} objects" + (
        f"; other arrays: {', '.join(each or 'top' for each, _ in found[1:4])}" if found[1:] else ""
    )
    rows = [dict(_members(record, "", 0)) for record in records]
    names = list(dict.fromkeys(name for row in rows for name in row))
    table = Table(names, 1, [Line(n, [row.get(name, "") for name in names]) for n, row in enumerate(rows, 1)])
    table.findings.append(
        Finding("records", where or "the document itself", sure(len(records), len(records), len(found)), why)
    )
    lists = [name for name in names if any(row.get(name) == _LISTED for row in rows)]
    if lists:
        table.findings.append(
            Finding("arrays", ", ".join(lists[:5]), CERTAIN, "arrays in a record, left out of the proposal")
        )
    keep = [n for n, name in enumerate(names) if name not in lists]
    table.header = [names[n] for n in keep]
    table.rows = [Line(line.number, [line.cells[n] for n in keep]) for line in table.rows]
    return table, where


def _arrays(value: Any, path: str) -> Iterator[tuple[str, list[Any]]]:
    """Arrays of objects, each with the path that the option `records` takes."""
    if isinstance(value, list):
        if value and all(isinstance(each, dict) for each in value):
            yield path, value
    elif isinstance(value, dict):
        for name, member in value.items():
            if "." not in name and path.count(".") < _DEPTH_MAX:
                yield from _arrays(member, f"{path}.{name}" if path else name)


def _members(value: dict[str, Any], path: str, depth: int) -> Iterator[tuple[str, str]]:
    for name, member in value.items():
        below = f"{path}.{name}" if path else name
        if isinstance(member, dict) and depth < _DEPTH_MAX:
            yield from _members(member, below, depth + 1)
        elif isinstance(member, list):
            yield below, _LISTED
        elif isinstance(member, bool):
            yield below, "true" if member else "false"
        else:
            yield below, "" if member is None else str(member)
