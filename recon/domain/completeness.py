"""Completeness: which files have to come and until when, the numbers they bear, and what the night waits for.

Pure: what a night knows of the nights before it is handed in, and no clock is read. `--date` decides what is late: an hour
that lies before the end of the night has passed, one after it has not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from recon.domain.calendar import Calendar
from recon.domain.rulebook import Expected

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
INSTANT = "%Y-%m-%dT%H:%M:%SZ"


def is_expected(expected: Expected, night: date, calendar: Calendar) -> bool:
    """Whether a file has to come for this night."""
    if expected.on == ("business_days",):
        return calendar.is_business_day(night)
    return expected.on == ("daily",) or WEEKDAYS[night.weekday()] in expected.on


def due_at(expected: Expected, night: date, calendar: Calendar, zone: ZoneInfo) -> datetime | None:
    """The instant, in UTC, by which the files of a night have to be there; None where no hour is declared."""
    if expected.by is None:
        return None
    if expected.on == ("business_days",):
        day = calendar.add(night, expected.lag_days)
    else:
        day = night + timedelta(days=expected.lag_days)
    return datetime.combine(day, expected.by, tzinfo=zone).astimezone(UTC)


def in_words(expected: Expected) -> str:
    """What is expected, for people: "business days, 2 files"."""
    on = ", ".join(expected.on).replace("_", " ")
    return f"{on}, {expected.count} files" if expected.count > 1 else on


def local_text(instant: str, zone: ZoneInfo) -> str:
    """An instant in UTC as people of the workspace read it: 2026-11-20 06:00 (Asia/Seoul)."""
    moment = datetime.strptime(instant, INSTANT).replace(tzinfo=UTC).astimezone(zone)
    return f"{moment:%Y-%m-%d %H:%M} ({zone})"


# --- what is awaited -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Awaited:
    """One thing that makes a source incomplete, and since when.

    kind       file: one did not come; number: a number of the provider's series never came; decision: a file was set aside
    for_night  the night that the file is for; None where nobody can say
    numbers    first and last number that are missing
    path, sha256, size, arrival, code   of the file that was set aside
    due_by     UTC; empty where no hour is declared. since: the first night that waited, and `nights` how many have
    """

    source: str
    record: str
    kind: str
    reason: str
    remedy: str
    for_night: date | None
    since: date
    nights: int = 1
    due_by: str = ""
    account: str = ""
    period: str = ""
    numbers: tuple[int, int] | None = None
    path: str = ""
    sha256: str = ""
    size: int = 0
    arrival: str = ""
    code: str = ""
    late: bool = False

    @property
    def target(self) -> str:
        """What a decision of a person names."""
        if self.kind == "file":
            return f"{self.source}@{self.for_night}"
        if self.kind == "number":
            assert self.numbers is not None, self
            return number_target(self.source, self.account, self.period, self.numbers[0])
        return file_target(self.source, self.path, self.sha256, self.for_night)

    @property
    def same(self) -> tuple[object, ...]:
        """What stays the same from night to night."""
        return (self.target,)

    def as_json(self) -> dict[str, Any]:
        data = asdict(self) | {"for": _text(self.for_night), "since": str(self.since), "state": self.state}
        data["numbers"] = list(self.numbers) if self.numbers else None
        del data["for_night"]
        return data

    @property
    def state(self) -> str:
        """awaited, late (its hour has passed) or set aside."""
        return "set_aside" if self.kind == "decision" else "late" if self.late else "awaited"


def from_json(data: Mapping[str, Any]) -> Awaited | None:
    """What an earlier night wrote; None for one written before nights knew since when they wait."""
    if "kind" not in data:
        return None
    given = {name: data[name] for name in data if name not in ("for", "since", "numbers", "state")}
    return Awaited(
        **given,
        for_night=date.fromisoformat(data["for"]) if data["for"] else None,
        since=date.fromisoformat(data["since"]),
        numbers=(data["numbers"][0], data["numbers"][1]) if data["numbers"] else None,
    )


def number_target(source: str, account: str, period: str, number: int) -> str:
    """How a decision names a number that never came: adyen#41, bank/KR-1#41, or bank/KR-1/2026#41."""
    return "/".join(part for part in (source, account, period) if part) + f"#{number}"


def file_target(source: str, path: str, sha256: str, for_night: date | None) -> str:
    """How a decision names a file: these bytes, under this name, for this night."""
    return f"{source}|{path}|{sha256}|{_text(for_night) or ''}"


def _text(day: date | None) -> str | None:
    return str(day) if day else None


# --- numbers ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Series:
    """The numbers of one source's files (of one account) that have been read: all from `first` to `last` but the `gaps`.

    period   the year or the day within which the numbers run; empty where they never start again
    """

    source: str
    account: str
    period: str
    first: int
    last: int
    gaps: tuple[tuple[int, int], ...] = ()

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.source, self.account, self.period)

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"gaps": [list(gap) for gap in self.gaps]}


def series_from(data: Mapping[str, Any]) -> Series:
    """A series as an earlier night wrote it."""
    gaps = tuple((first, last) for first, last in data["gaps"])
    return Series(data["source"], data["account"], data["period"], data["first"], data["last"], gaps)


def period_of(restarts: str, day: date) -> str:
    """The period within which a file of that day has its number. restarts: never | yearly | daily."""
    return {"yearly": f"{day:%Y}", "daily": str(day)}.get(restarts, "")


def has(series: Series | None, number: int) -> bool:
    """Whether this number was read before."""
    if series is None or not series.first <= number <= series.last:
        return False
    return not any(first <= number <= last for first, last in series.gaps)


def begun(source: str, account: str, period: str, number: int, from_one: bool) -> Series:
    """A series whose first number was read. from_one: it is known to begin with 1, so what lies below is missing."""
    gaps = ((1, number - 1),) if from_one and number > 1 else ()
    return Series(source, account, period, 1 if gaps else number, number, gaps)


def taken(series: Series, number: int) -> Series:
    """The series with one more number. A gap stays a gap until its number comes, or a person says that it never will."""
    if number > series.last:
        gap = ((series.last + 1, number - 1),) if number > series.last + 1 else ()
        return replace(series, last=number, gaps=series.gaps + gap)
    if number < series.first:
        gap = ((number + 1, series.first - 1),) if number + 1 < series.first else ()
        return replace(series, first=number, gaps=gap + series.gaps)
    return without(series, number)


def without(series: Series, number: int) -> Series:
    """The series with one number no longer missing."""
    gaps: list[tuple[int, int]] = []
    for first, last in series.gaps:
        if not first <= number <= last:
            gaps.append((first, last))
            continue
        gaps += [(low, high) for low, high in ((first, number - 1), (number + 1, last)) if low <= high]
    return replace(series, gaps=tuple(gaps))


# --- balances --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Statement:
    """One account's opening and closing balance in one file; money as decimal text, days as ISO text, empty: not said."""

    file: str
    account: str
    currency: str
    opening: str
    closing: str
    opened_on: str
    closed_on: str
    sequence: int | None


def statements(file: str, balances: Iterable[Mapping[str, Any]]) -> list[Statement]:
    """The `balances` of an entry of inputs.json."""
    return [
        Statement(
            file,
            str(each["account"]),
            str(each["currency"]),
            str(each["opening"] or ""),
            str(each["closing"] or ""),
            str(each["opened_on"] or ""),
            str(each["closed_on"] or ""),
            _number(str(each.get("sequence") or "")),
        )
        for each in balances
    ]


def _number(sequence: str) -> int | None:
    """A statement's number: 40 of `40`, and of `40/1`, its first page. A page that came without the first has none of its
    own, and 0 is what banks write that do not number."""
    number, _, page = sequence.partition("/")
    first = page.strip("0") in ("", "1")
    return int(number) or None if first and number.isascii() and number.isdecimal() else None


def broken_chain(known: Iterable[Statement], new: Statement) -> tuple[Statement, bool] | None:
    """The statement whose balance does not meet that of `new`, and whether it is the one before; None where all meet.

    By number where both have one (a number that is missing between them is a gap, told elsewhere), else by day.
    """
    ours = [each for each in known if (each.account, each.currency) == (new.account, new.currency)][::-1]
    numbered = {each.sequence: each for each in ours[::-1] if each.closed_on[:4] == new.closed_on[:4]}
    if new.sequence is not None and new.sequence > 1 and set(numbered) - {None}:
        before, after = numbered.get(new.sequence - 1), numbered.get(new.sequence + 1)
    else:
        before = max(
            (each for each in ours if each.closed_on <= new.opened_on), key=lambda s: s.closed_on, default=None
        )
        after = min(
            (each for each in ours if each.opened_on >= new.closed_on > ""), key=lambda s: s.opened_on, default=None
        )
        after = None if after is before else after
    if before is not None and _differ(before.closing, new.opening):
        return before, True
    if after is not None and _differ(new.closing, after.opening):
        return after, False
    return None


def _differ(closing: str, opening: str) -> bool:
    """Whether two balances that should meet do not; one that is not said proves nothing."""
    return bool(closing and opening) and closing != opening
