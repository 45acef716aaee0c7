"""Staged: what a file reader hands to the mapping: rows of text columns, every one with its place in the file.

A reader proves that no row was lost before anything is mapped; a row it cannot split into columns is staged too, marked
with what is wrong with it, so that every record of the file is counted once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

FIELD_MAX = 1_048_576  # characters of one field; a longer one is a broken quote or not a table at all


class UnreadableError(Exception):
    """The file as a whole cannot be trusted: it is set aside with this reason and remedy."""

    def __init__(self, reason: str, remedy: str = "", detail: tuple[str, ...] = (), code: str = "unreadable") -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.remedy = remedy
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Statement:
    """One account statement of a file, and what it says of its own rows.

    first, end         its rows in the staged order: [first, end)
    currency           empty: that of its rows, which then have only one
    opening, closing   decimal text in major units with "."; None where the file does not say
    doubt              why opening + movements need not be the closing balance; empty: they must be
    sums               claimed sums, as the balances written: of what (credits, debits, total, net), how much
    """

    first: int
    end: int
    account: str = ""
    currency: str = ""
    opening: str | None = None
    closing: str | None = None
    opened_on: str | None = None
    closed_on: str | None = None
    sequence: str = ""
    doubt: str = ""
    sums: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Staged:
    """Rows of text, readable by SQL.

    relation     SQL that can stand after FROM; column c0, c1 ... holds columns[0], columns[1] ...; NULL: an empty cell
    columns      names as the file's header (or the JSON path) writes them
    rows         records counted without the help of what reads them
    first_line   row n (from 0) is physical line first_line + n; None when the relation has its own columns `place` (n),
                 `line`, `raw` (the record's text), `defect_found` and `defect_expected` (where the record is no row)
    statements   account statements that the file's rows belong to
    controls     (name, 'proved' | 'failed' | 'unproven', detail) of what the reader could prove by itself
    """

    relation: str
    columns: tuple[str, ...]
    rows: int
    first_line: int | None = None
    warnings: tuple[str, ...] = ()
    statements: tuple[Statement, ...] = ()
    controls: tuple[tuple[str, str, str], ...] = ()


def cell(index: int) -> str:
    """Name of the staged column with this index."""
    return f"c{index}"


def column_pattern(pattern: str) -> re.Pattern[str]:
    """The pattern of a column name in which `[*]` stands for any index or key in brackets."""
    return re.compile(re.escape(pattern).replace(re.escape("[*]"), r"\[[^\]]*\]"))
