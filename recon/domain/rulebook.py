"""The rule book: what rule files, formats and sources say, as frozen values that every step reads.

Built by recon/config (which has proved every name, type and unit by then); nothing here parses or checks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from enum import IntEnum, StrEnum
from typing import Any

from recon.errors import Place


class Class(StrEnum):
    """What a break asks for."""

    AUTO_FIX = "auto_fix"
    MANUAL_REVIEW = "manual_review"
    INVESTIGATE = "investigate"


class Moves(StrEnum):
    """How a source moves: a record is new once; the newest version replaces the older; or it is read whole each night."""

    EVENTS = "events"
    CHANGES = "changes"
    STATE = "state"


class Severity(IntEnum):
    """Order of classes for --fail-on and for sorting, least first."""

    auto_fix = 1
    manual_review = 2
    investigate = 3


@dataclass(frozen=True, slots=True)
class Expr:
    """A checked expression of the rule language: its text, where it stands, and the dotted names it reads.

    names    e.g. ("psp.amount", "ledger.amount", "kind"), those inside total() and the like too
    calls    (function, argument): ("present", "psp"), ("total", "line.net")
    """

    text: str
    place: Place
    names: tuple[str, ...] = ()
    calls: tuple[tuple[str, str], ...] = ()  # (function, argument), e.g. ("present", "psp")

    @property
    def scopes(self) -> frozenset[str]:
        """The sides and kinds that the expression reads."""
        dotted = {name.split(".")[0] for name in self.names if "." in name}
        return frozenset(dotted | {argument.split(".")[0] for _, argument in self.calls})


@dataclass(frozen=True, slots=True)
class Side:
    """A source's part in a reconciliation.

    kinds    kinds this side speaks of; empty: all. A record type without a `kind` field takes the only kind named.
    claims   an expression over the record; where it does not hold the record asserts no money and waits in silence
    onlooker it adds its records up without answering for them: what only onlookers take is unclaimed all the same
    optional a group may clear without it
    """

    name: str
    record: str
    where: Expr | None = None
    kinds: tuple[str, ...] = ()
    claims: Expr | None = None
    onlooker: bool = False
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Exclude:
    """Records that this reconciliation knows of and leaves out on purpose, with the reason."""

    record: str
    where: Expr
    why: str


@dataclass(frozen=True, slots=True)
class Pass:
    """One matching pass. A `suggest` pass never clears: it proposes one partner, or says that there are several.

    texts      (side, field) pairs in which the reference of `on` is looked for as a word
    sums       two sides whose groups are united where exactly one choice of them adds up; `most` groups a window
    opposite   sides whose amounts have the other sign than the rest: what the one pays, the other receives
    """

    name: str
    on: tuple[str, ...]
    within_days: int | None = None
    unique: bool = False
    suggest: bool = False
    texts: tuple[tuple[str, str], ...] = ()
    sums: tuple[str, ...] = ()
    opposite: tuple[str, ...] = ()
    most: int = 12


@dataclass(frozen=True, slots=True)
class Due:
    """`side` is due `business_days` after the first of the `after` sides that is there."""

    side: str
    business_days: int
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wait:
    """A group that does not agree is pending while `while_` holds: until `business_days` after the first of the `after`
    sides that is there, or for as long as it holds where no days are given."""

    why: str
    while_: Expr
    business_days: int | None = None
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Must:
    """Something that has to hold over all kinds of one payment; unknown (NULL) is not a violation."""

    holds: Expr
    code: str
    class_: Class
    why: str
    next_step: str
    why_ko: str = ""
    next_step_ko: str = ""


@dataclass(frozen=True, slots=True)
class Brake:
    """More automatic fixes than this in one night and they all become manual_review."""

    count: int
    share_percent: int
    amount: Mapping[str, int] = field(default_factory=dict)  # currency -> minor units


@dataclass(frozen=True, slots=True)
class Case:
    """A rule's own case: facts by dotted name, as the rule file gives them, and the class that comes of it where it is named."""

    facts: Mapping[str, Any]
    place: Place
    class_: Class | None = None


@dataclass(frozen=True, slots=True)
class BreakRule:
    """Names a break. `proven`: where it does not hold, an auto_fix becomes manual_review. Limits in minor units.

    stops_fixes   while such a break is open, no reconciliation of the workspace has automatic fixes
    """

    code: str
    when: Expr
    class_: Class
    why: str
    next_step: str
    place: Place
    fix: str | None = None
    proven: Expr | None = None
    limit: Mapping[str, int] = field(default_factory=dict)
    deadline_days: int | None = None  # business days from first seen
    owner: str = ""
    auto_approve: bool = False  # fixes of this rule, where auto_fix and within limits, need no person
    fires_on: tuple[Case, ...] = ()
    silent_on: tuple[Case, ...] = ()
    stops_fixes: bool = False
    why_ko: str = ""
    next_step_ko: str = ""


@dataclass(frozen=True, slots=True)
class Posting:
    account: str
    amount: Expr  # minor units of `currency`
    currency: Expr


@dataclass(frozen=True, slots=True)
class FixTemplate:
    """A correction: a balanced journal entry, a guarded update (set only if the row still holds what we saw), or a message.

    kind       of a journal's entries, where it is not that of the group
    channel    name of where the message goes; what stands behind it is the workspace's to say
    key        record field of the message's side whose value is the message's idempotency key: the id of the event
    body       field of the message -> text with placeholders
    """

    name: str
    memo: str = ""
    postings: tuple[Posting, ...] = ()
    kind: str = ""
    update: str | None = None  # side whose record is updated
    set: Mapping[str, str] = field(default_factory=dict)  # field -> value
    seen: tuple[str, ...] = ()  # fields that must still hold what we saw
    channel: str | None = None
    side: str = ""  # of a message: the side whose record is sent again
    key: str = ""
    body: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_journal(self) -> bool:
        return bool(self.postings)


@dataclass(frozen=True, slots=True)
class Difference:
    """What a break of this reconciliation is off by, where it is not the first side less another."""

    amount: Expr  # minor units of `currency`
    currency: Expr


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """One rule file. `sides` in the order written: the first is the external one."""

    name: str
    title: str
    place: Place
    sides: tuple[Side, ...]
    passes: tuple[Pass, ...]
    agree: tuple[Expr, ...]
    due: tuple[Due, ...]
    breaks: tuple[BreakRule, ...]
    excludes: tuple[Exclude, ...] = ()
    lifecycle_by: str | None = None
    musts: tuple[Must, ...] = ()
    grace_minutes: int = 0
    fixes: Mapping[str, FixTemplate] = field(default_factory=dict)
    brake: Brake | None = None
    sha256: str = ""
    waits: tuple[Wait, ...] = ()
    difference: Difference | None = None

    @property
    def by_kind(self) -> bool:
        """Whether the kinds of a payment are groups of their own: the first pass says so."""
        return "kind" in self.passes[0].on

    def side(self, name: str) -> Side:
        return next(side for side in self.sides if side.name == name)


# --- formats -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FieldMap:
    """How one record field is read from a file's columns. Exactly one of the ways below is filled.

    first     the first of these columns that is not empty
    const     the same text for every row
    credit, debit   unsigned columns: the value is credit - debit
    total     the sum of these columns; empty ones count as absent, all empty: absent. `sign` -1 turns it round.
    join      the filled ones of these columns as one text, with a space between
    derive    other money fields of the record added up; a leading "-" takes one away
    choose    (condition over raw columns, FieldMap) pairs, first that holds
    A column name may hold `[*]`: it stands for every index that the file has.
    """

    first: tuple[str, ...] = ()
    const: str | None = None
    credit: str | None = None
    debit: str | None = None
    total: tuple[str, ...] = ()
    join: tuple[str, ...] = ()
    sign: int = 1
    choose: tuple[tuple[Expr, FieldMap], ...] = ()
    derive: tuple[str, ...] = ()
    required: bool = False  # a row in which it is empty is quarantined
    values: Mapping[str, str] = field(default_factory=dict)  # raw text -> value; others as `unknown_value`
    unknown_value: str | None = None
    currency: str = ""  # record field that holds the currency of a money field
    layout: str = ""  # strptime layout of a date or instant
    zone: str = ""  # zone of an instant without offset, or a column name as `column:NAME` for a zone beside it
    null_values: tuple[str, ...] = ()
    case: str = ""  # upper | lower: declared normal form
    money: str = "major"  # major | minor


@dataclass(frozen=True, slots=True)
class Control:
    """A total that the file itself proves: the sum of `field` per `by` equals `equals` (0), or another column's value."""

    name: str
    field: str
    by: tuple[str, ...] = ()
    equals: int = 0
    requires: Expr | None = None  # the total is claimed only for a `by` group that has a row for which this holds


@dataclass(frozen=True, slots=True)
class Total:
    """A total that the file states in rows of its own: they are no records, and what was read has to agree with them.

    when    condition over raw columns: a row for which it holds states this total and is no record
    value   column with the sum of `field` over the records that `where` holds for; empty where `count` is given
    by      (record field, column) pairs: the records that one row speaks of have the text of its column in that field;
            `=KRW` for a column stands for that text
    count   column with the number of rows that have the same texts in the columns `per`
    spans   condition over raw columns: the total speaks of more files than this one, so it proves nothing here
    """

    name: str
    when: Expr
    value: str = ""
    field: str = ""
    by: tuple[tuple[str, str], ...] = ()
    where: Expr | None = None
    money: str = "major"  # major | minor
    sign: int = 1
    count: str = ""
    per: tuple[str, ...] = ()
    spans: Expr | None = None
    advisory: bool = False  # what it means is not sure: a difference is told and fails nothing


@dataclass(frozen=True, slots=True)
class Refusal:
    """Rows that the mapping cannot say: a condition over raw columns, the column at fault and what was expected there."""

    when: Expr
    column: str
    expected: str


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a file says something about itself: a column that every row repeats, or a cell of a line (both from 1).

    layout   strptime layout of a date
    values   what it says when all is well; anything else refuses the file
    """

    column: str = ""
    line: int = 0
    cell: int = 0
    layout: str = ""
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Marks:
    """What a format's files say about themselves: their number in the provider's series, their date, live or test mode."""

    sequence: Mark | None = None
    date: Mark | None = None
    live: Mark | None = None
    live_name_lacks: tuple[str, ...] = ()  # words that only a test-mode file has in its name


@dataclass(frozen=True, slots=True)
class Format:
    """How a file is read into records. `options` are the reader's own (encoding, delimiter, header line ...)."""

    name: str
    title: str
    record: str
    reader: str  # delimited | json | sectioned | excel | camt | mt940 | bai2 | ofx
    place: Place
    options: Mapping[str, Any]
    required: tuple[str, ...]
    optional: tuple[str, ...]
    identity: tuple[str, ...]  # record fields
    numbered: bool  # no row id: identical rows are told apart by their occurrence within `identity`
    fields: Mapping[str, FieldMap]
    controls: tuple[Control, ...] = ()
    zone: str = "UTC"
    docs: str = ""
    sha256: str = ""
    totals: tuple[Total, ...] = ()
    refuse: tuple[Refusal, ...] = ()
    to_confirm: tuple[str, ...] = ()  # what its user has to settle with a first real file
    file: Marks = field(default_factory=Marks)


@dataclass(frozen=True, slots=True)
class Expected:
    """Which files a source has to send for a night, and until when.

    on         "business_days" | "daily" | "any" (none is expected), or weekdays as ("mon", "thu")
    by         local time, in the workspace's zone, on the day `lag_days` after the night's date; None: no hour is known
    lag_days   business days where `on` is business_days, else calendar days
    """

    on: tuple[str, ...] = ("any",)
    by: time | None = None
    count: int = 1
    lag_days: int = 1


@dataclass(frozen=True, slots=True)
class Source:
    """Where records come from: files matching `files`, or `query` on `database`.

    repeats    a file may hold nothing but rows that were read before (an export that rolls over the last days)
    restarts   when the numbers of its files start again: never | yearly | daily | unused (they say nothing)
    transport        name of the connection that the files come by; None: a folder below the workspace
    unpack           what is taken off a file, from the outside in: pgp | gzip | zip | bz2 | zstd
    settle_seconds   a file that changed within this time is still being written
    """

    name: str
    record: str
    moves: Moves
    format: str | None = None
    files: str | None = None  # glob under the workspace; {date} and {date:%Y%m%d} are the night's, {seq} a number
    database: str | None = None
    query: str | None = None  # of Redis: a pattern of keys with named parts, a space, and the field that members are
    member: str = ""  # of Redis: that field
    psp: str = ""
    account: str = ""
    calendar: str = ""
    expected: Expected = Expected()
    repeats: bool = False
    restarts: str = "never"
    money: str = "minor"  # of a query: minor units, or major units as exact decimals
    optional_fields: tuple[str, ...] = ()
    place: Place = field(default_factory=lambda: Place("recon.yaml"))
    transport: str | None = None
    unpack: tuple[str, ...] = ()
    settle_seconds: int = 0
