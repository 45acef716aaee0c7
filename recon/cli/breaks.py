"""`recon breaks`: the breaks that a night left, and one of them in full."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import click

from recon.cli.output import clean, emit, emit_json, json_option, next_command, table, workspace_option
from recon.errors import ReconError


@click.group()
def breaks() -> None:
    """List the breaks of a night, or show one.

    \b
    Example:  recon breaks list --class investigate
    """


def night_of(workspace: Path, night: str | None) -> Path:
    """The published folder of a night; the newest where none is given."""
    from recon.config.workspace_file import load_workspace
    from recon.store.folder import published

    settings = load_workspace(workspace)
    have = published(settings.nights)
    if not have:
        raise ReconError("no-night", "no night has run yet", "recon run --date DATE")
    if night is None:
        return settings.nights / str(have[-1])
    try:
        day = date.fromisoformat(night)
    except ValueError:
        raise ReconError("bad-date", f"--date {night!r} is not a date", "write it as 2026-11-19") from None
    if day not in have:
        raise ReconError("no-night", f"{day} has not run", f"recon run --date {day}")
    return settings.nights / night


def rows_of(folder: Path) -> list[dict[str, Any]]:
    """The rows of breaks.parquet."""
    import pyarrow.parquet as pq

    rows: list[dict[str, Any]] = pq.read_table(folder / "breaks.parquet").to_pylist()
    return rows


@breaks.command("list")
@workspace_option
@click.option("--date", "night", metavar="DATE", help="The night; by default the newest.")
@click.option(
    "--class", "class_", type=click.Choice(["auto_fix", "manual_review", "investigate"]), help="Only this class."
)
@click.option("--code", help="Only this code.")
@click.option("--psp", help="Only this provider.")
@click.option("--all", "all_", is_flag=True, help="Those that the night resolved, too.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="At most so many lines.")
@json_option
def list_(
    workspace: Path,
    night: str | None,
    class_: str | None,
    code: str | None,
    psp: str | None,
    all_: bool,
    limit: int,
    as_json: bool,
) -> None:
    """List the breaks that are open after a night, the most severe and oldest first.

    \b
    Example:  recon breaks list --psp toss --class manual_review
    """
    from recon.domain.rulebook import Severity

    folder = night_of(workspace, night)
    rows = [
        row
        for row in rows_of(folder)
        if (all_ or row["state"] != "resolved")
        and (class_ is None or row["class"] == class_)
        and (code is None or row["code"] == code)
        and (psp is None or row["psp"] == psp)
    ]
    rows.sort(key=lambda row: (row["state"] == "resolved", -Severity[row["class"]], -row["age_days"], row["key"]))
    if as_json:
        emit_json(rows)
        return
    shown = rows[:limit]
    table(
        [
            (
                row["break_id"],
                row["key"],
                row["class"].replace("_", " "),
                row["code"],
                row["difference"],
                row["currency"],
                row["age_days"],
            )
            for row in shown
        ],
        ["break", "key", "class", "code", "difference", "cur", "age"],
        whole=["key"],
    )
    emit(
        f"\n{len(rows)} break{'s' if len(rows) != 1 else ''} after {folder.name}"
        + (f", {len(shown)} shown" if len(shown) < len(rows) else "")
    )
    if rows:
        next_command(f"recon breaks show {rows[0]['break_id']}")


@breaks.command()
@workspace_option
@click.argument("reference")
@click.option("--date", "night", metavar="DATE", help="The night; by default the newest.")
@json_option
def show(workspace: Path, reference: str, night: str | None, as_json: bool) -> None:
    """Show one break in full, by its id or its key.

    \b
    Example:  recon breaks show BRK-0123456789ABCDEF
    """
    folder = night_of(workspace, night)
    found = [row for row in rows_of(folder) if reference in (row["break_id"], row["key"])]
    if not found:
        raise ReconError("no-break", f"{reference} is no break of {folder.name}", f"recon explain {reference}")
    if as_json:
        emit_json(found[0] if len(found) == 1 else found)
        return
    for row in found:
        for name, value in row.items():
            if value not in (None, ""):
                emit(f"{name.replace('_', ' '):<15} {clean(value)}")
    fix_id = found[0]["fix_id"]
    next_command(f"recon fixes show {fix_id}" if fix_id else f"recon explain {found[0]['key']}")
