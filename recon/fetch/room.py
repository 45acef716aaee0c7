"""Room: how many bytes a packed file may become, and the error that sets it aside."""

from __future__ import annotations

from typing import BinaryIO

from recon.workspace import UnpackLimits

#: A small file may unpack to this much whatever its ratio: a short report of equal lines packs well.
FREE = 10_000_000


class UnpackError(Exception):
    """The file can't be unpacked and is set aside, with the reason and what to do."""

    def __init__(self, reason: str, remedy: str = "ask the provider for the file again") -> None:
        super().__init__(reason)
        self.reason, self.remedy = reason, remedy


class Room:
    """What is left of the limits for one file: every step of its unpacking has the same room."""

    def __init__(self, limits: UnpackLimits, packed: int) -> None:
        self.limits, self.packed = limits, packed
        self.bytes = min(limits.size, max(FREE, limits.ratio * packed))

    def full(self) -> UnpackError:
        """The error of a file that does not fit."""
        if self.bytes == self.limits.size:
            said = f"more than {self.limits.size:,} bytes (unpack_limits: size)"
        else:
            said = f"more than {self.limits.ratio} times its {self.packed:,} bytes (unpack_limits: ratio)"
        return UnpackError(
            f"unpacked it has {said}",
            "look at the file: it may be made to fill the disk; if it is sound, raise the limit",
        )


class Bounded:
    """Writes to a file as long as there is room."""

    def __init__(self, target: BinaryIO, room: Room) -> None:
        self._target, self._room, self._left = target, room, room.bytes

    def write(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left < 0:
            raise self._room.full()
        self._target.write(data)
