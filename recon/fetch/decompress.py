"""Decompress: gzip, bz2 and zstd of any number of members, and a zip with one file in it.

A stream has to end where the file ends: one that was cut, or that has something behind it, is refused whole.
"""

from __future__ import annotations

import bz2 as bz2_library
import stat
import sys
import zipfile
import zlib
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import BinaryIO, Protocol

from recon.fetch.extras import needs
from recon.fetch.room import Bounded, Room, UnpackError

_IN, _OUT = 1 << 16, 1 << 20


class _Member(Protocol):
    """One member of a stream, as the library reads it."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class _GzipMember:
    """zlib's decompressor, which keeps no unread input of its own, as the others are."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        return self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)


def gzip(source: Path, target: Path, room: Room) -> None:
    """Every member of a gzip file, one after the other."""
    _stream("gzip", source, target, room, _GzipMember, (zlib.error,))


def bz2(source: Path, target: Path, room: Room) -> None:
    """Every stream of a bz2 file."""
    _stream("bz2", source, target, room, bz2_library.BZ2Decompressor, (OSError, ValueError))


def zstd(source: Path, target: Path, room: Room) -> None:
    """Every frame of a zstd file."""
    name = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    needs(name, "zstd", "unpack: zstd")
    library = import_module(name)
    _stream("zstd", source, target, room, library.ZstdDecompressor, (library.ZstdError,))


def _stream(
    kind: str,
    source: Path,
    target: Path,
    room: Room,
    member: Callable[[], _Member],
    broken: tuple[type[Exception], ...],
) -> None:
    with source.open("rb") as file, target.open("wb") as made:
        out = Bounded(made, room)
        data, members = file.read(_IN), 0
        while data or not members:
            try:
                data = _one(file, data, out, member(), broken)
            except _CutError:
                raise UnpackError(f"the {kind} data ends in the middle: the file was cut") from None
            except _BrokenError:
                if members:
                    raise UnpackError(f"there is something else behind the {kind} data") from None
                remedy = "check unpack in recon.yaml, or ask the provider for the file again"
                raise UnpackError(f"it is not {kind}, or was damaged", remedy) from None
            members += 1


class _CutError(Exception):
    """The file ended before the member did."""


class _BrokenError(Exception):
    """The library can't read the member; an error of the disk is another thing."""


def _one(file: BinaryIO, data: bytes, out: Bounded, member: _Member, broken: tuple[type[Exception], ...]) -> bytes:
    """Read one member, which begins with `data`; gives the bytes behind it."""
    while not member.eof:
        try:
            made = member.decompress(data, _OUT)
        except broken:
            raise _BrokenError from None
        out.write(made)
        data = b""
        if not made and not member.eof:
            data = file.read(_IN)
            if not data:
                raise _CutError
    return member.unused_data or file.read(_IN)


def unzip(source: Path, target: Path, room: Room) -> None:
    """The one regular file of a zip archive."""
    again = "ask the provider for a zip with one file and without a password"
    try:
        with zipfile.ZipFile(source) as archive, target.open("wb") as made:
            info = _only(archive, again)
            if info.header_offset or not _ends_with_directory(source, archive):
                raise UnpackError("there is something else before or behind the zip archive")
            out = Bounded(made, room)
            with archive.open(info) as member:
                while chunk := member.read(_OUT):
                    out.write(chunk)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise UnpackError(f"it is not a zip archive, or was cut or damaged ({error})") from None


def _only(archive: zipfile.ZipFile, again: str) -> zipfile.ZipInfo:
    found = archive.infolist()
    if len(found) != 1:
        names = ", ".join(ascii(each.filename) for each in found[:5])
        raise UnpackError(f"the zip archive holds {len(found)} files, not one{': ' if names else ''}{names}", again)
    [info] = found
    name, mode = info.filename, info.external_attr >> 16
    if info.flag_bits & 0x1:
        raise UnpackError("the zip archive has a password", again)
    if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/") or ":" in name:
        raise UnpackError(f"the zip archive's file has a name that leaves its folder: {name!a}", again)
    if info.is_dir() or (stat.S_IFMT(mode) and not stat.S_ISREG(mode)):
        what = "a symbolic link" if stat.S_ISLNK(mode) else "not a regular file"
        raise UnpackError(f"what the zip archive holds is {what}: {name!a}", again)
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise UnpackError(f"the zip archive is compressed by method {info.compress_type}", "ask for deflate")
    return info


def _ends_with_directory(source: Path, archive: zipfile.ZipFile) -> bool:
    """Whether the archive's own last record ends where the file does."""
    with source.open("rb") as file:
        file.seek(-(22 + len(archive.comment)), 2)
        return file.read(4) == b"PK\x05\x06"
