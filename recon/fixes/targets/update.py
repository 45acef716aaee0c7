"""Update: one row of an order, payment order, hold or outbox table, set only if it still holds what the night saw.

Comes in   an effect with `seen` and `set`, and a connection that may update the table and insert into `recon_updates`
Goes out   the row changed and one row of `recon_updates`, whose primary key is the idempotency key, in one transaction
Never      touches a row that moved; a row that moved away and came back is not changed twice, because the key is there
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from recon.domain.records import RECORD_TYPES, Type
from recon.fixes.targets.effect import Effect, MovedError, Receipt, RefusedError, instant_text
from recon.fixes.targets.install import UPDATES, missing
from recon.fixes.targets.keyed import key_row, key_table, look_for_key, receipt
from recon.workspace import UpdateTarget


class Updates:
    """One table of one kind of record."""

    def __init__(self, name: str, settings: UpdateTarget) -> None:
        self.name, self.settings, self.url = name, settings, settings.url.value
        own: list[sa.ColumnClause[Any]] = [sa.column(each) for each in ("table_name", "record_id", "seen", "changed")]
        self._keys = key_table(UPDATES, settings.schema, *own)

    def check(self, connection: sa.Connection) -> list[str]:
        return missing(connection, self.settings)

    def look(self, connection: sa.Connection, effect: Effect) -> Receipt | None:
        return look_for_key(connection, self._keys, effect, "the database has another change")

    def put(self, connection: sa.Connection, effect: Effect) -> Receipt:
        # The key first: a second applier waits here for the first to end, and then finds it.
        connection.execute(
            self._keys.insert(),
            {
                **key_row(effect),
                "table_name": self.settings.table,
                "record_id": effect.record_id,
                "seen": json.dumps(dict(effect.seen), ensure_ascii=False),
                "changed": json.dumps(dict(effect.set), ensure_ascii=False),
            },
        )
        statement, values = self._guarded(connection, effect)
        changed = connection.execute(sa.text(statement), values).rowcount
        if changed > 1:
            raise RefusedError(f"{changed} rows of {self.settings.table} have the id {effect.record_id}")
        if changed == 0:
            raise MovedError(self._how_it_moved(connection, effect))
        return receipt(self._keys, effect)

    def _guarded(self, connection: sa.Connection, effect: Effect) -> tuple[str, dict[str, Any]]:
        """`update ... set ... where id = ... and` every field is as it was seen."""
        quote = connection.dialect.identifier_preparer.quote
        values: dict[str, Any] = {"id": effect.record_id}
        sets, holds = [], [f"{quote(self.settings.key)} = :id"]
        for at, (name, value) in enumerate(sorted(effect.set.items())):
            values[f"set{at}"] = self._typed(name, value)
            sets.append(f"{quote(self._column(name))} = :set{at}")
        if self.settings.stamp:
            values["stamp"] = instant_text(effect.booked_at or datetime.now(UTC), connection.dialect.name)
            sets.append(f"{quote(self.settings.stamp)} = :stamp")
        for at, (name, value) in enumerate(sorted(effect.seen.items())):
            column = quote(self._column(name))
            if value is None:
                holds.append(f"{column} is null")
            else:
                values[f"seen{at}"] = self._typed(name, value)
                holds.append(f"{column} = :seen{at}")
        return f"update {self._table(connection)} set {', '.join(sets)} where {' and '.join(holds)}", values

    def _table(self, connection: sa.Connection) -> str:
        quote = connection.dialect.identifier_preparer.quote
        schema = f"{quote(self.settings.schema)}." if self.settings.schema else ""
        return schema + quote(self.settings.table)

    def _column(self, name: str) -> str:
        column = self.settings.columns.get(name)
        if column is None:
            raise RefusedError(f"the target {self.name} has no column for {name}")
        return column

    def _typed(self, name: str, value: str | None) -> Any:
        """A value of the fix as the database compares it: amounts are whole numbers of minor units."""
        if value is None:
            return None
        return int(value) if name in NUMBERS and value.lstrip("-").isdigit() else value

    def _how_it_moved(self, connection: sa.Connection, effect: Effect) -> str:
        quote = connection.dialect.identifier_preparer.quote
        names = sorted(effect.seen)
        columns = ", ".join(quote(self._column(name)) for name in names) or "1"
        row = connection.execute(
            sa.text(f"select {columns} from {self._table(connection)} where {quote(self.settings.key)} = :id"),
            {"id": effect.record_id},
        ).first()
        if row is None:
            return f"{self.settings.table} has no row {effect.record_id} any more"
        off = [
            f"{name} is {'NULL' if now is None else now}, {effect.seen[name]} was seen"
            for name, now in zip(names, row, strict=True)
            if (None if now is None else str(now)) != effect.seen[name]
        ]
        return f"{self.settings.table} {effect.record_id} moved: {', '.join(off) or 'it is as seen only when cast'}"


NUMBERS = frozenset(
    field.name
    for record in RECORD_TYPES.values()
    for field in record.fields
    if field.type in (Type.MONEY, Type.INTEGER)
)
