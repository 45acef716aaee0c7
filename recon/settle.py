"""Settle: what can be said of the inputs when all of them are read: what was known before, and what is still awaited.

Reads   all_<record>, replayed_rows (recon/match/population.py), the relations of earlier nights' records
Writes  the counts and states of the night's inputs; a file that holds nothing new leaves all_<record> and replayed_rows
Never   changes a row: a file is in the night as a whole, or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

from recon.awaited import awaited, note_hours
from recon.domain.calendar import DayBounds
from recon.domain.completeness import Awaited
from recon.domain.money import to_text
from recon.domain.records import RECORD_TYPES
from recon.domain.rulebook import Moves, Source
from recon.engine.duck import Engine, text
from recon.intake import Input, Inputs, is_needed, leave_out, let_decide
from recon.match.population import Loaded, read_view
from recon.workspace import Workspace


def settle_inputs(
    engine: Engine,
    workspace: Workspace,
    inputs: Inputs,
    night: date,
    bounds: DayBounds,
    earlier: Mapping[str, Sequence[str]],
) -> None:
    """After replays are known: count them, set files aside that hold nothing else, and note what the night waits for.

    earlier   record type -> SQL relations of what earlier nights read
    """
    _count_replays(engine, inputs)
    for read in inputs.read:
        if _only_known(read) and is_needed(workspace, inputs, read):
            _set_known_aside(engine, read, inputs, earlier.get(read.source.record, ()))
        if read.entry["status"] == "read" and read.entry.get("code") == "restated":
            _tell_lost(engine, read, inputs, earlier.get(read.source.record, ()))
    for source in workspace.sources:
        if source.files:
            entries = [each.entry for each in inputs.read if each.source is source]
            note_hours(workspace, source, entries)
            found = awaited(workspace, source, night, bounds.end, entries, inputs.past, inputs.decisions.on)
            inputs.awaiting += [(source, each) for each in _with_moving(source, night, inputs, found)]


def _with_moving(source: Source, night: date, inputs: Inputs, found: list[Awaited]) -> list[Awaited]:
    """What is awaited, and each file that is still being written; one of an earlier night is that night's matter, or
    tomorrow's when it is whole."""
    made = {each.target: each for each in found}
    for later in (each for each in inputs.later if each.source == source.name and not each.late):
        reason, day = f"{later.name} is left for later: {later.why}", later.day or night
        remedy = "run the night again when the file is whole"
        moving = Awaited(source.name, source.record, "file", reason, remedy, day, night)
        known = made.get(moving.target)
        made[moving.target] = replace(known, reason=f"{known.reason}; {reason}") if known else moving
    return list(made.values())


def _count_replays(engine: Engine, inputs: Inputs) -> None:
    sql = "select source, file, count(*) filter (where not restated), count(*) filter (where restated) from replayed_rows group by all"
    counts = {(source, file): (replayed, restated) for source, file, replayed, restated in engine.rows(sql)}
    for each in inputs.read:
        if each.entry["status"] == "read":
            replayed, restated = counts.get((each.source.name, each.entry["name"]), (0, 0))
            each.entry.update(replayed=replayed, restated=restated)


def _only_known(read: Input) -> bool:
    """Whether a file of events holds nothing but rows that were read before, and nobody said that it may."""
    entry, source = read.entry, read.source
    all_known = entry["status"] == "read" and 0 < entry["read"] == entry["replayed"] and not entry["quarantined"]
    return (
        all_known and bool(source.files) and source.moves is Moves.EVENTS and not source.repeats and not entry["code"]
    )


def _tell_lost(engine: Engine, read: Input, inputs: Inputs, earlier: Sequence[str]) -> None:
    """Say which rows the version that was read before has and a restated file no longer has: nothing of it is erased, so they
    count on, and only a person can know whether they should."""
    entry, source, first = read.entry, read.source, read.entry["first"]
    if source.moves is Moves.STATE:
        return
    columns = "source, file, record_id, coalesce(currency, '') as currency, amount"
    own = [
        f"select {columns} from ({each.relation})" for each in inputs.read if each.relation and each.source is source
    ]
    seen = " union ".join([*(f"select {columns} from ({each})" for each in earlier), *own])
    before = f"({seen}) where source = {text(source.name)} and file = {text(first['name'])}"
    if not engine.one(f"select count(*) from {before}"):
        said = f"the rows of {first['name']}, read on {first['night']}, are past the look-back: what is no longer in it can't be told"
        entry["warnings"].append(said)
        return
    lost = engine.rows(
        f"""select currency, count(*), coalesce(sum(amount), 0) from {before}
and record_id not in (select record_id from ({read.relation})) group by all order by all"""
    )
    entry["lost"] = [[currency, rows, to_text(int(minor), currency)] for currency, rows, minor in lost]
    if lost:
        count = sum(rows for _, rows, _ in entry["lost"])
        money = ", ".join(f"{amount} {currency}".strip() for currency, _, amount in entry["lost"])
        said = (
            f"{count} row{'s' if count > 1 else ''} of {first['name']} ({money}) {'are' if count > 1 else 'is'} no longer in it; "
            "nothing was erased: ask the provider, and correct by hand what should not count"
        )
        entry["warnings"].append(said)
        entry["reason"] += f"; {said}"


def _set_known_aside(engine: Engine, read: Input, inputs: Inputs, earlier: Sequence[str]) -> None:
    """Set a file aside all of whose rows were read before, unless a person accepts it as that."""
    entry, rows, record = read.entry, read.entry["read"], read.source.record
    own = [
        f"select source, record_id, file, DATE '{inputs.past.night}' as night from all_{record} where file <> {text(entry['name'])}"
    ]
    seen = " union all ".join([*(f"select source, record_id, file, night from ({each})" for each in earlier), *own])
    [(night, name)] = engine.rows(
        f"""select night, file from ({seen}) where source = {text(read.source.name)}
and record_id in (select record_id from ({read.relation})) group by all order by count(*) desc, night, file limit 1"""
    )
    entry.update(
        status="set_aside",
        code="all_rows_known",
        reason=f"100 % of its {rows} row{'s were' if rows > 1 else ' was'} read before, on {night} from {name}: "
        "found nothing new, expected the rows of a new file",
        remedy="ask the provider for the right file; if it is right that nothing is new, accept it",
        first={"night": str(night), "source": read.source.name, "name": name},
    )
    let_decide(read, inputs)
    if entry["status"] == "read":
        return
    # Its rows leave the population too: as no part of the night they are neither new nor replayed.
    of = f"source = {text(read.source.name)} and file = {text(entry['name'])}"
    engine.step(f"without {entry['name']}", f"delete from replayed_rows where {of}")
    leave_out(read)
    left = [Loaded(each.source.name, each.source.record, each.relation, each.order) for each in inputs.read]
    read_view(engine, RECORD_TYPES[record], [each for each in left if each.relation])
