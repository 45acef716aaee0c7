"""Calendar: business dates, cut-offs and business days.

A business date is the local date of (instant - cut-off) in the workspace's zone. Holiday dates are handed in (config
builds them with the `holidays` package), so nothing here reads a clock, a locale or the host's zone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Calendar:
    """A provider's or the workspace's business days: Monday to Friday less `holidays`."""

    name: str
    holidays: frozenset[date] = field(default_factory=frozenset)

    def is_business_day(self, day: date) -> bool:
        return day.weekday() < 5 and day not in self.holidays

    def add(self, day: date, business_days: int) -> date:
        """The date `business_days` business days after `day`; 0 gives `day` itself, business day or not."""
        while business_days > 0:
            day += timedelta(days=1)
            business_days -= self.is_business_day(day)
        return day

    def age(self, first: date, night: date) -> int:
        """Business days from `first` to `night`: 0 on the first night, never negative."""
        return sum(self.is_business_day(first + timedelta(days=n)) for n in range(1, (night - first).days + 1))

    def earliest_not_due(self, night: date, business_days: int) -> date:
        """The earliest date d with add(d, business_days) >= night: what happened on d or later is not yet overdue."""
        day = night
        while self.add(day - timedelta(days=1), business_days) >= night:
            day -= timedelta(days=1)
        return day


@dataclass(frozen=True, slots=True)
class DayBounds:
    """The half-open span of instants [start, end) that belongs to one business date, in UTC."""

    start: datetime
    end: datetime


def day_bounds(day: date, zone: ZoneInfo, cut_off: time) -> DayBounds:
    """The instants of business date `day`: from its cut-off time to that of the next calendar day (23 to 25 hours)."""
    first = datetime.combine(day, cut_off, tzinfo=zone).astimezone(UTC)
    last = datetime.combine(day + timedelta(days=1), cut_off, tzinfo=zone).astimezone(UTC)
    return DayBounds(first, last)


def days(first: date, last: date) -> Iterator[date]:
    """Every date from first to last, both included."""
    for n in range((last - first).days + 1):
        yield first + timedelta(days=n)
