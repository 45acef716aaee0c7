"""One lock per workspace and date, held by the process: when its holder dies, the operating system gives it back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from recon.errors import LockedError, ReconError
from recon.store.folder import disk_errors


@contextmanager
def night_lock(root: Path, night: date) -> Iterator[None]:
    """Hold the lock of one workspace and date, or raise LockedError (exit 6) at once."""
    from filelock import FileLock, Timeout

    folder = root / "state"
    lock = FileLock(folder / f"{night}.lock", timeout=0)
    try:
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            lock.acquire()
    except NotImplementedError as error:
        raise ReconError(
            "no-locks", f"the file system under {folder.name}/ has no locks", "put the workspace on one that has them"
        ) from error
    except Timeout as error:
        raise LockedError(
            "locked", f"another run of {night} holds the lock of this workspace", "wait for it to end"
        ) from error
    try:
        yield
    finally:
        lock.release()
