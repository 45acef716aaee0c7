"""`recon fixes`: the corrections that nights proposed, and one of them in full."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from recon.cli.output import clean, emit, emit_json, json_option, next_command, table, workspace_option
from recon.errors import ReconError


@click.group()
def fixes() -> None:
    """List the proposed fixes, or show one. Nothing is ever applied from here.

    \b
    Example:  recon fixes list
    """


def queue(workspace: Path) -> list[dict[str, Any]]:
    """Every fix of the state database, with its content as an object."""
    from recon.config.workspace_file import load_workspace
    from recon.store.state import read_fixes

    settings = load_workspace(workspace)
    return [
        {**json.loads(row["content"]), "status": row["status"], "proposed_on": str(row["proposed_on"])}
        for row in read_fixes(settings.state_url.value, settings.root)
    ]


@fixes.command("list")
@workspace_option
@click.option("--status", type=click.Choice(["proposed", "superseded"]), help="Only these.")
@click.option("--class", "class_", type=click.Choice(["auto_fix", "manual_review"]), help="Only this class.")
@json_option
def list_(workspace: Path, status: str | None, class_: str | None, as_json: bool) -> None:
    """List the fixes of the queue.

    \b
    Example:  recon fixes list --status proposed
    """
    rows = [row for row in queue(workspace) if status in (None, row["status"]) and class_ in (None, row["class"])]
    if as_json:
        emit_json(rows)
        return
    table(
        [
            (
                row["fix_id"],
                row["template"],
                row["class"].replace("_", " "),
                row["amount"],
                row["currency"],
                row["status"],
                row["proposed_on"],
            )
            for row in rows
        ],
        ["fix", "template", "class", "amount", "cur", "status", "proposed"],
        whole=["fix"],
    )
    emit(f"\n{len(rows)} fix{'es' if len(rows) != 1 else ''}")
    if rows:
        next_command(f"recon fixes show {rows[0]['fix_id']}")


@fixes.command()
@workspace_option
@click.argument("fix_id")
@json_option
def show(workspace: Path, fix_id: str, as_json: bool) -> None:
    """Show one fix: its postings, its change or its message, its limit and its keys.

    \b
    Example:  recon fixes show FIX-0123456789ABCDEF
    """
    found = next((row for row in queue(workspace) if row["fix_id"] == fix_id), None)
    if found is None:
        raise ReconError("no-fix", f"there is no fix {fix_id}", "recon fixes list")
    if as_json:
        emit_json(found)
        return
    for name in (
        "fix_id",
        "break_id",
        "template",
        "class",
        "status",
        "proposed_on",
        "memo",
        "amount",
        "currency",
        "limit",
        "idempotency_key",
    ):
        emit(f"{name.replace('_', ' '):<16} {clean(found[name])}")
    emit()
    if found["kind"] == "journal":
        table(
            [(each["account"], each["amount"], each["currency"]) for each in found["postings"]],
            ["account", "amount", "cur"],
        )
    elif found["kind"] == "message":
        message = found["message"]
        emit(f"send {clean(message['body'])} to {message['channel']} under the key {clean(message['key'])}")
    else:
        change = found["change"]
        emit(f"set {change['set']} on {change['record']} {change['record_id']} if it still holds {change['seen']}")
    next_command(f"recon breaks show {found['break_id']}")
