"""Facts: what one night's report says, as frozen typed values. Templates and workbook read this and nothing else.

Money is decimal text in the currency's own decimals, with its code beside it; never summed across currencies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True, slots=True)
class RecordFact:
    """One record of a break. `cleared_on` is filled where the record had cleared on an earlier night."""

    side: str
    source: str
    record_id: str
    file: str
    sha256: str
    line: int
    fields: Mapping[str, str]  # field -> text; money as decimal text; empty fields left out
    cleared_on: date | None = None


@dataclass(frozen=True, slots=True)
class PastFact:
    """What a break was from one night on, until the next entry."""

    night: date
    state: str
    class_: str
    code: str
    currency: str | None
    difference: str | None


@dataclass(frozen=True, slots=True)
class BreakFact:
    """One break, open after this night (new, persisting, reopened) or closed by it (resolved)."""

    break_id: str
    reconciliation: str
    key: str
    code: str
    class_: str
    state: str
    currency: str | None
    difference: str | None
    amounts: Mapping[str, str | None]  # side -> decimal text
    psp: str
    first_seen: date
    age_days: int  # business days
    deadline: date | None
    owner: str
    rule: str  # "payin.yaml:31 psp_not_in_ledger"
    why: str
    next_step: str
    reason: str  # why it was closed or reopened, or demoted from auto_fix; else empty
    fix_id: str | None
    provenance: str  # "stripe_20261119.csv:1842; query:ledger#88"
    related: tuple[str, ...] = ()  # breaks that share a payment or an order with this one
    records: tuple[RecordFact, ...] = ()
    tried: tuple[str, ...] = ()  # a line per pass: what it found
    said: tuple[str, ...] = ()  # a line per decision of a person: day, name, what, why
    why_ko: str = ""  # empty: the rule has no Korean text
    next_step_ko: str = ""
    past: tuple[PastFact, ...] = ()  # the nights on which something of it changed, oldest first


@dataclass(frozen=True, slots=True)
class PostingFact:
    account: str
    currency: str
    amount: str


@dataclass(frozen=True, slots=True)
class FixFact:
    """One proposed correction. A journal has postings; an update has `record`, `seen` and `set`; a message `record` and
    `set`: its channel, its key and its fields."""

    fix_id: str
    break_id: str
    template: str
    kind: str  # journal | update | message
    memo: str
    currency: str
    amount: str
    status: str
    idempotency_key: str
    content_sha256: str
    postings: tuple[PostingFact, ...] = ()
    record: str = ""
    seen: Mapping[str, str | None] = field(default_factory=dict)
    set: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TieOutLine:
    """Tie-out of one PSP and currency: external = internal + pending + breaks + unexplained, proved to a residual of 0.

    external   what the first side (the PSP) says of everything in tonight's population (new and brought forward)
    internal   what the ledger says of it
    pending, breaks   the part of (external - internal) that stands in pending groups and in breaks
    residual   external - internal - pending - breaks: zero, or the night is not published
    """

    reconciliation: str
    psp: str
    currency: str
    external: str
    internal: str
    cleared: str  # external amount that cleared tonight
    pending: str
    breaks: str
    residual: str
    groups_cleared: int
    groups_pending: int
    groups_broken: int


@dataclass(frozen=True, slots=True)
class RollForwardLine:
    """brought + new = cleared + carried + read_again + quarantined + excluded + replayed, in records and in money.

    Amounts are minor units as text ("brought", "new", ...), keyed like the counts; empty where the source has none."""

    reconciliation: str
    source: str
    currency: str
    counts: Mapping[str, int]
    amounts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class InputFact:
    """One input of the night: a file or a query."""

    source: str
    name: str
    sha256: str
    rows: int
    read: int
    quarantined: int
    replayed: int
    restated: int
    late: bool
    arrival: str
    status: str  # read | replayed | set_aside | replaced | rejected | awaiting | late
    reason: str
    totals: tuple[tuple[str, str, int, str], ...]  # (kind, currency, rows, decimal text)
    controls: tuple[tuple[str, str, str], ...]  # (name, proved | failed | unproven, detail)
    remedy: str = ""  # what to do, where something is to be done


@dataclass(frozen=True, slots=True)
class QuarantineFact:
    file: str
    sha256: str
    line: int
    column: str
    found: str
    expected: str
    raw: str


@dataclass(frozen=True, slots=True)
class RuleFact:
    """A rule of the rule book and how many breaks it named tonight."""

    reconciliation: str
    code: str
    class_: str
    place: str
    why: str
    hits: int
    why_ko: str = ""


@dataclass(frozen=True, slots=True)
class BridgeStep:
    """What one code's breaks put between the two sides of a tie-out line: amount is external - internal of their records.

    code is empty for what the codes leave of the line's breaks: records of broken groups that no open break counts."""

    reconciliation: str
    psp: str
    currency: str
    code: str
    class_: str
    count: int
    amount: str


@dataclass(frozen=True, slots=True)
class ClusterFact:
    """Open breaks that read as one cause: the same rule, provider, currency and first night."""

    reconciliation: str
    class_: str
    code: str
    psp: str
    currency: str
    first_seen: date
    count: int
    amount: str  # sum of the differences; empty where they have none
    each: str  # the difference of every one of them, where it is the same; else empty
    file: str  # the file that every one of them comes from, where it is the same; else empty
    why: str
    why_ko: str = ""


@dataclass(frozen=True, slots=True)
class TrendNight:
    """A night in the trend: open breaks per (reconciliation, class, code), and the groups that cleared and are pending."""

    night: date
    verdict: str
    cleared: int
    pending: int
    counts: Mapping[tuple[str, str, str], int]


@dataclass(frozen=True, slots=True)
class CodeMoves:
    """How a code's breaks moved tonight."""

    reconciliation: str
    class_: str
    code: str
    new: int  # new or reopened
    carried: int
    resolved: int


@dataclass(frozen=True, slots=True)
class NightFacts:
    """Everything the report shows. `breaks` holds at most the embedding limit; the counts are true totals."""

    workspace: str
    night: date
    verdict: str  # reconciled | pending | breaks | incomplete
    sentence: str
    tool_version: str
    config_sha256: str
    time_zone: str
    cut_off: str
    previous_night: date | None
    records_total: int
    groups: Mapping[str, int]  # cleared, pending, silent, broken
    breaks_open: int
    breaks_new: int
    breaks_resolved: int
    by_class: Mapping[str, int]
    by_code: tuple[tuple[str, str, str, int, str], ...]  # reconciliation, class, code, count, "12 KRW · -3.40 USD"
    ageing: tuple[tuple[str, str, int], ...]  # (class, bucket "0-1" "2-3" "4-7" "8-30" "30+", count)
    tie_out: tuple[TieOutLine, ...]
    roll_forward: tuple[RollForwardLine, ...]
    breaks: tuple[BreakFact, ...]
    fixes: tuple[FixFact, ...]
    inputs: tuple[InputFact, ...]
    quarantine: tuple[QuarantineFact, ...]
    rules: tuple[RuleFact, ...]
    reproduce: str  # the command line
    audit_records: int = 0  # in the audit trail, before what this night adds to it
    audit_head: str = ""  # the hash of the last of them
    sentence_ko: str = ""
    bridge: tuple[BridgeStep, ...] = ()
    clusters: tuple[ClusterFact, ...] = ()  # the largest first
    trend: tuple[TrendNight, ...] = ()  # the last nights, oldest first, this one last
    moves: tuple[CodeMoves, ...] = ()
    ageing_amounts: tuple[
        tuple[str, str, str, int], ...
    ] = ()  # currency, bucket, absolute differences added up, breaks
    deadlines: tuple[int, int] = (0, 0)  # open breaks due tonight, and past their deadline, of all
