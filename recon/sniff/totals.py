"""Totals: what the lines below a table state, held against the rows: sums of a column, numbers of rows.

Comes in   the lines below the rows, and how the proposal reads the amounts
Goes out   per stated figure whether the rows agree, and how a format says it, for those that do
Never      a figure that does not agree proposed as a control: it is told, and the line is left as a footer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from recon.domain.records import RecordType, Type
from recon.sniff import amounts
from recon.sniff.amounts import Marks
from recon.sniff.columns import Column
from recon.sniff.evidence import Finding, sure
from recon.sniff.meaning import Meaning, field_values, numbers
from recon.sniff.roles import Role
from recon.sniff.table import Line, Table

#: Money fields that a total can be of, the likeliest first.
_SUMMED = ("net", "amount", "settled_amount", "fee", "tax", "balance_after", "captured_amount")


@dataclass(frozen=True, slots=True)
class StatedTotal:
    """A figure below the rows that the rows agree with. `field` empty: it is the number of rows."""

    line: int
    label_column: str
    label: str
    column: str
    field: str
    sign: int
    currency: str


def stated_totals(
    table: Table, columns: list[Column], given: dict[str, Role], made: Meaning, marks: Marks, record: RecordType
) -> tuple[list[StatedTotal], list[Finding]]:
    """The totals that hold, and a finding for every figure below the rows."""
    found: list[StatedTotal] = []
    findings: list[Finding] = []
    sums = _sums(given, made, marks, record)
    for line in table.below:
        place, label = _label(line, table.header)
        if not label:
            continue
        for at, cell in enumerate(line.cells[: len(table.header)]):
            value = amounts.read(cell.strip(), marks.decimal, marks.thousands)
            if at == place or value is None:
                continue
            total, finding = _judge(line, place, label, at, cell.strip(), value, table, columns, sums, marks, given)
            findings.append(finding)
            if total is not None:
                found.append(total)
    return found, findings


def _sums(given: dict[str, Role], made: Meaning, marks: Marks, record: RecordType) -> dict[str, int]:
    """Sum of each money field as the proposal reads it, in millionths."""
    names = [n for n in _SUMMED if (f := record.field(n)) is not None and f.type is Type.MONEY]
    values = {name: field_values(made, given, name, marks) for name in names}
    return {name: sum(v for v in each if v is not None) for name, each in values.items() if each}


def _judge(
    line: Line,
    place: int,
    label: str,
    at: int,
    cell: str,
    value: int,
    table: Table,
    columns: list[Column],
    sums: dict[str, int],
    marks: Marks,
    given: dict[str, Role],
) -> tuple[StatedTotal | None, Finding]:
    """One figure: what it is the sum or count of."""
    head = f"line {line.number}, {label!r}: {cell} under {table.header[at]!r}"
    rows = len(table.rows)
    if value == rows * 10**amounts.PLACES and not re.search(r"[.,]", cell):
        total = StatedTotal(line.number, table.header[place], label, table.header[at], "", 1, "")
        return total, Finding("control total", "number of rows", sure(1, 1), f"{head}; {rows:,} rows counted")
    currencies = sorted(given["currency"].column.counts) if "currency" in given else [""]
    own = given and next((name for name, role in given.items() if role.column.at == at), "")
    names = sorted(sums, key=lambda name: name != own)
    if len(currencies) == 1:
        for name in names:
            for sign in (1, -1):
                if sums[name] and value == sign * sums[name]:
                    total = StatedTotal(line.number, table.header[place], label, table.header[at], name, sign, currencies[0])
                    said = "" if sign > 0 else ", with the other sign"
                    return total, Finding("control total", f"sum of {name}", sure(1, 1), f"{head}; the rows agree{said}")
    raw = sum(v for v in numbers(columns[at], marks) if v is not None) if at < len(columns) else None
    if raw == value:
        why = f"{head}; the column as written sums to it, but not as the proposal signs it"
        return None, Finding("control total", f"sum of {table.header[at]!r}", sure(1, 1), why)
    return None, Finding("control total", "does not agree", sure(0, 1), f"{head}; no column of the rows sums to it")


def _label(line: Line, header: list[str]) -> tuple[int, str]:
    """(place, text) of the first filled cell that lies under a column."""
    for at, cell in enumerate(line.cells[: len(header)]):
        if cell.strip():
            return at, cell.strip()
    return 0, ""
