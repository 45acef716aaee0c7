"""`recon explain`: the whole story of one reference."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recon.cli.output import clean, emit, emit_json, json_option, next_command, table, workspace_option, wrapped
from recon.errors import ReconError

if TYPE_CHECKING:
    from recon.explain import Absent, Explanation


@click.command()
@workspace_option
@click.argument("reference")
@click.option("--last", type=click.IntRange(min=1), default=90, show_default=True, help="How many nights to look at.")
@json_option
def explain(workspace: Path, reference: str, last: int, as_json: bool) -> None:
    """Tell all that is known about one reference: every record, what each night said and why, and what to do next.

    REFERENCE is any id: a payment order, an order, the provider's reference, a payout, the bank's reference, a break or a
    fix. Only the nights' folders are read.

    \b
    Example:  recon explain PO-000123
    """
    from recon.explain import absent, awaited
    from recon.explain import explain as tell

    nights = workspace / "nights"
    with tempfile.TemporaryDirectory() as spill:
        answer = tell(nights, reference, Path(spill), last)
    lacking = absent(nights, answer)
    waits = [] if answer.found else awaited(nights)
    if as_json:
        emit_json(_as_data(answer, lacking, waits))
        return
    if not answer.found:
        raise ReconError(
            "unknown-reference",
            f"no night has seen {reference}: it is in no file and no query that was read"
            + "".join(f"\n  still awaited: {each}" for each in waits[:10]),
            "check the spelling; `recon inputs list` shows what is awaited and since when",
        )
    _say_head(answer)
    _say_records(answer)
    _say_nights(answer)
    for row in answer.breaks:
        _say_break(row)
    _say_absent(lacking)
    first = answer.breaks[0] if answer.breaks else None
    if first:
        next_command(
            f"recon fixes show {first['fix_id']}" if first["fix_id"] else f"recon breaks show {first['break_id']}"
        )
    else:
        next_command("recon status")


def _as_data(answer: Explanation, lacking: list[Absent], waits: list[str]) -> dict[str, Any]:
    """For --json (docs/explain.md)."""
    names = ("reference", "payments", "events", "more", "totals", "standings", "breaks")
    told = {name: getattr(answer, name) for name in names}
    return {"found": answer.found, **told, "verdict": answer.newest, "absent": lacking, "awaited": waits}


def _say_head(answer: Explanation) -> None:
    others = [each for each in answer.payments if each != answer.reference]
    shown = ", ".join(others[:3]) + (f" and {len(others) - 3} more" if len(others) > 3 else "")
    emit(clean(answer.reference) + (f"  (payment {clean(shown)})" if others else ""))
    for each in answer.newest[:20]:
        due = f", due {each.due}" if each.due else ""
        emit(f"  {clean(each.key)}: {each.outcome} on {each.night}: {clean(each.detail)}{due}")
    if len(answer.newest) > 20:
        emit(f"  and {len(answer.newest) - 20:,} more keys")


def _say_records(answer: Explanation) -> None:
    emit()
    table(
        [
            (
                each.at.removesuffix("Z"),
                f"{each.kind or each.record} {each.status}".strip() if not each.detail else "quarantined",
                each.source,
                each.amount,
                each.currency,
                each.detail or each.place,
            )
            for each in answer.events
        ],
        ["when (UTC)", "what", "source", "amount", "cur", "where"],
        whole=["when (UTC)", "where"],
    )
    if answer.more:
        emit(f"and {answer.more:,} more records")
    if answer.totals:
        emit()
        rows = [(t.night, t.source, t.kind, t.records, t.amount, t.currency) for t in answer.totals]
        table(rows, ["night", "source", "kind", "records", "sum", "cur"])


def _say_nights(answer: Explanation) -> None:
    """What each night said; nights that said the same in a row are one line."""
    rows: list[list[str]] = []
    order = sorted(answer.standings, key=lambda each: (each.reconciliation, each.key, each.night))
    for each in order:
        detail = each.detail.replace(", persisting)", ")").replace(", new)", ")").replace(", reopened)", ")")
        due = f", due {each.due}" if each.due else ""
        told = [each.key, each.outcome, detail + due]
        if rows and rows[-1][1:] == told:
            rows[-1][0] = f"{rows[-1][0][:10]} to {f'{each.night}'[5:]}"
        else:
            rows.append([str(each.night), *told])
    emit()
    table(rows, ["night", "key", "said", "because"], whole=["key"])


def _say_break(row: dict[str, Any]) -> None:
    emit(f"\n{row['code']} ({row['class'].replace('_', ' ')})  {clean(row['break_id'])}  {clean(row['rule'])}")
    if row["difference"]:
        deadline = f"  deadline {row['deadline']}" if row["deadline"] else ""
        age = f"{row['age_days']} business day{'s' if row['age_days'] != 1 else ''}"
        emit(f"  worth    {row['difference']} {row['currency']}  open for {age}{deadline}")
    wrapped("  why      ", row["why"])
    for n, line in enumerate(row["tried"]):
        wrapped("  tried    " if n == 0 else "           ", line)
    wrapped("  next     ", row["next_step"])
    if row["reason"]:
        wrapped("  note     ", row["reason"])


def _say_absent(lacking: list[Absent]) -> None:
    for each in lacking:
        when = "it is overdue" if each.overdue else f"expected by {each.by}" if each.by else "nothing is due yet"
        come = f"; it would come from {' or '.join(each.sources)}" if each.sources else ""
        wrapped("\n  absent   ", f"{each.side} has no record of {each.key}; {when}{come}")
