"""`recon explain`: the whole story of one reference."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from recon.cli.output import clean, emit, emit_json, json_option, next_command, table, workspace_option
from recon.errors import ReconError


@click.command()
@workspace_option
@click.argument("reference")
@json_option
def explain(workspace: Path, reference: str, as_json: bool) -> None:
    """Tell all that is known about one reference: every record, what each night said, and what to do next.

    REFERENCE is any id: a payment order, an order, the provider's reference, a payout, a break or a fix.

    \b
    Example:  recon explain PO-000123
    """
    from recon.config.workspace_file import load_workspace
    from recon.explain import explain as tell

    settings = load_workspace(workspace)
    with tempfile.TemporaryDirectory() as spill:
        answer = tell(settings.nights, reference, Path(spill))
    if as_json:
        emit_json(
            {
                "found": answer.found,
                **{name: getattr(answer, name) for name in ("reference", "payments", "events", "standings", "breaks")},
            }
        )
        return
    if not answer.found:
        raise ReconError(
            "unknown-reference",
            f"no night has seen {reference}: it is in no file and no query that was read",
            "check the spelling; if its file is late, `recon status` shows what is awaited",
        )
    emit(
        f"{clean(reference)}"
        + (
            f"  (payment {clean(', '.join(answer.payments))})"
            if answer.payments and answer.payments != [reference]
            else ""
        )
    )
    emit()
    table(
        [
            (each.at, each.kind or each.record, each.source, each.amount, each.currency, each.status, each.place)
            for each in answer.events
        ],
        ["when", "what", "source", "amount", "cur", "status", "where"],
    )
    emit()
    table(
        [(each.night, each.key, each.outcome, each.detail) for each in answer.standings],
        ["night", "key", "said", "because"],
    )
    for row in answer.breaks:
        emit(f"\n{row['code']} ({row['class'].replace('_', ' ')})  {row['rule']}")
        emit(f"  why   {clean(row['why'])}")
        emit(f"  next  {clean(row['next_step'])}")
        if row["reason"]:
            emit(f"  note  {clean(row['reason'])}")
    first = answer.breaks[0] if answer.breaks else None
    next_command(f"recon fixes show {first['fix_id']}" if first and first["fix_id"] else "recon status")
