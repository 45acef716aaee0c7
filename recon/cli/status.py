"""`recon status`: the nights, one a line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from recon.cli.output import emit, emit_json, json_option, next_command, table, workspace_option


@click.command()
@workspace_option
@click.option("--last", type=click.IntRange(min=1), default=14, show_default=True, help="How many nights.")
@json_option
def status(workspace: Path, last: int, as_json: bool) -> None:
    """List the nights: verdict, what cleared, what is pending, what is open, and whether a night is stale.

    \b
    Example:  recon status --last 7
    """
    from recon.config.workspace_file import load_workspace
    from recon.store.folder import published
    from recon.store.history import stale_nights, summary_of

    settings = load_workspace(workspace)
    nights = published(settings.nights)
    stale = set(stale_nights(settings.nights))
    rows: list[dict[str, Any]] = []
    for night in nights[-last:]:
        facts = summary_of(settings.nights / str(night))
        parts = facts["reconciliations"].values()
        rows.append(
            {
                "night": str(night),
                "verdict": facts["verdict"],
                "cleared": sum(each["groups"]["cleared"] for each in parts),
                "pending": sum(each["groups"]["pending"] for each in parts),
                "open": sum(each["breaks"]["open"] for each in parts),
                "new": sum(each["breaks"]["new"] for each in parts),
                "resolved": sum(each["breaks"]["resolved"] for each in parts),
                "stale": night in stale,
                "report": str(settings.nights / str(night) / "report.html"),
            }
        )
    if as_json:
        emit_json(rows)
        return
    if not rows:
        first = settings.first_night
        emit("no night has run yet")
        next_command(f"recon run --date {first}" if first else "recon run --date yesterday")
        return
    shown = ["night", "verdict", "cleared", "pending", "open", "new", "resolved"]
    table([[*(row[name] for name in shown), "stale" if row["stale"] else ""] for row in rows], [*shown, ""])
    if stale:
        emit("\nstale: a night before it was run again with another result")
        next_command(f"recon catch-up --through {nights[-1]}")
    else:
        next_command(f"recon breaks list --date {nights[-1]}")
