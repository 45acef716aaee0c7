"""Report: one file sniffed from end to end: evidence, known formats, a proposal and what came of trying it."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from recon.config.format_file import parse_format
from recon.config.unconfirmed import SAID, unconfirmed
from recon.config.yaml_file import parse_document
from recon.domain.records import RecordType
from recon.errors import ConfigError
from recon.ingest.cards import mask
from recon.sniff.container import HEAD, Opened
from recon.sniff.evidence import CERTAIN, Finding, NotATableError
from recon.sniff.look import look, open_and_read
from recon.sniff.looked import Looked
from recon.sniff.propose import proposal
from recon.sniff.provider import Provider, provider
from recon.sniff.rank import Trial, providers, ranked, tried
from recon.sniff.table import DELIMITERS

_HEAD, _HEAD_LINES = 1 << 16, 100


@dataclass(slots=True)
class Sniffed:
    """All that is told about a file. `nothing` and `remedy`: why there is no proposal."""

    file: str
    sha256: str
    looked_at: str = ""
    steps: tuple[str, ...] = ()  # what a source has to `unpack`
    findings: list[Finding] = field(default_factory=list)
    columns: list[dict[str, object]] = field(default_factory=list)
    known: list[Trial] = field(default_factory=list)
    nothing: str = ""
    remedy: str = ""
    name: str = ""
    draft: str = ""
    to_confirm: list[tuple[int, str]] = field(default_factory=list)
    trial: Trial | None = None


def sniff_file(
    path: Path,
    record: RecordType,
    name: str,
    psp: str,
    folders: Sequence[Path],
    sources: Sequence[tuple[str, str]] = (),
) -> Sniffed:
    """Look at a file.

    name      of the proposal; by default made of the file's name
    psp       the provider, where a person says it
    folders   where known formats are, those that win first
    sources   (source, provider) of those in the workspace whose pattern the file matches
    """
    with path.open("rb") as file:
        result = Sniffed(path.name, hashlib.file_digest(file, "sha256").hexdigest())
    result.name = name or _name(path)
    with tempfile.TemporaryDirectory(prefix="recon-sniff-") as made:
        scratch = Path(made)
        try:
            opened, result.findings = open_and_read(path, scratch)
        except NotATableError as error:
            result.looked_at = f"{path.stat().st_size:,} bytes"
            result.nothing, result.remedy = error.what, error.remedy
            return result
        result.looked_at, result.steps = _looked_at(path, opened), opened.steps
        looked = None
        try:
            looked = look(opened, result.findings, record)
        except NotATableError as error:
            result.nothing, result.remedy = error.what, error.remedy
        result.known = ranked(opened, _names(looked, opened), folders, scratch)
        if any(trial.knows for trial in result.known):
            result.nothing = result.remedy = ""
        if looked is not None and not result.nothing:
            result.columns = [_column(looked, n) for n in range(len(looked.columns))]
            whose = Provider(psp, Finding("provider", psp, CERTAIN, "you say so")) if psp else None
            known = providers(folders)
            whose = whose or provider(sources, [path.name, opened.name], name, _inside(looked), known)
            if not psp and record.field("psp"):
                result.findings.append(whose.finding)
            _propose(result, looked, whose, scratch)
    result.findings = [_inert(each) for each in result.findings]
    return result


def _inside(looked: Looked) -> list[str]:
    """What of a file could name its provider: the lines above and below the table, and the columns."""
    around = [cell for line in (*looked.table.above, *looked.table.below) for cell in line.cells]
    return [*around, *looked.table.header]


def _propose(result: Sniffed, looked: Looked, whose: Provider, scratch: Path) -> None:
    """Write the proposal, prove that it is a format, and read the file with it."""
    origin = f"{result.file}, {looked.rows:,} rows of {'the whole file' if looked.opened.whole else 'its beginning and of a sample'}"
    draft = proposal(looked, result.name, whose.name, whose.doubt, origin)
    document = parse_document(draft.encode(), f"{result.name}.yaml")
    fmt, problems = parse_format(document, draft=True)
    if fmt is None or any(problem.severity == "error" for problem in problems):
        raise ConfigError(problems)
    result.draft = draft
    result.to_confirm = [(each.place.line, each.message.removeprefix(SAID)) for each in unconfirmed(document)]
    result.trial = tried(fmt, looked.opened.path, scratch / "proposal", whole=looked.opened.whole)


def _name(path: Path) -> str:
    """A format's name from a file's: its words, without dates and numbers."""
    words = re.findall("[a-z]+", path.name.split(".")[0].casefold())
    return ("_".join(words)[:60].strip("_")) or "proposed"


def _looked_at(path: Path, opened: Opened) -> str:
    inside = f", inside it {opened.name}, {opened.size:,} bytes" if opened.steps else ""
    how = "looked at whole"
    if opened.rest is not None:
        how = f"only the first {HEAD:,} bytes looked at, and {len(opened.rest.places())} places of the rest"
        how += "" if opened.rest.last else f", as far as the first {opened.size:,} bytes"
    return f"{path.stat().st_size:,} bytes{inside}; {how}"


def _names(looked: Looked | None, opened: Opened) -> list[str]:
    """Whatever could be a column's name: the header as it was found, and each cell of the first lines, however split."""
    names = list(looked.table.header) if looked is not None else []
    if opened.kind == "text":
        head = opened.path.read_bytes()[:_HEAD]
        encoding = str(looked.options["encoding"]) if looked is not None else "utf-8"
        lines = head.decode(encoding, "replace").removeprefix("\ufeff").split("\n")[:_HEAD_LINES]
        names += [cell.strip(' "\r') for line in lines for mark in DELIMITERS for cell in line.split(mark)]
    return names


def _column(looked: Looked, at: int) -> dict[str, object]:
    column = looked.columns[at]
    roles = [name for name, role in looked.roles.items() if role.column is column]
    return {
        "name": column.name,
        "holds": column.shape,
        "filled": len(column.filled),
        "distinct": len(column.counts),
        "unique_percent": column.unique_percent,
        "layouts": column.layouts[:3],
        "field": roles[0] if roles else None,
    }


def _inert(each: Finding) -> Finding:
    """Card numbers masked: what a file says is shown, not spread."""
    return Finding(each.what, mask(each.found), each.sure, mask(each.why))
