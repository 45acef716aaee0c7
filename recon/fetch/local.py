"""Files from a folder: which of them belong to a night, and their bytes kept for good under their SHA-256.

A file belongs to the night whose date stands in its pattern. One for an earlier night that no earlier night read is late: it
enters the night whose run finds it, marked so. Without a date in the pattern, a file belongs to the night that finds it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from recon.domain.rulebook import Source

_CHUNK = 1 << 22
_DATE = re.compile(r"\{date(?::([^}]*))?\}")
_SEQ = "{seq}"


@dataclass(frozen=True, slots=True)
class Fetched:
    """One file of the night. `path` is where its bytes are kept; `arrival` is its time of change at the source, UTC."""

    source: str
    name: str
    path: Path
    sha256: str
    size: int
    arrival: str
    late: bool
    day: date | None = None  # the date in its name
    number: int | None = None  # its number in the provider's series, where the pattern has {seq}


@dataclass(frozen=True, slots=True)
class Version:
    """Bytes that a night has had under a name."""

    sha256: str
    size: int
    arrival: str


def fetch_files(
    root: Path,
    raw: Path,
    source: Source,
    night: date,
    first_night: date,
    look_back_days: int,
    taken: Mapping[str, Collection[Version]],
) -> list[Fetched]:
    """The source's files for a night, in the order of their dates and names; the bytes of each are kept under `raw`.

    taken   name -> the versions of it that nights have had; a name whose bytes are others now is found again
    """
    found: list[Fetched] = []
    making = raw / f".making-{night}"  # the night's lock makes it ours
    making.unlink(missing_ok=True)
    for day, path in _matching(
        root, source.files or "", night, max(first_night, night - timedelta(days=look_back_days))
    ):
        name = path.relative_to(root).as_posix()
        number = number_in(source.files or "", day, name)
        if number is None and _SEQ in (source.files or ""):
            continue  # the pattern asks for a number, and this name has none there
        known = taken.get(name, ())
        stat = path.stat()
        arrival = datetime.fromtimestamp(stat.st_mtime, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        # A file as big and as old as the one that was read is not read again to learn that it is the same.
        same = any(each.size == stat.st_size and each.arrival == arrival for each in known)
        if same or any(each.name == name for each in found):
            continue
        sha256, kept = keep(path, raw, making)
        if any(each.sha256 == sha256 for each in known):
            continue
        late = day is not None and day < night
        found.append(Fetched(source.name, name, kept, sha256, stat.st_size, arrival, late, day, number))
    return found


def pattern_for(pattern: str, day: date) -> str:
    """The pattern with the date put in: `{date}` is ISO, `{date:%Y%m%d}` any layout."""
    return _DATE.sub(lambda match: day.strftime(match.group(1) or "%Y-%m-%d"), pattern)


def has_date(pattern: str) -> bool:
    """Whether a file's name says which night it is for."""
    return _DATE.search(pattern) is not None


def number_in(pattern: str, day: date | None, name: str) -> int | None:
    """The number that stands for `{seq}` in a file's name; None where the pattern has none or the name has no number there."""
    before, has, after = (pattern_for(pattern, day) if day else pattern).rpartition("/")[2].partition(_SEQ)
    if not has:
        return None
    found = re.fullmatch(f"{_regex(before)}([0-9]{{1,18}}){_regex(after)}", name.rpartition("/")[2])
    return int(found[1]) if found else None


def _regex(glob: str) -> str:
    """A part of a pattern, for one name: `*`, `?` and `[...]` as they match in a folder."""
    tokens = re.findall(r"\[[^\]]+\]|.", glob)
    return "".join(
        ".*"
        if token == "*"
        else "."
        if token == "?"
        else token.replace("[!", "[^")
        if len(token) > 1
        else re.escape(token)
        for token in tokens
    )


def _matching(root: Path, pattern: str, night: date, oldest: date) -> list[tuple[date | None, Path]]:
    pattern = pattern.replace(_SEQ, "*")
    if not has_date(pattern):
        return [(None, path) for path in sorted(root.glob(pattern)) if path.is_file()]
    days = [oldest + timedelta(days=n) for n in range((night - oldest).days + 1)]
    return [(day, path) for day in days for path in sorted(root.glob(pattern_for(pattern, day))) if path.is_file()]


def keep(path: Path, raw: Path, making: Path) -> tuple[str, Path]:
    """Copy a file's bytes under their SHA-256, once. Returns (sha256, where they are kept).

    making   the copy's name until it is whole: one that a killed run left is taken over, and none is left behind

    The copy is not on the disk for good before `make_durable`; until then a rerun copies it again.
    """
    raw.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    try:
        with path.open("rb") as source, making.open("wb") as target:
            while chunk := source.read(_CHUNK):
                digest.update(chunk)
                target.write(chunk)
        kept = raw / digest.hexdigest()
        making.replace(kept)  # also over one that is there: a power cut may have left it without its bytes
        return digest.hexdigest(), kept
    finally:
        making.unlink(missing_ok=True)
