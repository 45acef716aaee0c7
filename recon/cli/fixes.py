"""`recon fixes`: the corrections that nights proposed, and one of them in full."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recon.cli.output import clean, emit, emit_json, json_option, next_command, table, workspace_option
from recon.domain.queue import Status
from recon.errors import ReconError

if TYPE_CHECKING:
    from recon.fixes.queue import QueuedFix


@click.group()
def fixes() -> None:
    """List the proposed fixes, or show one. Nothing is ever applied from here.

    \b
    Example:  recon fixes list
    """


def queue(workspace: Path) -> list[dict[str, Any]]:
    """Every fix of the state database, with its content as an object."""
    from recon.config.workspace_file import load_workspace
    from recon.fixes.read import read_queue

    settings = load_workspace(workspace)
    return [as_data(each) for each in read_queue(settings.state_url.value, settings.root)]


def as_data(fix: QueuedFix) -> dict[str, Any]:
    """A fix as --json prints it: what it does, how it stands, who made and who approved it."""
    return {
        **fix.content,
        "class": fix.class_,
        "code": fix.code,
        "psp": fix.psp,
        "limit": fix.limit_text,
        "content_sha256": fix.content_sha256,
        "rule_sha256": fix.rule_sha256,
        "seen": fix.seen,
        "seen_sha256": fix.seen_sha256,
        "status": str(fix.status),
        "proposed_on": str(fix.proposed_on),
        "seen_on": str(fix.seen_on),
        "maker": fix.maker,
        "approved_by": fix.approved_by,
        "attempts": fix.attempts,
        "not_before": fix.not_before,
        "error": fix.error,
        "receipt": fix.receipt,
    }


@fixes.command("list")
@workspace_option
@click.option("--status", type=click.Choice([str(each) for each in Status]), help="Only these.")
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
    )
    emit(f"\n{len(rows)} fix{'es' if len(rows) != 1 else ''}")
    if rows:
        next_command(f"recon fixes show {rows[0]['fix_id']}")


@fixes.command()
@workspace_option
@click.argument("fix_id")
@json_option
def show(workspace: Path, fix_id: str, as_json: bool) -> None:
    """Show one fix: its postings or its change, its limit and its keys.

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
        "maker",
        "approved_by",
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
    else:
        change = found["change"]
        emit(f"set {change['set']} on {change['record']} {change['record_id']} if it still holds {change['seen']}")
    next_command(f"recon breaks show {found['break_id']}")
