"""`recon breaks`: the breaks that a night left, and one of them in full."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from recon.cli.output import clean, emit, emit_json, json_option, next_command, table, workspace_option
from recon.errors import ReconError

if TYPE_CHECKING:
    from recon.desk import Night
    from recon.domain.casework import Word
    from recon.workspace import Workspace

F = TypeVar("F", bound=Callable[..., Any])


@click.group()
def breaks() -> None:
    """List the breaks of a night, show one; assign, note, resolve, match by hand, and take it back.

    What you decide is in the audit trail, and the next night honours it.

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


def _words(workspace: Path, break_id: str) -> list[Word]:
    """What people decided on a break, also as a part of a match."""
    from recon.config.workspace_file import load_workspace
    from recon.domain.casework import fold
    from recon.fixes.read import reading
    from recon.store.casework import read_words

    settings = load_workspace(workspace)
    with reading(settings.state_url.value, settings.root) as connection:
        cases = fold(read_words(connection)) if connection is not None else {}
    return cases[break_id].words if break_id in cases else []


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
    words = {row["break_id"]: _words(workspace, row["break_id"]) for row in found}
    if as_json:
        made = [{**row, "decisions": [word.as_json() for word in words[row["break_id"]]]} for row in found]
        emit_json(made[0] if len(made) == 1 else made)
        return
    for row in found:
        for name, value in row.items():
            if value not in (None, ""):
                emit(f"{name.replace('_', ' '):<15} {clean(value)}")
        for word in words[row["break_id"]]:
            emit(f"{'decided':<15} {clean(word.text)}")
    fix_id = found[0]["fix_id"]
    next_command(f"recon fixes show {fix_id}" if fix_id else f"recon explain {found[0]['key']}")


def _signed(command: F) -> F:
    """`--as` and `--why`, needed both."""
    command = click.option("--why", default="", metavar="TEXT", help="The reason; it stands in the audit trail.")(
        command
    )
    return click.option("--as", "name", default="", metavar="NAME", envvar="RECON_AS", help="Who decides.")(command)


def _desk(workspace: Path) -> tuple[Workspace, Night]:
    from recon.config.workspace_file import load_workspace
    from recon.desk import newest

    return load_workspace(workspace), newest(night_of(workspace, None))


def _done(night: Night, break_id: str, what: str, as_json: bool) -> None:
    if as_json:
        emit_json({"night": night.date, "break_id": break_id, "done": what})
        return
    emit(f"{break_id}: {what}; the next run honours it")
    next_command(f"recon run --date {night.date}")


@breaks.command()
@workspace_option
@click.argument("reference", metavar="BREAK")
@click.option("--to", "owner", required=True, metavar="OWNER", help="Who looks after it; empty: nobody.")
@_signed
@json_option
def assign(workspace: Path, reference: str, owner: str, name: str, why: str, as_json: bool) -> None:
    """Give a break an owner.

    \b
    Example:  recon breaks assign BRK-0123456789ABCDEF --to treasury --as jane --why "theirs to claim"
    """
    from recon.desk import assign as do

    settings, night = _desk(workspace)
    each = do(settings, night, reference, owner, name, why)
    _done(night, each.break_id, f"given to {owner or 'nobody'}", as_json)


@breaks.command()
@workspace_option
@click.argument("reference", metavar="BREAK")
@click.argument("text")
@click.option("--as", "name", default="", metavar="NAME", envvar="RECON_AS", help="Who writes it.")
@json_option
def note(workspace: Path, reference: str, text: str, name: str, as_json: bool) -> None:
    """Write a note on a break; it stands in the report with your name and the day.

    \b
    Example:  recon breaks note PO-00002013/capture "asked Stripe, case 4711" --as jane
    """
    from recon.desk import note as do

    settings, night = _desk(workspace)
    each = do(settings, night, reference, name, text)
    _done(night, each.break_id, "noted", as_json)


@breaks.command()
@workspace_option
@click.argument("reference", metavar="BREAK")
@click.option("--reason", required=True, metavar="CODE", help="A reason code: corrected, timing, written_off ...")
@_signed
@json_option
def resolve(workspace: Path, reference: str, reason: str, name: str, why: str, as_json: bool) -> None:
    """Close a break by hand. It stays closed while its records are those that you saw; a change brings it back.

    Its open fix is rejected with it, so that nothing is corrected twice. `recon breaks reopen` takes both back.

    \b
    Example:  recon breaks resolve PO-00002013/capture --reason written_off --as jane --why "0.01, not worth a claim"
    """
    from recon.desk import resolve as do

    settings, night = _desk(workspace)
    each = do(settings, night, reference, reason, name, why)
    _done(night, each.break_id, f"resolved ({reason})", as_json)


@breaks.command()
@workspace_option
@click.argument("reference", metavar="BREAK")
@_signed
@json_option
def reopen(workspace: Path, reference: str, name: str, why: str, as_json: bool) -> None:
    """Take a resolution back: the break is open again, and what was proposed for it is proposed again.

    \b
    Example:  recon breaks reopen BRK-0123456789ABCDEF --as kim --why "the claim was refused"
    """
    from recon.desk import reopen as do

    settings, night = _desk(workspace)
    each = do(settings, night, reference, name, why)
    _done(night, each.break_id, "reopened", as_json)


@breaks.command()
@workspace_option
@click.argument("references", nargs=-1, required=True, metavar="BREAK BREAK...")
@_signed
@json_option
def match(workspace: Path, references: tuple[str, ...], name: str, why: str, as_json: bool) -> None:
    """Say that breaks belong together. Their differences have to cancel out; they close as one, while none of them changes.

    \b
    Example:  recon breaks match BRK-0123456789ABCDEF BRK-FEDCBA9876543210 --as jane --why "same payment, mistyped id"
    """
    from recon.desk import match as do

    settings, night = _desk(workspace)
    found = do(settings, night, references, name, why)
    _done(night, " ".join(each.break_id for each in found), "matched by hand", as_json)


@breaks.command()
@workspace_option
@click.argument("reference", metavar="BREAK|REFERENCE")
@_signed
@json_option
def unmatch(workspace: Path, reference: str, name: str, why: str, as_json: bool) -> None:
    """Take a match apart: one made by hand, or one by which a payment cleared. It becomes an open break for a person to look at.

    \b
    Example:  recon breaks unmatch PO-00000017/capture --as jane --why "the PSP paid another order with this reference"
    """
    from recon.desk import unmatch as do

    settings, night = _desk(workspace)
    made = do(settings, night, reference, name, why)
    _done(night, made, "unmatched", as_json)
