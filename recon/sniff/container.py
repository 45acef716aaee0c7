"""Container: what a file is wrapped in (zip, gzip, bz2), taken off into a scratch file, and what kind of file is inside.

Comes in   any file
Goes out   its plain bytes up to a limit, whether that is all of it and where the rest is, and a finding for each layer
Never      more than a limit of bytes unpacked, so a bomb costs nothing; never a name inside an archive used as a path.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from recon.sniff.evidence import CERTAIN, Finding, NotATableError

#: Bytes that are looked at whole, unpacked.
LOOKED_AT = 8 * 2**20
#: Of a longer text: bytes of its beginning, and how many places of the rest are looked at, each so many bytes.
HEAD = 2**20
PLACES, PLACE = 64, 2**14
_LAYERS_MAX = 3
_MEMBERS_SHOWN = 5
_HTML = (b"<!doctype html", b"<html", b"<table", b"<meta", b"<head", b"<style")
_OLE, _ZIP = b"\xd0\xcf\x11\xe0", b"PK\x03\x04"
_PGP = (b"-----BEGIN PGP MESSAGE", b"\x85\x01", b"\x85\x02", b"\x85\x03", b"\x84\x5e")


@dataclass(frozen=True, slots=True)
class Opened:
    """A file without its wrapping.

    path   plain bytes: the file itself, or a scratch file
    kind   "text" or "workbook"
    name   of the innermost file, as the archive calls it
    steps  the layers that came off, from the outside in: zip, gzip, bz2
    whole  whether `path` is all of it; else its first `HEAD` bytes, cut at a line's end
    rest   of a text that is not whole: where the rest of it is
    """

    path: Path
    kind: str
    name: str
    steps: tuple[str, ...]
    findings: tuple[Finding, ...]
    whole: bool
    size: int
    rest: Rest | None = None


@dataclass(frozen=True, slots=True)
class Rest:
    """What of a text was not looked at whole: the bytes of `path` from `start` to `end`. `last`: the text ends there."""

    path: Path
    start: int
    end: int
    last: bool

    def places(self) -> list[tuple[int, bytes]]:
        """(offset, bytes) of places spread evenly over it, the last one at its end."""
        span = max(self.end - self.start - PLACE, 0)
        offsets = [self.start + span * n // (PLACES - 1) for n in range(PLACES)]
        with self.path.open("rb") as file:
            return [(file.seek(offset - offset % 4), file.read(PLACE + 4)) for offset in offsets]


def open_file(path: Path, scratch: Path, limit: int = LOOKED_AT) -> Opened:
    """The file's plain bytes, at most `limit` of them. Raises NotATableError for what holds no records or can't be opened."""
    name, current, whole = path.name, path, True
    steps: list[str] = []
    findings: list[Finding] = []
    while True:
        head = _head(current)
        found = _layer(current, head)
        if found is None:
            break
        if len(steps) == _LAYERS_MAX:
            raise NotATableError(f"it is packed more than {_LAYERS_MAX} times", "unpack it by hand")
        step, inside, stream, finding = found
        target = scratch / f"unpacked.{len(steps)}"
        whole = _copy(stream, target, step, limit) and whole
        steps.append(step)
        findings.append(finding)
        current, name = target, inside or name
    kind = _kind(head, Path(name).suffix)
    if kind == "workbook" and not whole:
        raise NotATableError(f"it is a workbook of more than {limit:,} bytes unpacked", "unpack it by hand")
    rest, size = None, current.stat().st_size
    if kind == "text" and (not whole or size > limit):
        plain, current = current, _cut(current, scratch / "looked-at", HEAD)
        rest, whole = Rest(plain, current.stat().st_size, size, whole), False
    if not steps:
        findings.append(Finding("compression", "none", CERTAIN, "the first bytes are those of no archive"))
    return Opened(current, kind, name, tuple(steps), tuple(findings), whole, size, rest)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4096)


def _layer(path: Path, head: bytes) -> tuple[str, str, Callable[[], IO[bytes]], Finding] | None:
    """(step, name inside, how to open it, finding) of the outermost layer, or None where there is none."""
    if head.startswith(_ZIP):
        return _zip(path)
    for step, magic, opened in (("gzip", b"\x1f\x8b", gzip.open), ("bz2", b"BZh", bz2.open)):
        if head.startswith(magic):
            finding = Finding("compression", step, CERTAIN, f"the first bytes are {magic.hex(' ')}")
            return step, "", lambda opened=opened: opened(path, "rb"), finding
    other = ((b"\x28\xb5\x2f\xfd", "zstd"), (b"\xfd7zXZ", "xz"), (b"7z\xbc\xaf", "7-Zip"), (b"Rar!", "RAR"))
    for magic, what in other:
        if head.startswith(magic):
            raise NotATableError(
                f"it is packed with {what}, which is not looked into here", "unpack it, then sniff that"
            )
    return None


def _zip(path: Path) -> tuple[str, str, Callable[[], IO[bytes]], Finding] | None:
    if not zipfile.is_zipfile(path):
        raise NotATableError("it is a zip archive that is cut short or damaged", "fetch it again")
    archive = zipfile.ZipFile(path)
    members = [each for each in archive.infolist() if not each.is_dir()]
    names = [each.filename for each in members]
    if "[Content_Types].xml" in names or "content.xml" in names:
        return None  # a workbook
    if len(members) != 1:
        shown = ", ".join(f"{name[:60]!r}" for name in names[:_MEMBERS_SHOWN])
        raise NotATableError(f"it is a zip archive with {len(members)} files: {shown}", "sniff each file by itself")
    if members[0].flag_bits & 1:
        raise NotATableError("it is a zip archive locked by a password", "unpack it with the password, then sniff that")
    why = f"one file inside, {members[0].file_size:,} bytes"
    name = Path(members[0].filename.replace("\\", "/")).name
    return "zip", name, lambda: archive.open(members[0]), Finding("compression", "zip", CERTAIN, why)


def _copy(stream: Callable[[], IO[bytes]], target: Path, step: str, limit: int) -> bool:
    """Unpack up to `limit` bytes; whether that was all."""
    try:
        with stream() as source, target.open("wb") as file:
            left = limit
            while left and (piece := source.read(min(1 << 20, left))):
                file.write(piece)
                left -= len(piece)
            return bool(left) or not source.read(1)
    except (
        OSError,
        EOFError,
        zlib.error,
        lzma.LZMAError,
        zipfile.BadZipFile,
        RuntimeError,
        NotImplementedError,
    ) as error:
        raise NotATableError(f"its {step} packing is damaged ({error})", "fetch it again") from error


def _cut(path: Path, target: Path, limit: int) -> Path:
    """The first `limit` bytes up to the last line's end; the same file where it has no line's end."""
    with path.open("rb") as file:
        data = file.read(limit)
    end = b"\n\x00" if data.startswith(b"\xff\xfe") else b"\x00\n" if data.startswith(b"\xfe\xff") else b"\n"
    target.write_bytes(data[: data.rfind(end) + len(end)] if end in data else data)
    return target


def _kind(head: bytes, suffix: str) -> str:
    """text or workbook. Raises NotATableError for what is neither, or is not what its name says."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if not head:
        raise NotATableError(
            "it is empty", "ask the provider for it again; an empty file never means that nothing was sold"
        )
    if head.startswith((_OLE, _ZIP)):
        return "workbook"
    if text.startswith(_HTML):
        if suffix.lower() in (".xls", ".xlsx", ".xlsb", ".ods") or b"<table" in text:
            what = f"it is an HTML page with a table that calls itself {suffix or 'nothing'}"
            raise NotATableError(what, "open it in a spreadsheet and save it as .xlsx or CSV, or ask for one of these")
        raise NotATableError("it is a web page (HTML), perhaps a login page", "look at how it was downloaded")
    if head.startswith(_PGP):
        raise NotATableError("it looks like a PGP message", "decrypt it, then sniff what comes out")
    if head.startswith(b"%PDF"):
        raise NotATableError("it is a PDF", "ask the provider for CSV, JSON or a workbook")
    return "text"
