"""Data: the breaks of a night as blocks of JSON that the page carries inside itself.

Reads    NightFacts
Gives    one index block (a column per field, for the list, its filters and its search) and detail blocks of
         `CHUNK` breaks each, which the page decodes only when one of their breaks is opened
Order    as `ordered`: open before resolved, then most severe, then oldest
Never    sums or rounds: amounts stay decimal text; never lets data end its script element
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from recon.domain.casework import NEEDS_REASON, REASONS
from recon.domain.records import RECORD_TYPES, Type
from recon.report.facts import BreakFact, FixFact, NightFacts, RecordFact
from recon.report.text import shown
from recon.report.words import Phrases
from recon.report.workbook_decisions import seen_sha256

EMBED_LIMIT = 20_000
CHUNK = 200
PLAIN_LIMIT = 300_000  # bytes of JSON; above it every block is compressed
RECORDS_LIMIT = 50  # records of one break on the page
EMBED_BYTES = 50_000_000  # of all blocks; above it the page carries fewer breaks

SEVERITY = {"investigate": 0, "manual_review": 1, "auto_fix": 2}
MONEY_FIELDS = tuple(
    sorted({f.name for r in RECORD_TYPES.values() for f in (*r.fields, *r.derived) if f.type is Type.MONEY})
)
_SEARCHED = re.compile(r"(_id|_reference|memo)\Z")
_SHELL_SAFE = re.compile(r"[A-Za-z0-9._/:@%+=][A-Za-z0-9._/:@%+=-]{0,199}\Z")


@dataclass(frozen=True, slots=True)
class Block:
    """One script element: JSON text, or that text gzipped and in base64 where `encoding` is "gzip"."""

    name: str
    encoding: str  # json | gzip
    text: str


@dataclass(frozen=True, slots=True)
class Embedded:
    """The breaks that the page carries. `total` counts all of the night's, embedded or not."""

    breaks: tuple[BreakFact, ...]
    total: int
    blocks: tuple[Block, ...]

    @property
    def size(self) -> int:
        """Characters of all blocks, which are bytes where they are compressed."""
        return sum(len(block.text) for block in self.blocks)


def ordered(breaks: Iterable[BreakFact]) -> list[BreakFact]:
    """Open before resolved, most severe first, then the nearest deadline, the oldest, and by key."""
    return sorted(
        breaks,
        key=lambda b: (
            b.state == "resolved",
            SEVERITY.get(b.class_, 0),
            -b.age_days,
            b.deadline is None,
            b.deadline.isoformat() if b.deadline else "",
            b.reconciliation,
            b.key,
            b.break_id,
        ),
    )


def embed(facts: NightFacts, limit: int = EMBED_LIMIT, phrases: Phrases | None = None) -> Embedded:
    """The most severe and oldest `limit` breaks of the night as blocks: plain JSON while small, else compressed.

    Fewer than `limit` where they would be more than EMBED_BYTES: a page that no browser opens helps nobody.
    """
    embedded = _embed(facts, limit, phrases or Phrases({}))
    while len(embedded.breaks) > 1 and embedded.size > EMBED_BYTES:
        limit = max(1, min(len(embedded.breaks) // 2, len(embedded.breaks) * EMBED_BYTES // embedded.size))
        embedded = _embed(facts, limit, phrases or Phrases({}))
    return embedded


def _embed(facts: NightFacts, limit: int, phrases: Phrases) -> Embedded:
    breaks = tuple(ordered(facts.breaks)[:limit])
    fixes = {fix.break_id: fix for fix in sorted(facts.fixes, key=lambda fix: fix.fix_id)}
    files, texts = _Indexed(), _Texts(phrases)
    details = [
        _json([_detail(b, fixes.get(b.break_id), files, texts) for b in breaks[start : start + CHUNK]])
        for start in range(0, len(breaks), CHUNK)
    ]
    index = _json(_index(breaks, fixes, files, texts, facts))
    compress = len(index) + sum(map(len, details)) > PLAIN_LIMIT
    names = ["data-index", *(f"data-detail-{n}" for n in range(len(details)))]
    blocks = tuple(_block(name, text, compress) for name, text in zip(names, [index, *details], strict=True))
    total = max(facts.breaks_open + facts.breaks_resolved, len(facts.breaks))
    return Embedded(breaks, total, blocks)


class _Indexed:
    """Distinct values in order of first use; a value is replaced by its place."""

    def __init__(self) -> None:
        self.places: dict[str, int] = {}

    def __call__(self, value: str) -> int:
        return self.places.setdefault(value, len(self.places))

    @property
    def values(self) -> list[str]:
        return list(self.places)


class _Texts:
    """Sentences in both languages, each pair once; a break names its place. Few differ, however many breaks there are."""

    def __init__(self, phrases: Phrases) -> None:
        self._phrases = phrases
        self._places: dict[tuple[str, str], int] = {}
        self.values: list[list[str]] = []

    def __call__(self, english: str, korean: str = "") -> int:
        place = self._places.get((english, korean))
        if place is None:
            place = self._places[english, korean] = len(self.values)
            self.values.append([shown(english), shown(korean or self._phrases.ko(english))])
        return place

    def of_pass(self, line: str) -> int:
        """A line of `tried`: the name of a pass stays as the rule file has it."""
        name, colon, found = line.partition(": ")
        return self(line, f"{name}{colon}{self._phrases.ko(found)}")


def _index(
    breaks: Sequence[BreakFact], fixes: Mapping[str, FixFact], files: _Indexed, texts: _Texts, facts: NightFacts
) -> dict[str, object]:
    """What the list needs, a column per field; repeated texts once, under `words`."""
    word = _Indexed()
    sides = sides_of(breaks)
    # The sides that a break names; few sets differ. No bits: a night's reconciliations have more sides than a number there has.
    spoken = [tuple(n for n, side in enumerate(sides) if side in b.amounts) for b in breaks]
    named = {each: place for place, each in enumerate(dict.fromkeys(spoken))}
    columns: dict[str, list[object]] = {
        "id": [shown(b.break_id, 80) for b in breaks],
        "key": [shown(b.key, 200) for b in breaks],
        "reconciliation": [word(shown(b.reconciliation)) for b in breaks],
        "code": [word(shown(b.code)) for b in breaks],
        "class": [word(b.class_) for b in breaks],
        "state": [word(b.state) for b in breaks],
        "psp": [word(shown(b.psp)) for b in breaks],
        "currency": [word(shown(b.currency or "")) for b in breaks],
        "owner": [word(shown(b.owner, 80)) for b in breaks],
        "fix": [word(_fix_status(b, fixes)) for b in breaks],
        "difference": [b.difference for b in breaks],
        "amounts": [[b.amounts.get(side) for side in sides] for b in breaks],
        "age": [b.age_days for b in breaks],
        "deadline": [b.deadline.isoformat() if b.deadline else "" for b in breaks],
        "first": [word(b.first_seen.isoformat()) for b in breaks],
        "search": [_searched(b) for b in breaks],
    }
    return {
        "night": facts.night.isoformat(),
        "workspace": shown(facts.workspace, 200),
        "config": facts.config_sha256,
        "total": max(facts.breaks_open + facts.breaks_resolved, len(facts.breaks)),
        "sides": [shown(side) for side in sides],
        "of": {word(shown(name)): [sides.index(side) for side in of] for name, of in sides_by_name(breaks).items()},
        "named": [list(each) for each in named],
        "spoken": [named[each] for each in spoken],
        "money": MONEY_FIELDS,
        "reasons": REASONS,
        "needs_reason": NEEDS_REASON,
        "chunk": CHUNK,
        "words": word.values,
        "texts": texts.values,
        "files": [path.split("\0") for path in files.values],
        "columns": columns,
    }


def sides_of(breaks: Iterable[BreakFact]) -> list[str]:
    """Every side that a break of the night names, in order of first appearance."""
    return list(dict.fromkeys(side for b in breaks for side in b.amounts))


def sides_by_name(breaks: Iterable[BreakFact]) -> dict[str, list[str]]:
    """Reconciliation -> its sides in the order of its rule file, the outside world first."""
    found: dict[str, dict[str, None]] = {}
    for b in breaks:
        found.setdefault(b.reconciliation, {}).update(dict.fromkeys(b.amounts))
    return {name: list(of) for name, of in found.items()}


def explain_command(b: BreakFact) -> str:
    """`recon explain KEY`; the break's id stands in for a key that a shell would read as more than one word."""
    return f"recon explain {b.key if _SHELL_SAFE.match(b.key) else b.break_id}"


def _fix_status(b: BreakFact, fixes: Mapping[str, FixFact]) -> str:
    fix = fixes.get(b.break_id)
    return fix.status if fix else ""


def _searched(b: BreakFact) -> str:
    """References, ids and memos of the break's records that its key does not already say."""
    values = (shown(text, 80) for r in b.records for name, text in r.fields.items() if _is_searched(name))
    places = (f"{shown(r.file, 120)}:{r.line}" for r in b.records)
    return " ".join(dict.fromkeys((*values, *places)))


def _detail(b: BreakFact, fix: FixFact | None, files: _Indexed, texts: _Texts) -> dict[str, object]:
    """What the side panel shows beyond the list's columns."""
    return {
        "rule": shown(b.rule),
        "why": texts(b.why, b.why_ko),
        "next": texts(b.next_step, b.next_step_ko),
        "reason": texts(b.reason),
        "provenance": shown(b.provenance),
        "related": [shown(each, 80) for each in b.related],
        "explain": explain_command(b),
        "records": [_record(r, files) for r in b.records[:RECORDS_LIMIT]],
        "more_records": max(0, len(b.records) - RECORDS_LIMIT),
        "tried": [texts.of_pass(line[:300]) for line in b.tried],
        "past": [[p.night.isoformat(), p.state, p.class_, shown(p.code), p.difference, p.currency] for p in b.past],
        "fix": _fix(fix) if fix else None,
        "said": [shown(text, 500) for text in b.said],
        "seen": seen_sha256(
            b.break_id, b.code, b.class_, b.currency, b.difference, b.fix_id, fix.content_sha256 if fix else None
        ),
    }


def _record(r: RecordFact, files: _Indexed) -> dict[str, object]:
    return {
        "side": shown(r.side),
        "source": shown(r.source),
        "id": shown(r.record_id, 200),
        "file": files(f"{shown(r.file, 200)}\0{shown(r.sha256, 64)}"),
        "line": r.line,
        "cleared": r.cleared_on.isoformat() if r.cleared_on else "",
        # Most are plain, and there are a million of them on a bad day: those are not handed to `shown`.
        "fields": [
            [_name(name), text if len(text) <= 500 and text.isascii() and text.isprintable() else shown(text, 500)]
            for name, text in r.fields.items()
        ],
    }


@lru_cache(maxsize=1_000)
def _name(field: str) -> str:
    return shown(field, 80)


@lru_cache(maxsize=1_000)
def _is_searched(field: str) -> bool:
    return bool(_SEARCHED.search(field))


def _fix(fix: FixFact) -> dict[str, object]:
    return {
        "id": shown(fix.fix_id),
        "template": shown(fix.template),
        "kind": shown(fix.kind),
        "memo": shown(fix.memo, 300),
        "currency": shown(fix.currency),
        "amount": fix.amount,
        "status": shown(fix.status),
        "idempotency_key": shown(fix.idempotency_key, 200),
        "sha256": shown(fix.content_sha256),
        "postings": [[shown(p.account), shown(p.currency), p.amount] for p in fix.postings],
        "record": shown(fix.record, 200),
        "seen": [[shown(name), shown("NULL" if text is None else text)] for name, text in fix.seen.items()],
        "set": [[shown(name), shown(text)] for name, text in fix.set.items()],
    }


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


#: JSON inside a script element: no text of it may end the element or open a comment; U+2028 and U+2029 for old parsers.
_ESCAPES = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}


def script_json(value: object) -> str:
    """`value` as JSON that can't end its script element."""
    return _json(value).translate(_ESCAPES)


def _block(name: str, text: str, compress: bool) -> Block:
    if not compress:
        return Block(name, "json", text.translate(_ESCAPES))
    packer = zlib.compressobj(4, zlib.DEFLATED, 31)  # 31: gzip, whose header then holds no time and no name
    packed = packer.compress(text.encode()) + packer.flush()
    return Block(name, "gzip", base64.b64encode(packed).decode("ascii"))
