"""Index: the nights of a workspace as one page, nights/index.html: calendar, trends, months, a line for each night.

Reads    NightLine of each night (recon/report/nights.py) and the templates index.html.j2, index.css
Writes   one file without script, network or font, the same bytes for the same nights, replaced in one step
"""

from __future__ import annotations

import calendar
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from markupsafe import Markup

from recon.report.html import _digest, _environment, _inlined
from recon.report.nights import NightLine, month_view, rate_text

NAME = "index.html"
TREND_MAX = 90  # nights in a curve


@dataclass(frozen=True, slots=True)
class Trend:
    """A number over the nights as a polyline in a box of 300 x 60, with its first, last, least and greatest value."""

    name: str
    points: str
    first: str
    last: str
    low: str
    high: str
    dots: tuple[tuple[str, str], ...]  # of the last night: x, y


@dataclass(frozen=True, slots=True)
class Month:
    """A calendar sheet: weeks of seven days, Monday first; a day outside the month is None."""

    name: str
    weeks: tuple[tuple[tuple[date, NightLine | None] | None, ...], ...]


def write_index(workspace: str, lines: Sequence[NightLine], first_night: date | None, path: Path) -> None:
    """Write the page, unless it is there with the same bytes; whoever has the old one open keeps it.

    What a process that was killed left of its own beside it is removed.
    """
    page = render_index(workspace, lines, first_night).encode()
    for left in path.parent.glob(f".{path.name}.*"):
        if not _is_running(left.suffix[1:]):
            left.unlink(missing_ok=True)
    if path.is_file() and path.read_bytes() == page:
        return
    making = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        making.write_bytes(page)
        making.replace(path)
    except OSError:
        making.unlink(missing_ok=True)
        raise


def _is_running(process: str) -> bool:
    """Whether another process has this number."""
    if not process.isdecimal() or int(process) == os.getpid():
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def render_index(workspace: str, lines: Sequence[NightLine], first_night: date | None) -> str:
    """The page as text."""
    environment = _environment(())
    environment.filters["rate"] = rate_text
    style = _inlined(environment, "index.css")
    months = sorted({f"{line.night:%Y-%m}" for line in lines}, reverse=True)
    return environment.get_template("index.html.j2").render(
        workspace=workspace,
        lines=list(reversed(lines)),
        newest=lines[-1] if lines else None,
        months=[_sheet(month, lines) for month in months],
        closes=[month_view(lines, month, first_night) for month in months],
        trends=trends(lines[-TREND_MAX:]),
        style=Markup(style),
        policy=f"default-src 'none'; style-src 'sha256-{_digest(style)}'; img-src data:; base-uri 'none'; form-action 'none'",
    )


def _sheet(month: str, lines: Sequence[NightLine]) -> Month:
    nights = {line.night: line for line in lines}
    weeks = calendar.Calendar().monthdatescalendar(int(month[:4]), int(month[5:7]))
    return Month(
        month,
        tuple(tuple((day, nights.get(day)) if f"{day:%Y-%m}" == month else None for day in week) for week in weeks),
    )


def trends(lines: Sequence[NightLine]) -> tuple[Trend, ...]:
    """Open breaks, match rate, age of the oldest, and the open money of each currency; those that have a value."""
    currencies = sorted({currency for line in lines for currency in line.money})
    found = [
        _trend("open", [str(line.open) for line in lines]),
        _trend("rate", ["" if line.rate is None else f"{line.rate / 10:.1f}" for line in lines]),
        _trend("oldest", [str(line.oldest) for line in lines]),
        *(_trend(currency, [line.money.get(currency, "0") for line in lines]) for currency in currencies),
    ]
    return tuple(each for each in found if each)


def _trend(name: str, values: Sequence[str]) -> Trend | None:
    known = [(n, Decimal(value)) for n, value in enumerate(values) if value]
    if not known:
        return None
    low, high = min(value for _, value in known), max(value for _, value in known)
    span = max(len(values) - 1, 1)
    points = [
        (f"{4 + 292 * n / span:.1f}", f"{54 - (48 * float((value - low) / (high - low)) if high != low else 24):.1f}")
        for n, value in known
    ]
    text = {value: values[n] for n, value in known}
    return Trend(
        name,
        " ".join(f"{x},{y}" for x, y in points),
        values[known[0][0]],
        values[known[-1][0]],
        text[low],
        text[high],
        (points[-1],),
    )
