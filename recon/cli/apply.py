"""`recon fixes apply` and what belongs to it: install-target, targets, hand-out, hand-in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recon.cli.output import clean, emit, emit_json, json_option, next_command, table, workspace_option
from recon.errors import Exit, ReconError

if TYPE_CHECKING:
    from recon.fixes.apply import Applied, Applier
    from recon.workspace import Workspace

_as = click.option(
    "--as", "name", default="", metavar="NAME", envvar="RECON_AS", help="Who applies; by default the login."
)


def _date(_context: click.Context, _parameter: click.Parameter, value: str | None) -> date | None:
    if value is None:
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ReconError("bad-date", f"--book-on {value!r} is not a date", "write it as 2026-11-19") from None


@click.command("apply")
@workspace_option
@click.argument("fix_ids", nargs=-1, metavar="[FIX]...")
@click.option("--dry-run", is_flag=True, help="Try every effect and take it back; send nothing.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many.")
@click.option("--book-on", callback=_date, metavar="DATE", help="The date that corrections bear in the books.")
@click.option(
    "--lease",
    type=click.IntRange(min=1),
    default=300,
    metavar="SECONDS",
    show_default=True,
    help="How long what this run takes in hand stays its own should it be killed.",
)
@_as
@json_option
def apply_(
    workspace: Path,
    fix_ids: tuple[str, ...],
    dry_run: bool,
    limit: int | None,
    book_on: date | None,
    lease: int,
    name: str,
    as_json: bool,
) -> None:
    """Apply what is approved: all of it, or the fixes named. Safe to run again, to kill, and to run many times at once.

    Each fix has one effect in its target, found again by its key. One whose break is gone, or whose row moved, is superseded;
    what fails is tried again at a later run; what can't work becomes a dead letter for a person. A target that keeps failing
    is left alone for a while. Who approved a fix does not apply it.

    \b
    Example:  recon fixes apply --dry-run

    \b
    Exit status:  0 all done   3 dead letters: a person has to look   4 something is left to be tried again
    """
    from recon.config.workspace_file import load_workspace
    from recon.fixes.night import maker

    settings = load_workspace(workspace)
    if not settings.targets:
        raise ReconError(
            "no-targets", "recon.yaml has no targets, so nothing can be applied", "docs/fix-queue.md has some"
        )
    applier = _applier(settings, maker(name), book_on, lease)
    try:
        came = applier.would(fix_ids or None) if dry_run else applier.run(fix_ids or None, limit)
    finally:
        applier.close()
        applier.state.dispose()
    if as_json:
        emit_json(came)
    else:
        _say(came, dry_run)
    if came.count("dead_letter"):
        click.get_current_context().exit(int(Exit.INCOMPLETE))
    if came.count("failed") or came.waiting:
        click.get_current_context().exit(int(Exit.UNREACHABLE))


def _applier(settings: Workspace, who: str, book_on: date | None, lease: int) -> Applier:
    from recon.domain.calendar import day_bounds
    from recon.fixes.apply import Applier, Limits
    from recon.fixes.read import prepare
    from recon.fixes.route import routes
    from recon.fixes.targets import open_target
    from recon.fixes.targets.database import engine

    prepare(settings.state_url.value, settings.root)
    # The books' date is the company's: noon of it, where it is not today.
    booked = None if book_on is None else datetime.combine(book_on, time(12), tzinfo=settings.zone).astimezone(UTC)
    return Applier(
        engine(settings.state_url.value),
        settings.state_url.value,
        {name: open_target(name, each) for name, each in settings.targets.items()},
        routes(settings).of,
        settings.policy,
        who,
        lambda night: day_bounds(night, settings.zone, settings.cut_off).end,
        booked,
        Limits(lease=timedelta(seconds=lease)),
    )


_WORDS = {
    "applied": "applied",
    "found": "was there already",
    "failed": "failed, will be tried again",
    "dead_letter": "dead letters",
    "superseded": "superseded",
    "passed": "not applied",
}


def _say(came: Applied, dry_run: bool) -> None:
    rows = [(each.fix_id, each.outcome.replace("_", " "), each.target, clean(each.why)) for each in came.done]
    if rows:
        table(rows, ["fix", "became", "target", "what it says"])
        emit()
    for fix_id, why in came.unrouted.items():
        emit(f"{fix_id}  waits: {why}")
    for target, why in came.waiting.items():
        emit(f"{target} is left alone for now: {clean(why)}")
    counts = [f"{came.count(outcome)} {word}" for outcome, word in _WORDS.items() if came.count(outcome)]
    emit(f"{'would be: ' if dry_run else ''}{', '.join(counts) or 'nothing to apply'}")
    if came.count("dead_letter"):
        next_command("recon fixes list --status dead_letter")
    elif came.done and not dry_run:
        next_command("recon fixes list --status applied")


@click.command("install-target")
@workspace_option
@click.argument("target")
@click.option("--run", "do", is_flag=True, help="Run them, and do not only print them.")
@click.option("--url", "reference", help="The owner's database URL: env:NAME or file:PATH; by default the target's.")
@json_option
def install_target(workspace: Path, target: str, do: bool, reference: str | None, as_json: bool) -> None:
    """Print what a target's database still needs, as SQL for its owner; with --run, run it.

    \b
    Example:  recon fixes install-target ledger > install.sql
    """
    from recon.config.secrets import read_url
    from recon.config.workspace_file import load_workspace
    from recon.config.yaml_file import read_document
    from recon.errors import ConfigError
    from recon.fixes.targets.database import engine, transaction
    from recon.fixes.targets.install import statements
    from recon.workspace import JournalTarget, UpdateTarget

    settings = load_workspace(workspace)
    found = settings.targets.get(target)
    if not isinstance(found, (JournalTarget, UpdateTarget)):
        names = [name for name, each in settings.targets.items() if isinstance(each, (JournalTarget, UpdateTarget))]
        raise ReconError(
            "no-target", f"{target} is not a target in a database", f"one of: {', '.join(names) or 'none'}"
        )
    url = found.url.value
    if reference is not None:
        document = read_document(workspace / "recon.yaml", "recon.yaml")
        url = read_url(document, reference, settings.root).value
        if document.problems:
            raise ConfigError(document.problems)
    owner = engine(url)
    try:
        with _reached(target), transaction(owner) as connection:
            needed = statements(connection, found)
            for statement in needed if do else ():
                connection.exec_driver_sql(statement)
    finally:
        owner.dispose()
    if as_json:
        emit_json({"target": target, "statements": needed, "ran": do})
    elif do:
        emit(f"{target}: {len(needed)} statements run")
    else:
        # SQLite's and MariaDB's triggers hold semicolons of their own: one statement a block, an empty line between.
        emit("\n\n".join(f"{each};" for each in needed) or "-- nothing is missing")


def _reached(target: str) -> Any:
    from contextlib import contextmanager

    from recon.errors import UnreachableError
    from recon.fixes.targets import RefusedError, TemporaryError, UnknownError

    @contextmanager
    def told() -> Any:
        try:
            yield
        except (TemporaryError, RefusedError, UnknownError) as error:
            raise UnreachableError("target", f"{target}: {error}", "mend it, and run the same command again") from error

    return told()


@click.command("targets")
@workspace_option
@json_option
def targets_(workspace: Path, as_json: bool) -> None:
    """Show where fixes go, what is missing there, and which targets are left alone for now.

    \b
    Example:  recon fixes targets
    """
    from recon.config.workspace_file import load_workspace
    from recon.fixes import breaker
    from recon.fixes.read import prepare
    from recon.fixes.targets import DatabaseTarget, TemporaryError, open_target
    from recon.fixes.targets.database import engine, transaction

    settings = load_workspace(workspace)
    prepare(settings.state_url.value, settings.root)
    state = engine(settings.state_url.value)
    with state.connect() as connection:
        known = breaker.read(connection)
    state.dispose()
    rows = []
    for name, each in settings.targets.items():
        target, missing = open_target(name, each), ""
        if isinstance(target, DatabaseTarget):
            there = engine(target.url)
            try:
                with transaction(there) as connection:
                    missing = "; ".join(target.check(connection))
            except TemporaryError as error:
                missing = f"can't be reached: {error}"
            finally:
                there.dispose()
        found = known.get(name)
        rows.append(
            {
                "target": name,
                "kind": type(each).__name__.removesuffix("Target").lower(),
                "breaker": found.state if found else "closed",
                "until": found.until if found else "",
                "error": found.error if found else "",
                "missing": missing,
            }
        )
    if as_json:
        emit_json(rows)
        return
    table(
        [tuple(clean(value) for value in row.values()) for row in rows],
        ["target", "kind", "breaker", "until", "error", "missing"],
    )
    for row in rows:
        if "there is no table recon_" in row["missing"] or "has no column" in row["missing"]:
            next_command(f"recon fixes install-target {row['target']}")


@click.command("hand-out")
@workspace_option
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@_as
@json_option
def hand_out(workspace: Path, file: Path, name: str, as_json: bool) -> None:
    """Write what is approved and done by hand into a new CSV file, to be filled in and handed back with hand-in.

    What is handed out is in your hands: nothing else touches it until you hand it in.

    \b
    Example:  recon fixes hand-out corrections.csv --as lee
    """
    from recon.fixes import hands

    fixes, passed = _handed(
        workspace,
        lambda engine, settings, by_hand, who: hands.hand_out(engine, file, by_hand, settings.policy, who),
        name,
    )
    if as_json:
        emit_json({"file": str(file), "fixes": [each.fix_id for each in fixes], "passed": passed})
        return
    for each in passed:
        emit(f"{each.fix_id}  not handed out: {each.why}")
    emit(f"{file}: {len(fixes)} fix{'es' if len(fixes) != 1 else ''}")
    next_command(f"recon fixes hand-in {file}")


@click.command("hand-in")
@workspace_option
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@_as
@json_option
def hand_in(workspace: Path, file: Path, name: str, as_json: bool) -> None:
    """Take what was done by hand: `done` is yes, with a reference to find it by, or no; empty lines stay in your hands.

    \b
    Example:  recon fixes hand-in corrections.csv --as lee

    \b
    Exit status:  0 every line was taken   3 some lines were refused
    """
    from recon.fixes import hands

    lines = _handed(workspace, lambda engine, settings, by_hand, who: hands.hand_in(engine, file, who), name)
    if as_json:
        emit_json(lines)
    else:
        for each in lines:
            if each.outcome != "open":
                emit(f"{each.fix_id}  {each.outcome.replace('_', ' ')}  {clean(each.why)}".rstrip())
        emit(f"{sum(each.outcome == 'applied' for each in lines)} applied")
    if any(each.outcome == "refused" for each in lines):
        click.get_current_context().exit(int(Exit.INCOMPLETE))


def _handed(workspace: Path, work: Callable[..., Any], name: str) -> Any:
    from recon.config.workspace_file import load_workspace
    from recon.fixes.night import maker
    from recon.fixes.read import prepare
    from recon.fixes.route import routes
    from recon.store.state import engine_for
    from recon.workspace import HandTarget

    settings = load_workspace(workspace)
    prepare(settings.state_url.value, settings.root)
    route = routes(settings).of

    def by_hand(fix: Any) -> bool:
        target = route(fix.reconciliation, fix.template, fix.content)
        return target is not None and isinstance(settings.targets[target], HandTarget)

    engine = engine_for(settings.state_url.value, settings.root)
    try:
        return work(engine, settings, by_hand, maker(name))
    finally:
        engine.dispose()


COMMANDS = (apply_, install_target, targets_, hand_out, hand_in)
