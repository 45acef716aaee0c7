"""The night's folder: written under a temporary name, manifest last, renamed when whole.

A killed run leaves only a temporary folder that the next run of the same date takes away. A reader never sees half a night:
the folder is either the old one or the new one. A rerun that made the same bytes leaves the old folder as it is.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from recon.errors import ReconError, UnreachableError

MANIFEST = "manifest.json"


@contextmanager
def night_folder(nights: Path, night: date) -> Iterator[Path]:
    """A temporary folder to write the night into; on a clean exit nothing is published yet (call `publish`).

    The caller holds the lock of this date.
    """
    making = nights / f".making-{night}"
    with disk_errors(nights):
        recover(nights, night)
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
    try:
        with disk_errors(nights):
            yield making
    finally:
        shutil.rmtree(making, ignore_errors=True)


def recover(nights: Path, night: date) -> None:
    """Put back a folder that was moved aside by a run that was killed before it moved the new one in."""
    aside, final = nights / f".old-{night}", nights / str(night)
    if not aside.exists():
        return
    if final.exists():
        shutil.rmtree(aside)
    else:
        aside.rename(final)


def publish(making: Path, nights: Path, night: date) -> bool:
    """Seal and rename `making` to the night's name. Returns False where the night already held the same bytes."""
    final, aside = nights / str(night), nights / f".old-{night}"
    write_manifest(making)
    for path in [*files_of(making), making / MANIFEST]:
        _sync(path)
    for folder in sorted({path.parent for path in files_of(making)} | {making}):
        _sync(folder)
    if final.exists():
        if read_manifest(final) == read_manifest(making) and not changed_files(final):
            return False
        final.rename(aside)
    making.rename(final)
    _sync(nights)
    shutil.rmtree(aside, ignore_errors=True)
    return True


def files_of(folder: Path) -> list[Path]:
    """Every file of a night but the manifest, in the order of their names."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)


def write_manifest(folder: Path) -> None:
    """manifest.json: the SHA-256 and size of every file."""
    entries = {
        str(path.relative_to(folder)): {"sha256": sha256_of(path), "size": path.stat().st_size}
        for path in files_of(folder)
    }
    write_json(folder / MANIFEST, {"schema_version": 1, "files": entries})


def read_manifest(folder: Path) -> dict[str, dict[str, object]]:
    """File name -> {sha256, size}, as the night was sealed."""
    files = json.loads((folder / MANIFEST).read_text("utf-8"))["files"]
    return dict(files)


def manifest_sha256(folder: Path) -> str:
    """The one hash that stands for the whole night; the next night keeps it."""
    return sha256_of(folder / MANIFEST)


def changed_files(folder: Path) -> list[str]:
    """What differs from the manifest: `NAME: changed`, `NAME: gone`, `NAME: not in the manifest`."""
    sealed = read_manifest(folder)
    here = {str(path.relative_to(folder)): path for path in files_of(folder)}
    found = [f"{name}: gone" for name in sealed if name not in here]
    found += [f"{name}: not in the manifest" for name in here if name not in sealed]
    found += [
        f"{name}: changed"
        for name, path in here.items()
        if name in sealed and sha256_of(path) != sealed[name]["sha256"]
    ]
    return sorted(found)


def published(nights: Path) -> list[date]:
    """The dates that have a whole night, oldest first."""
    found = []
    for path in nights.glob("*/" + MANIFEST):
        try:
            found.append(date.fromisoformat(path.parent.name))
        except ValueError:
            continue  # a folder of the user's own
    return sorted(found)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_json(path: Path, value: object) -> None:
    """JSON with sorted keys, two spaces and a final newline, so that the same value is the same bytes."""
    path.write_text(
        json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n"
    )


@contextmanager
def disk_errors(where: Path) -> Iterator[None]:
    """A full or failing disk is exit 4, not a bug: what was there before is untouched and a rerun is safe."""
    try:
        yield
    except OSError as error:
        if isinstance(error, (FileNotFoundError, NotADirectoryError)) or error.errno is None:
            raise
        if isinstance(error, PermissionError) or error.errno == errno.EROFS:
            what = _under(error.filename, where.parent) or f"{where.name}/"
            raise ReconError("not-writable", f"{what}: {error.strerror}", "check its owner and rights") from error
        raise UnreachableError(
            "disk", f"writing under {where.name}/ failed: {error.strerror}", "free space, then run the same night again"
        ) from error


def _under(name: object, root: Path) -> str:
    """A path as it is called inside the workspace; empty where it is not of it."""
    path = Path(str(name)) if name else root
    return path.relative_to(root).as_posix() if path != root and path.is_relative_to(root) else ""


def make_durable(raw: Path, names: Iterable[str]) -> None:
    """See to it that files of the raw store outlive a power cut; before that, no night that names them may be published."""
    for name in sorted(set(names)):
        _sync(raw / name)
    if raw.exists():
        _sync(raw)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
