"""Casework: what people decided about breaks, folded from the audit trail's records; the night honours it.

assign, note, resolve, reopen, match and unmatch are records that are only ever added; the later one holds. Nothing that a
person decides takes a record out of the population: it says how its break is shown, so that everything can be taken back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from recon.domain.canonical import canonical, sha256_text

ACTIONS = ("assign", "note", "resolve", "reopen", "match", "unmatch")
#: What a person can decide on the page or in the workbook, and what it means.
DECISIONS = {
    "approve": "the proposed fix may be applied",
    "reject": "the proposed fix is wrong",
    "resolve": "settled by hand; nothing is left to do",
    "assign": "somebody looks after it",
}
NEEDS_REASON = ("reject", "resolve")
#: Reason codes of a rejection or a resolution, and what they mean.
REASONS = {
    "agreed": "checked against the records, and right",
    "corrected": "booked or mended by hand",
    "timing": "it will come, or came, by itself",
    "duplicate": "the same as another break",
    "psp_error": "the provider's fault; claimed from it",
    "our_error": "our fault; mended at its cause",
    "written_off": "too small to go after",
    "wrong_fix": "the break is right, its correction is not",
    "other": "see the remark",
}
#: The code of a break that a person made of what had cleared.
UNMATCHED = "unmatched_by_hand"


@dataclass(frozen=True, slots=True)
class Word:
    """One decision on a break. `at` is UTC; `details` as the action needs them."""

    seq: int
    at: str
    who: str
    action: str
    break_id: str
    why: str
    details: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @property
    def text(self) -> str:
        """In a sentence, for people."""
        day, details = self.at[:10], self.details
        told = {
            "assign": f"given to {details.get('owner') or 'nobody'}",
            "note": "noted",
            "resolve": f"resolved ({str(details.get('code', '')).replace('_', ' ')})",
            "reopen": "reopened",
            "match": f"matched by hand with {', '.join(sorted({*details.get('members', {})} - {self.break_id}))}",
            "unmatch": "unmatched by hand",
        }[self.action]
        return f"{day} {self.who}: {told}: {self.why}"


@dataclass(slots=True)
class Case:
    """What holds for one break.

    owner     None: as the rule says
    closed    the resolution or match that closes it, as long as its `seen` is what the night sees
    opened    the unmatching that makes it a break although it had cleared
    """

    owner: str | None = None
    closed: Word | None = None
    opened: Word | None = None
    words: list[Word] = field(default_factory=list)


def fold(words: Iterable[Word]) -> dict[str, Case]:
    """Break id -> what holds for it, from decisions in the order in which they were made."""
    cases: dict[str, Case] = {}
    for word in words:
        members = list(word.details.get("members", ())) or [word.break_id]
        for each in members:
            case = cases.setdefault(each, Case())
            case.words.append(word)
            if word.action == "assign":
                case.owner = str(word.details["owner"])
            elif word.action in ("resolve", "match"):
                case.closed = word
            elif word.action == "reopen":
                case.closed = None
            elif word.action == "unmatch" and "cleared_on" in word.details:
                case.opened, case.closed = word, None
            elif word.action == "unmatch":
                case.closed = None
    return cases


def seen_of(break_id: str, code: str, currency: str | None, difference: str | None, provenance: str) -> str:
    """What a decision on a break is about: another value means that its records are others by now.

    difference   minor units as text, or None
    The class is left out: limits and the brake move it while the break stays what it is.
    """
    return sha256_text(canonical([break_id, code, currency, difference, provenance]))


@dataclass(frozen=True, slots=True)
class FixWord:
    """What the queue says of a fix when a night begins.

    applied_on   the night that was the newest when it was applied
    automatic    approved by its rule, and not by a person
    """

    fix_id: str
    break_id: str
    status: str
    content_sha256: str
    rule_sha256: str
    seen_sha256: str
    proposed_on: date
    approved_by: str
    automatic: bool
    applied_by: str = ""
    applied_at: str = ""
    applied_on: date | None = None

    def is_of(self, content_sha256: str, rule_sha256: str, seen_sha256: str) -> bool:
        """Whether it is about a fix with these hashes."""
        return (self.content_sha256, self.rule_sha256, self.seen_sha256) == (content_sha256, rule_sha256, seen_sha256)

    def as_json(self) -> dict[str, Any]:
        dates = ("proposed_on", "applied_on")
        made = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return made | {name: str(made[name]) if made[name] else None for name in dates}


__all__ = ["ACTIONS", "DECISIONS", "NEEDS_REASON", "REASONS", "UNMATCHED", "Case", "FixWord", "Word", "fold", "seen_of"]
