"""Inputs: what a night reads, brought in once and kept: files by their bytes, queries by their rows.

A rerun reads what the night kept, not the source again, unless told to fetch again; as long as no later night has run it
also takes files that have arrived since.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Any

from recon.arrivals import LOOKED_AT_AGAIN, carried, path_of, read_past
from recon.domain.calendar import DayBounds
from recon.domain.records import RECORD_TYPES
from recon.domain.rulebook import Source
from recon.engine.ahead import ahead
from recon.engine.duck import Engine, inside, text
from recon.fetch import Connections, Fetched, UnpackError, fetch_files, has_date, number_in, unpack
from recon.ingest.files import Limits, Reading
from recon.ingest.sql import Snapshot
from recon.ingest.staged import UnreadableError
from recon.intake import Arrival, Input, Inputs, entry_of, take, take_held
from recon.match.quarantined import QUARANTINED
from recon.store.decisions import Decisions, frozen
from recon.store.folder import published, write_json
from recon.store.history import Kept, decisions_of, inputs_of, kept_relations
from recon.workspace import Workspace

Notify = Callable[[str], None]
#: Rows of a file set aside whole that quarantine.csv lists; the file itself is in raw/.
LISTED_OF_A_FILE = 100


def read_inputs(
    engine: Engine,
    workspace: Workspace,
    night: date,
    bounds: DayBounds,
    making: Path,
    before: Path | None,
    refetch: bool,
    notify: Notify,
) -> Inputs:
    """Fetch and ingest every source of the night into `making/records`. Unreachable systems raise, bad files do not.

    before   the folder of the night that this one continues from
    """
    final = workspace.nights / str(night)
    kept = {} if refetch or not final.exists() else _kept_entries(final)
    may_fetch = not kept or max(published(workspace.nights), default=night) <= night
    records = making / "records"
    records.mkdir()
    decided = decisions_of(final) if final.exists() else ()
    url = workspace.state_url.value if may_fetch else None
    inputs = Inputs(read_past(workspace.nights, night, before), Decisions(decided, url, workspace.root))
    with Connections(workspace.root, workspace.transports) as connections:
        # A file is fetched and staged while the engine reads the one before.
        staged = _staged(workspace, connections, night, kept, may_fetch, records, inputs)
        for source, arrival, reading in ahead(staged):
            notify(f"reading {arrival.fetched.name}")
            take(engine, source, arrival, reading, inputs)
        take_held(engine, workspace, inputs)
    for each in inputs.later:
        notify(f"left for later: {each.name}: {each.why}")
    _read_queries(engine, workspace, night, bounds, making, final if kept else None, inputs, notify)
    return inputs


def _kept_entries(final: Path) -> dict[str, list[dict[str, Any]]]:
    entries: dict[str, list[dict[str, Any]]] = {}
    for entry in inputs_of(final):
        entries.setdefault(entry["source"], []).append(entry)
    return entries


def _staged(
    workspace: Workspace,
    connections: Connections,
    night: date,
    kept: dict[str, list[dict[str, Any]]],
    may_fetch: bool,
    records: Path,
    inputs: Inputs,
) -> Iterator[tuple[Source, Arrival, Reading]]:
    """Every file of the night in the order of the sources, fetched, and staged unless its bytes are known."""
    limits = Limits(workspace.quarantine_percent, workspace.quarantine_rows)
    order = 0
    for source in workspace.sources:
        for arrival in _files(workspace, connections, source, night, kept, may_fetch, inputs) if source.files else ():
            reading = _reading(workspace, source, arrival.fetched, records / f"{order:04d}_{source.name}", limits)
            if reading.staged is None and inputs.past.before_reading(source, arrival.fetched).status == "read":
                reading.stage()
            order += 1
            yield source, arrival, reading


def _reading(workspace: Workspace, source: Source, fetched: Fetched, out: Path, limits: Limits) -> Reading:
    """A file on its way in, its packing taken off; one that cannot be unpacked is set aside when it is read."""
    path, unpacked, broken = fetched.path, None, None
    if source.unpack:
        scratch, key = out.with_name(f".{out.name}.unpacked"), workspace.pgp_keys.get(source.name)
        try:
            unpacked = unpack(fetched.path, source.unpack, scratch, workspace.unpack_limits, key)
            path = unpacked.path
        except UnpackError as error:
            broken = UnreadableError(error.reason, error.remedy)
    fmt = workspace.formats[source.format or ""]
    reading = Reading(source, fmt, path, fetched.name, fetched.sha256, out, workspace.zone, workspace.cut_off, limits)
    reading.staged = broken
    if unpacked is not None:
        reading.temporary, reading.unpacked = unpacked.path, dict(unpacked.entry(source.unpack))
    return reading


def _files(
    workspace: Workspace,
    connections: Connections,
    source: Source,
    night: date,
    kept: dict[str, list[dict[str, Any]]],
    may_fetch: bool,
    inputs: Inputs,
) -> Iterator[Arrival]:
    """The files that the night kept, those of earlier nights that a person accepted since, and those that came: oldest
    night first, so that a balance or a number is held against the one before it."""
    past = inputs.past
    mine = [entry for entry in kept.get(source.name, []) if entry["sha256"]]
    known = [_kept(workspace, source, night, entry) for entry in mine]
    for entry in mine:
        past.know(entry)
    if not may_fetch:
        yield from known
        return
    found = max((entry.get("found", 0) + 1 for entry in mine), default=0)
    for fetched, each in carried(past, source, workspace.raw, [entry["sha256"] for entry in mine]):
        decision = inputs.decisions.on(each.target)
        if each.code in LOOKED_AT_AGAIN or (decision is not None and decision.decision == "accept"):
            known.append(Arrival(fetched, each.for_night or night, found))
    came = _came(workspace, connections, source, night, inputs, found)
    yield from sorted([*known, *came], key=lambda each: each.for_night) if known else came


def _kept(workspace: Workspace, source: Source, night: date, entry: dict[str, Any]) -> Arrival:
    """A file that an earlier run of this night kept."""
    day = date.fromisoformat(entry.get("for") or str(night))
    own, path = day if has_date(source.files or "") else None, path_of(entry)
    raw, number = workspace.raw / entry["sha256"], number_in(source.files or "", own, path)
    fetched = Fetched(
        source.name,
        path,
        raw,
        entry["sha256"],
        entry["size"],
        entry["arrival"],
        entry["late"],
        own,
        number,
        entry.get("version", ""),
    )
    return Arrival(fetched, day, entry.get("found", 0))


def _came(
    workspace: Workspace, connections: Connections, source: Source, night: date, inputs: Inputs, found: int
) -> Iterator[Arrival]:
    """Files that no night has had; one that is awaited is looked for past the look-back too."""
    past = inputs.past
    awaited = [each.for_night for each in past.awaited if each.source == source.name and each.for_night]
    days = max([workspace.look_back_days, *((night - day).days for day in awaited)])
    first, versions, transport = workspace.first_night or night, past.versions[source.name], connections.of(source)
    for fetched in fetch_files(transport, workspace.raw, source, night, first, days, versions, inputs.later.append):
        yield Arrival(fetched, fetched.day or night, found)


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
    """All queries of one database are read in one snapshot; a rerun takes the rows that the night kept. Redis, which has no
    snapshot, is read before them: what its sets hold has been committed by then."""
    entries = {entry["source"]: entry for entry in inputs_of(kept)} if kept else {}
    relations = {each.source: each for each in kept_relations(kept)} if kept else {}
    with ExitStack() as stack:
        snapshots: dict[str, Snapshot] = {}
        for source in sorted(workspace.sources, key=lambda each: not each.member):
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
    if engine.advance:
        engine.advance(loaded.rows)
    entry = entry_of(source, loaded.name, "", 0, "", False, loaded)
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
    record = RECORD_TYPES[source.record]
    kind = "kind" if record.field("kind") else "''"
    money = "coalesce(currency, ''), count(*), coalesce(sum(amount), 0)" if record.has_money else "'', count(*), 0"
    rows = engine.rows(f"select {kind}, {money} from ({relation}) group by all order by all")
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
    write_json(
        making / "inputs.json",
        {
            "schema_version": 1,
            "inputs": [each.entry for each in inputs.read],
            "awaiting": [each.as_json() for _, each in inputs.awaiting],
            "series": [inputs.past.series[key].as_json() for key in sorted(inputs.past.series)],
            "decisions": frozen(inputs.decisions),
        },
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


def write_sides(workspace: Workspace, making: Path) -> None:
    """records/sides.json: the sides of each reconciliation, and where a record of theirs would come from."""
    sides = [
        {
            "reconciliation": rule.name,
            "side": side.name,
            "kinds": list(side.kinds),
            "sources": [
                {"name": each.name, "psp": each.psp or "", "place": each.files or f"query on {each.database}"}
                for each in workspace.sources
                if each.record == side.record
            ],
        }
        for rule in workspace.reconciliations
        for side in rule.sides
    ]
    write_json(making / "records" / "sides.json", sides)
