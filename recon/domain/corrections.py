"""Corrections: what a correction says of itself, as ledgers' columns may be given it (docs/fix-queue.md)."""

from __future__ import annotations

#: What a posting says of what it is about; one on which the sides differ is left out.
REFERENCES = (
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
