"""`recon inputs`: what a night read and what it waits for; and what people decide on files that were set aside."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recon.cli.breaks import night_of
from recon.cli.output import emit, emit_json, json_option, next_command, table, workspace_option
from recon.errors import ReconError

if TYPE_CHECKING:
    from recon.domain.completeness import Awaited
    from recon.workspace import Workspace

#: Columns of a terminal; the tables keep within them wherever they are shown.
_COLUMNS = 80


@click.group()
def inputs() -> None:
    """List what a night read and waits for; accept or reject what was set aside.

    \b
    Example:  recon inputs list
    """


@inputs.command("list")
@workspace_option
@click.option("--date", "night", metavar="DATE", help="The night; by default the newest.")
@json_option
def list_(workspace: Path, night: str | None, as_json: bool) -> None:
    """List every file and query of a night, and what it waits for since when.

    \b
    Example:  recon inputs list --date 2026-11-19
    """
    settings, folder = _settings(workspace), night_of(workspace, night)
    entries, waiting = _entries(folder), _awaited(folder)
    if as_json:
        emit_json({"night": folder.name, "inputs": entries, "awaiting": [_waits(each) for each in waiting]})
        return
    table(
        [
            (each["source"], each["name"], _state(each), each["rows"], each["replayed"], each["sha256"][:12])
            for each in entries
        ],
        ["source", "file or query", "state", "rows", "known", "sha256"],
        columns=_COLUMNS,
    )
    for each in waiting:
        emit(f"\n{each.source}: {_since(each, settings)}")
        emit(f"  what   {each.path or _what(each)}: {each.reason}")
        emit(f"  to do  {each.remedy}")
    count = len(waiting)
    emit(
        f"\n{folder.name} waits for {count} input{'s' if count != 1 else ''}"
        if count
        else f"\n{folder.name} is complete"
    )
    decidable = next((each for each in waiting if each.kind == "decision"), None)
    if decidable is not None:
        next_command(f"recon inputs show {decidable.sha256[:12]}")
    elif waiting:
        next_command(f"recon run --date {folder.name}")
    else:
        next_command(f"recon breaks list --date {folder.name}")


@inputs.command()
@workspace_option
@click.argument("what", metavar="SHA|NAME")
@json_option
def show(workspace: Path, what: str, as_json: bool) -> None:
    """Show one file in full, on every night that had it, with what people decided on it.

    \b
    Example:  recon inputs show in/adyen_20261119.csv
    """
    settings = _settings(workspace)
    found = _seen(settings, what)
    if not found:
        raise ReconError("no-input", f"no night had {what}", "recon inputs list")
    decisions = _decisions(settings, {entry["sha256"] for _, entry in found})
    if as_json:
        emit_json({"seen": [{"night": night, **entry} for night, entry in found], "decisions": decisions})
        return
    for night, entry in found:
        emit(f"{'night':<12} {night}")
        for name in ("source", "name", "sha256", "size", "arrival", "for", "status", "code", "reason", "remedy"):
            if entry.get(name) not in (None, ""):
                emit(f"{name:<12} {entry[name]}")
        emit(
            f"{'rows':<12} {entry['rows']}, read {entry['read']}, known before {entry['replayed']}, restated "
            f"{entry['restated']}, in quarantine {entry['quarantined']}"
        )
        emit()
    for each in decisions:
        emit(f"{each['decision']}ed by {each['decided_by']} at {each['decided_at']}: {each['why']}")
    newest = night_of(workspace, None)
    waits = any(each.sha256 == found[-1][1]["sha256"] for each in _awaited(newest) if each.sha256)
    next_command(
        f"recon inputs {'accept ' + found[-1][1]['sha256'][:12] + ' --as NAME --why TEXT' if waits else 'list'}"
    )


@inputs.command()
@workspace_option
@click.argument("what", metavar="SHA|NAME|SOURCE@DATE|SOURCE#NUMBER")
@click.option("--as", "name", default="", metavar="NAME", help="Who decides.")
@click.option("--why", default="", metavar="TEXT", help="The reason; it stands in the night's inputs.")
@json_option
def accept(workspace: Path, what: str, name: str, why: str, as_json: bool) -> None:
    """Take a file that was set aside as it is, or wait no longer for one that will not come.

    A restated file is taken beside the one that was read first: known rows are counted, changed ones become breaks,
    nothing is erased. What you decide is kept for good, with your name, the time and the reason.

    \b
    Example:  recon inputs accept 9c1d2e3f4a5b --as jane --why "corrected by the provider, mail of 20 Nov"
    Example:  recon inputs accept adyen@2026-11-19 --as jane --why "no settlement on that day"
    """
    _decide(workspace, what, "accept", name, why, as_json)


@inputs.command()
@workspace_option
@click.argument("what", metavar="SHA|NAME")
@click.option("--as", "name", default="", metavar="NAME", help="Who decides.")
@click.option("--why", default="", metavar="TEXT", help="The reason; it stands in the night's inputs.")
@json_option
def reject(workspace: Path, what: str, name: str, why: str, as_json: bool) -> None:
    """Leave a file that was set aside out for good. A file that was expected in its place is still awaited.

    \b
    Example:  recon inputs reject 9c1d2e3f4a5b --as jane --why "sent by mistake"
    """
    _decide(workspace, what, "reject", name, why, as_json)


def _decide(workspace: Path, what: str, decision: str, name: str, why: str, as_json: bool) -> None:
    from recon.arrivals import ACCEPTABLE
    from recon.store.audit import refuse_unsigned
    from recon.store.decisions import decide

    settings, folder = _settings(workspace), night_of(workspace, None)
    refuse_unsigned(name, why)
    each = _one(folder, what)
    if decision == "accept" and each.kind == "decision" and each.code not in ACCEPTABLE:
        raise ReconError(
            "not-acceptable",
            f"{each.path} cannot be taken as it is: {each.reason}",
            f"ask the provider for it again, or leave it out: recon inputs reject {what} --as NAME --why TEXT",
        )
    if decision == "reject" and each.kind != "decision":
        raise ReconError(
            "nothing-to-reject",
            f"{what} did not come, so there is nothing to leave out",
            f"to wait for it no longer: recon inputs accept {what} --as NAME --why TEXT",
        )
    night = date.fromisoformat(folder.name)
    made, new = decide(settings.state_url.value, settings.root, night, each.target, decision, name, why, each.reason)
    if as_json:
        emit_json({"night": night, "new": new, **made.as_json()})
    else:
        said = f"{decision}ed by {made.decided_by} at {made.decided_at}: {made.why}"
        emit(f"{each.path or _what(each)}: {said}" if new else f"{each.path or _what(each)} was decided before: {said}")
    next_command(f"recon run --date {night}")


def _one(folder: Path, what: str) -> Awaited:
    """The one thing that the newest night waits for and that `what` names."""
    waiting = _awaited(folder)
    found = [each for each in waiting if _names(each, what)]
    if len(found) == 1:
        return found[0]
    if found:
        digests = ", ".join(each.sha256[:16] for each in found)
        raise ReconError("several-inputs", f"{what} names {len(found)} files that wait", f"give one of: {digests}")
    raise ReconError(
        "nothing-waits",
        f"{folder.name}, the newest night, does not wait for {what}",
        "recon inputs list shows what it waits for",
    )


def _names(each: Awaited, what: str) -> bool:
    if each.kind != "decision":
        return what == each.target
    by_digest = len(what) >= 8 and each.sha256.startswith(what.lower())
    return by_digest or what in (each.path, each.path.rpartition("/")[2], f"{each.path}@{each.sha256[:8]}")


def _settings(workspace: Path) -> Workspace:
    from recon.config.workspace_file import load_workspace

    return load_workspace(workspace)


def _entries(folder: Path) -> list[dict[str, Any]]:
    from recon.store.history import inputs_of

    return inputs_of(folder)


def _awaited(folder: Path) -> list[Awaited]:
    from recon.domain.completeness import from_json
    from recon.store.history import awaited_of

    return [each for each in map(from_json, awaited_of(folder)) if each is not None]


def _seen(settings: Workspace, what: str) -> list[tuple[str, dict[str, Any]]]:
    """(night, entry) of every input that a digest's beginning or a name names, oldest night first."""
    from recon.store.folder import published

    found = []
    for night in published(settings.nights):
        for entry in _entries(settings.nights / str(night)):
            path = str(entry.get("path") or entry["name"])
            names = (entry["name"], path, path.rpartition("/")[2])
            by_digest = len(what) >= 8 and entry["sha256"].startswith(what.lower())
            if what in names or by_digest:
                found.append((str(night), entry))
    return found


def _decisions(settings: Workspace, digests: set[str]) -> list[dict[str, str]]:
    """The decisions on files with one of these digests, in the order in which they were made."""
    from recon.store.decisions import read_decisions

    known = read_decisions(settings.state_url.value, settings.root)
    return [each.as_json() for each in known if each.target.split("|")[2:3] and each.target.split("|")[2] in digests]


def _state(entry: dict[str, Any]) -> str:
    """A word or two for the table."""
    if entry.get("replaced_by"):
        return "replaced"
    late = ", late" if entry["late"] else ", after its hour" if entry.get("overdue") else ""
    return str(entry["status"]).replace("_", " ") + late


def _what(each: Awaited) -> str:
    return f"the file for {each.for_night}" if each.kind == "file" else f"number {each.target.partition('#')[2]}"


def _waits(each: Awaited) -> dict[str, Any]:
    return {"target": each.target, **each.as_json()}


def _since(each: Awaited, settings: Workspace) -> str:
    """What a person at this moment calls it: only here is the clock looked at, and nothing that is kept depends on it."""
    from recon.domain.completeness import INSTANT, local_text

    nights = f" ({each.nights} nights)" if each.nights > 1 else ""
    if each.kind == "decision":
        return f"set aside since {each.since}{nights}, waits for a person"
    if not each.due_by:
        return f"awaited since {each.since}{nights}"
    now = datetime.now(UTC).strftime(INSTANT)
    hour = local_text(each.due_by, settings.zone)
    return f"late since {hour}{nights}" if now > each.due_by else f"awaited, due by {hour}{nights}"
