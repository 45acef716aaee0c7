"""Journal: a balanced entry in a ledger of the company's own, at most once.

Comes in   an effect with postings, and a connection that may insert into its table of journals
Goes out   one row of it (`recon_journals`), whose primary key is the idempotency key; its trigger proves that the postings sum
           to zero and writes them into the ledger's table, as one statement (recon/fixes/targets/install.py)
Never      changes or deletes an entry; writes the ledger's table itself; books what somebody has booked since the night
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from recon.domain.corrections import REFERENCES
from recon.fixes.targets.effect import Effect, MovedError, Receipt, RefusedError, balanced, instant_text
from recon.fixes.targets.install import missing
from recon.fixes.targets.keyed import key_row, key_table, look_for_key, receipt
from recon.workspace import JournalTarget


class Journals:
    """One ledger table."""

    def __init__(self, name: str, settings: JournalTarget) -> None:
        self.name, self.settings, self.url = name, settings, settings.url.value
        postings: sa.ColumnClause[Any] = sa.column("postings", sa.JSON().with_variant(JSONB(), "postgresql"))
        self._journals = key_table(settings.journals, settings.schema, postings)
        columns = {*settings.columns, settings.key_column}
        self._ledger = sa.table(settings.table, *map(sa.column, sorted(columns)), schema=settings.schema or None)
        self._column = {word: column for column, word in settings.columns.items()}

    def check(self, connection: sa.Connection) -> list[str]:
        return missing(connection, self.settings)

    def look(self, connection: sa.Connection, effect: Effect) -> Receipt | None:
        return look_for_key(connection, self._journals, effect, "the ledger has another correction")

    def put(self, connection: sa.Connection, effect: Effect) -> Receipt:
        balanced(effect.postings)
        self._unmoved(connection, effect)
        lines = [self._line(connection, effect, at) for at in range(len(effect.postings))]
        connection.execute(self._journals.insert(), {**key_row(effect), "postings": lines})
        self._there(connection, effect)
        return receipt(self._journals, effect)

    def _line(self, connection: sa.Connection, effect: Effect, at: int) -> dict[str, Any]:
        """The ledger's columns of one posting."""
        values = {**self.settings.constants}
        for column, word in self.settings.columns.items():
            values[column] = _value(word, effect, at, connection.dialect.name)
        return values

    def _unmoved(self, connection: sa.Connection, effect: Effect) -> None:
        """Refuse to book where the ledger got an entry of this payment, kind and account after the night that was judged.

        The late webhook that everybody waited for may have arrived since.
        """
        recorded = self.settings.recorded_at
        names = [name for name in REFERENCES if name in self._column and name in effect.references]
        # Without a reference of the payment itself the question would be about other payments.
        if not recorded or effect.night_ends is None or not {"payment_order_id", "psp_reference"} & set(names):
            return
        reference = "payment_order_id" if "payment_order_id" in names else "psp_reference"
        narrow = [name for name in names if name == reference or name == "kind"]
        accounts = sorted({account for account, _, _ in effect.postings})
        ledger = self._ledger.c
        time: sa.ColumnClause[Any] = sa.column(recorded)
        newer = connection.execute(
            sa.select(sa.func.count())
            .select_from(self._ledger)
            .where(
                *(ledger[self._column[name]] == effect.references[name] for name in narrow),
                ledger[self._column["account"]].in_(accounts),
                time >= _since(effect.night_ends, connection.dialect.name),
                ledger[self.settings.key_column].is_(None),
            )
        ).scalar_one()
        if newer:
            raise MovedError(
                f"{newer} entr{'y' if newer == 1 else 'ies'} of {effect.references[reference]} came into the ledger after "
                "the night that proposed this: the next night has to judge it again"
            )

    def _there(self, connection: sa.Connection, effect: Effect) -> None:
        """Prove that the trigger wrote what it should: one row a posting, and nothing else under this key."""
        ledger = self._ledger.c
        rows = connection.execute(
            sa.select(
                ledger[self._column["account"]], ledger[self._column["currency"]], ledger[self._column["amount"]]
            ).where(ledger[self.settings.key_column] == effect.idempotency_key)
        ).all()
        found = Counter((str(account), str(currency).strip(), int(amount)) for account, currency, amount in rows)
        if found != Counter(effect.postings):
            raise RefusedError(
                f"{self.settings.table} would hold {len(rows)} rows that are not the fix's {len(effect.postings)} "
                "postings: its guard is not the one that `recon fixes install-target` makes"
            )


def _since(moment: datetime, dialect: str) -> Any:
    """An instant to compare a column of times with: text where the database keeps or casts it so."""
    text: sa.BindParameter[str] = sa.literal(instant_text(moment, dialect))
    return sa.cast(text, sa.DateTime(timezone=True)) if dialect == "postgresql" else text


def _value(word: str, effect: Effect, at: int, dialect: str) -> Any:
    account, currency, amount = effect.postings[at]
    booked = effect.booked_at or datetime.now(UTC)
    values: dict[str, Any] = {
        "account": account,
        "currency": currency,
        "amount": amount,
        "line": at + 1,
        "entry": f"{effect.idempotency_key}:{at + 1}",
        "number": effect.number(),
        "entry_number": effect.number(str(at + 1)),
        "key": effect.idempotency_key,
        "booked_at": instant_text(booked, dialect),
        "booked_on": str(booked.date()),
        "memo": effect.memo,
        "fix_id": effect.fix_id,
        "break_id": effect.break_id,
        "reconciliation": effect.reconciliation,
        "template": effect.template,
        "approved_by": effect.approved_by,
        "applied_by": effect.applied_by,
    }
    return values[word] if word in values else effect.references.get(word)
