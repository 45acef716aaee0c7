"""View: the small tables of the page, worked out from the night's facts: totals per currency, bars, heat, ties.

Sums are exact decimals and never cross a currency.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Context, Decimal, InvalidOperation

from recon.domain.money import to_text
from recon.report.data import SEVERITY
from recon.report.facts import NightFacts, RollForwardLine, TieOutLine
from recon.report.text import is_zero

CLASSES = ("investigate", "manual_review", "auto_fix")
BUCKETS = ("0-1", "2-3", "4-7", "8-30", "30+")
SOURCES_OF_ROLL = ("brought", "new")
SPARK_WIDTH, SPARK_HEIGHT = 84, 20
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
    steps: tuple[BridgeRow, ...] = ()

    @property
    def ties(self) -> bool:
        return is_zero(self.residual)


@dataclass(frozen=True, slots=True)
class TieOutTable:
    reconciliation: str
    rows: tuple[TieOutRow, ...]
    totals: tuple[TieOutRow, ...]  # of currencies with more than one line


@dataclass(frozen=True, slots=True)
class Spark:
    """A line over the last nights in a box of SPARK_WIDTH by SPARK_HEIGHT; `told` says the same in numbers."""

    points: str
    last: tuple[str, str]
    told: tuple[tuple[str, int], ...]  # (night, count)


@dataclass(frozen=True, slots=True)
class CodeRow:
    """A break code of the night; `amounts` per currency in decimal text; `width` of its bar in 0..100, at least 1.

    `before`: open breaks of that code after the night before, None where no night before is known."""

    reconciliation: str
    class_: str
    code: str
    count: int
    amounts: Mapping[str, str]
    width: int
    new: int = 0
    carried: int = 0
    resolved: int = 0
    before: int | None = None
    spark: Spark | None = None


@dataclass(frozen=True, slots=True)
class BridgeRow:
    """A step from what the provider says to what the ledger says; `share` of the largest step in 0..100."""

    code: str  # empty: records of broken groups that no open break counts
    class_: str
    count: int
    amount: str
    share: int


@dataclass(frozen=True, slots=True)
class MoneyRow:
    """Open differences of one currency by age, their signs left out."""

    currency: str
    cells: tuple[tuple[str, str, int, int], ...]  # (bucket, decimal text or empty, breaks, heat)
    total: str
    count: int


@dataclass(frozen=True, slots=True)
class AgeingRow:
    """A class's counts per bucket with their heat 0..4, and its total."""

    class_: str
    cells: tuple[tuple[str, int, int], ...]  # (bucket, count, heat)
    total: int
    change: int = 0  # since the night before


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
        rows = tuple(
            replace(_tie_out_row(line.psp, line.currency, [line], is_total=False), steps=_steps(facts, line))
            for line in lines
        )
        currencies = [line.currency for line in lines]
        several = sorted({currency for currency in currencies if currencies.count(currency) > 1})
        totals = tuple(
            _tie_out_row("", c, [line for line in lines if line.currency == c], is_total=True) for c in several
        )
        tables.append(TieOutTable(name, rows, totals))
    return tuple(tables)


def _steps(facts: NightFacts, line: TieOutLine) -> tuple[BridgeRow, ...]:
    place = (line.reconciliation, line.psp, line.currency)
    steps = [step for step in facts.bridge if (step.reconciliation, step.psp, step.currency) == place]
    sizes = [_size(step.amount) for step in steps]
    most = max(sizes, default=Decimal(0))
    return tuple(
        BridgeRow(step.code, step.class_, step.count, step.amount, int(size * 100 / most) if most else 0)
        for step, size in zip(steps, sizes, strict=True)
    )


def _size(amount: str) -> Decimal:
    try:
        return abs(_WIDE.create_decimal(amount))
    except InvalidOperation:
        return Decimal(0)


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
    """Break codes, most severe class first, then most frequent; bars on one scale; each with its trend."""
    most = max((count for *_, count, _ in facts.by_code), default=1) or 1
    moved = {(m.reconciliation, m.class_, m.code): m for m in facts.moves}
    rows = []
    for reconciliation, class_, code, count, amounts in facts.by_code:
        name = (reconciliation, class_, code)
        counts = [(night.night.isoformat(), night.counts.get(name, 0)) for night in facts.trend]
        moves = moved.get(name)
        rows.append(
            CodeRow(
                *name,
                count=count,
                amounts=amounts_of(amounts),
                width=max(1, count * 100 // most),
                new=moves.new if moves else 0,
                carried=moves.carried if moves else 0,
                resolved=moves.resolved if moves else 0,
                before=counts[-2][1] if len(counts) > 1 else None,
                spark=spark(counts),
            )
        )
    return tuple(sorted(rows, key=lambda r: (SEVERITY.get(r.class_, 0), -r.count, r.reconciliation, r.code)))


def by_class(rows: Iterable[CodeRow]) -> list[tuple[str, list[CodeRow]]]:
    """Code rows in their order, those of one class together."""
    found: dict[str, list[CodeRow]] = {}
    for row in rows:
        found.setdefault(row.class_, []).append(row)
    return list(found.items())


def spark(counts: Sequence[tuple[str, int]]) -> Spark | None:
    """The line over nights; nothing where there are fewer than two of them."""
    if len(counts) < 2:
        return None
    most = max(count for _, count in counts) or 1
    step = (SPARK_WIDTH - 4) / (len(counts) - 1)
    places = [
        (f"{2 + n * step:.1f}", f"{SPARK_HEIGHT - 2 - count * (SPARK_HEIGHT - 4) / most:.1f}")
        for n, (_, count) in enumerate(counts)
    ]
    return Spark(" ".join(map(",".join, places)), places[-1], tuple(counts))


def open_trend(facts: NightFacts) -> Spark | None:
    """Open breaks of every kind over the nights."""
    return spark([(each.night.isoformat(), sum(each.counts.values())) for each in facts.trend])


def money_by_age(facts: NightFacts) -> tuple[MoneyRow, ...]:
    """Open differences per currency by age."""
    cells = {(currency, bucket): (amount, count) for currency, bucket, amount, count in facts.ageing_amounts}
    rows = []
    for currency in sorted({currency for currency, _ in cells}):
        found = [(bucket, *cells.get((currency, bucket), ("", 0))) for bucket in BUCKETS]
        sizes = [_size(amount or "0") for _, amount, _ in found]
        most = max(sizes)
        heats = [min(4, 1 + int(size * 4 / most)) if size else 0 for size in sizes]
        total = _sum(amount for _, amount, _ in found if amount)
        marked = tuple((*cell, heat) for cell, heat in zip(found, heats, strict=True))
        rows.append(MoneyRow(currency, marked, total, sum(count for *_, count in found)))
    return tuple(rows)


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
        total = sum(count for _, count in found)
        rows.append(AgeingRow(class_, cells, total, total - _before(facts, class_, total)))
    return tuple(rows)


def _before(facts: NightFacts, class_: str, tonight: int) -> int:
    """Open breaks of a class after the night before; tonight's where no night before is known."""
    if len(facts.trend) < 2:
        return tonight
    return sum(count for (_, each, _), count in facts.trend[-2].counts.items() if each == class_)


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
    """Open breaks whose deadline is this night, and those past it: of all, or at least of those that facts hold."""
    if any(facts.deadlines):
        return facts.deadlines
    deadlines = [b.deadline for b in facts.breaks if b.deadline is not None and b.state != "resolved"]
    return sum(d == facts.night for d in deadlines), sum(d < facts.night for d in deadlines)
