"""Columns: what each column of a table holds, told from its cells alone: amounts, dates, currencies, codes, ids, text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from recon.domain.money import exponent
from recon.sniff import amounts, dates
from recon.sniff.amounts import Marks

_EMPTY = ("-", "--", "N/A", "n/a", "NULL", "null", "None")
_CODES_MAX = 40
_ID = re.compile(r"(?=.*[0-9A-Za-z])[^\s]{2,80}")


@dataclass
class Column:
    """A column: `cells` as they stand, blanks at the ends taken off. `shape` is one of empty, date, currency, money,
    whole, rate, strange, code, id, text; `null_values` are texts that stand for nothing."""

    name: str
    at: int
    cells: Sequence[str]
    null_values: tuple[str, ...] = ()
    layouts: list[str] = field(default_factory=list)
    shape: str = "empty"

    @cached_property
    def filled(self) -> list[str]:
        return [cell for cell in self.cells if cell and cell not in self.null_values]

    @cached_property
    def counts(self) -> Counter[str]:
        return Counter(self.filled)

    @property
    def unique_percent(self) -> int:
        """Distinct values among all rows, in percent, rounded down; an empty cell identifies nothing."""
        return 100 * len(self.counts) // len(self.cells) if self.cells else 0


def sniff_columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[list[Column], Marks]:
    """The columns with their shapes, and the file's marks."""
    columns = [Column(name, at, [row[at].strip() for row in rows]) for at, name in enumerate(header)]
    for column in columns:
        column.null_values = _nulls(column.cells)
    moneyed = [c.filled for c in columns if c.filled and all(amounts.shaped(cell) for cell in c.counts)]
    for column in columns:
        column.layouts = dates.layouts(list(column.counts))
    dated = {id(column.filled) for column in columns if column.layouts}
    marks = amounts.sniff_marks([cells for cells in moneyed if id(cells) not in dated])
    for column in columns:
        column.shape = _shape(column, marks)
    return columns, marks


def _nulls(cells: Sequence[str]) -> tuple[str, ...]:
    found = [text for text in _EMPTY if text in cells]
    return tuple(found) if found and any(cell not in ("", *found) for cell in cells) else ()


def _shape(column: Column, marks: Marks) -> str:
    distinct = column.counts
    if not distinct:
        return "empty"
    if column.layouts:
        return "date"
    if all(exponent(cell.upper()) is not None for cell in distinct):
        return "currency"
    if all(amounts.read(cell, marks.decimal, marks.thousands) is not None for cell in distinct):
        marked = any(mark and mark in cell for cell in distinct for mark in (marks.decimal, marks.thousands, "-"))
        return "money" if marked else "whole"
    if all(amounts.number(cell, marks.decimal, marks.thousands) for cell in distinct):
        return "id" if all(cell.isdigit() for cell in distinct) else "rate"
    if all(amounts.strange(cell) or amounts.shaped(cell) for cell in distinct):
        return "strange"
    if len(distinct) <= _CODES_MAX and len(distinct) * 3 <= max(len(column.filled), 9) and not _long(distinct):
        return "code"
    return "id" if all(_ID.fullmatch(cell) for cell in distinct) else "text"


def _long(distinct: Counter[str]) -> bool:
    return any(len(cell) > 40 for cell in distinct)
