"""Sectioned: delimited files whose lines say by their first cell what they are: report, section, names, rows, totals.

Comes in   a file as PayPal's settlement report: RH FH (SH CH SB* SF SC)* RF RC FF
Goes out   staged rows: those of the row type and those that state totals. A cell of another line is a column named
           by its type (`SH.account`, `SF.currency`); what opened the section stands on each of its rows. `section` counts them.
Never      a line of a type that was not declared passed over: it is quarantined. Rows after a section's totals, or after
           the report's, mean that lines are lost or mixed up: the file is set aside.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from recon.domain.rulebook import Format
from recon.ingest.csv_text import CsvRecord, read_records
from recon.ingest.delimited import Dialect, check_header
from recon.ingest.staged import Staged, UnreadableError
from recon.ingest.staging import Record, staged

_AGAIN = "ask the provider for the file again"
_SPACES = re.compile(" {2,}")


def stage(fmt: Format, path: Path, work: Path) -> Staged:
    """The file's rows as text columns. `work` is a folder for this file alone. Raises UnreadableError."""
    dialect = Dialect(fmt.options)
    reading = _Reading(fmt)
    records = reading.rows(read_records(path, dialect.encoding, dialect.delimiter, dialect.quote))
    made = staged(records, lambda: reading.names, work, lambda: tuple(reading.warnings))
    if not reading.sections:
        raise UnreadableError(f"the file has no {reading.opens} line, and so no section", _AGAIN)
    if not made.rows and not dialect.allow_empty:
        raise UnreadableError("the file holds no row", _AGAIN + "; an empty file never means that nothing was sold")
    return made


class _Reading:
    """One file on its way through; `names` grows where a later section has more columns."""

    def __init__(self, fmt: Format) -> None:
        options = fmt.options
        self.fmt = fmt
        self.row, self.header, self.opens = (str(options[each]) for each in ("row", "header", "opens"))
        self.above: dict[str, tuple[str, ...]] = dict(options["above"])
        self.section_totals: dict[str, tuple[str, ...]] = dict(options["section_totals"])
        self.file_totals: dict[str, tuple[str, ...]] = dict(options["file_totals"])
        stated = {**self.above, **self.section_totals, **self.file_totals}
        self.names = ["section", *(f"{kind}.{each}" for kind, cells in stated.items() for each in cells)]
        self._stated_names = tuple(self.names)
        self._places = {name: n for n, name in enumerate(self.names)}
        self._known = {self.row, self.header, *stated}
        self.warnings: list[str] = []
        self.sections = 0
        self._columns: list[str] = []  # of the rows of this section
        self._context: dict[str, str] = {}
        self._closed = ""  # the totals line that closed the section or the file
        self._over = False

    def rows(self, records: Iterator[CsvRecord]) -> Iterator[Record]:
        """Rows and totals in the file's order."""
        for record in records:
            if not record.raw:
                continue
            kind, *cells = record.cells
            if kind == self.row:
                yield self._row(record, cells)
            elif kind in self.section_totals or kind in self.file_totals:
                yield self._stated(record, kind, cells)
            elif kind == self.header:
                self._named(record, cells)
            elif kind in self.above:
                self._opened(record, kind, cells)
            else:
                expected = f"one of the record types {', '.join(sorted(self._known))}"
                yield Record(record.line, record.raw, self._placed({}), (kind[:40], expected))

    def _opened(self, record: CsvRecord, kind: str, cells: list[str]) -> None:
        names = self.above[kind]
        if kind == self.opens:
            if self._over:
                raise UnreadableError(
                    f"line {record.line}: a section after the report's totals ({self._closed})", _AGAIN
                )
            self.sections += 1
            self._columns, self._closed = [], ""
        elif self.sections:
            raise UnreadableError(f"line {record.line}: a second report begins ({kind} after {self.opens})", _AGAIN)
        if record.defect or any(cells[len(names) :]):
            self.warnings.append(f"line {record.line}: {kind} has more cells than the format names, left unread")
        self._context |= {f"{kind}.{name}": value for name, value in zip(names, cells, strict=False)}

    def _named(self, record: CsvRecord, cells: list[str]) -> None:
        if not self.sections or self._closed:
            raise UnreadableError(f"line {record.line}: {self.header} stands outside a section", _AGAIN)
        self._columns = [_SPACES.sub(" ", each.strip()) for each in cells]
        declared = {*self.fmt.required, *self.fmt.optional}
        known = [*self._columns, *(name for name in self._stated_names if name in declared)]
        warnings = check_header(known, self.fmt, ",")
        self.warnings += [each for each in warnings if each not in self.warnings]
        for each in self._columns:
            if each not in self._places:
                self._places[each] = len(self.names)
                self.names.append(each)

    def _row(self, record: CsvRecord, cells: list[str]) -> Record:
        if not self._columns:
            raise UnreadableError(f"line {record.line}: a row without the names of its columns ({self.header})", _AGAIN)
        if self._closed:
            raise UnreadableError(f"line {record.line}: a row after the totals ({self._closed})", _AGAIN)
        defect = record.defect
        if defect is None and len(cells) != len(self._columns):
            defect = (f"{len(cells)} cell(s)", f"{len(self._columns)} cells, as {self.header} has")
        return Record(record.line, record.raw, self._placed(dict(zip(self._columns, cells, strict=False))), defect)

    def _stated(self, record: CsvRecord, kind: str, cells: list[str]) -> Record:
        names = self.section_totals.get(kind) or self.file_totals[kind]
        self._over = self._over or kind in self.file_totals
        self._closed = f"{kind} of line {record.line}"
        if record.defect or len(cells) < len(names) or any(cells[len(names) :]):
            what = f"line {record.line}: {kind} has {len(cells)} cell(s), {len(names)} expected"
            raise UnreadableError(what, _AGAIN, (f"{kind}: {', '.join(names)}",))
        values = {f"{kind}.{name}": value for name, value in zip(names, cells, strict=False)}
        return Record(record.line, record.raw, self._placed(values))

    def _placed(self, values: dict[str, str]) -> list[str]:
        """Cells in the order of `names`."""
        placed = [""] * len(self.names)
        placed[0] = str(self.sections)
        for name, value in (self._context | values).items():
            placed[self._places[name]] = value
        return placed
