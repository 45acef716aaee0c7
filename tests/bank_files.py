"""Own-written bank statements (tests/ingest/bank), read with the format that ships, or changed before they are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ingest_reading import Read, Reader, shipped

FILES = Path(__file__).parent / "ingest" / "bank"
FORMATS = {
    "camt053.xml": "camt053",
    "camt052.xml": "camt052",
    "camt054.xml": "camt054",
    "mt940.sta": "mt940",
    "mt942.sta": "mt942",
    "bai2.txt": "bai2",
    "ofx1.ofx": "ofx",
    "ofx2.ofx": "ofx",
}


def bank(read: Reader, name: str, *changes: tuple[str, str], keep: bool = False, **options: Any) -> Read:
    """Read one of the files; each change (old, new) must occur in it."""
    data = (FILES / name).read_bytes()
    for old, new in changes:
        assert old.encode() in data, old
        data = data.replace(old.encode(), new.encode())
    return read(data, shipped(FORMATS[name], **options), keep=keep, name=name)


def money(result: Read) -> list[tuple[str, str, int]]:
    """(kind, currency, minor units) of each record, in the file's order."""
    return [(each["kind"], each["currency"], each["amount"]) for each in result.records]


def states(result: Read) -> dict[str, str]:
    return {name: state for name, state, _ in result.loaded.controls}
