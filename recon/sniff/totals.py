"""Totals: what the lines below a table state, held against the rows: sums of a column, numbers of rows.

Comes in   the lines below the rows, and how the proposal reads the amounts
Goes out   per stated figure whether the rows agree, and how a format says it, for those that do
Never      a figure that does not agree proposed as a control: it is told, and the line is left as a footer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from recon.domain.records import RecordType, Type
from recon.sniff import amounts
from recon.sniff.amounts import Marks
from recon.sniff.columns import Column
from recon.sniff.evidence import Finding, sure
from recon.sniff.meaning import Meaning, field_values, numbers
from recon.sniff.roles import Role
from recon.sniff.table import Line, Table, is_total

#: Money fields that a total can be of, the likeliest first.
_SUMMED = ("net", "amount", "settled_amount", "fee", "tax", "balance_after", "captured_amount")


@dataclass(frozen=True, slots=True)
class StatedTotal:
    """A figure below the rows that the rows agree with.

    field       record field that it is the sum of; empty: it is the number of rows
    currency    of the sum; `by_column`: the line itself says it, in the column of the currency
    """

    line: int
    label_column: str
    label: str
    column: str
    field: str = ""
    sign: int = 1
    currency: str = ""
    by_column: str = ""


def stated_totals(
    table: Table, columns: list[Column], given: dict[str, Role], made: Meaning, marks: Marks, record: RecordType
) -> tuple[list[StatedTotal], list[Finding]]:
    """The totals that hold, and a finding for every figure below the rows."""
    judge = _Judge(table, columns, given, made, marks, record)
    totals: list[StatedTotal] = []
    findings: list[Finding] = []
    for line in table.below:
        place, label = _label(line, table.header)
        for at, cell in enumerate(line.cells[: len(table.header)]):
            value = amounts.read(cell.strip(), marks.decimal, marks.thousands)
            if at == place or not value:
                continue
            total, finding = judge.figure(line, place, label, at, value)
            totals += [total] if total is not None else []
            if total is not None or (is_total(line) and columns[at].shape in ("money", "whole")):
                findings.append(finding)
    return totals, findings


class _Judge:
    """The rows' own sums, to hold a figure against."""

    def __init__(
        self,
        table: Table,
        columns: list[Column],
        given: dict[str, Role],
        made: Meaning,
        marks: Marks,
        record: RecordType,
    ) -> None:
        self.table, self.columns, self.given, self.marks = table, columns, given, marks
        self.money = given["currency"].column if "currency" in given else None
        names = [n for n in _SUMMED if (f := record.field(n)) is not None and f.type is Type.MONEY]
        self.values = {name: values for name in names if (values := field_values(made, given, name, marks))}

    def figure(self, line: Line, place: int, label: str, at: int, value: int) -> tuple[StatedTotal | None, Finding]:
        """(how a format states it, the finding) for one figure of a line."""
        under, cell, rows = self.table.header[at], line.cells[at].strip(), len(self.table.rows)
        head = f"line {line.number}, {label!r}: {cell} under {under!r}"
        total = StatedTotal(line.number, self.table.header[place], label, under)
        if value == rows * 10**amounts.PLACES and not re.search(r"[.,]", cell):
            return total, Finding("control total", "number of rows", sure(1, 1), f"{head}; {rows:,} rows counted")
        currency, by_column = self._currency(line)
        own = next((name for name, role in self.given.items() if role.column.at == at), "")
        for name in sorted(self.values, key=lambda name: name != own) if currency is not None else ():
            summed = self._sum(name, currency or "")
            if summed and abs(value) == abs(summed):
                sign = 1 if value == summed else -1
                total = replace(total, field=name, sign=sign, currency=currency or "", by_column=by_column)
                said = "; the rows agree" + ("" if sign > 0 else ", with the other sign")
                return total, Finding("control total", f"sum of {name}", sure(1, 1), head + said)
        if at < len(self.columns) and value == sum(v for v in numbers(self.columns[at], self.marks) if v is not None):
            why = f"{head}; the column as written sums to it, but not as the proposal reads it"
            return None, Finding("control total", f"sum of {under!r}", sure(1, 1), why)
        return None, Finding("control total", "does not agree", sure(0, 1), f"{head}; no column of the rows sums to it")

    def _currency(self, line: Line) -> tuple[str | None, str]:
        """(currency of the line's figures, column that says so); None where the rows have several and it says none."""
        if self.money is None:
            return "", ""
        cell = line.cells[self.money.at].strip() if self.money.at < len(line.cells) else ""
        if cell in self.money.counts:
            return cell, self.money.name
        return (next(iter(self.money.counts)), "") if len(self.money.counts) == 1 else (None, "")

    def _sum(self, name: str, currency: str) -> int:
        cells = self.money.cells if self.money is not None else [""] * len(self.values[name])
        return sum(v for v, cell in zip(self.values[name], cells, strict=True) if v is not None and cell == currency)


def _label(line: Line, header: list[str]) -> tuple[int, str]:
    """(place, text) of the first filled cell that lies under a column."""
    for at, cell in enumerate(line.cells[: len(header)]):
        if cell.strip():
            return at, cell.strip()
    return 0, ""
