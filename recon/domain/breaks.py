"""Breaks and fixes: the values that classify and propose make, and that the night's folder, the report and the state keep.

Amounts are minor units; the currency stands beside them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from recon.domain.money import to_text
from recon.domain.rulebook import Class


@dataclass(frozen=True, slots=True)
class Break:
    """A break after tonight. Amounts are minor units; `state` is new, persisting, reopened or resolved."""

    break_id: str
    reconciliation: str
    key: str
    code: str
    class_: Class
    state: str
    currency: str | None
    difference: int | None
    amounts: Mapping[str, int | None]
    currencies: Mapping[str, str | None]
    psp: str
    first_seen: date
    age_days: int
    deadline: date | None
    owner: str
    rule: str
    why: str
    next_step: str
    reason: str
    provenance: str
    closed_on: date | None = None
    gid: int | None = None  # the group tonight; None for one that is resolved or kept as it was
    rule_number: int | None = None
    fix_id: str | None = None
    related: tuple[str, ...] = ()  # breaks that share a payment or an order with this one
    facts: Mapping[str, Any] = field(default_factory=dict)
    postings: tuple[tuple[int | None, str | None], ...] = ()
    past: tuple[Past, ...] = ()  # an entry for each night on which something of it changed, oldest first

    @property
    def is_open(self) -> bool:
        return self.state != "resolved"


@dataclass(frozen=True, slots=True)
class Past:
    """What a break was from one night on, until the next entry. The difference in minor units."""

    night: date
    state: str
    class_: Class
    code: str
    currency: str | None
    difference: int | None


History = Mapping[str, Break]


def break_id(reconciliation: str, key: str) -> str:
    """Identity for life: what becomes of the code or the class never changes it."""
    return "BRK-" + hashlib.sha256(f"{reconciliation}\0{key}".encode()).hexdigest()[:16].upper()


@dataclass(frozen=True, slots=True)
class Fix:
    """One proposed correction. Amounts are minor units of `currency`; `amount` is what limits are held against."""

    fix_id: str
    break_id: str
    reconciliation: str
    template: str
    kind: str  # journal | update | message
    memo: str
    currency: str
    amount: int
    limit: int | None
    class_: Class
    idempotency_key: str
    content_sha256: str
    proposed_on: date
    status: str = "proposed"
    postings: tuple[tuple[str, str, int], ...] = ()  # (account, currency, minor units)
    record: str = ""
    record_id: str = ""
    seen: Mapping[str, str | None] = field(default_factory=dict)  # None: NULL
    set: Mapping[str, str] = field(default_factory=dict)
    references: Mapping[str, str] = field(default_factory=dict)  # of a journal: what it is about, so that it matches
    message: Mapping[str, Any] = field(default_factory=dict)  # channel, key and body

    @property
    def amount_text(self) -> str:
        """The amount in major units; empty for a message about something that has none."""
        return to_text(self.amount, self.currency) if self.currency else ""

    @property
    def content(self) -> dict[str, Any]:
        """What it does. `content_sha256` is the hash of this as canonical JSON, and an approval signs it."""
        body: dict[str, Any] = {
            "fix_id": self.fix_id,
            "break_id": self.break_id,
            "reconciliation": self.reconciliation,
            "template": self.template,
            "kind": self.kind,
            "memo": self.memo,
            "currency": self.currency,
            "amount": self.amount_text,
            "idempotency_key": self.idempotency_key,
        }
        if self.kind == "journal":
            body["references"] = dict(self.references)
            body["postings"] = [
                {"account": account, "currency": currency, "amount": to_text(amount, currency)}
                for account, currency, amount in self.postings
            ]
        elif self.kind == "message":
            body["message"] = dict(self.message) | {"record": self.record, "record_id": self.record_id}
        else:
            body["change"] = {
                "record": self.record,
                "record_id": self.record_id,
                "seen": dict(self.seen),
                "set": dict(self.set),
            }
        return body

    def as_json(self) -> dict[str, Any]:
        """The line of fixes.jsonl."""
        return {
            **self.content,
            "class": str(self.class_),
            "limit": None if self.limit is None else to_text(self.limit, self.currency),
            "content_sha256": self.content_sha256,
            "status": self.status,
        }
