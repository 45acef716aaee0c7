"""Nights: the published nights as one line each, and a month of them for the close; from their folders alone.

Money is decimal text per currency; never summed across currencies. A rate is in tenths of a percent, rounded down, so that
100.0 % is said of nothing else.
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from recon.engine.duck import Engine, text
from recon.store.folder import published
from recon.store.history import stale_nights, summary_of


@dataclass(frozen=True, slots=True)
class NightLine:
    """What one night came to. `money`: currency -> sum of the open differences without their signs."""

    night: date
    verdict: str
    sentence: str
    cleared: int
    pending: int
    open: int
    new: int
    reopened: int
    resolved: int
    by_class: Mapping[str, int]
    fixes: int
    rows: int
    quarantined: int
    oldest: int  # business days of the oldest open break
    money: Mapping[str, str]
    stale: bool
    awaiting: tuple[str, ...]
    tie_out: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)

    @property
    def rate(self) -> int | None:
        """Groups that cleared, of those that cleared or broke, in tenths of a percent; None where there were none."""
        judged = self.cleared + self.open
        return self.cleared * 1000 // judged if judged else None


def rate_text(rate: int | None) -> str:
    """997 -> "99.7 %"."""
    return "" if rate is None else f"{rate // 10}.{rate % 10} %"


def night_lines(nights: Path, spill: Path, last: int | None = None) -> list[NightLine]:
    """The published nights, oldest first; the `last` of them where it is given."""
    have = published(nights)
    have = have if last is None else have[-last:]
    stale = set(stale_nights(nights))
    worth = _open_money(nights, have, spill)
    return [_line(nights, night, night in stale, worth.get(night, ({}, 0))) for night in have]


def _line(nights: Path, night: date, stale: bool, worth: tuple[dict[str, str], int]) -> NightLine:
    facts = summary_of(nights / str(night))
    parts = list(facts["reconciliations"].values())

    def breaks(name: str) -> int:
        return sum(each["breaks"].get(name, 0) for each in parts)

    classes = dict.fromkeys((name for each in parts for name in each["breaks"]["by_class"]), 0)
    for each in parts:
        for name, count in each["breaks"]["by_class"].items():
            classes[name] += count
    return NightLine(
        night=night,
        verdict=facts["verdict"],
        sentence=facts["sentence"],
        cleared=sum(each["groups"]["cleared"] for each in parts),
        pending=sum(each["groups"]["pending"] for each in parts),
        open=breaks("open"),
        new=breaks("new"),
        reopened=breaks("reopened"),
        resolved=breaks("resolved"),
        by_class=classes,
        fixes=sum(each.get("fixes", 0) for each in parts),
        rows=facts["inputs"]["rows"],
        quarantined=facts["inputs"]["quarantined"],
        oldest=worth[1],
        money=worth[0],
        stale=stale,
        awaiting=tuple(sorted({*facts["inputs"].get("awaiting", ()), *facts["inputs"].get("set_aside", ())})),
        tie_out=tuple(line for each in parts for line in each["tie_out"]),
    )


def _open_money(nights: Path, have: Sequence[date], spill: Path) -> dict[date, tuple[dict[str, str], int]]:
    """night -> (currency -> sum of open differences without signs, age of the oldest), in one scan of all breaks."""
    if not have:
        return {}
    files = ", ".join(text(nights / str(night) / "breaks.parquet") for night in have)
    sql = f"""select split_part(filename, '/', -2), currency, sum(abs(difference::decimal(38, 4)))::varchar, max(age_days)
from read_parquet([{files}], union_by_name = true, filename = true) where state <> 'resolved' group by all order by all"""
    engine = Engine(spill)
    try:
        found: dict[date, tuple[dict[str, str], int]] = {}
        for name, currency, amount, age in engine.rows(sql):
            night = date.fromisoformat(name)
            money, oldest = found.get(night, ({}, 0))
            if currency and amount is not None:
                money[currency] = trimmed(Decimal(amount), currency)
            found[night] = (money, max(oldest, age or 0))
        return found
    finally:
        engine.close()


def trimmed(amount: Decimal, currency: str) -> str:
    """An exact amount in the currency's own decimals."""
    from recon.domain.money import exponent

    places = exponent(currency)
    return f"{amount.normalize():f}" if places is None else f"{amount:.{places}f}"


# --- a month ----------------------------------------------------------------------------------------------------------


#: What may stand in the way of a close, in English and Korean.
_BLOCKS = {
    "to come": ("the month has nights to come", "아직 오지 않은 대사일이 있음"),
    "missing": ("not run: {count} ({names})", "실행되지 않음: {count} ({names})"),
    "stale": (
        "stale, because a night before was run again: {count} ({names})",
        "이전 대사일이 다시 실행됨: {count} ({names})",
    ),
    "incomplete": ("the last night is incomplete: {names}", "마지막 대사일의 자료 부족: {names}"),
    "investigate": ("{count} open to investigate", "조사할 불일치 {count}"),
    "manual_review": ("{count} open to decide on", "검토할 불일치 {count}"),
    "auto_fix": ("{count} open to correct", "수정할 불일치 {count}"),
}


@dataclass(frozen=True, slots=True)
class Block:
    """One thing in the way of a close."""

    kind: str
    count: int = 0
    names: str = ""

    @property
    def english(self) -> str:
        return _BLOCKS[self.kind][0].format(count=self.count, names=self.names)

    @property
    def korean(self) -> str:
        return _BLOCKS[self.kind][1].format(count=self.count, names=self.names)


@dataclass(frozen=True, slots=True)
class MonthView:
    """A month for the close. `blocks`: what stands in its way; empty where nothing does.

    opened, closed   open breaks before the month's first night and after its last
    ties             opened + new + reopened - resolved = closed
    cleared          (psp, currency, decimal text) of what cleared over the month, by the outside's amounts
    """

    month: str
    nights: tuple[NightLine, ...]
    missing: tuple[date, ...]
    opened: int
    new: int
    reopened: int
    resolved: int
    closed: int
    ties: bool
    cleared: tuple[tuple[str, str, str], ...]
    blocks: tuple[Block, ...]


def month_view(lines: Sequence[NightLine], month: str, first_night: date | None) -> MonthView:
    """A month of nights. month: "2026-10". The days that count go from the opening to the month's end, or to the newest
    night where that comes first: a month that goes on is not late."""
    year, number = int(month[:4]), int(month[5:7])
    first, last = date(year, number, 1), date(year, number, calendar.monthrange(year, number)[1])
    mine = tuple(line for line in lines if first <= line.night <= last)
    before = [line for line in lines if line.night < first]
    newest = max((line.night for line in lines), default=first)
    start = max(first, first_night or (lines[0].night if lines else first))
    days = [start + timedelta(days=n) for n in range((min(last, newest) - start).days + 1)]
    missing = tuple(day for day in days if day not in {line.night for line in mine})
    opened, closed = before[-1].open if before else 0, mine[-1].open if mine else 0
    new, reopened, resolved = (sum(getattr(line, name) for line in mine) for name in ("new", "reopened", "resolved"))
    return MonthView(
        month,
        mine,
        missing,
        opened,
        new,
        reopened,
        resolved,
        closed,
        opened + new + reopened - resolved == closed,
        _cleared(mine),
        _blocks(mine, missing, newest < last),
    )


def _cleared(lines: Sequence[NightLine]) -> tuple[tuple[str, str, str], ...]:
    sums: dict[tuple[str, str], Decimal] = {}
    for line in lines:
        for tie in line.tie_out:
            place = (tie["psp"], tie["currency"])
            sums[place] = sums.get(place, Decimal(0)) + Decimal(tie["cleared"])
    return tuple((psp, currency, trimmed(total, currency)) for (psp, currency), total in sorted(sums.items()) if total)


def _blocks(lines: Sequence[NightLine], missing: Sequence[date], goes_on: bool) -> tuple[Block, ...]:
    told = []
    if goes_on:
        told.append(Block("to come"))
    if missing:
        told.append(Block("missing", len(missing), _nights(missing)))
    stale = [line.night for line in lines if line.stale]
    if stale:
        told.append(Block("stale", len(stale), _nights(stale)))
    if lines:
        last = lines[-1]
        if last.verdict == "incomplete":
            told.append(Block("incomplete", 1, ", ".join(last.awaiting) or "?"))
        told += [
            Block(class_, last.by_class[class_])
            for class_ in ("investigate", "manual_review", "auto_fix")
            if last.by_class.get(class_)
        ]
    return tuple(told)


def _nights(days: Sequence[date]) -> str:
    return ", ".join(map(str, days[:5])) + (f" +{len(days) - 5}" if len(days) > 5 else "")
