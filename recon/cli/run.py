"""`recon run` and `recon catch-up`: reconcile one night, or every night that is missing."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recon.cli.output import Progress, clean, emit, emit_json, json_option, next_command, say, table, workspace_option
from recon.cli.status import index_kept
from recon.errors import Exit, ReconError

if TYPE_CHECKING:
    from recon.pipeline import NightResult
    from recon.workspace import Workspace

FAIL_ON = ("none", "investigate", "manual_review", "any")


def check_not_future(workspace: Workspace, night: date) -> None:
    """A business date that has not begun in the workspace's zone cannot be reconciled (exit 2)."""
    from datetime import datetime

    today = datetime.now(workspace.zone).date()
    if night > today:
        raise ReconError(
            "future-date", f"{night} has not begun: in {workspace.zone} it is {today}", "give a date up to today"
        )


@click.command()
@workspace_option
@click.option("--date", "night", required=True, metavar="DATE", help="Business date, YYYY-MM-DD, or `yesterday`.")
@click.option(
    "--only", multiple=True, metavar="NAME", help="Only this reconciliation; may be repeated. Implies --dry-run."
)
@click.option("--dry-run", is_flag=True, help="Do everything, publish nothing.")
@click.option("--refetch", is_flag=True, help="Read the sources again, not what an earlier run of this night kept.")
@click.option("--new-config", is_flag=True, help="Take rules that were edited since a run of this night was killed.")
@click.option(
    "--fail-on",
    type=click.Choice(FAIL_ON),
    default="none",
    show_default=True,
    help="Exit 10 for open breaks at or above this class.",
)
@click.option("--show-sql", is_flag=True, help="Print every SQL step that ran.")
@click.option(
    "--as", "name", default="", metavar="NAME", help="Who runs it: the maker of its fixes, who never approves them."
)
@json_option
@click.pass_context
def run(
    ctx: click.Context,
    workspace: Path,
    night: str,
    only: tuple[str, ...],
    dry_run: bool,
    refetch: bool,
    new_config: bool,
    fail_on: str,
    show_sql: bool,
    name: str,
    as_json: bool,
) -> None:
    """Reconcile one night and write its folder, nights/DATE.

    Safe to repeat: the same inputs and rules write the same files, byte for byte.

    \b
    Example:  recon run --date 2026-11-19

    \b
    Exit status:  0 a trustworthy result, breaks or not   2 usage or configuration   3 an input is missing or set aside
                  4 a system is unreachable   5 totals do not tie, nothing published   6 another run holds the lock
                  10 open breaks at or above --fail-on
    """
    from recon.config.workspace_file import load_workspace
    from recon.pipeline import Options, run_night

    settings = load_workspace(workspace)
    day = resolve_night(settings, night)
    unknown = sorted(set(only) - {rule.name for rule in settings.reconciliations})
    if unknown:
        names = ", ".join(rule.name for rule in settings.reconciliations)
        raise ReconError("unknown-reconciliation", f"there is no reconciliation {unknown[0]}", f"one of: {names}")
    options = Options(only, dry_run or bool(only), refetch, new_config, name)
    expected = rows_of_last_night(settings, day)
    published = not options.dry_run
    with (
        index_kept(settings) if published else nullcontext(),
        Progress("starting", quiet=as_json, log={"night": str(day)}, expected=expected) as progress,
    ):
        result = run_night(settings, day, options, progress.step, progress.counter)
    if show_sql:
        for name, sql in result.steps:
            emit(f"-- {name}\n{sql};\n")
    say_alarms(result)
    if as_json:
        emit_json(as_data(result, published))
    else:
        say_night(result, published)
    ctx.exit(exit_code(result, fail_on))


def rows_of_last_night(workspace: Workspace, night: date) -> int:
    """How many rows the newest night before this one read: as many may come again. 0 where there is none."""
    from recon.store.folder import published
    from recon.store.history import summary_of

    before = [each for each in published(workspace.nights) if each < night]
    return int(summary_of(workspace.nights / str(before[-1]))["inputs"]["rows"]) if before else 0


def resolve_night(workspace: Workspace, night: str) -> date:
    """The date that --date names; `yesterday` is that of the workspace's zone."""
    from datetime import datetime

    if night == "yesterday":
        return datetime.now(workspace.zone).date() - timedelta(days=1)
    try:
        day = date.fromisoformat(night)
        if str(day) != night:  # 20261119 and 2026-W47-4 are dates too, and easily mistyped
            raise ValueError(night)
    except ValueError:
        raise ReconError(
            "bad-date", f"--date {night!r} is not a date", "write it as 2026-11-19, or `yesterday`"
        ) from None
    check_not_future(workspace, day)
    return day


def exit_code(result: NightResult, fail_on: str) -> int:
    """3 when incomplete; else 10 when an open break is at or above the class; else 0."""
    from recon.domain.rulebook import Severity

    if result.incomplete:
        return int(Exit.INCOMPLETE)
    if fail_on == "none":
        return 0
    floor = Severity.auto_fix if fail_on == "any" else Severity[fail_on]
    worst = max((Severity[each.class_] for each in result.breaks if each.is_open), default=0)
    return int(Exit.FAIL_ON) if worst >= floor else 0


def as_data(result: NightResult, published: bool) -> Mapping[str, Any]:
    """A night's result for --json."""
    return {
        "night": result.night,
        "verdict": result.verdict,
        "sentence": result.sentence,
        "groups": result.facts.groups,
        "breaks": {
            "open": result.facts.breaks_open,
            "new": result.facts.breaks_new,
            "resolved": result.facts.breaks_resolved,
        },
        "by_class": result.facts.by_class,
        "fixes": len(result.fixes),
        "incomplete": result.incomplete,
        "changed": result.changed,
        "published": published,
        "folder": str(result.folder) if published else None,
        "seconds": {name: round(seconds, 3) for name, seconds in result.seconds.items()},
    }


def say_alarms(result: NightResult) -> None:
    """What must not wait for a reader of the report, also where stdout is JSON: cron/recon-nightly mails these lines."""
    from collections import Counter

    from recon.ingest.cards import WITHHELD

    rows = Counter(each.file for each in result.facts.quarantine if WITHHELD in (each.found, each.raw))
    for file, count in sorted(rows.items()):
        say(f"recon: alarm [card-data] {clean(file)}: {count} row(s) with card verification or track data, withheld")
        say("  to fix  have the provider send the file without them, then delete this one from in/ and raw/")


def say_night(result: NightResult, published: bool) -> None:
    """The night on one screen: the sentence, the tie-out, the breaks by code, where the report is."""
    facts = result.facts
    emit(result.sentence)
    emit()
    rows = [
        (line.psp or "-", line.currency, line.external, line.internal, line.pending, line.breaks, line.residual)
        for line in facts.tie_out
    ]
    table(rows, ["psp", "cur", "settled", "ledger", "in transit", "breaks", "unexplained"])
    if facts.by_code:
        emit()
        table(
            [(class_.replace("_", " "), code, count, amount) for _, class_, code, count, amount in facts.by_code],
            ["class", "break", "count", "difference"],
        )
    aside = [each for each in facts.inputs if each.status != "read"]
    for each in aside:
        emit(f"\n{each.status.replace('_', ' ')}: {clean(each.name or each.source)}: {clean(each.reason)}")
        if each.remedy:
            emit(f"  to do  {clean(each.remedy)}")
    emit()
    total = sum(result.seconds.values())
    records = facts.records_total
    rate = f" ({records / total:,.0f} a second)" if records >= 100_000 else ""
    say(f"{records:,} records in {total:.1f} s{rate}")
    if not published:
        say("dry run: nothing was published")
        return
    if not result.changed:
        say("the same bytes as before: the night's folder was left as it is")
    emit(f"report  {result.folder / 'report.html'}")
    first = next((each.key for each in facts.breaks if each.state != "resolved"), None)
    if result.incomplete:
        next_command(f"recon inputs list --date {result.night}")
        return
    next_command(f"recon explain {first}" if first else "recon status")


@click.command("catch-up")
@workspace_option
@click.option(
    "--through", required=True, metavar="DATE", help="Last night to bring up to date, YYYY-MM-DD, or `yesterday`."
)
@json_option
@click.pass_context
def catch_up(ctx: click.Context, workspace: Path, through: str, as_json: bool) -> None:
    """Reconcile every night that is missing or stale, oldest first, through DATE.

    \b
    Example:  recon catch-up --through yesterday

    \b
    Exit status:  that of the worst night: 0 trustworthy   3 an input is missing   else the run stops at the night that failed
    """
    from recon.config.workspace_file import load_workspace
    from recon.pipeline import run_night
    from recon.store.folder import published
    from recon.store.history import stale_nights

    settings = load_workspace(workspace)
    last = resolve_night(settings, through)
    have = published(settings.nights)
    first = settings.first_night or min(have, default=last)
    results = []
    day = first
    with index_kept(settings):
        while day <= last:
            # Asked anew each time: bringing one night up to date is what makes the next one stale, or not.
            if day not in have or day in stale_nights(settings.nights):
                expected = rows_of_last_night(settings, day)
                with Progress("starting", quiet=as_json, log={"night": str(day)}, expected=expected) as progress:
                    result = run_night(settings, day, notify=progress.step, advance=progress.counter)
                results.append(result)
                say_alarms(result)
                if not as_json:
                    emit(result.sentence)
            day += timedelta(days=1)
    if as_json:
        emit_json([as_data(result, published=True) for result in results])
    else:
        if not results:
            emit(f"nothing to do: every night through {last} is there")
        next_command("recon status")
    ctx.exit(max((int(result.exit) for result in results), default=0))
