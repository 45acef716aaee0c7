"""JSON nested: documents whose records hold the rows as an array of their own: payouts, each with its transactions.

Comes in   (value, text, line) of every record; objects are tuples of (name, value)
Goes out   the same of every element of the record's array; beside the element's own members stands `outer`, the record
Never      a record without rows passed over: it comes out as it is, and is refused as a row.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def nested(records: Iterator[tuple[Any, str, int]], member: str) -> Iterator[tuple[Any, str, int]]:
    """The elements of each record's array `member`, with the record as their member `outer`. Text and line: the record's."""
    for value, raw, line in records:
        members = dict(value) if type(value) is tuple else {}
        rows = members.get(member)
        if type(rows) is not list or len(members) != len(value):
            yield None, raw, line  # no array of that name, or a name twice: no row can be read
            continue
        outer = ("outer", tuple(pair for pair in value if pair[0] != member))
        for row in rows:
            yield ((*row, outer) if type(row) is tuple else row), raw, line
