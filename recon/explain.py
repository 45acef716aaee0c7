"""Explain: everything that the published nights know of one reference, from their folders alone.

A reference is any id seen anywhere: ours, the provider's, an order, a payout, the bank's, a break or a fix. Records that bear
it lead to what belongs to them (our reference, the order, the provider's reference), and those to the rest of the timeline.

Reads    records/, cleared/, pending.csv, breaks.parquet and tried.parquet of the nights; of records first the ids alone
Never    asks a database or a provider
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from recon.domain.money import to_text
from recon.domain.records import RECORD_TYPES, Type
from recon.engine.duck import Engine, text
from recon.store.folder import published
from recon.store.history import Kept, Sided, awaited_of, kept_relations, sides_of

LOOK_BACK = 90  # nights
SHOWN_MAX = 200  # records of a timeline
FOLLOWED_MAX = 50  # records that lead on to others: a payout bears thousands, and their payments are not its story
ROUNDS = 3
_LIMIT = 4 * SHOWN_MAX  # records that are looked up at once
LINKS = ("payment_order_id", "order_id", "psp_reference")
#: The end of a relation that is one file read row by row: its path.
_ONE_FILE = re.compile(r" FROM read_parquet\('((?:[^']|'')+)'(?:, file_row_number = true)?\)$")
_NOT_IDS = ("psp", "account", "kind", "status")


@dataclass(frozen=True, slots=True)
class Event:
    """A record of the timeline, or a row in quarantine (`record` is then "quarantined")."""

    at: str  # instant UTC, else the business date
    record: str
    kind: str
    source: str
    amount: str
    currency: str
    status: str
    payment: str  # payment_order_id, else the provider's reference
    place: str  # file:line, or query#id
    sha256: str
    night: date
    detail: str = ""  # of a quarantined row: what was found and what was expected


@dataclass(frozen=True, slots=True)
class Standing:
    """What a night says of one key."""

    night: date
    reconciliation: str
    key: str
    outcome: str  # cleared | pending | break | resolved
    detail: str
    due: str = ""  # of what is pending: until when it may be


@dataclass(frozen=True, slots=True)
class Total:
    """Of a reference that many records bear, such as a payout: their number and sum."""

    night: date
    source: str
    kind: str
    currency: str
    records: int
    amount: str


@dataclass
class Explanation:
    """Timeline, what each night said, and the newest word.

    more      records beyond those listed in `events`; `totals` count all that bear the reference itself
    breaks    rows of the newest breaks.parquet that are open, each with `tried`: a line per pass, what it found
    """

    reference: str
    payments: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    more: int = 0
    totals: list[Total] = field(default_factory=list)
    standings: list[Standing] = field(default_factory=list)
    breaks: list[dict[str, Any]] = field(default_factory=list)

    @property
    def found(self) -> bool:
        return bool(self.events or self.standings)

    @property
    def newest(self) -> list[Standing]:
        """The last word on each key."""
        last = {(each.reconciliation, each.key): each for each in self.standings}
        return list(last.values())


@dataclass(frozen=True, slots=True)
class _Hit:
    """A record that bears an id: where it is, what it leads to (by LINKS), and how the timeline tells it."""

    at: int  # of the relation
    record_id: str
    links: tuple[str | None, ...]
    event: Event


def explain(nights: Path, reference: str, spill: Path, look_back: int = LOOK_BACK) -> Explanation:
    """What the last `look_back` published nights know of a reference; empty lists where they never saw it."""
    folders = [nights / str(night) for night in published(nights)[-look_back:]]
    answer = Explanation(reference)
    engine = Engine(spill)
    try:
        engine.rows("set parquet_metadata_cache = true")  # a file is opened once for each of its columns
        wanted = {reference, *_of_break(engine, folders, reference)}
        wanted |= {key.rpartition("/")[0] for key in wanted if "/" in key}
        relations = [(folder, kept) for folder in folders for kept in kept_relations(folder)]
        sources = {kept.source for _, kept in relations}
        parts = (each.partition("/") for each in list(wanted))
        wanted |= {rest for source, _, rest in parts if source in sources and rest}  # the key of a record without ours
        hits, ids = _follow(engine, relations, wanted)
        many = len(hits) > FOLLOWED_MAX
        answer.payments = [] if many else sorted({hit.links[0] for hit in hits if hit.links[0]})
        answer.events = [hit.event for hit in hits[:SHOWN_MAX]] + _quarantined(engine, relations, ids)
        answer.events.sort(key=lambda each: (each.at, each.record, each.place, each.night))
        if many:
            answer.totals = _totals(engine, relations, wanted)
            answer.more = max(0, sum(each.records for each in answer.totals) - SHOWN_MAX)
        ids |= {f"{hit.event.source}/{hit.record_id}" for hit in hits[:SHOWN_MAX]}
        for folder in folders:
            answer.standings += _standings(engine, folder, ids)
        if folders:
            answer.breaks = [row for row in _break_rows(engine, folders[-1], ids) if row["state"] != "resolved"]
    finally:
        engine.close()
    return answer


def _of_break(engine: Engine, folders: Sequence[Path], reference: str) -> set[str]:
    """The key of a break or of a fix's break."""
    if not reference.startswith(("BRK-", "FIX-")):
        return set()
    files = [folder / "breaks.parquet" for folder in folders]
    if not files:
        return set()
    return {
        key
        for file in files
        for (key,) in engine.rows(
            f"select key from read_parquet({text(file)}) where {text(reference)} in (break_id, fix_id)"
        )
    }


# --- records ----------------------------------------------------------------------------------------------------------


def _id_fields(kept: Kept) -> list[str]:
    fields = [each.name for each in RECORD_TYPES[kept.record].fields if each.type is Type.KEY]
    return [name for name in fields if name not in _NOT_IDS and _has(kept, name)]


def _has(kept: Kept, name: str) -> bool:
    """Whether the relation has a column: a night that an earlier version left may lack one that is known today."""
    return f'"{name}"' in kept.relation


def _follow(engine: Engine, relations: Sequence[tuple[Path, Kept]], wanted: set[str]) -> tuple[list[_Hit], set[str]]:
    """The records that bear an id of `wanted`, and those that these lead to; with every id that was followed."""
    columns = [_id_fields(kept) for _, kept in relations]
    everywhere = {name: wanted for each in columns for name in each}
    # A record's own id is made of others, so that looking for it costs the most; it is seldom what is asked for.
    found = _bearing(engine, relations, columns, everywhere) or _bearing(
        engine, relations, [["record_id"]] * len(relations), {"record_id": wanted}
    )
    hits, ids, fresh = dict(found), set(wanted), found
    for number in range(ROUNDS):
        if len(hits) > FOLLOWED_MAX:
            break
        # The other payments of an order are part of its story; their orders' other payments are not.
        follow = LINKS if number == 0 else ("payment_order_id", "psp_reference")
        led = {name: {hit.links[at] for hit in fresh.values()} - ids - {None} for at, name in enumerate(LINKS)}
        new = {name: {each for each in led[name] if each} for name in follow if led[name]}
        if not new:
            break
        ids |= {each for values in new.values() for each in values}
        found = _bearing(engine, relations, [[n for n in new if n in each] for each in columns], new)
        fresh = {place: hit for place, hit in found.items() if place not in hits}
        hits |= fresh
    return list(hits.values()), ids


def _bearing(
    engine: Engine,
    relations: Sequence[tuple[Path, Kept]],
    columns: Sequence[Sequence[str]],
    ids: Mapping[str, Iterable[str]],
) -> dict[tuple[int, str], _Hit]:
    """Records with an id of its own in one of the columns, at most a few more than are shown, by relation and record id.

    Rows of a file are looked up by their number, which reads next to nothing: a filter on one column of ids alone is
    quick (measured at 2 M rows: 0.05 s), one that also has to give the other columns is not (0.3 s).
    """
    plain, made = _plain_and_made(relations, columns)
    parts = [
        f"(from (select {at}, {_event_columns(kept)} from ({_only_rows(kept, rows)})))"
        for at, rows in sorted(_row_numbers(engine, plain, ids).items())
        for kept in [relations[at][1]]
    ]
    for at, name in made:
        kept = relations[at][1]
        where = f"where {name} in ({_listed(ids[name])}) limit {_LIMIT}"
        parts.append(f"(from (select {at}, {_event_columns(kept)} from ({kept.relation}) {where}))")
    if not parts:
        return {}
    hits = {}
    for at, record_id, *values in engine.rows(" union all ".join(parts) + " order by all"):
        folder, kept = relations[at]
        hits[at, record_id] = _hit(at, record_id, values, date.fromisoformat(folder.name), kept.record)
    return hits


def _plain_and_made(
    relations: Sequence[tuple[Path, Kept]], columns: Sequence[Sequence[str]]
) -> tuple[dict[str, dict[str, list[int]]], list[tuple[int, str]]]:
    """Columns that stand in a file as they are (column -> file -> relations), and those that a relation makes of others,
    so that the relation itself has to be asked."""
    plain: dict[str, dict[str, list[int]]] = {}
    made: list[tuple[int, str]] = []
    for at, ((_, kept), names) in enumerate(zip(relations, columns, strict=True)):
        file = _ONE_FILE.search(kept.relation)
        for name in names:
            if file and " OVER (" not in kept.relation and re.search(rf'(?<!AS )"{name}"(?=,| FROM)', kept.relation):
                plain.setdefault(name, {}).setdefault(file[1].replace("''", "'"), []).append(at)
            elif f'CAST(NULL AS VARCHAR) AS "{name}"' not in kept.relation:
                made.append((at, name))
    return plain, made


def _row_numbers(
    engine: Engine, plain: Mapping[str, Mapping[str, Sequence[int]]], ids: Mapping[str, Iterable[str]]
) -> dict[int, set[int]]:
    """Relation -> the numbers of its file's rows that bear an id: a scan for each column, over the files of all nights."""
    found: dict[int, set[int]] = {}
    for name, places in plain.items():
        listed = ", ".join(text(file) for file in places)
        scan = f"read_parquet([{listed}], union_by_name = true, filename = true, file_row_number = true)"
        where = f"where {name} in ({_listed(ids[name])}) order by all limit {_LIMIT}"
        for file, row in engine.rows(f"select filename, file_row_number from {scan} {where}"):
            for at in places[file]:
                found.setdefault(at, set()).add(row)
    return found


def _only_rows(kept: Kept, rows: Iterable[int]) -> str:
    """The relation, of these rows of its file."""
    place = _ONE_FILE.search(kept.relation)
    assert place
    listed = ", ".join(map(str, sorted(rows)))
    scan = f"read_parquet('{place[1]}', file_row_number = true) where file_row_number in ({listed})"
    return f"{kept.relation[: place.start()]} FROM {scan}"


def _event_columns(kept: Kept) -> str:
    instant = RECORD_TYPES[kept.record].instant
    at = instant if instant and _has(kept, instant) else "CAST(NULL AS TIMESTAMP)"
    optional = ("currency", "amount", "kind", "status", *LINKS)
    columns = ["record_id", "business_date", f"{at} as at", "source", "file", "line", "sha256"]
    return ", ".join([*columns, *(name if _has(kept, name) else f"NULL as {name}" for name in optional)])


def _hit(at: int, record_id: str, values: Sequence[Any], night: date, record: str) -> _Hit:
    day, moment, source, file, line, sha256, currency, amount, kind, status, *links = values
    event = Event(
        at=moment.isoformat(sep=" ", timespec="seconds") + "Z" if moment else str(day),
        record=record,
        kind=kind or "",
        source=source,
        amount=to_text(amount, currency or "") if amount is not None else "",
        currency=currency or "",
        status=status or "",
        payment=links[0] or links[2] or "",
        place=f"{file}:{line}" if line else f"{file}#{record_id}",
        sha256=sha256 or "",
        night=night,
    )
    return _Hit(at, record_id, tuple(links), event)


def _listed(ids: Iterable[str]) -> str:
    return ", ".join(text(each) for each in sorted(ids))


def _quarantined(engine: Engine, relations: Sequence[tuple[Path, Kept]], ids: set[str]) -> list[Event]:
    """Rows that could not be read, as far as a reference could be read of them."""
    listed = _listed(ids)
    columns = "business_date, kind, file, line, sha256, column_name, found, expected, payment_order_id, psp_reference"
    parts = [
        f"select {at}, {columns} from ({kept.quarantine}) where {' or '.join(f'{name} in ({listed})' for name in LINKS)}"
        for at, (_, kept) in enumerate(relations)
        if not kept.quarantine.endswith("WHERE false")
    ]
    rows = engine.rows(" union all ".join(parts) + " order by 1, file, line limit 200") if parts else []
    return [
        Event(
            at=str(day or relations[at][0].name),
            record="quarantined",
            kind=kind or "",
            source=relations[at][1].source,
            amount="",
            currency="",
            status="",
            payment=payment or theirs or "",
            place=f"{file}:{line}",
            sha256=sha256 or "",
            night=date.fromisoformat(relations[at][0].name),
            detail=f"{column}: found {found!r}, expected {expected}",
        )
        for at, day, kind, file, line, sha256, column, found, expected, payment, theirs in rows
    ]


def _totals(engine: Engine, relations: Sequence[tuple[Path, Kept]], ids: set[str]) -> list[Total]:
    """Number and sum of all records that bear one of the ids themselves."""
    listed = _listed(ids)
    totals = []
    for folder, kept in relations:
        kind, currency, amount = (name if _has(kept, name) else "NULL" for name in ("kind", "currency", "amount"))
        condition = " or ".join(f"{name} in ({listed})" for name in _id_fields(kept))
        sql = (
            f"select source, {kind}, {currency}, count(*), sum({amount})::varchar from ({kept.relation}) "
            f"where {condition} group by all order by all"
        )
        for source, what, code, count, minor in engine.rows(sql):
            money = to_text(int(minor), code) if minor is not None and code else ""
            totals.append(Total(date.fromisoformat(folder.name), source, what or "", code or "", count, money))
    return sorted(totals, key=lambda each: (each.night, each.source, each.kind, each.currency))


# --- what the nights said ---------------------------------------------------------------------------------------------


def _standings(engine: Engine, folder: Path, ids: set[str]) -> list[Standing]:
    night = date.fromisoformat(folder.name)
    found = []
    for path in sorted((folder / "cleared").glob("*.parquet")):
        if not path.name.endswith(".names.parquet"):
            found += _cleared(engine, path, night, ids)
    pending = (
        f"select reconciliation, key, reason, due from read_csv({text(folder / 'pending.csv')}, header = true, auto_detect = false, "
        "columns = {'reconciliation': 'VARCHAR', 'key': 'VARCHAR', 'psp': 'VARCHAR', 'reason': 'VARCHAR', 'due': 'VARCHAR'}) "
        f"where {_of_key(ids)} order by all"
    )
    for reconciliation, key, reason, due in engine.rows(pending):
        found.append(Standing(night, reconciliation, key, "pending", reason, due or ""))
    for row in _break_rows(engine, folder, ids):
        outcome = "resolved" if row["state"] == "resolved" else "break"
        named = f"{row['code']} ({row['class'].replace('_', ' ')}, {row['state']})"
        found.append(
            Standing(
                night, row["reconciliation"], row["key"], outcome, row["reason"] if outcome == "resolved" else named
            )
        )
    return found


def _of_key(ids: set[str]) -> str:
    """SQL: the key is one of the ids, or begins with one and goes on with a kind."""
    listed = _listed(ids)
    return f"(key in ({listed}) or regexp_replace(key, '/[^/]*$', '') in ({listed}))"


def _cleared(engine: Engine, path: Path, night: date, ids: set[str]) -> list[Standing]:
    """What cleared, with the sum of each side; and what a pass united it by."""
    table = f"read_parquet({text(path)})"
    columns = [name for name, *_ in engine.rows(f"describe select * from {table}")]
    keys = columns[: columns.index("kind")]
    sides = [name.removesuffix("__count") for name in columns if name.endswith("__count")]
    listed = _listed(ids)
    condition = " or ".join(f"{name} in ({listed})" for name in keys)
    united = _united(engine, path, keys, condition)
    picked = [*keys, "kind"]
    for side in sides:
        picked += [f"{side}__count", f"{side}__amount::varchar", f"{side}__currency"]
    found = []
    for row in engine.rows(f"select {', '.join(picked)} from {table} where {condition} order by all"):
        key = "/".join(str(each) for each in row[: len(keys) + 1] if each)  # some have no kind
        told = []
        for at, side in enumerate(sides):
            count, minor, currency = row[len(keys) + 1 + 3 * at :][:3]
            if count:
                money = f" {to_text(int(minor), currency)} {currency}" if minor is not None and currency else ""
                told.append(f"{side}{money}" + (f" in {count} records" if count > 1 else ""))
        by = f"; united by {united[key]}" if key in united else ""
        found.append(Standing(night, path.stem, key, "cleared", ", ".join(told) + by))
    return found


def _united(engine: Engine, path: Path, keys: Sequence[str], condition: str) -> dict[str, str]:
    """Key -> the provider's reference or the other key under which a pass found some of its records."""
    names = path.with_name(f"{path.stem}.names.parquet")
    if not names.exists():
        return {}
    other = " || '/' || ".join(f"coalesce(part_{name}, '')" for name in keys)
    own = " || '/' || ".join(keys)
    sql = (
        f"select {own} || coalesce('/' || nullif(kind, ''), ''), list(distinct case when {other} <> {own} and {other} <> '' then {other} else psp_reference end) "
        f"from read_parquet({text(names)}) where {condition} group by 1 order by 1"
    )
    return {key: ", ".join(sorted(filter(None, parts))) for key, parts in engine.rows(sql)}


def _break_rows(engine: Engine, folder: Path, ids: set[str]) -> list[dict[str, Any]]:
    table = f"read_parquet({text(folder / 'breaks.parquet')})"
    names = [name for name, *_ in engine.rows(f"describe select * from {table}")]
    found = engine.rows(f"select * from {table} where {_of_key(ids)} order by reconciliation, key")
    lines = _tried(engine, folder, [row[names.index("break_id")] for row in found])
    rows = [dict(zip(names, row, strict=True)) for row in found]
    return [{**row, "tried": lines.get(row["break_id"], [])} for row in rows]


def _tried(engine: Engine, folder: Path, breaks: Sequence[str]) -> Mapping[str, list[str]]:
    """break_id -> a line per pass; nothing of nights that an earlier version left."""
    path = folder / "tried.parquet"
    if not breaks or not path.exists():
        return {}
    return dict(
        engine.rows(f"select break_id, tried from read_parquet({text(path)}) where break_id in ({_listed(breaks)})")
    )


# --- what is absent ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Absent:
    """A side that has no record of a key.

    by       the last night on which that is in order; empty where nothing is due, or no longer
    sources  where its record would come from: "toss (in/toss_{date}*.json)"
    """

    reconciliation: str
    key: str
    side: str
    by: str
    overdue: bool
    sources: tuple[str, ...]


def absent(nights: Path, answer: Explanation) -> list[Absent]:
    """What the newest night lacks of the reference, and until when it may: of what is pending or a break."""
    have = published(nights)
    sides = sides_of(nights / str(have[-1])) if have else []
    found = []
    latest = max((each.night for each in answer.standings), default=None)
    near = {event.source for event in answer.events}
    for each in answer.newest:
        if each.outcome == "pending" and each.night == latest:
            waited = each.detail.removeprefix("waits for ")
            found += [
                _absent(side, each.key, each.due, False, near)
                for side in sides
                if (side.reconciliation, side.side) == (each.reconciliation, waited)
            ]
    for row in answer.breaks:
        kind = row["key"].rpartition("/")[2]
        found += [
            _absent(side, row["key"], "", True, {row["psp"]})
            for side in sides
            if side.reconciliation == row["reconciliation"]
            and (not side.kinds or kind in side.kinds)
            and row.get(f"{side.side}_amount", "") is None
        ]
    return found


def _absent(side: Sided, key: str, by: str, overdue: bool, near: set[str]) -> Absent:
    """`near`: providers, or sources that have a record already; a source of one of them comes before all others."""
    likely = [each for each in side.sources if each[1] and near & {each[0], each[1]}] or side.sources
    told = tuple(f"{name} ({place})" for name, _, place in likely)
    return Absent(side.reconciliation, key, side.side, by, overdue, told)


def awaited(nights: Path) -> list[str]:
    """What the newest night still waits for, a line each: the reference may stand in one of these."""
    have = published(nights)
    if not have:
        return []
    return [f"{each['source']} {each['path']}: {each['reason']}" for each in awaited_of(nights / str(have[-1]))]
