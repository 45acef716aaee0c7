"""`recon report`: where the report of a night is, and open it."""

from __future__ import annotations

from pathlib import Path

import click

from recon.cli.breaks import night_of
from recon.cli.output import emit, emit_json, json_option, next_command, workspace_option


@click.command()
@workspace_option
@click.argument("night", required=False, metavar="[DATE]")
@click.option("--workbook", is_flag=True, help="The workbook, not the page.")
@click.option("--open", "open_", is_flag=True, help="Open it with the program that the desktop has for it.")
@json_option
def report(workspace: Path, night: str | None, workbook: bool, open_: bool, as_json: bool) -> None:
    """Tell where the report of a night is, the newest by default, and open it with --open.

    \b
    Example:  recon report 2026-11-19 --open
    """
    folder = night_of(workspace, night)
    path = folder / ("report.xlsx" if workbook else "report.html")
    if as_json:
        emit_json(
            {"night": folder.name, "report": str(folder / "report.html"), "workbook": str(folder / "report.xlsx")}
        )
    else:
        emit(str(path))
        next_command(f"recon breaks list --date {folder.name}")
    if open_:
        click.launch(str(path))
