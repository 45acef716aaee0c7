"""Rank: the formats that are known (shipped, or the workspace's own), by how well each reads the file.

Tried      every format whose required columns the file has, and those of readers that have no header: by reading it, as a
           night would
Told       share of required columns present, rows read, and the reason where a night would set the file aside
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import time
from pathlib import Path
from zoneinfo import ZoneInfo

from recon.config.format_file import read_format
from recon.domain.records import RECORD_TYPES
from recon.domain.rulebook import Format, Moves, Source
from recon.engine.duck import Engine
from recon.errors import ReconError
from recon.ingest.files import Limits, read_file
from recon.ingest.staged import column_pattern
from recon.sniff.container import Opened

_BY_HEADER = ("delimited", "json", "excel")
_WORTH_TELLING = 50  # percent of the required columns


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of reading the file with a format.

    present, required   columns; equal for readers without a header
    rows, read          of the file, 0 where it was not tried or not readable
    proved              names of the control totals that hold
    why                 reason to set the file aside, or what is missing; empty where it fits
    """

    name: str
    present: int
    required: int
    rows: int
    read: int
    proved: tuple[str, ...]
    why: str
    to_confirm: int = 0

    @property
    def fits(self) -> bool:
        """A night would take the file."""
        return self.rows > 0 and not self.why

    @property
    def knows(self) -> bool:
        """It is this file's format: its columns are there and its rows read, whatever the totals say."""
        return 0 < self.rows == self.read and self.present == self.required

    @property
    def score(self) -> tuple[bool, int, int, int]:
        read = 1000 * self.read // self.rows if self.rows else 0
        return self.fits, read, 100 * self.present // max(self.required, 1), self.required


def ranked(opened: Opened, columns: Iterable[str], folders: Iterable[Path], scratch: Path) -> list[Trial]:
    """Known formats, the best first. `columns`: every name that the file could have as a column."""
    names = {name.strip() for name in columns}
    trials = []
    for name, fmt in _known(folders):
        if (fmt.reader == "excel") != (opened.kind == "workbook"):
            continue
        present = sum(any(column_pattern(wanted).fullmatch(own) for own in names) for wanted in fmt.required)
        if fmt.reader in _BY_HEADER and present < len(fmt.required):
            if 100 * present >= _WORTH_TELLING * len(fmt.required):
                trials.append(Trial(name, present, len(fmt.required), 0, 0, (), _missing(fmt, names)))
            continue
        trial = tried(fmt, opened.path, scratch / name, whole=opened.whole)
        if fmt.reader in _BY_HEADER or trial.rows:
            trials.append(trial)
    return sorted(trials, key=lambda each: each.score, reverse=True)


def providers(folders: Iterable[Path]) -> list[str]:
    """The providers that known formats are of."""
    fields = [fmt.fields.get("psp") for _, fmt in _known(folders)]
    return sorted({field.const for field in fields if field is not None and field.const})


def _known(folders: Iterable[Path]) -> Iterator[tuple[str, Format]]:
    found: dict[str, Path] = {}
    for folder in folders:
        for each in sorted(folder.glob("*.yaml")):
            found.setdefault(each.stem, each)
    for name, path in sorted(found.items()):
        fmt, problems = read_format(path)
        if fmt is not None and all(problem.severity != "error" for problem in problems):
            yield name, fmt


def tried(fmt: Format, path: Path, work: Path, *, whole: bool) -> Trial:
    """Read the file as a night would. Of a part of a file, totals prove nothing."""
    work.mkdir(parents=True, exist_ok=True)
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    lacking = {field.name for field in RECORD_TYPES[fmt.record].fields if field.required} - set(fmt.fields)
    # A format may leave the provider or the account to the source, and here is none.
    psp, account = (fmt.name if each in lacking else "" for each in ("psp", "account"))
    source = Source("sniff", fmt.record, Moves.EVENTS, format=fmt.name, psp=psp, account=account)
    needed, engine = len(fmt.required), Engine(work / "spill")
    try:
        loaded = read_file(
            engine,
            source,
            fmt,
            path,
            path.name,
            sha256,
            work / "out",
            ZoneInfo("UTC"),
            time(0),
            Limits(1, 10),
            keep=True,
        )
    except ReconError as error:
        return Trial(fmt.name, needed, needed, 0, 0, (), error.message, len(fmt.to_confirm))
    finally:
        engine.close()
    failed = any(state == "failed" for _, state, _ in loaded.controls)
    why = loaded.set_aside.reason if loaded.set_aside and not (failed and not whole) else ""
    if not why and loaded.quarantined:
        why = f"{loaded.quarantined} row(s) refused" if loaded.quarantined * 100 > loaded.rows else ""
    proved = tuple(name for name, state, _ in loaded.controls if state == "proved")
    return Trial(fmt.name, needed, needed, loaded.rows, loaded.read, proved, why, len(fmt.to_confirm))


def _missing(fmt: Format, names: set[str]) -> str:
    lacking = [c for c in fmt.required if not any(column_pattern(c).fullmatch(own) for own in names)]
    more = f" and {len(lacking) - 3} more" if len(lacking) > 3 else ""
    return f"lacks {', '.join(repr(each) for each in lacking[:3])}{more}"
