"""`recon check`: everything that can be known to be wrong before a night is run."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recon.cli.output import emit, emit_json, json_option, next_command, workspace_option
from recon.errors import Exit, Place, Problem

if TYPE_CHECKING:
    from recon.workspace import Workspace


@click.command()
@workspace_option
@click.option("--connect/--no-connect", default=True, show_default=True, help="Try databases and transports.")
@json_option
@click.pass_context
def check(ctx: click.Context, workspace: Path, connect: bool, as_json: bool) -> None:
    """Check recon.yaml, rules with their cases, formats and connections; say how to mend what is wrong.

    Every problem of every file is shown at once, with file, line and column. No row and no file is read, nothing is written.

    \b
    Example:  recon check --no-connect

    \b
    Exit status:  0 sound (warnings allowed)   2 something has to be mended   4 a database or transport did not answer
    """
    from recon.config.workspace_file import read_workspace

    loaded, problems = read_workspace(workspace)
    if loaded is not None:
        problems = problems + _spare_formats(loaded)
    sound = loaded is not None and not any(problem.severity == "error" for problem in problems)
    unreachable: dict[str, str] = {}
    if loaded is not None and sound:
        problems = problems + _failed_cases(loaded)
        if connect:
            unreachable, found = _databases(loaded)
            silent, more = _transports(loaded)
            unreachable |= silent
            problems = problems + found + more
    errors = [problem for problem in problems if problem.severity == "error"]
    code = Exit.USAGE if errors else Exit.UNREACHABLE if unreachable else Exit.OK
    if as_json:
        emit_json(_as_json(problems, unreachable, code))
    else:
        _show(loaded, problems, unreachable, connect)
    ctx.exit(code)


def _spare_formats(workspace: Workspace) -> list[Problem]:
    """Problems of the workspace's own formats that no source uses yet, as one that `recon sniff` has just proposed."""
    from recon.config.format_file import read_format

    own = sorted((workspace.root / "rules" / "formats").glob("*.yaml"))
    spare = [path for path in own if path.stem not in workspace.formats and not path.is_symlink()]
    return [problem for path in spare for problem in read_format(path, f"rules/formats/{path.name}")[1]]


def _failed_cases(workspace: Workspace) -> list[Problem]:
    from recon.config.cases import run_cases

    return [
        Problem(
            result.place,
            f"{result.code} should {'fire on' if result.expected == 'fires' else 'be silent on'} this case, "
            f"which is {result.came}",
            f"recon rules explain {result.code}",
        )
        for reconciliation in workspace.reconciliations
        for result in run_cases(reconciliation)
        if not result.ok
    ]


def _databases(workspace: Workspace) -> tuple[dict[str, str], list[Problem]]:
    """Databases that do not answer, and queries that do not give what their record needs."""
    if not workspace.databases:
        return {}, []  # without the import, which takes its time
    from recon.store.probe import probe

    unreachable: dict[str, str] = {}
    problems: list[Problem] = []
    for name, secret in workspace.databases.items():
        sources = {source.name: source for source in workspace.sources if source.database == name}
        why, columns, wrong = probe(secret.value, {n: s.query for n, s in sources.items() if s.query is not None})
        if why:
            unreachable[name] = why
            continue
        for source_name, message in wrong.items():
            problems.append(Problem(sources[source_name].place, f"the query of {source_name} fails: {message}"))
        for source_name, found in columns.items():
            problems += _missing(workspace, source_name, found)
    return unreachable, problems


def _transports(workspace: Workspace) -> tuple[dict[str, str], list[Problem]]:
    """Transports that do not answer, and what they or a PGP key refuse; a listing is asked for, no file."""
    from recon.errors import ReconError, UnreachableError
    from recon.fetch import Connections, check_key
    from recon.fetch.local import pattern_for

    unreachable: dict[str, str] = {}
    problems: list[Problem] = []
    today = datetime.now(workspace.zone).date()
    with Connections(workspace.root, workspace.transports) as connections:
        for name in workspace.transports:
            users = [source for source in workspace.sources if source.transport == name]
            place = users[0].place if users else Place("recon.yaml")
            try:
                connections.named(name).check([pattern_for(source.files or "", today) for source in users])
            except UnreachableError as error:
                unreachable[f"transport {name}"] = error.message
            except ReconError as error:
                problems.append(Problem(place, error.message, error.remedy))
    for name, key in workspace.pgp_keys.items():
        try:
            check_key(key)
        except ReconError as error:
            problems.append(Problem(workspace.source(name).place, error.message, error.remedy))
    return unreachable, problems


def _missing(workspace: Workspace, name: str, columns: tuple[str, ...]) -> list[Problem]:
    from recon.domain.records import RECORD_TYPES
    from recon.engine.expressions import nearest

    source = workspace.source(name)
    record = RECORD_TYPES[source.record]
    given = {*columns, *(["psp"] if source.psp else [])}
    problems = [
        Problem(source.place, f"the query of {name} has no column {field.name}", f"{field.name}: {field.doc}")
        for field in record.fields
        if field.required and field.name not in given
    ]
    for column in columns:
        if column not in record.names:
            message = f"the query of {name} has a column {column} that {record.name} does not know"
            problems.append(Problem(source.place, message, nearest(column, record.names), "warning"))
    return problems


def _as_json(problems: list[Problem], unreachable: dict[str, str], code: int) -> dict[str, Any]:
    return {
        "ok": code == Exit.OK,
        "problems": [
            {
                "file": problem.place.file,
                "line": problem.place.line,
                "column": problem.place.column,
                "severity": problem.severity,
                "message": problem.message,
                "remedy": problem.remedy,
            }
            for problem in problems
        ],
        "unreachable": unreachable,
    }


def _show(workspace: Workspace | None, problems: list[Problem], unreachable: dict[str, str], connected: bool) -> None:
    for problem in problems:
        emit(str(problem))
    for name, why in unreachable.items():
        emit(f"recon.yaml: {name if name.startswith('transport ') else f'database {name}'} does not answer: {why}")
    errors = sum(problem.severity == "error" for problem in problems)
    if errors or unreachable or workspace is None:
        emit(f"{errors} error(s), {len(problems) - errors} warning(s), {len(unreachable)} system(s) not reached")
        next_command("mend these, then recon check")
        return
    clock = f"zone {workspace.zone}, cut-off {workspace.cut_off:%H:%M}"
    emit(f"OK  recon.yaml          {len(workspace.sources)} sources, {clock}")
    emit(f"OK  formats             {', '.join(workspace.formats) or 'none'}")
    for each in workspace.reconciliations:
        cases = sum(len(rule.fires_on) + len(rule.silent_on) for rule in each.breaks)
        emit(f"OK  {each.name:<18}  {len(each.breaks)} rules, {cases} cases")
    if workspace.databases:
        emit(f"OK  databases           {', '.join(workspace.databases)}" + ("" if connected else " (not tried)"))
    if workspace.transports:
        emit(f"OK  transports          {', '.join(workspace.transports)}" + ("" if connected else " (not tried)"))
    emit(f"OK  configuration       {workspace.config_sha256[:16]}")
    next_command("recon run --date YYYY-MM-DD")
