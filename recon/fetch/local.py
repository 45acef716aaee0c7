"""Which files of a source belong to a night, from wherever they come, and a folder as one such place.

A file belongs to the night whose date stands in its pattern. One for an earlier night that no earlier night read is late: it
enters the night whose run finds it, marked so. Without a date in the pattern, a file belongs to the night that finds it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from recon.domain.rulebook import Source
from recon.errors import InvariantError
from recon.fetch.transport import (
    UNFINISHED,
    Brought,
    Candidate,
    MovingError,
    Transport,
    keep_stream,
    matcher,
    shown,
    unfinished,
)

_CHUNK = 1 << 22
#: Bytes of known files that a source reads each night to see whether they were written anew; past it size and time tell.
HASHED_AT_MOST = 1 << 30
_SEQ = "{seq}"
_DATE = re.compile(r"\{date(?::([^}]*))?\}")


@dataclass(frozen=True, slots=True)
class Fetched:
    """One file of the night. `path` is where its bytes are kept; `arrival` is its time of change at the source, UTC.

    version   what pinned its bytes at the source, where there is such a thing
    stamp     what the disk said of `path` when its bytes were written and hashed; empty: an earlier run did that
    """

    source: str
    name: str
    path: Path
    sha256: str
    size: int
    arrival: str
    late: bool
    day: date | None = None  # the date in its name
    number: int | None = None  # its number in the provider's series, where the pattern has {seq}
    version: str = ""
    stamp: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Version:
    """Bytes that a night has had under a name. `version`: what pinned them at the source, where there is such a thing."""

    sha256: str
    size: int
    arrival: str
    version: str = ""

    def looks_like(self, candidate: Candidate) -> bool:
        """Whether a file is as big and as old as these bytes were, and not another version of them."""
        listed = (
            candidate.version
        )  # where a bucket keeps versions, the bytes that were read are pinned by theirs as well
        pinned = not (self.version and listed) or self.version == listed or self.version.startswith(f"{listed},")
        return pinned and (self.size, self.arrival) == (candidate.size, candidate.arrival)


@dataclass(frozen=True, slots=True)
class Later:
    """A file that does not hold still, left for a later run. `late`: it is one of an earlier night."""

    source: str
    name: str
    why: str
    late: bool
    day: date | None = None  # the date in its name


def fetch_files(
    transport: Transport,
    raw: Path,
    source: Source,
    night: date,
    first_night: date,
    look_back_days: int,
    taken: Mapping[str, Collection[Version]],
    leave: Callable[[Later], None] = lambda later: None,
) -> list[Fetched]:
    """The source's files for a night, in the order of their dates and names; the bytes of each are kept under `raw`.

    taken   name -> the versions of it that nights have had; a name whose bytes are others now is found again
    leave   is told of each file that is still being written
    """
    found: list[Fetched] = []
    making = raw / f".making-{night}"  # the night's lock makes it ours
    making.unlink(missing_ok=True)
    pattern = source.files or ""
    matching = _matching(transport, pattern, night, max(first_night, night - timedelta(days=look_back_days)))
    names = {*taken, *(candidate.name for _, candidate in matching)}
    same = _as_before(transport, [candidate for _, candidate in matching], taken)
    for day, candidate in matching:
        number = number_in(pattern, day, candidate.name)
        known = taken.get(candidate.name, ())
        if (
            candidate.name in same
            or (number is None and _SEQ in pattern)
            or any(each.name == candidate.name for each in found)
        ):
            continue
        ended = (candidate.name.removesuffix(suffix) for suffix in UNFINISHED if candidate.name.endswith(suffix))
        if any(name in names for name in ended):
            continue  # what was left of an upload that has ended
        late, why = day is not None and day < night, unfinished(candidate, source.settle_seconds)
        if not why:
            try:
                brought = transport.fetch(candidate, raw, making)
            except MovingError as moving:
                why = str(moving)
        if why:
            leave(Later(source.name, candidate.name, why, late, day))
        elif all(each.sha256 != brought.sha256 for each in known):
            found.append(_fetched(source, brought, late, day, number))
    return found


def _as_before(
    transport: Transport, candidates: Sequence[Candidate], taken: Mapping[str, Collection[Version]]
) -> set[str]:
    """Names of the files whose bytes nights have had. A file that is as big and as old as it was is read again to learn whether
    it is the same where that costs no transfer, the newest first and as far as HASHED_AT_MOST goes."""
    left, same = HASHED_AT_MOST, set()
    for candidate in reversed(candidates):
        known = taken.get(candidate.name, ())
        if not any(each.looks_like(candidate) for each in known):
            continue
        digest = None
        if candidate.size <= left:
            digest = transport.digest(candidate)
            left -= candidate.size if digest is not None else 0
        if digest is None or any(each.sha256 == digest for each in known):
            same.add(candidate.name)
    return same


def _fetched(source: Source, brought: Brought, late: bool, day: date | None, number: int | None) -> Fetched:
    file, path = brought.candidate, brought.path
    stamp = _stamp(path)
    return Fetched(
        source.name, file.name, path, brought.sha256, file.size, file.arrival, late, day, number, file.version, stamp
    )


def prove_unchanged(file: Fetched) -> None:
    """See to it, after a file was read, that its bytes are those that were fetched. Raises InvariantError (exit 5)."""
    if file.stamp and file.stamp == _stamp(file.path):
        return
    with file.path.open("rb") as opened:
        now = hashlib.file_digest(opened, "sha256").hexdigest()
    if now != file.sha256:
        raise InvariantError(
            "raw-changed",
            f"{file.name}: the bytes that were fetched have SHA-256 {file.sha256}, and raw/{file.sha256} now has {now}",
            f"find out who writes into raw/; remove raw/{file.sha256} and run the night again with --refetch",
        )


def _stamp(path: Path) -> tuple[int, ...]:
    now = path.stat()
    return now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns


def pattern_for(pattern: str, day: date) -> str:
    """The pattern with the date put in: `{date}` is ISO, `{date:%Y%m%d}` any layout."""
    return _DATE.sub(lambda match: day.strftime(match.group(1) or "%Y-%m-%d"), pattern)


def has_date(pattern: str) -> bool:
    """Whether a file's name says which night it is for."""
    return _DATE.search(pattern) is not None


def has_path(pattern: str, path: str) -> bool:
    """Whether the pattern finds a file of this path, on some night."""
    return matcher(_DATE.sub("*", pattern).replace(_SEQ, "*")).fullmatch(path) is not None


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


def _matching(transport: Transport, pattern: str, night: date, oldest: date) -> list[tuple[date | None, Candidate]]:
    pattern = pattern.replace(_SEQ, "*")
    if not has_date(pattern):
        return [(None, candidate) for candidate in transport.find([pattern])[0]]
    days = [oldest + timedelta(days=n) for n in range((night - oldest).days + 1)]
    found = transport.find([pattern_for(pattern, day) for day in days])
    return [(day, candidate) for day, some in zip(days, found, strict=True) for candidate in some]


def _gone() -> MovingError:
    return MovingError("it was there when the folder was listed, and is gone")


class Folder:
    """A folder as a transport: patterns start at the workspace."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def find(self, patterns: Sequence[str]) -> list[list[Candidate]]:
        return [list(self._look(pattern)) for pattern in patterns]

    def _look(self, pattern: str) -> Iterator[Candidate]:
        for path in sorted(self.root.glob(pattern)):
            if path.is_file():
                with suppress(MovingError):
                    yield self._candidate(path.relative_to(self.root).as_posix())

    def _candidate(self, key: str) -> Candidate:
        try:
            now = (self.root / key).stat()
        except FileNotFoundError:
            raise _gone() from None
        return Candidate(shown(key), key, now.st_size, datetime.fromtimestamp(now.st_mtime, UTC))

    def fetch(self, candidate: Candidate, raw: Path, making: Path) -> Brought:
        before = self._candidate(candidate.key)
        try:
            sha256, kept = keep(self.root / candidate.key, raw, making)
        except FileNotFoundError:
            raise _gone() from None
        after = self._candidate(candidate.key)
        if after != before or after.size != kept.stat().st_size:
            raise MovingError(f"it had {before.size:,} bytes, and {after.size:,} when it was read")
        return Brought(after, sha256, kept)

    def digest(self, candidate: Candidate) -> str | None:
        try:
            with (self.root / candidate.key).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            return None

    def check(self, patterns: Sequence[str]) -> None:
        self.find(patterns)

    def close(self) -> None:
        """A folder is not held open."""


def keep(path: Path, raw: Path, making: Path) -> tuple[str, Path]:
    """Copy a file's bytes under their SHA-256, once: see `keep_stream`."""
    with path.open("rb") as source:
        return keep_stream(iter(lambda: source.read(_CHUNK), b""), None, raw, making)
