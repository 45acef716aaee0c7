"""`recon fixes`: the queue of corrections: list and show them, approve, reject and send them again, hand decisions out and in."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from recon.cli.apply import COMMANDS
from recon.cli.output import clean, emit, emit_json, json_option, next_command, table, workspace_option
from recon.domain.queue import Status
from recon.errors import Exit, ReconError

if TYPE_CHECKING:
    from recon.desk import Filter, Line
    from recon.fixes.queue import QueuedFix
    from recon.workspace import Workspace

F = TypeVar("F", bound=Callable[..., Any])


@click.group()
def fixes() -> None:
    """List proposed fixes, show one, approve, reject or retry them, apply what is approved; export and import decisions.

    \b
    Example:  recon fixes list --status proposed
    """


for command in COMMANDS:
    fixes.add_command(command)


def filter_options(command: F) -> F:
    """The options that say which fixes; the command gets them as keywords that `_filter` takes."""
    for option in reversed(
        [
            click.option(
                "--class", "class_", type=click.Choice(["auto_fix", "manual_review"]), help="Only this class."
            ),
            click.option("--code", default="", help="Only fixes of breaks with this code."),
            click.option("--psp", default="", help="Only this provider."),
            click.option("--currency", default="", help="Only this currency."),
            click.option("--min", "least", metavar="AMOUNT", help="From this amount on; needs --currency."),
            click.option("--max", "most", metavar="AMOUNT", help="Up to this amount; needs --currency."),
            click.option("--age", type=click.IntRange(min=0), default=0, help="Proposed at least so many days ago."),
        ]
    ):
        command = option(command)
    return command


def signing_options(command: F) -> F:
    """`--as` and `--why`."""
    command = click.option("--why", default="", metavar="TEXT", help="The reason; it stands in the audit trail.")(
        command
    )
    return click.option("--as", "name", default="", metavar="NAME", envvar="RECON_AS", help="Who decides.")(command)


def _filter(fix_ids: Sequence[str], statuses: Sequence[str], **given: Any) -> Filter:
    from recon.desk import Filter
    from recon.domain.money import read_minor

    limits: dict[str, int | None] = {}
    for name, option in (("least", "--min"), ("most", "--max")):
        text, currency = given[name], given["currency"]
        if text is not None and not currency:
            raise ReconError("bad-amount", f"{option} needs a currency", f"{option} {text} --currency KRW")
        limits[name] = read_minor(text, currency) if text is not None else None
        if text is not None and limits[name] is None:
            raise ReconError(
                "bad-amount", f"{option} {text!r} is not an amount of {currency}", "plain digits, as 10.50"
            )
    return Filter(
        tuple(fix_ids),
        tuple(statuses),
        given["class_"] or "",
        given["code"],
        given["psp"],
        given["currency"],
        age=given["age"],
        **limits,
    )


def load(workspace: Path) -> tuple[Workspace, list[QueuedFix]]:
    """The settings and every fix of the queue."""
    from recon.config.workspace_file import load_workspace
    from recon.fixes.read import read_queue

    settings = load_workspace(workspace)
    return settings, read_queue(settings.state_url.value, settings.root)


def _selected(settings: Workspace, queue: Sequence[QueuedFix], wanted: Filter) -> list[QueuedFix]:
    from recon.desk import select
    from recon.store.folder import published

    return select(queue, wanted, max(published(settings.nights), default=None))


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
@click.option("--status", "statuses", type=click.Choice([str(s) for s in Status]), multiple=True, help="Only these.")
@filter_options
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="At most so many lines.")
@json_option
def list_(workspace: Path, statuses: tuple[str, ...], limit: int, as_json: bool, **given: Any) -> None:
    """List the fixes of the queue, with their totals per currency.

    \b
    Example:  recon fixes list --status proposed --psp toss --currency KRW --min 100000
    """
    settings, queue = load(workspace)
    rows = _selected(settings, queue, _filter((), statuses, **given))
    if as_json:
        emit_json([as_data(row) for row in rows])
        return
    _table(rows[:limit])
    _totals(rows)
    more = f", {limit} shown" if len(rows) > limit else ""
    emit(f"\n{len(rows)} fix{'es' if len(rows) != 1 else ''}{more}")
    if rows:
        next_command(f"recon fixes show {rows[0].fix_id}")


def _table(rows: Sequence[QueuedFix]) -> None:
    table(
        [
            (
                row.fix_id,
                row.code,
                row.class_.replace("_", " "),
                row.psp,
                row.amount,
                row.currency,
                str(row.status).replace("_", " "),
                row.proposed_on,
            )
            for row in rows
        ],
        ["fix", "code", "class", "psp", "amount", "cur", "status", "proposed"],
        whole=["fix"],
    )


def _totals(rows: Sequence[QueuedFix]) -> None:
    from recon.desk import totals

    if rows:
        emit()
        table(
            [(code.replace("all", "all of them"), count, amount, cur) for code, cur, count, amount in totals(rows)],
            ["rule", "fixes", "sum", "cur"],
        )


@fixes.command()
@workspace_option
@click.argument("fix_id")
@json_option
def show(workspace: Path, fix_id: str, as_json: bool) -> None:
    """Show one fix: what it does, what it was proposed from, and all that was ever done with it.

    \b
    Example:  recon fixes show FIX-0123456789ABCDEF
    """
    from recon.desk import Filter
    from recon.fixes.read import read_history

    settings, queue = load(workspace)
    [found] = _selected(settings, queue, Filter((fix_id,)))
    history = read_history(settings.state_url.value, settings.root, fix_id)
    if as_json:
        emit_json({**as_data(found), "history": [each.as_json() for each in history]})
        return
    content = found.content
    told = {
        "fix id": found.fix_id,
        "break id": found.break_id,
        "rule": f"{found.reconciliation}/{found.code}",
        "class": found.class_,
        "status": found.status,
        "maker": found.maker,
        "approved by": found.approved_by,
        "proposed on": found.proposed_on,
        "memo": content.get("memo"),
        "amount": f"{found.amount} {found.currency}",
        "limit": found.limit_text,
        "tries": found.attempts or None,
        "last error": found.error,
        "idempotency key": found.idempotency_key,
        "content sha256": found.content_sha256,
    }
    for name, value in told.items():
        if value not in (None, ""):
            emit(f"{name:<16} {clean(value)}")
    emit()
    if content["kind"] == "journal":
        table(
            [(each["account"], each["amount"], each["currency"]) for each in content["postings"]],
            ["account", "amount", "cur"],
        )
    elif content["kind"] == "message":
        message = content["message"]
        emit(f"send {clean(message['body'])} to {message['channel']} under the key {clean(message['key'])}")
    else:
        change = content["change"]
        emit(f"set {change['set']} on {change['record']} {change['record_id']} if it still holds {change['seen']}")
    emit()
    table(
        [
            (each.seq, each.at[:16].replace("T", " "), each.who, each.to_state or each.action, each.why)
            for each in history
        ],
        ["record", "when (UTC)", "who", "became", "why"],
    )
    waits = found.status is Status.PROPOSED
    next_command(
        f"recon fixes approve {fix_id} --as NAME --why TEXT" if waits else f"recon breaks show {found.break_id}"
    )


_ids = click.argument("fix_ids", nargs=-1, metavar="[FIX]...")
_confirm = click.option(
    "--confirm", metavar="TEXT", help="What has to be typed where several fixes, or an unusual one, are decided."
)


@fixes.command()
@workspace_option
@_ids
@filter_options
@signing_options
@_confirm
@click.option("--preview", is_flag=True, help="Only show what it would come to.")
@json_option
def approve(workspace: Path, fix_ids: tuple[str, ...], **given: Any) -> None:
    """Approve proposed fixes: those named, or those that the filters let through.

    You sign what each fix does, the rule file it comes from and what was seen: if any of it changes it is proposed again. The
    maker of a fix never approves it, and ceilings in recon.yaml hold whoever approves. Several fixes at once, and unusual ones
    (not an automatic fix, or more than half of the ceiling), ask for a typed confirmation.

    \b
    Example:  recon fixes approve FIX-0123456789ABCDEF --as kim --why "seen in the dashboard"
    Example:  recon fixes approve --code rounding --as kim --why "daily rounding" --preview

    \b
    Exit status:  0 all of them   2 none could be asked for   3 some were refused
    """
    _decide(workspace, "approve", (Status.PROPOSED,), fix_ids, "", **given)


@fixes.command()
@workspace_option
@_ids
@filter_options
@signing_options
@click.option("--reason", default="", metavar="CODE", help="A reason code: wrong_fix, duplicate, timing ...")
@_confirm
@click.option("--preview", is_flag=True, help="Only show what it would come to.")
@json_option
def reject(workspace: Path, fix_ids: tuple[str, ...], reason: str, **given: Any) -> None:
    """Reject fixes that are not applied. A rejected fix comes back only if it changes; its break stays open.

    \b
    Example:  recon fixes reject FIX-0123456789ABCDEF --as kim --reason wrong_fix --why "the fee is missing"
    """
    open_ = (Status.PROPOSED, Status.APPROVED, Status.FAILED, Status.RETRYING, Status.DEAD_LETTER)
    _decide(workspace, "reject", open_, fix_ids, reason, **given)


@fixes.command()
@workspace_option
@_ids
@filter_options
@signing_options
@_confirm
@click.option("--preview", is_flag=True, help="Only show what it would come to.")
@json_option
def retry(workspace: Path, fix_ids: tuple[str, ...], **given: Any) -> None:
    """Let failed fixes and dead letters be tried again at the next apply. What was done is not done twice: the key is the same.

    \b
    Example:  recon fixes retry --code psp_not_in_ledger --as kim --why "the ledger is back"
    """
    _decide(workspace, "retry", (Status.FAILED, Status.DEAD_LETTER), fix_ids, "", **given)


def _decide(
    workspace: Path,
    decision: str,
    statuses: Sequence[Status],
    fix_ids: Sequence[str],
    reason: str,
    name: str,
    why: str,
    confirm: str | None,
    preview: bool,
    as_json: bool,
    **given: Any,
) -> None:
    from recon.desk import decide, reason_code, unusual
    from recon.store.audit import refuse_unsigned

    wanted = _filter(fix_ids, () if fix_ids else [str(each) for each in statuses], **given)
    if not fix_ids and not any(given.values()):
        raise ReconError(
            "nothing-named", f"say which fixes to {decision}", f"recon fixes {decision} FIX ..., or a filter as --code"
        )
    settings, queue = load(workspace)
    reason_code(reason)
    chosen = _selected(settings, queue, wanted)
    if not chosen:
        raise ReconError("no-fix", f"there is nothing to {decision} that fits", "recon fixes list")
    strange = {
        each.fix_id: told for each in chosen if decision == "approve" and (told := unusual(each, settings.policy))
    }
    if preview and as_json:
        emit_json({"fixes": [as_data(each) for each in chosen], "unusual": strange})
        return
    if not as_json:
        _preview(chosen, strange)
    if preview:
        next_command(_again(decision))
        return
    refuse_unsigned(name, why)
    ask(decision, chosen, len(strange), confirm)
    lines = decide(settings, decision, chosen, name, why, reason)
    say_lines(lines, as_json)
    if not as_json:
        next_command("recon fixes list --status approved" if decision == "approve" else "recon fixes list")
    _leave(lines)


def _again(decision: str) -> str:
    return f"recon fixes {decision} ... --as NAME --why TEXT"


def _preview(chosen: Sequence[QueuedFix], strange: dict[str, str]) -> None:
    if len(chosen) > 1:
        _totals(chosen)
    for fix in chosen:
        if fix.fix_id in strange:
            emit(f"unusual  {fix.fix_id}  {fix.amount} {fix.currency}  {fix.psp}: {strange[fix.fix_id]}")


def ask(decision: str, chosen: Sequence[QueuedFix], strange: int, confirm: str | None) -> None:
    """Have typed what is about to be done, where it is more than one usual fix. Raises ReconError `unconfirmed`."""
    from recon.desk import phrase

    wanted = phrase(decision, chosen, strange)
    if not wanted:
        return
    typed = confirm
    if typed is None and sys.stdin.isatty():
        typed = click.prompt(f'Type "{wanted}" to go on', default="", show_default=False, err=True)
    if (typed or "").strip().lower() != wanted:
        raise ReconError("unconfirmed", f"nothing was done: {wanted} was not confirmed", f'--confirm "{wanted}"')


def say_lines(lines: Sequence[Line], as_json: bool) -> None:
    """What became of each, and how many."""
    if as_json:
        emit_json(lines)
        return
    for line in lines:
        emit(f"{line.subject}  {line.text}" if line.done else f"{line.subject}  refused [{line.refusal}] {line.text}")
    done = sum(line.done for line in lines)
    emit(f"\n{done} done, {len(lines) - done} refused")


def _leave(lines: Sequence[Line]) -> None:
    if not all(line.done for line in lines):
        click.get_current_context().exit(int(Exit.INCOMPLETE))


@fixes.command("export")
@workspace_option
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--status", "statuses", type=click.Choice([str(s) for s in Status]), multiple=True, help="Only these.")
@filter_options
@json_option
def export_(workspace: Path, file: Path, statuses: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """Write the open fixes as a decisions.json with nothing decided yet, to fill in and hand back to `recon fixes import`.

    \b
    Example:  recon fixes export decisions.json --status proposed --class auto_fix
    """
    from recon.cli.breaks import night_of
    from recon.desk import newest
    from recon.handed_in import template
    from recon.store.folder import write_json

    settings, queue = load(workspace)
    chosen = _selected(settings, queue, _filter((), statuses or (str(Status.PROPOSED),), **given))
    made = template(settings, newest(night_of(workspace, None)), chosen)
    write_json(file, made)
    if as_json:
        emit_json({"file": str(file), "lines": len(made["decisions"])})
        return
    emit(f"{file}: {len(made['decisions'])} fixes of {made['night']}, none decided")
    next_command(f"recon fixes import {file} --as NAME")


@fixes.command("import")
@workspace_option
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@signing_options
@_confirm
@click.option("--preview", is_flag=True, help="Only show what it would come to.")
@json_option
def import_(
    workspace: Path, file: Path, name: str, why: str, confirm: str | None, preview: bool, as_json: bool
) -> None:
    """Take decisions from a decisions.json (downloaded from the report, or exported) or from a filled-in report.xlsx.

    You sign every line of it. A line is refused where the newest night no longer shows what stood in the report, and the
    others are taken.

    \b
    Example:  recon fixes import decisions.json --as kim

    \b
    Exit status:  0 every line was taken   2 the file was refused   3 some lines were refused
    """
    from recon.cli.breaks import night_of
    from recon.desk import newest, unusual
    from recon.handed_in import read_file, take, wanted_fixes

    settings, queue = load(workspace)
    handed = read_file(file)
    chosen = wanted_fixes(handed, queue)
    strange = {each.fix_id: told for each in chosen if (told := unusual(each, settings.policy))}
    if not as_json:
        counts = {
            word: sum(each.decision == word for each in handed.given)
            for word in ("approve", "reject", "resolve", "assign")
        }
        told = ", ".join(f"{count} to {word}" for word, count in counts.items() if count)
        emit(f"{file.name} of {handed.night}: {told or 'nothing is decided'}")
        _preview(chosen, strange)
    if preview:
        next_command(f"recon fixes import {file} --as NAME")
        return
    if chosen:
        ask("approve", chosen, len(strange), confirm)
    lines = take(settings, newest(night_of(workspace, None)), handed, name, why)
    say_lines(lines, as_json)
    if not as_json:
        next_command("recon fixes list --status approved" if chosen else "recon breaks list")
    _leave(lines)
