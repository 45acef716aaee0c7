"""Dates: the layouts that read every cell of a column, and what about them is not sure: day or month first, the zone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

_DAYS = ("%Y-%m-%d", "%Y%m%d", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y",
         "%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%y%m%d", "%d %b %Y", "%d-%b-%Y", "%b %d, %Y")  # fmt: skip
_TIMES = ("%H:%M:%S", "%H:%M", "%H:%M:%S.%f")
LAYOUTS: tuple[str, ...] = (
    *_DAYS,
    *(
        f"{day}{gap}{clock}"
        for day in _DAYS
        if day not in ("%Y%m%d", "%y%m%d")
        for gap in (" ", "T")
        for clock in _TIMES
    ),
    "%Y%m%d%H%M%S",
    "%Y%m%d %H%M%S",
    "%Y%m%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S%z",
    "%Y-%m-%d %H:%M:%S%z",
    "%Y-%m-%d %H:%M:%S UTC",
)
_FIRST, _LAST = 2000, 2098
_DIGIT = re.compile("[0-9]")


def layouts(cells: Sequence[str]) -> list[str]:
    """Every layout that reads all of the (filled) cells; the likeliest first. `iso` stands for a mix of ISO forms."""
    distinct = sorted(set(cells))
    if not distinct or not all(_DIGIT.search(cell) and 6 <= len(cell) <= 35 for cell in distinct):
        return []
    found = [layout for layout in LAYOUTS if all(_reads(cell, layout) for cell in distinct)]
    if not found and all(_iso(cell) for cell in distinct):
        return ["iso"]
    return found


def has_time(layout: str) -> bool:
    """Whether the layout names a moment, not only a day."""
    return "%H" in layout or layout == "iso"


def has_zone(layout: str) -> bool:
    """Whether the text itself says its zone."""
    return "%z" in layout or layout == "iso" or layout.endswith("UTC")


def _reads(cell: str, layout: str) -> bool:
    try:
        moment = datetime.strptime(cell, layout)  # noqa: DTZ007 - only whether it reads
    except ValueError:
        return False
    digits = sum(2 if letter in "mdHMSy" else 4 if letter == "Y" else 0 for letter in re.findall("%([a-zA-Z])", layout))
    # strptime takes `2026111` for %Y%m%d and `1/2/2026` for %d/%m/%Y; without a mark between, digits have to be exact.
    exact = "%m%d" not in layout or len(re.findall("[0-9]", cell)) == digits
    return exact and _FIRST <= moment.year <= _LAST


def _iso(cell: str) -> bool:
    try:
        moment = datetime.fromisoformat(cell)
    except ValueError:
        return False
    return moment.tzinfo is not None and _FIRST <= moment.year <= _LAST and ("T" in cell or " " in cell)
