"""Corrections: what a correction says of itself, as ledgers' columns may be given it (docs/fix-queue.md)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from recon.domain.money import read_minor
from recon.domain.records import RECORD_TYPES, Type

#: What a posting says of what it is about; one on which the sides differ is left out.
REFERENCES = (
    "journal_id",
    "kind",
    "order_id",
    "payment_order_id",
    "payout_id",
    "psp",
    "psp_reference",
    "seller_id",
    "seller_payout_id",
)
#: What a column of a ledger may be given. The first three it has to have.
JOURNAL_WORDS = (
    "account", "currency", "amount", "line", "entry", "number", "entry_number", "key", "memo", "fix_id", "break_id",
    "reconciliation", "template", "booked_at", "booked_on", "approved_by", "applied_by", *REFERENCES,
)  # fmt: skip

#: Fields of records that are sums of money.
_MONEY = frozenset(
    field.name for record in RECORD_TYPES.values() for field in record.fields if field.type is Type.MONEY
)


def debits(postings: Iterable[tuple[str, int]]) -> dict[str, int]:
    """What a journal moves, by currency: the sum of its amounts above zero. However it is cut into lines, it is the same."""
    sums: dict[str, int] = {}
    for currency, amount in postings:
        sums[currency] = sums.get(currency, 0) + max(amount, 0)
    return sums


def moved(content: Mapping[str, Any], currency: str, amount: int) -> dict[str, int]:
    """What a fix moves, in minor units by currency: for a ceiling it counts what a fix does, not what a list says of it.

    content            `recon.domain.breaks.Fix.content`
    currency, amount   what the queue lists of it
    Raises ValueError where an amount can't be read.
    """
    if content.get("kind") == "journal":
        return debits((str(each["currency"]), _read(each)) for each in content.get("postings", ()))
    sums = {currency: amount}
    if content.get("kind") == "update":
        change = content.get("change", {}).get("set", {})
        sums[currency] = max(amount, *(abs(int(change[name])) for name in _MONEY & set(change)), 0)
        sums.setdefault(str(change.get("currency", currency)), sums[currency])
    return sums


def _read(posting: Mapping[str, Any]) -> int:
    minor = read_minor(str(posting["amount"]), str(posting["currency"]))
    if minor is None:
        raise ValueError(f"{posting['amount']!r} is not an amount of {posting['currency']}")
    return minor
