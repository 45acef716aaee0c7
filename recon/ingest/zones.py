"""Zones: local times to UTC and instants to business dates, as SQL.

A zone whose offset never changes between 2000 and 2098 (UTC, Asia/Seoul) is plain arithmetic; the others go through the
engine's zone tables. A local time that a clock change skips is no time at all and comes out NULL.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from recon.engine.duck import text

FIRST_DAY, LAST_DAY = "2000-01-01", "2098-12-31"

#: What providers write in a zone column. An abbreviation stands for the place that uses it, in summer and winter alike:
#: files are seen that say PST in July and mean Pacific time. A format's `zones` option adds to these or overrides them.
ABBREVIATIONS: dict[str, str] = {
    "UTC": "UTC",
    "GMT": "UTC",
    "Z": "UTC",
    "CET": "Europe/Amsterdam",
    "CEST": "Europe/Amsterdam",
    "WET": "Europe/Lisbon",
    "WEST": "Europe/Lisbon",
    "EET": "Europe/Helsinki",
    "EEST": "Europe/Helsinki",
    "BST": "Europe/London",
    "EST": "America/New_York",
    "EDT": "America/New_York",
    "CST": "America/Chicago",
    "CDT": "America/Chicago",
    "MST": "America/Denver",
    "MDT": "America/Denver",
    "PST": "America/Los_Angeles",
    "PDT": "America/Los_Angeles",
    "KST": "Asia/Seoul",
    "JST": "Asia/Tokyo",
    "SGT": "Asia/Singapore",
    "HKT": "Asia/Hong_Kong",
    "AEST": "Australia/Sydney",
    "AEDT": "Australia/Sydney",
    "BRT": "America/Sao_Paulo",
}


@lru_cache
def fixed_offset(zone: str) -> int | None:
    """Seconds east of UTC of a zone that keeps one offset from 2000 to 2098, else None."""
    info = ZoneInfo(zone)
    start = datetime(2000, 1, 1, tzinfo=UTC)
    offsets = {(start + timedelta(days=14 * n)).astimezone(info).utcoffset() for n in range(26 * 99)}
    if len(offsets) > 1:
        return None
    [offset] = offsets
    return int((offset or timedelta()).total_seconds())


def to_utc_sql(local: str, zone: str) -> str:
    """A local TIMESTAMP as UTC; NULL where the zone's clocks skip that time. Of a time that occurs twice, the later."""
    offset = fixed_offset(zone)
    if offset is not None:
        return local if offset == 0 else f"({local} - INTERVAL '{offset}' SECOND)"
    there = f"timezone('UTC', timezone({text(zone)}, {local}))"
    back = f"timezone({text(zone)}, timezone('UTC', {there}))"
    return f"(CASE WHEN {back} = {local} THEN {there} END)"


def to_utc_by_column_sql(local: str, abbreviation: str, zones: Mapping[str, str]) -> str:
    """A local TIMESTAMP as UTC by the zone named in another column; NULL for a name that is not in `zones`."""
    by_zone: dict[str, list[str]] = {}
    for short, zone in {**ABBREVIATIONS, **zones}.items():
        by_zone.setdefault(zone, []).append(text(short))
    cases = " ".join(
        f"WHEN {abbreviation} IN ({', '.join(names)}) THEN {to_utc_sql(local, zone)}" for zone, names in by_zone.items()
    )
    return f"CASE {cases} END"


def business_date_sql(instant: str, zone: ZoneInfo, cut_off: time) -> str:
    """The business date of a UTC TIMESTAMP: the local date of (instant - cut-off) in the workspace's zone."""
    late = cut_off.hour * 3600 + cut_off.minute * 60 + cut_off.second
    offset = fixed_offset(zone.key)
    if offset is not None:
        shift = offset - late
        moved = instant if shift == 0 else f"({instant} + INTERVAL '{shift}' SECOND)"
    else:
        moved = f"(timezone({text(zone.key)}, timezone('UTC', {instant})) - INTERVAL '{late}' SECOND)"
    return f"CAST({moved} AS DATE)"
