"""Option values: what the options of tables among other lines, of workbooks and of sectioned files may hold.

Comes in   the value of an option as the YAML file gives it
Goes out   a plain value for the reader; or BadOptionError with what the option takes instead
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from recon.domain.money import exponent

#: How an option is read, and what it is when the file leaves it out.
Options = dict[str, tuple[Callable[[Any], Any], Any]]


class BadOptionError(Exception):
    """What an option takes instead."""


def words(value: Any) -> tuple[str, ...]:
    """A list of texts, or one text."""
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, list) or not all(isinstance(each, str) and each for each in given):
        raise BadOptionError("a list of texts")
    return tuple(given)


def lines(value: Any) -> dict[str, tuple[str, ...]]:
    """Record types of a sectioned file, each with the names of the cells after it: {SH: [period start, period end]}."""
    if not isinstance(value, dict) or not all(isinstance(cells, list) for cells in value.values()):
        raise BadOptionError("a mapping of record types to the names of their cells, as {SC: [rows]}")
    return {kind: words(cells) for kind, cells in value.items()}


def decimals(value: Any) -> dict[str, int]:
    """Currency to the number of decimals that the provider's whole numbers have, where it is not ISO 4217's."""
    if not isinstance(value, dict) or not all(each in ("0", "1", "2", "3", "4") for each in value.values()):
        raise BadOptionError("a mapping of currencies to a number of decimals, as {ISK: 2}")
    strange = [currency for currency in value if exponent(currency) is None]
    if strange:
        raise BadOptionError(f"by ISO 4217 currency, which {strange[0]} is not")
    return {currency: int(each) for currency, each in value.items()}


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise BadOptionError("text")
    return value


def _flag(value: Any) -> bool:
    if value not in ("true", "false"):
        raise BadOptionError("true or false")
    return bool(value == "true")


#: Of every reader.
SHARED: Options = {
    "decimals": (decimals, {}),
    "bare_decimals": (_flag, False),  # .11 is 0.11
}

#: Of `delimited`, for a table that stands among other lines.
FRAMED: Options = {
    "header_with": (_text, ""),  # the header is the first line with this cell; instead of header_line
    "above": (words, ()),  # lines above the header, by their first cell: the second becomes a column of every row
    "footer": (words, ()),  # lines that begin with one of these end the table and are no rows
    "trailing_delimiter": (_flag, False),  # lines may end with a delimiter; the nothing after it is no column
}

#: Of `json`.
NESTED: Options = {
    "each": (_text, ""),  # member of every record that is an array: its elements are the rows, the record is `outer`
}

#: Of `excel`.
EXCEL: Options = {
    "sheet": (_text, ""),  # name of the sheet; empty: the first
    "dates": (_text, "%Y-%m-%d %H:%M:%S"),  # the text that a date cell becomes
    "footer": (words, ()),
}

#: Of `sectioned`: which record types there are, and what they hold.
SECTIONED: Options = {
    "row": (_text, ""),  # the rows
    "header": (_text, ""),  # the names of the rows' cells
    "opens": (_text, ""),  # begins a section
    "above": (lines, {}),  # lines whose cells become columns of the rows below, as `SH.account`
    "section_totals": (lines, {}),  # lines that close a section
    "file_totals": (lines, {}),  # lines that close the file
}
