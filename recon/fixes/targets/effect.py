"""Effect: what one approved fix does to the world, and the four ways in which that can fail to happen.

Money is minor units (int); it is read from the decimal text of the fix, strictly.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from recon.domain.corrections import REFERENCES
from recon.domain.money import read_minor


@dataclass(frozen=True, slots=True)
class Effect:
    """An approved fix, as a target sees it.

    postings     (account, currency, minor units); they sum to zero per currency
    seen, set    of a guarded update: what the row held in the night, and what it will hold; None is NULL
    references   of a journal: the payment that it is about (`REFERENCES`)
    night_ends   the end (UTC) of the night that last saw the break: what is newer, nobody has judged yet
    booked_at    the instant (UTC) that the correction bears in the books
    """

    fix_id: str
    break_id: str
    reconciliation: str
    template: str
    kind: str  # journal | update | message
    idempotency_key: str
    content_sha256: str
    memo: str
    postings: tuple[tuple[str, str, int], ...] = ()
    record: str = ""
    record_id: str = ""
    seen: Mapping[str, str | None] = field(default_factory=dict)
    set: Mapping[str, str | None] = field(default_factory=dict)
    message: Mapping[str, Any] = field(default_factory=dict)
    references: Mapping[str, str] = field(default_factory=dict)
    night_ends: datetime | None = None
    booked_at: datetime | None = None
    approved_by: str = ""
    applied_by: str = ""

    def number(self, part: str = "") -> int:
        """A whole number of 63 bits made of the key, for books whose ids are numbers: the same fix, the same number."""
        digest = hashlib.sha256(f"{self.idempotency_key}\0{part}".encode()).digest()
        return int.from_bytes(digest[:8], "big") >> 1


@dataclass(frozen=True, slots=True)
class Receipt:
    """That the effect is there. `reference`: where to find it; `found`: it was there before this try."""

    reference: str
    found: bool = False


class TemporaryError(Exception):
    """Nothing happened, and it may work later: worth another try."""


class RefusedError(Exception):
    """Nothing happened, and nothing ever will as the fix stands: a person has to look."""


class MovedError(Exception):
    """Nothing happened, because what the fix would correct is no longer what the night saw."""


class UnknownError(Exception):
    """It may have happened: only looking can tell."""


def effect_of(content: Mapping[str, Any], **more: Any) -> Effect:
    """The effect of a fix's content (`recon.domain.breaks.Fix.content`); `more` are the fields that stand beside it.

    Raises RefusedError where an amount can't be read, or a journal does not sum to zero.
    """
    postings = tuple(
        (str(each["account"]), str(each["currency"]), _minor(each["amount"], each["currency"]))
        for each in content.get("postings", ())
    )
    if content["kind"] == "journal":
        balanced(postings)
    change = content.get("change") or content.get("message") or {}
    references = content.get("references") or {}
    return Effect(
        kind=content["kind"],
        memo=content.get("memo", ""),
        postings=postings,
        record=change.get("record", ""),
        record_id=change.get("record_id", ""),
        seen=dict(change.get("seen", {})),
        set=dict(change.get("set", {})),
        message=dict(content.get("message") or {}),
        references={name: str(references[name]) for name in REFERENCES if references.get(name) not in (None, "")},
        **more,
    )


def balanced(postings: Sequence[tuple[str, str, int]]) -> None:
    """Raise RefusedError unless there are two postings or more, and they sum to zero in each currency."""
    sums: dict[str, int] = {}
    for _, currency, amount in postings:
        sums[currency] = sums.get(currency, 0) + amount
    off = {currency: total for currency, total in sums.items() if total}
    if len(postings) < 2 or off:
        raise RefusedError(f"the journal does not sum to zero: {off or 'fewer than two postings'}")


def _minor(text: str, currency: str) -> int:
    minor = read_minor(str(text), str(currency))
    if minor is None:
        raise RefusedError(f"{text!r} is not an amount of {currency}")
    return minor


def instant_text(moment: datetime, dialect: str) -> str:
    """An instant as a database's text: UTC, with its offset where the column may hold a zone."""
    text = moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    return f"{text}+00" if dialect == "postgresql" else text
