"""Inputs: what a night reads, brought in once and kept: files by their bytes, queries by their rows.

A rerun reads what the night kept, not the source again, unless told to fetch again; as long as no later night has run it
also takes files that have arrived since.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from recon.domain.calendar import DayBounds
from recon.domain.money import to_text
from recon.domain.rulebook import Source
from recon.engine.duck import Engine, inside, text
from recon.errors import SetAside
from recon.fetch import Connections, Fetched, Later, Unpacked, UnpackError, fetch_files, prove_unchanged, unpack
from recon.fetch.local import is_expected
from recon.ingest.files import Limits, LoadedFile, read_file
from recon.ingest.loaded import NO_QUARANTINE
from recon.ingest.sql import Snapshot
from recon.match.quarantined import QUARANTINED
from recon.store.folder import published, write_json
from recon.store.history import Kept, files_taken, inputs_of, kept_relations
from recon.workspace import Workspace

Notify = Callable[[str], None]
#: Rows of a file set aside whole that quarantine.csv lists; the file itself is in raw/.
LISTED_OF_A_FILE = 100


@dataclass
class Input:
    """One file or query of the night, read or set aside, and its entry in inputs.json."""

    source: Source
    entry: dict[str, Any]
    order: int
    relation: str = ""
    quarantine: str = ""
    totals: tuple[tuple[str, str, int, int], ...] = ()
    steps: list[tuple[str, str]] = field(default_factory=list)  # of a query: what made its records, kept with them


@dataclass
class Inputs:
    """Everything the night read, and what it still waits for."""

    read: list[Input] = field(default_factory=list)
    awaiting: list[tuple[Source, str]] = field(default_factory=list)  # (source, why)

    @property
    def incomplete(self) -> list[Source]:
        """Sources that are awaited or of which a file was set aside."""
        aside = [each.source for each in self.read if each.entry["status"] == "set_aside"]
        return [*(source for source, _ in self.awaiting), *aside]


def read_inputs(
    engine: Engine, workspace: Workspace, night: date, bounds: DayBounds, making: Path, refetch: bool, notify: Notify
) -> Inputs:
    """Fetch and ingest every source of the night into `making/records`. Unreachable systems raise, bad files do not."""
    final = workspace.nights / str(night)
    kept = {} if refetch or not final.exists() else _kept_entries(final)
    newest = max(published(workspace.nights), default=night)
    records = making / "records"
    records.mkdir()
    inputs = Inputs()
    with Connections(workspace.root, workspace.transports) as connections:
        for source in workspace.sources:
            if not source.files:
                continue
            may_fetch = not kept or newest <= night
            later: list[Later] = []
            for fetched in _files(workspace, connections, source, night, kept, may_fetch, later):
                notify(f"reading {fetched.name}")
                inputs.read.append(_read_file(engine, workspace, source, fetched, records, len(inputs.read)))
            _await(workspace, source, night, inputs, later, notify)
    _read_queries(engine, workspace, night, bounds, making, final if kept else None, inputs, notify)
    return inputs


def _kept_entries(final: Path) -> dict[str, list[dict[str, Any]]]:
    entries: dict[str, list[dict[str, Any]]] = {}
    for entry in inputs_of(final):
        entries.setdefault(entry["source"], []).append(entry)
    return entries


def _files(
    workspace: Workspace,
    connections: Connections,
    source: Source,
    night: date,
    kept: dict[str, list[dict[str, Any]]],
    may_fetch: bool,
    later: list[Later],
) -> Iterator[Fetched]:
    """The files that the night kept, then those that it may still take."""
    names = set()
    for entry in kept.get(source.name, []):
        if entry["sha256"]:
            names.add(entry["name"])
            path = workspace.raw / entry["sha256"]
            yield Fetched(
                source.name,
                entry["name"],
                path,
                entry["sha256"],
                entry["size"],
                entry["arrival"],
                entry["late"],
                entry.get("version", ""),
            )
    if may_fetch:
        first = workspace.first_night or night
        taken = names | files_taken(workspace.nights, source.name, night)
        yield from fetch_files(
            connections.of(source), workspace.raw, source, night, first, workspace.look_back_days, taken, later.append
        )


def _await(
    workspace: Workspace, source: Source, night: date, inputs: Inputs, later: list[Later], notify: Notify
) -> None:
    for each in later:
        notify(f"left for later: {each.name}: {each.why}")
    # One of an earlier night is that night's matter, or tomorrow's when it is whole.
    moving = [f"{each.name} is left for later: {each.why}" for each in later if not each.late]
    calendar = workspace.calendars.get(source.calendar, workspace.calendar)
    here = any(each.source is source and not each.entry["late"] for each in inputs.read)
    if moving:
        inputs.awaiting.append((source, "; ".join(moving)))
    elif is_expected(source, night, calendar) and not here:
        inputs.awaiting.append((source, f"expected for {night} ({source.expected.replace('_', ' ')}), not there"))


def _read_file(
    engine: Engine, workspace: Workspace, source: Source, fetched: Fetched, records: Path, order: int
) -> Input:
    out = records / f"{order:04d}_{source.name}"
    limits = Limits(workspace.quarantine_percent, workspace.quarantine_rows)
    unpacked = _unpacked(workspace, source, fetched, records / f".{order:04d}_{source.name}.unpacked")
    if isinstance(unpacked, UnpackError):
        loaded = _packed(source, fetched, unpacked)
    else:
        loaded = read_file(
            engine,
            source,
            workspace.formats[source.format or ""],
            unpacked.path if unpacked else fetched.path,
            fetched.name,
            fetched.sha256,
            out,
            workspace.zone,
            workspace.cut_off,
            limits,
        )
    prove_unchanged(fetched)
    entry = _entry(source, fetched.name, fetched.sha256, fetched.size, fetched.arrival, fetched.late, loaded)
    entry["version"] = fetched.version
    if isinstance(unpacked, Unpacked):
        unpacked.path.unlink()
        entry["unpacked"] = unpacked.entry(source.unpack)
    return Input(source, entry, order, loaded.relation, loaded.quarantine, loaded.totals)


def _unpacked(workspace: Workspace, source: Source, fetched: Fetched, scratch: Path) -> Unpacked | UnpackError | None:
    """The file without its packing; None where it has none. The raw file stays as it was fetched."""
    if not source.unpack:
        return None
    try:
        return unpack(
            fetched.path, source.unpack, scratch, workspace.unpack_limits, workspace.pgp_keys.get(source.name)
        )
    except UnpackError as error:
        return error


def _packed(source: Source, fetched: Fetched, error: UnpackError) -> LoadedFile:
    """A file that can't be unpacked, as one that was set aside."""
    aside = SetAside(source.name, fetched.name, error.reason, error.remedy)
    nothing = (0, 0, 0, "", NO_QUARANTINE, (), (), ())
    return LoadedFile(source.name, fetched.name, fetched.sha256, fetched.size, *nothing, aside)


def _entry(
    source: Source, name: str, sha256: str, size: int, arrival: str, late: bool, loaded: LoadedFile
) -> dict[str, Any]:
    aside = loaded.set_aside
    return {
        "source": source.name,
        "record": source.record,
        "name": name,
        "sha256": sha256,
        "size": size,
        "arrival": arrival,
        "late": late,
        "rows": loaded.rows,
        "read": 0 if aside else loaded.read,
        "quarantined": loaded.quarantined,
        "replayed": 0,
        "restated": 0,
        "status": "set_aside" if aside else "read",
        "reason": aside.reason if aside else "",
        "remedy": aside.remedy if aside else "",
        "totals": [[kind, currency, rows, to_text(minor, currency)] for kind, currency, rows, minor in loaded.totals],
        "controls": [list(control) for control in loaded.controls],
        "warnings": list(loaded.warnings),
        "version": "",
        "unpacked": None,
    }


def _read_queries(
    engine: Engine,
    workspace: Workspace,
    night: date,
    bounds: DayBounds,
    making: Path,
    kept: Path | None,
    inputs: Inputs,
    notify: Notify,
) -> None:
    """All queries of one database are read in one snapshot; a rerun takes the rows that the night kept."""
    entries = {entry["source"]: entry for entry in inputs_of(kept)} if kept else {}
    relations = {each.source: each for each in kept_relations(kept)} if kept else {}
    with ExitStack() as stack:
        snapshots: dict[str, Snapshot] = {}
        for source in workspace.sources:
            if not source.query:
                continue
            if kept and source.name in entries:
                inputs.read.append(
                    _copy_query(
                        engine, kept, making, source, entries[source.name], relations.get(source.name), len(inputs.read)
                    )
                )
                continue
            database = source.database or ""
            if database not in snapshots:
                snapshots[database] = stack.enter_context(Snapshot(workspace.databases[database]))
            notify(f"reading {source.name} from {database}")
            inputs.read.append(
                _read_query(engine, workspace, snapshots[database], source, bounds, making, len(inputs.read))
            )


def _read_query(
    engine: Engine,
    workspace: Workspace,
    snapshot: Snapshot,
    source: Source,
    bounds: DayBounds,
    making: Path,
    order: int,
) -> Input:
    ran = len(engine.steps)
    out = making / "records" / f"{order:04d}_{source.name}"
    limits = Limits(workspace.quarantine_percent, workspace.quarantine_rows)
    loaded = snapshot.read(engine, source, bounds.start, bounds.end, out, workspace.zone, workspace.cut_off, limits)
    entry = _entry(source, f"query:{source.name}", "", 0, "", False, loaded)
    return Input(
        source,
        entry,
        order,
        loaded.relation,
        loaded.quarantine,
        loaded.totals,
        engine.steps[ran:],
    )


def _copy_query(
    engine: Engine, kept: Path, making: Path, source: Source, entry: dict[str, Any], relation: Kept | None, order: int
) -> Input:
    """The rows that the night kept, under the number that the source has now; of a query that was set aside, its entry only."""
    if relation is None:
        return Input(source, entry, order)
    before, here = (
        folder / "records" / f"{number:04d}_{source.name}"
        for folder, number in ((kept, relation.order), (making, order))
    )
    here.mkdir()
    for file in sorted(before.iterdir()):
        shutil.copyfile(file, here / file.name)
    rows, refused = (sql.replace(inside(before), inside(here)) for sql in (relation.relation, relation.quarantine))
    steps = [(step, sql.replace(f"{{night}}/records/{before.name}", inside(here))) for step, sql in relation.steps]
    engine.steps += steps
    return Input(source, entry, order, rows, refused, _totals(engine, source, rows), steps)


def _totals(engine: Engine, source: Source, relation: str) -> tuple[tuple[str, str, int, int], ...]:
    kind = "''" if source.record == "payment_order" else "kind"
    rows = engine.rows(
        f"select {kind}, coalesce(currency, ''), count(*), coalesce(sum(amount), 0) from ({relation}) group by all order by all"
    )
    return tuple((str(kind), str(currency), int(count), int(total)) for kind, currency, count, total in rows)


def leave_quarantine(engine: Engine, inputs: Inputs, night: date) -> None:
    """`new_quarantined`: every row that was set aside tonight, with what could be read of it; and `listed_quarantine`: these
    and the first rows of each file that was set aside whole, so that quarantine.csv shows what is wrong with it."""
    columns = [column for column, _ in QUARANTINED if column not in ("source", "record", "since")]
    parts = [
        f"select {text(each.source.name)} as source, {text(each.source.record)} as record, {', '.join(columns)}, DATE '{night}' as since from ({each.quarantine})"
        for each in inputs.read
        if each.entry["status"] == "read" and each.entry["quarantined"]
    ]
    aside = [
        f"select file, sha256, line, column_name, found, expected, raw from ({each.quarantine}) order by line limit {LISTED_OF_A_FILE}"
        for each in inputs.read
        if each.entry["status"] == "set_aside" and each.entry["quarantined"]
    ]
    nothing = ", ".join(f"CAST(NULL AS {kind}) as {column}" for column, kind in QUARANTINED)
    engine.step(
        "new_quarantined",
        "create table new_quarantined as\n" + ("\nunion all\n".join(parts) or f"select {nothing} where false"),
    )
    listed = [
        "select file, sha256, line, column_name, found, expected, raw from new_quarantined",
        *(f"({sql})" for sql in aside),
    ]
    engine.step("listed_quarantine", "create view listed_quarantine as\n" + "\nunion all\n".join(listed))


def write_inputs(inputs: Inputs, making: Path) -> None:
    """inputs.json, and records/relations.json: how the night's Parquet files are read as records."""
    awaited = [{"source": source.name, "record": source.record, "reason": why} for source, why in inputs.awaiting]
    write_json(
        making / "inputs.json",
        {"schema_version": 1, "inputs": [each.entry for each in inputs.read], "awaiting": awaited},
    )
    relations = [
        {
            "source": each.source.name,
            "record": each.source.record,
            "order": each.order,
            "relation": each.relation.replace(inside(making), "{night}"),
            "quarantine": each.quarantine.replace(inside(making), "{night}"),
            "steps": [[step, sql.replace(inside(making), "{night}")] for step, sql in each.steps],
        }
        for each in inputs.read
        if each.relation
    ]
    (making / "records" / "relations.json").write_text(
        json.dumps(relations, indent=2, sort_keys=True) + "\n", encoding="utf-8"
    )
