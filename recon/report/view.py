"""View: the small tables of the page, worked out from the night's facts: totals per currency, bars, heat, ties.

Sums are exact decimals and never cross a currency.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, InvalidOperation

from recon.domain.money import to_text
from recon.report.data import SEVERITY
from recon.report.facts import NightFacts, RollForwardLine, TieOutLine
from recon.report.text import is_zero

CLASSES = ("investigate", "manual_review", "auto_fix")
BUCKETS = ("0-1", "2-3", "4-7", "8-30", "30+")
SOURCES_OF_ROLL = ("brought", "new")
USES_OF_ROLL = ("cleared", "carried", "read_again", "quarantined", "excluded", "replayed")

_WIDE = Context(prec=60)  # 128-bit totals have 39 digits


@dataclass(frozen=True, slots=True)
class TieOutRow:
    """A line of the tie-out, or a currency's total. `gap` is external - internal."""

    psp: str
    currency: str
    external: str
    internal: str
    gap: str
    pending: str
    breaks: str
    residual: str
    cleared: str
    groups_cleared: int
    groups_pending: int
    groups_broken: int
    is_total: bool

    @property
    def ties(self) -> bool:
        return is_zero(self.residual)


@dataclass(frozen=True, slots=True)
class TieOutTable:
    reconciliation: str
    rows: tuple[TieOutRow, ...]
    totals: tuple[TieOutRow, ...]  # of currencies with more than one line


@dataclass(frozen=True, slots=True)
class CodeRow:
    """A break code of the night; `amounts` per currency in decimal text; `width` of its bar in 0..100, at least 1."""

    reconciliation: str
    class_: str
    code: str
    count: int
    amounts: Mapping[str, str]
    width: int


@dataclass(frozen=True, slots=True)
class AgeingRow:
    """A class's counts per bucket with their heat 0..4, and its total."""

    class_: str
    cells: tuple[tuple[str, int, int], ...]  # (bucket, count, heat)
    total: int


@dataclass(frozen=True, slots=True)
class RollRow:
    """A source's roll-forward; `ties`: what came in equals where it went, in records."""

    reconciliation: str
    source: str
    currency: str
    cells: tuple[tuple[str, int, str], ...]  # (name, records, decimal text or empty)
    ties: bool


def tie_out(facts: NightFacts) -> tuple[TieOutTable, ...]:
    """The tie-out by reconciliation, each currency's total below its lines where it has several."""
    names = dict.fromkeys(line.reconciliation for line in facts.tie_out)
    tables = []
    for name in names:
        lines = [line for line in facts.tie_out if line.reconciliation == name]
        rows = tuple(_tie_out_row(line.psp, line.currency, [line], is_total=False) for line in lines)
        currencies = [line.currency for line in lines]
        several = sorted({currency for currency in currencies if currencies.count(currency) > 1})
        totals = tuple(
            _tie_out_row("", c, [line for line in lines if line.currency == c], is_total=True) for c in several
        )
        tables.append(TieOutTable(name, rows, totals))
    return tuple(tables)


def _tie_out_row(psp: str, currency: str, lines: Sequence[TieOutLine], is_total: bool) -> TieOutRow:
    external, internal = _sum(line.external for line in lines), _sum(line.internal for line in lines)
    return TieOutRow(
        psp=psp,
        currency=currency,
        external=external,
        internal=internal,
        gap=_sum([external, _negated(internal)]),
        pending=_sum(line.pending for line in lines),
        breaks=_sum(line.breaks for line in lines),
        residual=_sum(line.residual for line in lines),
        cleared=_sum(line.cleared for line in lines),
        groups_cleared=sum(line.groups_cleared for line in lines),
        groups_pending=sum(line.groups_pending for line in lines),
        groups_broken=sum(line.groups_broken for line in lines),
        is_total=is_total,
    )


def _sum(amounts: Iterable[str]) -> str:
    """The exact sum of decimal texts; a text that is no amount is shown instead of a sum that would hide it."""
    total = Decimal(0)
    for amount in amounts:
        try:
            total = _WIDE.add(total, _WIDE.create_decimal(amount))
        except InvalidOperation:
            return amount
    return f"{total:f}"


def _negated(amount: str) -> str:
    return amount[1:] if amount.startswith("-") else f"-{amount}"


def codes(facts: NightFacts) -> tuple[CodeRow, ...]:
    """Break codes, most severe class first, then most frequent; bars on one scale."""
    most = max((count for *_, count, _ in facts.by_code), default=1) or 1
    rows = [
        CodeRow(reconciliation, class_, code, count, amounts_of(amounts), max(1, count * 100 // most))
        for reconciliation, class_, code, count, amounts in facts.by_code
    ]
    return tuple(sorted(rows, key=lambda r: (SEVERITY.get(r.class_, 0), -r.count, r.reconciliation, r.code)))


def amounts_of(text: str) -> dict[str, str]:
    """ "1200 KRW · -3.40 USD" as a mapping of currency to decimal text."""
    pairs = (part.split() for part in text.split("·"))
    return {pair[1]: pair[0] for pair in pairs if len(pair) == 2}


def ageing(facts: NightFacts) -> tuple[AgeingRow, ...]:
    """Class by age, all classes and buckets shown, a class that we do not know last."""
    counts: dict[tuple[str, str], int] = {}
    for class_, bucket, count in facts.ageing:
        counts[class_, bucket] = counts.get((class_, bucket), 0) + count
    most = max(counts.values(), default=0)
    others = sorted({class_ for class_, _ in counts} - set(CLASSES))
    rows = []
    for class_ in (*CLASSES, *others):
        found = [(bucket, counts.get((class_, bucket), 0)) for bucket in BUCKETS]
        cells = tuple((bucket, count, _heat(count, most)) for bucket, count in found)
        rows.append(AgeingRow(class_, cells, sum(count for _, count in found)))
    return tuple(rows)


def _heat(count: int, most: int) -> int:
    """0 for nothing, else 1..4 by share of the largest cell."""
    return min(4, 1 + count * 4 // most) if count else 0


def roll_forward(facts: NightFacts) -> tuple[RollRow, ...]:
    """The roll-forward with amounts in decimals; each line says whether it ties."""
    return tuple(_roll_row(line) for line in facts.roll_forward)


def _roll_row(line: RollForwardLine) -> RollRow:
    cells = tuple(
        (name, line.counts.get(name, 0), _roll_amount(line.amounts, name, line.currency))
        for name in (*SOURCES_OF_ROLL, *USES_OF_ROLL)
    )
    came = sum(line.counts.get(name, 0) for name in SOURCES_OF_ROLL)
    went = sum(line.counts.get(name, 0) for name in USES_OF_ROLL)
    return RollRow(line.reconciliation, line.source, line.currency, cells, came == went)


def _roll_amount(amounts: Mapping[str, str], name: str, currency: str) -> str:
    minor = amounts.get(name, "")
    return to_text(int(minor), currency) if minor else ""


def due(facts: NightFacts) -> tuple[int, int]:
    """Open breaks whose deadline is this night, and those past it; of the breaks that facts hold."""
    deadlines = [b.deadline for b in facts.breaks if b.deadline is not None and b.state != "resolved"]
    return sum(d == facts.night for d in deadlines), sum(d < facts.night for d in deadlines)
