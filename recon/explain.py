"""Explain: everything that the published nights know of one reference, from their folders alone.

A reference is any id seen anywhere: ours, the provider's, an order, a payout, a break or a fix.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from recon.domain.money import to_text
from recon.domain.records import COMMON, RECORD_TYPES, Type
from recon.engine.duck import Engine, text
from recon.store.folder import published
from recon.store.history import Kept, kept_relations


@dataclass(frozen=True, slots=True)
class Event:
    """A record of the timeline."""

    at: str  # instant UTC, else the business date
    record: str
    kind: str
    source: str
    amount: str
    currency: str
    status: str
    payment: str  # payment_order_id, else the provider's reference
    place: str  # file:line, or query#id
    night: date


@dataclass(frozen=True, slots=True)
class Standing:
    """What a night says of one key."""

    night: date
    key: str
    outcome: str  # cleared | pending | break | resolved
    detail: str


@dataclass
class Explanation:
    """Timeline, what each night said, and the newest word."""

    reference: str
    payments: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    standings: list[Standing] = field(default_factory=list)
    breaks: list[dict[str, Any]] = field(default_factory=list)  # rows of the newest breaks.parquet

    @property
    def found(self) -> bool:
        return bool(self.events or self.standings)


def explain(nights: Path, reference: str, spill: Path, look_back: int = 90) -> Explanation:
    """What the last `look_back` published nights know of a reference; empty lists where they never saw it."""
    folders = [nights / str(night) for night in published(nights)[-look_back:]]
    answer = Explanation(reference)
    engine = Engine(spill)
    try:
        wanted = {reference, *_of_break(engine, folders, reference)}
        wanted |= {key.split("/")[0] for key in wanted}
        relations = [(folder, kept) for folder in folders for kept in kept_relations(folder)]
        payments = _payments(engine, relations, wanted)
        answer.payments = sorted(payments)
        answer.events = _events(engine, relations, wanted | payments)
        keys = wanted | payments
        for folder in folders:
            answer.standings += _standings(engine, folder, keys)
        if folders:
            answer.breaks = [row for row in _break_rows(engine, folders[-1], keys) if row["state"] != "resolved"]
    finally:
        engine.close()
    return answer


def _of_break(engine: Engine, folders: Sequence[Path], reference: str) -> set[str]:
    """The key of a break or of a fix's break."""
    if not reference.startswith(("BRK-", "FIX-")):
        return set()
    found: set[str] = set()
    for folder in folders:
        sql = f"select key from read_parquet({text(folder / 'breaks.parquet')}) where {text(reference)} in (break_id, fix_id)"
        found |= {key for (key,) in engine.rows(sql)}
    return found


def _key_fields(record: str) -> list[str]:
    fields = [each.name for each in RECORD_TYPES[record].fields if each.type is Type.KEY]
    return [name for name in fields if name not in ("psp", "account", "kind", "status")] + ["record_id"]


def _payments(engine: Engine, relations: Sequence[tuple[Path, Kept]], wanted: set[str]) -> set[str]:
    """Our references of every record that bears one of the ids."""
    listed = ", ".join(text(each) for each in sorted(wanted))
    found: set[str] = set()
    for _, kept in relations:
        if RECORD_TYPES[kept.record].field("payment_order_id") is None:
            continue
        columns = _key_fields(kept.record)
        condition = " or ".join(f"{column} in ({listed})" for column in columns)
        sql = f"select distinct payment_order_id from ({kept.relation}) where ({condition}) and payment_order_id is not null"
        found |= {payment for (payment,) in engine.rows(sql)}
    return found


def _events(engine: Engine, relations: Sequence[tuple[Path, Kept]], ids: set[str]) -> list[Event]:
    listed = ", ".join(text(each) for each in sorted(ids))
    events = []
    for folder, kept in relations:
        record = RECORD_TYPES[kept.record]
        names = {each.name for each in (*COMMON, *record.fields)}
        condition = " or ".join(f"{column} in ({listed})" for column in _key_fields(kept.record))
        columns = ["business_date", record.instant, "source", "record_id", "file", "line"]
        columns += [name if name in names else f"NULL as {name}" for name in ("currency", "amount")]
        columns += [
            name if name in names else f"NULL as {name}"
            for name in ("kind", "status", "payment_order_id", "psp_reference")
        ]
        for row in engine.rows(f"select {', '.join(columns)} from ({kept.relation}) where {condition}"):
            day, instant, source, record_id, file, line, currency, amount, kind, status, payment, psp_reference = row
            events.append(
                Event(
                    at=instant.isoformat(sep=" ", timespec="seconds") + "Z" if instant else str(day),
                    record=kept.record,
                    kind=kind or "",
                    source=source,
                    amount=to_text(amount, currency or "") if amount is not None else "",
                    currency=currency or "",
                    status=status or "",
                    payment=payment or psp_reference or "",
                    place=f"{file}:{line}" if line else f"{file}#{record_id}",
                    night=date.fromisoformat(folder.name),
                )
            )
    return sorted(events, key=lambda each: (each.at, each.record, each.place, each.night))


def _standings(engine: Engine, folder: Path, keys: set[str]) -> list[Standing]:
    night = date.fromisoformat(folder.name)
    listed = ", ".join(text(each) for each in sorted(keys))
    found = []
    for path in sorted((folder / "cleared").glob("*.parquet")):
        if path.stem.endswith(".names"):
            continue
        columns = [name for name, *_ in engine.rows(f"describe select * from read_parquet({text(path)})")]
        keys_of = columns[: columns.index("kind")]
        key = f"concat_ws('/', {', '.join(keys_of)}, nullif(kind, ''))"
        borne = " or ".join(f"{field} in ({listed})" for field in keys_of)
        sql = f"select {key} from read_parquet({text(path)}) where {borne} order by all"
        found += [Standing(night, key, "cleared", path.stem) for (key,) in engine.rows(sql)]
    pending = (
        f"select key, reason, due from read_csv({text(folder / 'pending.csv')}, header = true, auto_detect = false, "
        "columns = {'reconciliation': 'VARCHAR', 'key': 'VARCHAR', 'psp': 'VARCHAR', 'reason': 'VARCHAR', 'due': 'VARCHAR'}) "
        f"where key in ({listed}) or split_part(key, '/', 1) in ({listed}) order by all"
    )
    for key, reason, due in engine.rows(pending):
        found.append(Standing(night, key, "pending", reason + (f", due {due}" if due else "")))
    for row in _break_rows(engine, folder, keys):
        outcome = "resolved" if row["state"] == "resolved" else "break"
        detail = (
            row["reason"]
            if outcome == "resolved"
            else f"{row['code']} ({row['class'].replace('_', ' ')}, {row['state']})"
        )
        found.append(Standing(night, row["key"], outcome, detail))
    return found


def _break_rows(engine: Engine, folder: Path, keys: set[str]) -> list[dict[str, Any]]:
    listed = ", ".join(text(each) for each in sorted(keys))
    sql = (
        f"select * from read_parquet({text(folder / 'breaks.parquet')}) where key in ({listed}) or split_part(key, '/', 1) in ({listed}) "
        "order by key"
    )
    rows: list[dict[str, Any]] = engine.table(sql).to_pylist()
    return rows
