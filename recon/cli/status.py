"""`recon status`: the nights, one a line; a month for the close; and the page over all of them."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from recon.cli.output import clean, emit, emit_json, json_option, next_command, say, table, workspace_option
from recon.errors import ReconError

if TYPE_CHECKING:
    from recon.report.nights import MonthView, NightLine
    from recon.workspace import Workspace


@click.command()
@workspace_option
@click.option("--last", type=click.IntRange(min=1), default=14, show_default=True, help="How many nights.")
@click.option(
    "--month", metavar="YYYY-MM", help="A month for the close: what is missing, what came and went, what is in its way."
)
@json_option
def status(workspace: Path, last: int, month: str | None, as_json: bool) -> None:
    """List the nights: verdict, what cleared, what is pending, what is open since when, and whether a night is stale.

    The page nights/index.html shows the same of all nights; it is brought up to date.

    \b
    Example:  recon status --last 7
              recon status --month 2026-10
    """
    from recon.config.workspace_file import load_workspace
    from recon.report.nights import month_view

    settings = load_workspace(workspace)
    lines = bring_index_up_to_date(settings)
    if month is not None:
        if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month):
            raise ReconError("bad-date", f"--month {month!r} is not a month", "write it as 2026-10")
        view = month_view(lines, month, settings.first_night)
        if as_json:
            emit_json({**_month_data(view), "nights": [_data(settings, line) for line in view.nights]})
        else:
            _say_month(view)
        return
    if as_json:
        emit_json([_data(settings, line) for line in lines[-last:]])
        return
    if not lines:
        first = settings.first_night
        emit("no night has run yet")
        next_command(f"recon run --date {first}" if first else "recon run --date yesterday")
        return
    _say_lines(lines[-last:])
    emit(f"\nall nights  {settings.nights / 'index.html'}")
    stale = [line for line in lines if line.stale]
    if stale:
        emit("stale: a night before it was run again with another result")
        next_command(f"recon catch-up --through {lines[-1].night}")
    else:
        next_command(f"recon breaks list --date {lines[-1].night}")


def bring_index_up_to_date(settings: Workspace) -> list[NightLine]:
    """Write nights/index.html where there are nights; gives their lines. A folder that can't be written is only said."""
    from recon.report.index import NAME, write_index
    from recon.report.nights import night_lines

    with tempfile.TemporaryDirectory() as spill:
        lines = night_lines(settings.nights, Path(spill))
    if lines:
        try:
            write_index(settings.name, lines, settings.first_night, settings.nights / NAME)
        except OSError as error:
            say(f"nights/{NAME} was not written: {error.strerror}")
    return lines


@contextmanager
def index_kept(settings: Workspace) -> Iterator[None]:
    """Bring the page up to date after what runs in the context; also where that fails, as a night may be published by then."""
    try:
        yield
    except ReconError:
        with suppress(Exception):  # what failed first is what is said
            bring_index_up_to_date(settings)
        raise
    bring_index_up_to_date(settings)


def _data(settings: Workspace, line: NightLine) -> Mapping[str, object]:
    """A night for --json (docs/status.md)."""
    names = ("night", "verdict", "cleared", "pending", "open", "new", "reopened", "resolved", "stale", "by_class")
    more = ("fixes", "rows", "quarantined", "oldest", "money", "awaiting")
    told = {name: getattr(line, name) for name in (*names, *more)}
    report = settings.nights / str(line.night) / "report.html"
    return told | {"rate": None if line.rate is None else f"{line.rate / 10:.1f}", "report": str(report)}


def _say_lines(lines: Sequence[NightLine]) -> None:
    from recon.report.nights import rate_text

    rows = [
        (
            line.night,
            line.verdict + (" (stale)" if line.stale else ""),
            line.cleared,
            rate_text(line.rate),
            line.pending,
            line.open,
            line.new,
            line.resolved,
            line.oldest,
        )
        for line in lines
    ]
    table(rows, ["night", "verdict", "cleared", "rate", "pending", "open", "new", "resolved", "oldest"])
    if lines[-1].money:
        money = "  ".join(f"{amount} {currency}" for currency, amount in sorted(lines[-1].money.items()))
        emit(f"\nopen money after {lines[-1].night}  {clean(money)}")


def _month_data(view: MonthView) -> Mapping[str, object]:
    names = ("month", "missing", "opened", "new", "reopened", "resolved", "closed", "ties", "cleared")
    return {name: getattr(view, name) for name in names} | {"blocks": [each.english for each in view.blocks]}


def _say_month(view: MonthView) -> None:
    emit(f"{view.month}: " + ("nothing is in the way of the close" if not view.blocks else "not ready to close"))
    for block in view.blocks:
        emit(f"  - {clean(block.english)}")
    emit()
    sign = "=" if view.ties else "is not"
    emit(
        f"breaks  {view.opened} open before + {view.new} new + {view.reopened} reopened - {view.resolved} resolved "
        f"{sign} {view.closed} open after"
    )
    if view.cleared:
        emit()
        table([(psp or "-", currency, amount) for psp, currency, amount in view.cleared], ["psp", "cur", "cleared"])
    if view.nights:
        emit()
        _say_lines(view.nights)
        next_command(f"recon breaks list --date {view.nights[-1].night}")
    else:
        next_command("recon status")
