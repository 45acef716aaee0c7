"""Started: the configuration that a night was begun with, kept in state/ until the run ends.

A run that ends takes it away, whether it published or failed. One that was killed leaves it: if the rules were edited since,
the next run would silently be another night than the one begun, so it is refused until a person says that this is meant.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from recon.errors import ReconError
from recon.store.folder import write_json


@contextmanager
def started(root: Path, night: date, config_sha256: str, hashes: Mapping[str, str], new_config: bool) -> Iterator[None]:
    """Keep the configuration's hashes while the night runs; the caller holds the lock of this date.

    hashes      file name -> SHA-256 of recon.yaml and of every rule and format file in use
    new_config  take the files as they are now, whatever a killed run began with
    Raises ReconError `config-changed` (exit 2) where a killed run began with others.
    """
    pin = root / "state" / f"{night}.started.json"
    if pin.exists() and not new_config:
        _refuse_other(json.loads(pin.read_text("utf-8")), night, config_sha256, hashes)
    making = pin.with_suffix(".making")
    write_json(making, {"config_sha256": config_sha256, "files": dict(hashes)})
    making.replace(pin)
    try:
        yield
    finally:
        pin.unlink(missing_ok=True)


def _refuse_other(began: Mapping[str, object], night: date, config_sha256: str, hashes: Mapping[str, str]) -> None:
    if began["config_sha256"] == config_sha256:
        return
    files = began["files"]
    assert isinstance(files, dict), began
    names = sorted({*files, *hashes})
    changed = [
        f"{name} {_what(files.get(name), hashes.get(name))}" for name in names if files.get(name) != hashes.get(name)
    ]
    raise ReconError(
        "config-changed",
        f"a run of {night} was killed, and since it began: {', '.join(changed) or 'the set of files in use changed'}",
        f"put the files back, or take them as they are: recon run --date {night} --new-config",
    )


def _what(before: object, now: object) -> str:
    return "is new" if before is None else "is gone" if now is None else "changed"
