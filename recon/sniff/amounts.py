"""Amounts: the decimal and thousands marks of a file, found by reading every cell with the tool's own strict reader.

Comes in   columns of text
Goes out   the marks under which the most cells of money are read, and the other marks that read them all as well
Never      a float; never a notation that the reader refuses taken for an amount.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from recon.domain.money import read_scaled

#: (decimal, thousands), the plainest first.
MARKS = ((".", ""), (",", ""), (".", ","), (",", "."), (",", " "), (".", " "), (",", "\xa0"), (".", "'"), (",", "'"))
#: Decimals kept while sniffing: enough for every currency.
PLACES = 4
_SHAPED = re.compile(r"-?[0-9][0-9.,' \xa0]*")
_STRANGE = re.compile(
    r"[(][0-9.,]+[)]|[0-9][0-9.,]*-|[+][0-9][0-9.,]*|[€$£₩¥]\s?-?[0-9][0-9.,]*|-?[0-9][0-9.,]*\s?(?:[€$£₩¥원円]|[A-Z]{3}|CR|DR)"
)


@dataclass(frozen=True, slots=True)
class Marks:
    """The marks, how many cells say so, and the marks that would do as well but read other amounts.

    proving   cells that only these marks read, or that read differently under the rivals
    """

    decimal: str
    thousands: str
    cells: int
    proving: int
    rivals: tuple[tuple[str, str], ...]


def read(cell: str, decimal: str, thousands: str) -> int | None:
    """The amount in ten-thousandths, or None where the reader refuses it."""
    return read_scaled(cell, PLACES, decimal=decimal, thousands=thousands)


def shaped(cell: str) -> bool:
    """Whether the text could be an amount under some marks."""
    return bool(_SHAPED.fullmatch(cell))


def number(cell: str, decimal: str, thousands: str) -> bool:
    """Whether the text is a number of any length under these marks: a rate, a long id."""
    body = cell.replace(thousands, "") if thousands else cell
    return bool(re.fullmatch(rf"-?[0-9]+(?:{re.escape(decimal)}[0-9]+)?", body))


def strange(cell: str) -> bool:
    """Whether the text is an amount to people, in a notation that the reader refuses: (5.00), 5.00-, ₩1,000, 5 KRW."""
    return bool(_STRANGE.fullmatch(cell))


def sniff_marks(columns: Sequence[Sequence[str]]) -> Marks:
    """The marks of the columns that hold amounts under some marks, each column as a whole."""
    candidates = [cells for cells in columns if any(mark in cell for cell in cells for mark in ".,'")]
    distinct = [sorted(set(cells)) for cells in candidates]
    readable = {
        marks: [n for n, cells in enumerate(distinct) if all(read(cell, *marks) is not None for cell in cells)]
        for marks in MARKS
    }
    most = max((len(each) for each in readable.values()), default=0)
    if not most:
        return Marks(".", "", 0, 0, ())
    fitting = [marks for marks in MARKS if len(readable[marks]) == most]
    best = fitting[0]
    cells = Counter(cell for n in readable[best] for cell in candidates[n])
    rivals = tuple(marks for marks in fitting[1:] if any(read(cell, *marks) != read(cell, *best) for cell in cells))
    # `1,234` and `1.234`, and nothing else, is a group of thousands as likely as decimals: nobody writes three of them.
    if rivals and all(re.fullmatch(r"-?[0-9]{1,3}([.,'][0-9]{3})*", cell) for cell in cells):
        best, rivals = rivals[0], (best, *rivals[1:])
    others = [marks for marks in MARKS if marks != best and marks[0] != best[0]]
    proving = sum(n for cell, n in cells.items() if all(read(cell, *marks) is None for marks in others))
    return Marks(*best, cells.total(), proving, rivals)
