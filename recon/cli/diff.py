"""`recon diff`: what two nights, or one night under changed rules, say differently; for people and for CI."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recon.cli.output import Progress, clean, emit, emit_json, next_command, table, workspace_option
from recon.errors import ReconError

if TYPE_CHECKING:
    from recon.diff import Change, Diff, Snapshot

FORMATS = ("text", "json", "junit", "github")
SHOWN = 20


@click.command()
@workspace_option
@click.argument("before", metavar="A")
@click.argument("after", metavar="[B]", required=False)
@click.option(
    "--rerun", is_flag=True, help="B is night A run again with the rules as they are now; nothing is published."
)
@click.option("--format", "format_", type=click.Choice(FORMATS), default="text", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.pass_context
def diff(
    ctx: click.Context, workspace: Path, before: str, after: str | None, rerun: bool, format_: str, as_json: bool
) -> None:
    """Tell what B says differently from A: breaks that are new, gone, reclassified or moved, and the totals.

    A and B are dates of this workspace, or folders of nights. With --rerun, B is night A under the rules as they are now.

    \b
    Example:  recon diff 2026-11-18 2026-11-19
              recon diff 2026-11-19 --rerun --format github

    \b
    Exit status:  0 the same   1 different   2 usage
    """
    from recon.diff import diff as compare

    if rerun == (after is not None):
        raise click.UsageError("give A and B, or A and --rerun")
    first = _snapshot(workspace, before)
    second = _run_again(workspace, before) if after is None else _snapshot(workspace, after)
    found = compare(first, second)
    kind = "json" if as_json else format_
    if kind == "json":
        emit_json(as_data(found))
    elif kind == "junit":
        emit(junit(found, [*first.breaks.values(), *second.breaks.values()]))
    elif kind == "github":
        for line in github(found):
            emit(line)
    else:
        say_diff(found)
        changed = found.changes[0].stand if found.changes else None
        next_command(f"recon explain {changed.break_id}" if changed else "recon status")
    ctx.exit(0 if found.same else 1)


def _snapshot(workspace: Path, given: str) -> Snapshot:
    """A date's night, or a folder."""
    from recon.cli.breaks import night_of
    from recon.diff import snapshot_of

    if Path(given).is_dir():
        return snapshot_of(Path(given), given)
    return snapshot_of(night_of(workspace, given))


def _run_again(workspace: Path, given: str) -> Snapshot:
    from recon.cli.breaks import night_of
    from recon.config.workspace_file import load_workspace
    from recon.diff import snapshot_of_result
    from recon.pipeline import Options, run_night

    folder = night_of(workspace, given)
    settings = load_workspace(workspace)
    if folder.parent != settings.nights:
        raise ReconError("no-night", f"{given} is no night of this workspace", "--rerun takes a date")
    from datetime import date

    with Progress("starting") as progress:
        result = run_night(
            settings, date.fromisoformat(folder.name), Options(dry_run=True), progress.step, progress.counter
        )
    return snapshot_of_result(result, f"{folder.name} with the rules of now")


def as_data(found: Diff) -> dict[str, Any]:
    """For --format json (docs/diff.md)."""
    from recon.diff import KINDS, sentences

    return {
        "before": found.before,
        "after": found.after,
        "same": found.same,
        "sentences": sentences(found),
        "verdicts": found.verdicts,
        "counts": {kind: len(found.of(kind)) for kind in KINDS},
        "by_class": found.by_class,
        "differences": found.differences,
        "auto_fixed": found.auto_fixed,
        "changes": [_change(each) for each in found.changes],
    }


def _change(change: Change) -> dict[str, Any]:
    from dataclasses import asdict

    def told(stand: Any) -> dict[str, Any] | None:
        return None if stand is None else {name.rstrip("_"): value for name, value in asdict(stand).items()}

    return {"kind": change.kind, "before": told(change.before), "after": told(change.after), "became": change.became}


def say_diff(found: Diff) -> None:
    """The sentences, then the breaks themselves, then the totals."""
    from recon.diff import KINDS, sentences

    if found.same:
        emit(f"{found.before} and {found.after}: the same")
        return
    emit(f"{found.before} -> {found.after}")
    for told in sentences(found):
        emit(f"  {told}")
    for kind in KINDS:
        changes = found.of(kind)
        if changes:
            emit(f"\n{kind}: {len(changes)}")
            table([_row(each) for each in changes[:SHOWN]], ["key", "code", "class", "difference", "cur"])
            if len(changes) > SHOWN:
                emit(f"and {len(changes) - SHOWN:,} more; --format json has all")
    emit()
    rows = [(name, *(side.get(name, 0) for side in found.by_class)) for name in _names(found.by_class)]
    rows += [
        (f"difference {name}", *(side.get(name, "0") for side in found.differences))
        for name in _names(found.differences)
    ]
    rows += [
        (f"auto-fix {name}", *(side.get(name, "0") for side in found.auto_fixed)) for name in _names(found.auto_fixed)
    ]
    table(rows, ["open breaks", "before", "after"])


def _names(sides: tuple[Any, Any]) -> list[str]:
    return sorted({*sides[0], *sides[1]})


def _row(change: Change) -> tuple[str, ...]:
    a, b = change.before, change.after
    if a and b:
        pairs = ((a.code, b.code), (a.class_, b.class_), (a.difference, b.difference), (a.currency, b.currency))
        return (b.key, *(old if old == new else f"{old or '-'} > {new or '-'}" for old, new in pairs))
    stand = change.stand
    return stand.key, stand.code, stand.class_, stand.difference, stand.currency


def github(found: Diff) -> list[str]:
    """Workflow commands that mark the line of the rule that names a break now; then a line for each other sentence."""
    from recon.diff import place_of, sentences

    lines = []
    seen = set()
    for change in found.changes:
        file, _, line = place_of(change.after.rule).partition(":") if change.after else ("", "", "")
        if file and line and (file, line, change.kind) not in seen:
            seen.add((file, line, change.kind))
            alike = [c for c in found.of(change.kind) if c.after and place_of(c.after.rule) == f"{file}:{line}"]
            told = f"{len(alike)} {change.kind}: {', '.join(each.stand.key for each in alike[:5])}"
            title = f"{change.stand.code} ({change.stand.class_})"
            lines.append(
                f"::warning file={_property(file)},line={_property(line)},title={_property(title)}::{_data(told)}"
            )
    level = "notice" if found.same else "warning"
    told_all = sentences(found) or [f"{found.before} and {found.after}: the same"]
    return lines + [f"::{level} title=recon diff::{_data(each)}" for each in told_all]


def _data(text: str) -> str:
    return clean(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def junit(found: Diff, stands: list[Any]) -> str:
    """A test suite with a case for each reconciliation and code of either night; one that changed has failed."""
    from xml.etree import ElementTree

    changed: dict[tuple[str, str], list[Change]] = {}
    for change in found.changes:
        for stand in filter(None, (change.before, change.after)):
            changed.setdefault((stand.reconciliation, stand.code), []).append(change)
    cases = sorted({(stand.reconciliation, stand.code) for stand in stands})
    suite = ElementTree.Element(
        "testsuite",
        name=clean(f"recon diff {found.before} {found.after}"),
        tests=str(len(cases)),
        failures=str(len(changed)),
    )
    for reconciliation, code in cases:
        case = ElementTree.SubElement(suite, "testcase", classname=clean(reconciliation), name=clean(code))
        told = [f"{each.kind} {clean(' '.join(_row(each)))}" for each in changed.get((reconciliation, code), ())]
        if told:
            failure = ElementTree.SubElement(case, "failure", message=f"{len(told)} changed")
            failure.text = "\n".join(told)
    ElementTree.indent(suite)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(suite, encoding="unicode")
