"""`recon verify`: prove that a night's folder is whole, unchanged, and continues from the night before it."""

from __future__ import annotations

from pathlib import Path

import click

from recon.cli.breaks import night_of
from recon.cli.output import emit, emit_json, json_option, next_command, workspace_option
from recon.errors import Exit


@click.command()
@workspace_option
@click.argument("night", required=False, metavar="[DATE]")
@json_option
@click.pass_context
def verify(ctx: click.Context, workspace: Path, night: str | None, as_json: bool) -> None:
    """Prove a night: every file as sealed, every input's bytes kept, roll-forward and tie-out adding up, chain unbroken.

    And the audit trail: each record follows the one before it, the queue is what the trail says, and the heads that the reports
    printed are in it. What was edited, deleted, inserted, swapped or cut off is named with its record.

    \b
    Example:  recon verify 2026-11-19

    \b
    Exit status:  0 whole and unchanged   5 something differs
    """
    from recon.config.workspace_file import load_workspace
    from recon.verify import verify_audit, verify_night

    folder = night_of(workspace, night)
    findings = verify_night(folder) + verify_audit(load_workspace(workspace))
    if as_json:
        emit_json({"night": folder.name, "whole": not findings, "findings": findings})
    elif findings:
        for finding in findings:
            emit(finding)
    else:
        emit(f"{folder.name}: whole and unchanged, and so is the audit trail")
        next_command("recon status")
    ctx.exit(int(Exit.INVARIANT) if findings else 0)
