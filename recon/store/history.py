"""History: which nights are published, which are stale, and what the next night reads of them.

A night keeps the hash of the manifest of the night before it. When that night is run again with another result, the hashes
no longer agree: every later night is stale until it is run again. Nothing has to be marked, so nothing can be forgotten.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from recon.domain.records import COMMON, RECORD_TYPES
from recon.errors import ReconError
from recon.store.folder import manifest_sha256, published


@dataclass(frozen=True, slots=True)
class Kept:
    """One relation of a night's records: which source and record, the SQL over the night's own files, in reading order.

    steps   of a query, the statements that made its records, with `{night}` for the folder
    """

    source: str
    record: str
    order: int
    relation: str
    quarantine: str
    steps: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Sided:
    """A side of a reconciliation as a night knew it.

    kinds    kinds that it speaks of; empty: all
    sources  where its records come from: name, provider (or empty), files or query
    """

    reconciliation: str
    side: str
    kinds: tuple[str, ...]
    sources: tuple[tuple[str, str, str], ...]


def summary_of(folder: Path) -> dict[str, Any]:
    """A night's summary.json."""
    return dict(json.loads((folder / "summary.json").read_text("utf-8")))


def inputs_of(folder: Path) -> list[dict[str, Any]]:
    """A night's inputs.json."""
    return list(json.loads((folder / "inputs.json").read_text("utf-8"))["inputs"])


def awaited_of(folder: Path) -> list[dict[str, Any]]:
    """What a night still waited for, from its inputs.json."""
    return list(json.loads((folder / "inputs.json").read_text("utf-8")).get("awaiting", ()))


def series_of(folder: Path) -> list[dict[str, Any]]:
    """The numbers of files that a night knew, from its inputs.json."""
    return list(json.loads((folder / "inputs.json").read_text("utf-8")).get("series", ()))


def decisions_of(folder: Path) -> list[dict[str, str]]:
    """The decisions of people that a night used, from its inputs.json."""
    return list(json.loads((folder / "inputs.json").read_text("utf-8")).get("decisions", ()))


def kept_relations(folder: Path) -> list[Kept]:
    """The relations of a night's records, with the folder's own path put in."""
    entries = json.loads((folder / "records" / "relations.json").read_text("utf-8"))
    here = str(folder).replace("'", "''")  # it stands inside quoted text
    return [
        Kept(
            entry["source"],
            entry["record"],
            entry["order"],
            entry["relation"].replace("{night}", here),
            entry["quarantine"].replace("{night}", here),
            tuple((step, sql) for step, sql in entry["steps"]),
        )
        for entry in entries
    ]


def sides_of(folder: Path) -> list[Sided]:
    """The sides of a night's reconciliations; nothing of a night that an earlier version left."""
    path = folder / "records" / "sides.json"
    entries = json.loads(path.read_text("utf-8")) if path.exists() else []
    return [
        Sided(
            entry["reconciliation"],
            entry["side"],
            tuple(entry["kinds"]),
            tuple((each["name"], each["psp"], each["place"]) for each in entry["sources"]),
        )
        for entry in entries
    ]


def stale_nights(nights: Path) -> list[date]:
    """Published nights whose night before them was run again since, with another result; oldest first."""
    stale: list[date] = []
    for night in published(nights):
        before = summary_of(nights / str(night))["previous"]
        if before is None:
            continue
        folder = nights / before["night"]
        broken = not folder.exists() or manifest_sha256(folder) != before["manifest_sha256"]
        if broken or date.fromisoformat(before["night"]) in stale:
            stale.append(night)
    return stale


def night_before(nights: Path, night: date, first_night: date) -> Path | None:
    """The folder that night continues from; None on the first night. A gap or a stale night is refused (exit 2)."""
    if night < first_night:
        raise ReconError(
            "before-opening",
            f"{night} is before the first night, {first_night}",
            "choose a later --date, or move opening in recon.yaml",
        )
    if night == first_night:
        return None
    before = night - timedelta(days=1)
    have = published(nights)
    if before not in have:
        last = max((each for each in have if each < night), default=None)
        since = f"the last night there is {last}" if last else f"no night has run since the opening on {first_night}"
        raise ReconError(
            "gap", f"{night} continues from {before}, which has not run; {since}", f"recon catch-up --through {night}"
        )
    if before in stale_nights(nights):
        raise ReconError(
            "stale", f"{before} is stale: a night before it was run again since", f"recon catch-up --through {night}"
        )
    return nights / str(before)


def earlier_nights(nights: Path, night: date, look_back_days: int) -> list[Path]:
    """The published folders of the `look_back_days` nights before `night`, oldest first."""
    oldest = night - timedelta(days=look_back_days)
    return [nights / str(each) for each in published(nights) if oldest <= each < night]


def earlier_records(folders: Sequence[Path]) -> dict[str, list[str]]:
    """Record type -> SQL relations of earlier nights' records, with a column `night`."""
    found: dict[str, list[str]] = defaultdict(list)
    for folder in folders:
        for kept in kept_relations(folder):
            columns = ", ".join(field.name for field in (*COMMON, *RECORD_TYPES[kept.record].fields))
            found[kept.record].append(f"select {columns}, DATE '{folder.name}' as night from ({kept.relation})")
    return dict(found)


def cleared_files(folders: Sequence[Path], reconciliation: str) -> list[Path]:
    """The files of keys that those nights cleared."""
    files = (folder / "cleared" / f"{reconciliation}.parquet" for folder in folders)
    return [file for file in files if file.exists()]
