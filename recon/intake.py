"""Intake: one file of the night: read, counted as known, or set aside; and its entry in inputs.json.

Comes in   a file on its way in, what earlier nights know, what people decided
Goes out   an `Input` with the records of the file as a relation, or with the reason why it has none
Never      raises for a bad file, and never takes a file that waits for a person.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from recon.arrivals import ACCEPTABLE, Judgement, Past, path_of
from recon.awaited import source_calendar, what_to_do
from recon.domain.completeness import Awaited, file_target, is_expected
from recon.domain.money import from_text, to_text
from recon.domain.rulebook import Source
from recon.engine.duck import Engine
from recon.fetch import Fetched, Later, prove_unchanged
from recon.ingest.balances import as_entry
from recon.ingest.files import LoadedFile, Reading
from recon.store.decisions import Decisions
from recon.workspace import Workspace


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
    out: Path | None = None  # of a file: the folder of its records


@dataclass(frozen=True, slots=True)
class Held:
    """A file that is held back until all others are read: old bytes under a name of today matter only where today's are
    missing, and only then does anybody have to decide on them."""

    read: Input
    arrival: Arrival
    reading: Reading
    judged: Judgement


@dataclass
class Inputs:
    """Everything the night read, and what it still waits for."""

    past: Past
    decisions: Decisions
    read: list[Input] = field(default_factory=list)
    awaiting: list[tuple[Source, Awaited]] = field(default_factory=list)
    later: list[Later] = field(default_factory=list)  # files that are still being written
    held: list[Held] = field(default_factory=list)

    @property
    def incomplete(self) -> list[Source]:
        """Sources of which something is awaited, or of which a query was set aside."""
        aside = [each.source for each in self.read if each.entry["status"] == "set_aside" and not each.source.files]
        return [*(source for source, _ in self.awaiting), *aside]

    def since(self) -> list[str]:
        """The incomplete sources by name, with since when where it is longer than tonight."""
        first: dict[str, tuple[date, int]] = {}
        for _, each in self.awaiting:
            before = first.get(each.source, (each.since, 0))
            first[each.source] = (min(before[0], each.since), max(before[1], each.nights))
        return [
            f"{name} (since {first[name][0]}, {first[name][1]} nights)" if first.get(name, (None, 0))[1] > 1 else name
            for name in sorted({source.name for source in self.incomplete})
        ]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A file on its way in. found: 0 for the night's first run, one more for each rerun that found files."""

    fetched: Fetched
    for_night: date
    found: int


def take(engine: Engine, source: Source, arrival: Arrival, reading: Reading, inputs: Inputs) -> None:
    """Read one file unless its bytes and name say that it is known or to be set aside; note what became of it."""
    past, fetched = inputs.past, arrival.fetched
    judged = past.before_reading(source, fetched)
    read = Input(source, _unread(source, arrival, judged), len(inputs.read))
    if judged.status == "set_aside" and judged.known is not None:
        inputs.held.append(Held(read, arrival, reading, judged))
        inputs.read.append(read)
        return
    if judged.status == "replayed":
        reading.drop()
        count_as_known(read, judged)
    elif judged.status == "read" or _is_accepted(source, arrival, inputs):
        read = _read_file(engine, source, arrival, reading, inputs, judged, read.order)
    else:
        reading.drop()
        let_decide(read, inputs)
    inputs.read.append(read)
    _note(inputs, read)


def take_held(engine: Engine, workspace: Workspace, inputs: Inputs) -> None:
    """When all others are read: files of old bytes under a name of today."""
    for held in inputs.held:
        read, judged = held.read, held.judged
        if not is_needed(workspace, inputs, read):
            # They came beside the files of their day: no mistake that anybody has to mend.
            held.reading.drop()
            day = read.entry["for"]
            reason = f"{judged.reason}; the files of {day} are there besides: nothing in it is new"
            read.entry.update(status="replayed", reason=reason, remedy="")
            count_as_known(read, judged)
        elif _is_accepted(read.source, held.arrival, inputs):
            read = _read_file(engine, read.source, held.arrival, held.reading, inputs, judged, read.order)
            inputs.read[read.order] = read
        else:
            held.reading.drop()
            let_decide(read, inputs)
        _note(inputs, read)


def is_needed(workspace: Workspace, inputs: Inputs, read: Input) -> bool:
    """Whether the source's files for that night would be too few without this one. One that comes beside them is harmless:
    its rows are replays, counted as such."""
    source, day = read.source, read.entry["for"]
    tonight = [each.entry for each in inputs.read if each.source is source and each is not read]
    others = sum(entry["status"] == "read" and entry["for"] == day and entry["code"] != "restated" for entry in tonight)
    return (
        is_expected(source.expected, date.fromisoformat(day), source_calendar(workspace, source))
        and others + inputs.past.read_for[source.name, day] < source.expected.count
    )


def _is_accepted(source: Source, arrival: Arrival, inputs: Inputs) -> bool:
    fetched = arrival.fetched
    decision = inputs.decisions.on(file_target(source.name, fetched.name, fetched.sha256, arrival.for_night))
    return decision is not None and decision.decision == "accept"


def _note(inputs: Inputs, read: Input) -> None:
    past = inputs.past
    past.know(read.entry)
    past.add(past.night, read.entry)
    if read.entry["status"] == "read":
        past.count(read.source, read.entry)


def count_as_known(read: Input, judged: Judgement) -> None:
    """The rows and the money of known bytes are those of the file that was read: they came, and all of it is known."""
    known = judged.known or {}
    read.entry.update(rows=known["rows"], replayed=known["rows"], totals=known["totals"])
    read.totals = tuple((kind, currency, rows, from_text(amount)) for kind, currency, rows, amount in known["totals"])


def _read_file(
    engine: Engine, source: Source, arrival: Arrival, reading: Reading, inputs: Inputs, judged: Judgement, order: int
) -> Input:
    fetched = arrival.fetched
    # Two versions of one file have the same lines: their records say of which they are.
    older = inputs.past.was_read(source.name, fetched.name)
    name = f"{fetched.name}@{fetched.sha256[:8]}" if older is not None else fetched.name
    reading.file = name
    loaded = reading.load(engine)
    prove_unchanged(fetched)
    entry = entry_of(source, name, fetched.sha256, fetched.size, fetched.arrival, fetched.late, loaded)
    entry |= _arrived(arrival, judged) | {"unpacked": reading.unpacked}
    entry["numbers"] = [fetched.number] if fetched.number is not None else list(loaded.marks.numbers)
    read = Input(source, entry, order, loaded.relation, loaded.quarantine, loaded.totals, out=reading.out)
    if loaded.set_aside is not None:
        entry["code"] = loaded.set_aside.code
    elif judged.code:  # a person accepted it
        entry["reason"] = judged.reason
    else:
        after = inputs.past.after_reading(source, entry, loaded.marks.day, inputs.past.night)
        if after.status != "read":
            entry.update(
                status="set_aside", code=after.code, reason=after.reason, remedy=after.remedy, first=after.first
            )
    let_decide(read, inputs)
    if entry["status"] != "read":
        leave_out(read)
    return read


def _arrived(arrival: Arrival, judged: Judgement) -> dict[str, Any]:
    """What inputs.json says of a file besides what was read of it."""
    return {
        "path": arrival.fetched.name,
        "for": str(arrival.for_night),
        "found": arrival.found,
        "version": arrival.fetched.version,
        "unpacked": None,
        "code": judged.code,
        "first": judged.first,
        "numbers": [],
        "lost": [],
        "decision": None,
        "replaced_by": "",
        "due_by": "",
        "overdue": False,
    }


def _unread(source: Source, arrival: Arrival, judged: Judgement) -> dict[str, Any]:
    """The entry of a file as long as it is not read: its bytes are known, or it waits for a person."""
    fetched = arrival.fetched
    again = judged.code == "restated"
    loaded = LoadedFile(source.name, fetched.name, fetched.sha256, fetched.size, 0, 0, 0, "", "", (), (), (), None)
    name = f"{fetched.name}@{fetched.sha256[:8]}" if again else fetched.name
    entry = entry_of(source, name, fetched.sha256, fetched.size, fetched.arrival, fetched.late, loaded)
    entry |= _arrived(arrival, judged)
    return entry | {"status": judged.status, "reason": judged.reason, "remedy": judged.remedy}


def let_decide(read: Input, inputs: Inputs) -> None:
    """Let what a person decided on a file that was set aside hold, and say what can be done where nobody has."""
    entry = read.entry
    if entry["status"] != "set_aside" and not (entry["status"] == "read" and entry["code"]):
        return
    target = file_target(entry["source"], path_of(entry), entry["sha256"], date.fromisoformat(entry["for"]))
    decision = inputs.decisions.on(target)
    entry["decision"] = decision.as_json() if decision is not None else None
    said = f"{decision.decided_by} on {decision.decided_at[:10]}: {decision.why}" if decision is not None else ""
    if decision is not None and decision.decision == "reject":
        entry.update(status="rejected", reason=f"{entry['reason']}; rejected by {said}", remedy="")
    elif decision is not None and entry["code"] in ACCEPTABLE:
        entry.update(status="read", reason=f"{entry['reason']}; accepted by {said}", remedy="")
    else:
        entry["remedy"] = what_to_do(entry["code"], entry["sha256"][:12], entry["remedy"])


def leave_out(read: Input) -> None:
    """A file that is not taken after all: its records are not kept, what is wrong with its rows is."""
    assert read.out is not None, read.entry
    for file in read.out.glob("*.parquet"):
        if not file.name.endswith(".quarantine.parquet"):
            file.unlink()
    read.relation, read.totals = "", ()
    read.entry.update(read=0, totals=[])


def entry_of(
    source: Source, name: str, sha256: str, size: int, arrival: str, late: bool, loaded: LoadedFile
) -> dict[str, Any]:
    """What inputs.json says of a file or a query that was read."""
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
        "balances": as_entry(loaded.balances),
        "warnings": list(loaded.warnings),
    }
