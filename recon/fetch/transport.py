"""Transport: what a folder, a bucket and an SFTP server have in common: they list candidates, and give one whole.

Never      a file that is half there: what moves while it is read is left for later, what breaks off is read again from its
           beginning, and a file has its final name in the raw store only when length and digest are proved.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from os.path import commonprefix
from pathlib import Path
from typing import Any, Protocol

#: How often a file, a listing or a connection is tried before the system counts as unreachable, and the waits between.
TRIES = 4
WAIT_SECONDS = 0.5  # then twice as long each time
#: Names that programs give to files they are still writing.
UNFINISHED = (".part", ".partial", ".filepart", ".tmp", ".crdownload", ".uploading")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file at its source. `size` in bytes.

    name       what inputs, reports and later nights call it; the same file has the same name every night
    key        what the transport calls it
    modified   the time of its last change, UTC
    version    what pins its bytes, where the source has such a thing
    """

    name: str
    key: str
    size: int
    modified: datetime
    version: str = ""

    @property
    def arrival(self) -> str:
        return self.modified.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class Brought:
    """A file in the raw store: as it was when its bytes were read, their SHA-256, and where they are kept."""

    candidate: Candidate
    sha256: str
    path: Path


class MovingError(Exception):
    """The file is still being written, or was replaced or taken away while it was read; the text says which."""


class BrokenOffError(Exception):
    """The bytes of a file, or an answer, broke off: worth another try. The text says how, and never holds a secret."""


class Transport(Protocol):
    """One connection. Raises ReconError for what a person has to mend, UnreachableError when all tries are used up."""

    def find(self, patterns: Sequence[str]) -> list[list[Candidate]]:
        """For each pattern, the files that match it, by name."""

    def fetch(self, candidate: Candidate, raw: Path, making: Path) -> Brought:
        """Bring a file into the raw store. Raises MovingError where it does not hold still."""

    def digest(self, candidate: Candidate) -> str | None:
        """The SHA-256 of a file's bytes; None where learning it would take as long as fetching it."""

    def check(self, patterns: Sequence[str]) -> None:
        """Connect, and look where these patterns look, reading no file."""

    def close(self) -> None:
        """Let go of the connection."""


def unfinished(candidate: Candidate, settle_seconds: int) -> str:
    """Why a file counts as still being written; empty where it does not."""
    suffix = next((each for each in UNFINISHED if candidate.name.lower().endswith(each)), "")
    if suffix:
        return f"{suffix} files are still being written"
    seconds = abs((datetime.now(UTC) - candidate.modified).total_seconds())  # its clock may be ahead of ours
    if seconds < settle_seconds:
        return f"changed at {candidate.arrival}, and is taken when it has not changed for {settle_seconds} s"
    return ""


def shown(name: str) -> str:
    """A name as one line of inert text, different for different names."""
    return "".join(letter if letter.isprintable() and letter != "\\" else f"\\u{{{ord(letter):x}}}" for letter in name)


# --- patterns --------------------------------------------------------------------------------------------------------


def common_prefix(patterns: Sequence[str]) -> str:
    """The text with which every match of any of the patterns begins."""
    starts = [re.split(r"[*?\[]", pattern, maxsplit=1)[0] for pattern in patterns]
    return str(commonprefix(starts))  # noqa: RUF071 - of text, not of folders


def matcher(pattern: str) -> re.Pattern[str]:
    """The pattern as it matches below a folder: `*` and `?` stop at a folder's end, `**/` is any number of folders."""
    tokens = re.findall(r"\*\*/|\*+|\?|\[!?\]?[^\]]*\]|.", pattern, re.DOTALL)
    return re.compile("".join(_REGEX.get(token) or _one(token) for token in tokens), re.DOTALL)


_REGEX = {"**/": "(?:[^/]+/)*", "*": "[^/]*", "?": "[^/]"}


def _one(token: str) -> str:
    if len(token) == 1:
        return re.escape(token)
    if token.startswith("*"):
        return "[^/]*"
    no, letters = ("^", token[2:-1]) if token.startswith("[!") else ("", token[1:-1])
    return f"(?!/)[{no}{_SPECIAL.sub(_ESCAPED, letters)}]"


_SPECIAL, _ESCAPED = re.compile(r"([\\^\[\]&~|])"), r"\\\1"


# --- bytes -----------------------------------------------------------------------------------------------------------


def again(what: Callable[[], Any]) -> Any:
    """What the call gives, tried again after it broke off. Raises the last BrokenOffError."""
    import tenacity

    trying = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(TRIES),
        wait=tenacity.wait_exponential(multiplier=WAIT_SECONDS, max=8),
        retry=tenacity.retry_if_exception_type(BrokenOffError),
        reraise=True,
    )
    return trying(what)


def keep_stream(chunks: Iterator[bytes], size: int | None, raw: Path, making: Path) -> tuple[str, Path]:
    """Write a file's bytes under their SHA-256. Returns (sha256, where they are kept).

    size     how many bytes there have to be; None: the caller compares
    making   the file's name until it is whole: one that a killed run left is taken over, and none is left behind

    The bytes are not on the disk for good before `make_durable`; until then a rerun fetches them again.
    """
    raw.mkdir(parents=True, exist_ok=True)
    digest, count = hashlib.sha256(), 0
    try:
        with making.open("wb") as target:
            for chunk in chunks:
                digest.update(chunk)
                count += target.write(chunk)
        if size is not None and count != size:
            raise BrokenOffError(f"{count:,} of {size:,} bytes came")
        kept = raw / digest.hexdigest()
        making.replace(kept)  # also over one that is there: a power cut may have left it without its bytes
        return digest.hexdigest(), kept
    finally:
        making.unlink(missing_ok=True)
