"""Unpack: take off what a source declares (`unpack: [pgp, gzip]`), from the outside in, into a file that can be read.

Comes in   a file of the raw store, which stays as it was fetched
Goes out   the unpacked bytes in a scratch file, with their SHA-256; or the reason why the file is set aside
Never      guesses: neither the name of a file nor its first bytes decide what is taken off. Never more than the limits allow,
           and nothing is left behind of a file that is refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from recon.fetch import decompress, decrypt
from recon.fetch.room import Room, UnpackError
from recon.workspace import PgpKey, UnpackLimits

__all__ = ["UnpackError", "Unpacked", "unpack"]
_STEPS = {
    "gzip": decompress.gzip,
    "bz2": decompress.bz2,
    "zstd": decompress.zstd,
    "zip": decompress.unzip,
}


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What was under the packing. `path` is a scratch file; it can be made again from the raw file at any time."""

    path: Path
    sha256: str
    size: int

    def entry(self, steps: tuple[str, ...]) -> Mapping[str, object]:
        """For inputs.json."""
        return {"steps": list(steps), "sha256": self.sha256, "size": self.size}


def unpack(path: Path, steps: tuple[str, ...], scratch: Path, limits: UnpackLimits, key: PgpKey | None) -> Unpacked:
    """Take off `steps`, one after the other. `scratch` is the name of a file to make, in a folder that is there.

    Raises UnpackError: the file is set aside. ReconError where the key or a library is not usable.
    """
    room = Room(limits, path.stat().st_size)
    source, made = path, scratch
    try:
        for number, step in enumerate(steps):
            made = scratch.with_name(f"{scratch.name}.{number}")
            if step == "pgp":
                assert key is not None, "the configuration gives a key to every source that needs one"
                decrypt.decrypt(source, made, room, key)
            else:
                _STEPS[step](source, made, room)
            if source != path:
                source.unlink()
            source = made
        made.replace(scratch)
    except BaseException:
        for left in (source, made):
            if left != path:
                left.unlink(missing_ok=True)
        raise
    with scratch.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return Unpacked(scratch, sha256, scratch.stat().st_size)
