"""`recon sniff`: what a file that nobody has described is, and a format proposed for it."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recon.cli.output import emit, emit_json, find_workspace, json_option, next_command, say, table
from recon.errors import Exit, ReconError

if TYPE_CHECKING:
    from recon.sniff.report import Sniffed

_KNOWN_SHOWN = 5


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--name", default="", metavar="NAME", help="Write the proposal to rules/formats/NAME.yaml of the workspace."
)
@click.option(
    "--record", default="settlement_line", show_default=True, metavar="RECORD", help="Vocabulary that the rows become."
)
@click.option("--psp", default="", metavar="NAME", help="Provider; by default told from the file.")
@json_option
@click.pass_context
def sniff(ctx: click.Context, file: Path, name: str, record: str, psp: str, as_json: bool) -> None:
    """Tell what FILE is, with evidence; rank the known formats; else propose one.

    Looks into zip, gzip and bz2. How sure a finding is follows from how many rows or bytes say so; of files above 8 MB the
    beginning is looked at, and a sample of the rest. In a proposal every line whose mistake nobody would notice ends in `# TODO confirm: ...`, and
    `recon check` refuses the format until each is settled and its comment deleted. Nights never sniff.

    \b
    Example:  recon sniff in/acme_20261119.zip --name acme_settlement

    \b
    Exit status:  0 a format fits or is proposed   2 usage   3 the file holds nothing that could be read
    """
    from recon.domain.records import RECORD_TYPES
    from recon.sniff.report import sniff_file

    if record not in RECORD_TYPES:
        raise ReconError(
            "no-such-record", f"there is no record vocabulary {record}", f"one of: {', '.join(RECORD_TYPES)}"
        )
    target = _target(name) if name else None
    result = sniff_file(file, RECORD_TYPES[record], name, psp, _folders(), _sources(file))
    if target is not None and result.draft:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("x", encoding="utf-8") as written:
            written.write(result.draft)
    if as_json:
        emit_json(_as_json(result, target))
    else:
        _show(result, target, file)
    ctx.exit(Exit.INCOMPLETE if result.nothing else Exit.OK)


def _target(name: str) -> Path:
    """Where the proposal goes; a file that is there is never overwritten."""
    from recon.config.models import NAME

    if not re.fullmatch(NAME, name):
        raise ReconError(
            "bad-name", f"{name!r} is no name of a format", "lower case letters, digits and _: acme_settlement"
        )
    path = find_workspace() / "rules" / "formats" / f"{name}.yaml"
    if path.exists() or path.is_symlink():
        raise ReconError("format-exists", f"{path} is there already", "choose another --name, or move the file away")
    return path


def _folders() -> list[Path]:
    """Where known formats are: the workspace's own first."""
    from recon.config.shipped import shipped_rules

    folders = [shipped_rules() / "formats"]
    with suppress(ReconError):
        folders.insert(0, find_workspace() / "rules" / "formats")
    return folders


def _sources(file: Path) -> list[tuple[str, str]]:
    """(source, provider) of those in the workspace whose pattern the file matches, as recon.yaml says, right or wrong."""
    from recon.config.yaml_file import read_document
    from recon.fetch import has_path

    with suppress(ReconError, ValueError):
        root = find_workspace()
        path = file.resolve().relative_to(root.resolve()).as_posix()
        sources = read_document(root / "recon.yaml").root.value().get("sources")
        found = [(name, each) for name, each in (sources or {}).items() if isinstance(each, dict)]
        return [(name, str(each.get("psp", ""))) for name, each in found if has_path(str(each.get("files", "")), path)]
    return []


def _as_json(result: Sniffed, target: Path | None) -> dict[str, Any]:
    return {
        "file": result.file,
        "sha256": result.sha256,
        "looked_at": result.looked_at,
        "unpack": list(result.steps),
        "evidence": result.findings,
        "columns": result.columns,
        "known": [
            {
                "format": each.name, "fits": each.fits, "columns_present": each.present, "columns_required": each.required,
                "rows": each.rows, "read": each.read, "proved": list(each.proved), "why": each.why,
            }
            for each in result.known
        ],
        "nothing": {"what": result.nothing, "remedy": result.remedy} if result.nothing else None,
        "proposal": {
            "format": result.name,
            "path": str(target) if target else None,
            "yaml": result.draft,
            "to_confirm": [{"line": line, "what": what} for line, what in result.to_confirm],
            "rows": result.trial.rows,
            "read": result.trial.read,
            "proved": list(result.trial.proved),
            "why": result.trial.why,
        }
        if result.draft and result.trial
        else None,
    }  # fmt: skip


def _show(result: Sniffed, target: Path | None, file: Path) -> None:
    emit(f"{result.file}: {result.looked_at}")
    emit()
    table(((f.what, f.found, f"{f.sure} %", f.why) for f in result.findings), ("what", "found", "sure", "why"))
    if result.known:
        emit()
        table(
            (
                (
                    each.name,
                    f"{each.present}/{each.required}",
                    f"{each.read}/{each.rows}" if each.rows else "",
                    _verdict(each),
                )
                for each in result.known[:_KNOWN_SHOWN]
            ),
            ("known format", "columns", "rows read", "verdict"),
        )
    emit()
    if result.nothing:
        emit(f"nothing to propose: {result.nothing}", fg="red")
        emit(f"  to fix  {result.remedy}")
        return
    known = next((each for each in result.known if each.fits or each.knows), None)
    if known is not None and (target is None or not result.draft):
        emit(f"{known.name} reads this file" + ("" if known.fits else f", but a night would set it aside: {known.why}"))
        next_command(f"recon preview {file} --format {known.name}{_unpack(result)}")
        return
    _show_proposal(result, target, file)


def _verdict(each: Any) -> str:
    if not each.fits:
        return str(each.why)
    more = f"; its user confirms {each.to_confirm} point(s)" if each.to_confirm else ""
    return f"fits{', totals proved' if each.proved else ''}{more}"


def _show_proposal(result: Sniffed, target: Path | None, file: Path) -> None:
    assert result.trial is not None  # a draft has been tried
    trial = result.trial
    proved = f", {len(trial.proved)} control total(s) proved" if trial.proved else ""
    why = f"; {trial.why}" if trial.why else ""
    read = f"{trial.read:,} of {trial.rows:,} rows read{proved}{why}"
    if target is None:
        emit(f"proposed format {result.name}: {read}; {len(result.to_confirm)} line(s) to confirm")
        emit()
        emit(result.draft.rstrip("\n"))
        say()
        next_command(f"recon sniff {file} --name {result.name}   (writes it into the workspace)")
        return
    emit(f"wrote rules/formats/{target.name}: {read}")
    if result.to_confirm:
        emit(f"{len(result.to_confirm)} line(s) to confirm; until then no night takes the format:")
        table(((line, what) for line, what in result.to_confirm), ("line", "what"))
    emit()
    emit("a source for recon.yaml:")
    emit(f"  {_source(result, file)}")
    next_command(f"recon preview {file} --format {result.name}{_unpack(result)}; settle the lines; recon check")


def _unpack(result: Sniffed) -> str:
    return "".join(f" --unpack {step}" for step in result.steps)


def _source(result: Sniffed, file: Path) -> str:
    """The line that reads such files each night: the date in the file's name becomes the night's."""
    name = re.sub(r"20[0-9]{2}-[01][0-9]-[0-3][0-9]", "{date}", file.name)
    name = re.sub(r"20[0-9]{2}[01][0-9][0-3][0-9]", "{date:%Y%m%d}", name)
    folder = "in"
    with suppress(ReconError, ValueError):
        folder = file.resolve().parent.relative_to(find_workspace()).as_posix()
    unpack = f", unpack: [{', '.join(result.steps)}]" if result.steps else ""
    return f'{result.name}: {{format: {result.name}, files: "{folder}/{name}"{unpack}}}'
