"""Awaited: what a night still waits for when everything that came is read, and since when.

Comes in   the night's inputs, what the last night waited for, what people decided
Goes out   the files that did not come, the numbers that are missing, the files that wait for a person
Never      forgets: what a night waited for is awaited until it comes, is replaced, or a person says that it will not come.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from recon.arrivals import ACCEPTABLE, Past, path_of
from recon.domain.calendar import Calendar
from recon.domain.completeness import INSTANT, Awaited, due_at, in_words, is_expected, local_text
from recon.domain.rulebook import Source
from recon.fetch import has_date
from recon.store.decisions import Decision
from recon.workspace import Workspace

Entry = dict[str, Any]
Decide = Callable[[str], Decision | None]


def source_calendar(workspace: Workspace, source: Source) -> Calendar:
    """The calendar by which a source's files are expected."""
    return workspace.calendars.get(source.calendar, workspace.calendar)


def note_hours(workspace: Workspace, source: Source, entries: Sequence[Entry]) -> None:
    """Say of each file by when it had to be there, and whether it came after that."""
    calendar = source_calendar(workspace, source)
    for entry in entries:
        if entry["status"] != "read" or entry["code"] == "restated":
            continue
        day = date.fromisoformat(entry["for"])
        due = due_at(source.expected, day, calendar, workspace.zone)
        if due is not None and is_expected(source.expected, day, calendar):
            entry["due_by"] = due.strftime(INSTANT)
            entry["overdue"] = entry["arrival"] > entry["due_by"]


def awaited(
    workspace: Workspace,
    source: Source,
    night: date,
    ends: datetime,
    entries: Sequence[Entry],
    past: Past,
    decide: Decide,
) -> list[Awaited]:
    """What one source's files leave to wait for. Marks the set-aside files among `entries` that another one replaced.

    ends   the end of the night, in UTC: an hour before it has passed
    """
    waiting = _Waiting(workspace, source, night, ends, entries, past, decide)
    waiting.replaced()
    decisions = waiting.decisions()
    found = [*waiting.files(decisions), *waiting.numbers(), *decisions]
    return [waiting.since(each) for each in found]


@dataclass
class _Waiting:
    workspace: Workspace
    source: Source
    night: date
    ends: datetime
    entries: Sequence[Entry]
    past: Past
    decide: Decide

    def __post_init__(self) -> None:
        self.dated = has_date(self.source.files or "")
        self.before = [each for each in self.past.awaited if each.source == self.source.name]
        have = {entry["sha256"] for entry in self.entries}
        self.left = [each for each in self.before if each.kind == "decision" and each.sha256 not in have]

    # --- files that were set aside ---

    def replaced(self) -> None:
        """A file that was set aside is replaced by one that came later, under its name or for its night: one by one."""
        used: set[int] = set()
        for entry in self.entries:
            if entry["status"] != "set_aside" or entry["code"] == "restated":
                continue
            other = self._replacement(path_of(entry), entry["for"], entry["found"], self._carried(entry), used)
            if other is not None:
                entry["replaced_by"] = other["name"]
        kept = []
        for each in self.left:
            night = str(each.for_night) if each.code != "restated" else None
            if self._replacement(each.path, night, -1, True, used) is None:
                kept.append(each)
        self.left = kept

    def _carried(self, entry: Entry) -> bool:
        return any(each.sha256 == entry["sha256"] for each in self.before if each.kind == "decision")

    def _replacement(self, path: str, night: str | None, found: int, carried: bool, used: set[int]) -> Entry | None:
        """The first file, not yet used, that was read and came later: a rerun found it, or a later night."""
        for at, other in enumerate(self.entries):
            later = carried or other["found"] > found
            same_night = other["for"] == night and (self.dated or self.source.expected.on != ("any",))
            if other["status"] == "read" and later and at not in used and (path_of(other) == path or same_night):
                used.add(at)
                return other
        return None

    def decisions(self) -> list[Awaited]:
        """Files that wait for a person: tonight's, and those of earlier nights that nobody has decided on."""
        found = [
            Awaited(
                source=self.source.name,
                record=self.source.record,
                kind="decision",
                reason=entry["reason"],
                remedy=entry["remedy"],
                for_night=date.fromisoformat(entry["for"]),
                since=self.night,
                path=path_of(entry),
                sha256=entry["sha256"],
                size=entry["size"],
                arrival=entry["arrival"],
                code=entry["code"],
            )
            for entry in self.entries
            if entry["status"] == "set_aside" and not entry["replaced_by"]
        ]
        for each in self.left:
            decision = self.decide(each.target)
            if decision is None or decision.decision != "reject":
                found.append(each)
        return found

    # --- files that did not come ---

    def files(self, decisions: Sequence[Awaited]) -> list[Awaited]:
        """Nights for which fewer files came than are expected."""
        expected, calendar = self.source.expected, source_calendar(self.workspace, self.source)
        nights = {self.night, *(each.for_night for each in self.before if each.for_night is not None)}
        here = Counter(each["for"] for each in self.entries if each["status"] == "read" and each["code"] != "restated")
        held = Counter(str(each.for_night) for each in decisions if each.code != "restated")
        spare = here[str(self.night)] - expected.count if not self.dated else 0
        found = []
        for day in sorted(nights):
            if not is_expected(expected, day, calendar):
                continue
            known = self.past.read_for[self.source.name, str(day)] + here[str(day)] + held[str(day)]
            if day < self.night and spare > 0:  # without a date in its name, what is too much tonight was late
                known, spare = known + min(spare, expected.count - known), spare - max(expected.count - known, 0)
            if known < expected.count and not self._given_up(f"{self.source.name}@{day}"):
                found.append(self._missing(day, known, calendar))
        return found

    def _missing(self, day: date, known: int, calendar: Calendar) -> Awaited:
        expected, zone = self.source.expected, self.workspace.zone
        due = due_at(expected, day, calendar, zone)
        due_by = due.strftime(INSTANT) if due else ""
        late = due is not None and due <= self.ends
        there = f"{known} of {expected.count} files there" if known else "not there"
        hour = f"; {'late since' if late else 'due by'} {local_text(due_by, zone)}" if due_by else ""
        return Awaited(
            source=self.source.name,
            record=self.source.record,
            kind="file",
            reason=f"expected for {day} ({in_words(expected)}), {there}{hour}",
            remedy="get the file and run the night again; "
            f"if it will never come: recon inputs accept {self.source.name}@{day} --as NAME --why TEXT",
            for_night=day,
            since=self.night,
            due_by=due_by,
            late=late,
        )

    # --- numbers that never came ---

    def numbers(self) -> list[Awaited]:
        """Gaps in the numbers of the source's files; a gap that a person gave up is closed."""
        found = []
        for key, series in sorted(self.past.series.items()):
            if series.source != self.source.name:
                continue
            open_: list[tuple[int, int]] = []
            for first, last in series.gaps:
                each = self._gap(series.account, series.period, first, last)
                if not self._given_up(each.target):
                    open_.append((first, last))
                    found.append(each)
            self.past.series[key] = replace(series, gaps=tuple(open_))
        return found

    def _gap(self, account: str, period: str, first: int, last: int) -> Awaited:
        shown = f"{first}" if first == last else f"{first} to {last}"
        of = " of ".join(part for part in (account, period) if part)
        each = Awaited(
            source=self.source.name,
            record=self.source.record,
            kind="number",
            reason=f"{shown} never arrived{f' ({of})' if of else ''}, though {last + 1} was read",
            remedy="",
            for_night=None,
            since=self.night,
            account=account,
            period=period,
            numbers=(first, last),
        )
        remedy = f"ask the provider for it; if it never was: recon inputs accept {each.target} --as NAME --why TEXT"
        return replace(each, remedy=remedy)

    def _given_up(self, target: str) -> bool:
        decision = self.decide(target)
        return decision is not None and decision.decision == "accept"

    # --- since when ---

    def since(self, each: Awaited) -> Awaited:
        """The same, with the night that first waited for it and how many have."""
        for before in self.before:
            if before.target == each.target or (before.kind == each.kind == "number" and _within(each, before)):
                return replace(each, since=before.since, nights=before.nights + 1)
            if each.kind == "file" and before.kind == "decision" and before.for_night == each.for_night:
                return replace(each, since=before.since, nights=before.nights + 1)
        return each


def _within(inner: Awaited, outer: Awaited) -> bool:
    if inner.numbers is None or outer.numbers is None:
        return False
    same = (inner.account, inner.period) == (outer.account, outer.period)
    return same and outer.numbers[0] <= inner.numbers[0] and inner.numbers[1] <= outer.numbers[1]


def what_to_do(code: str, target: str, remedy: str) -> str:
    """The sentence of what to do with a file that was set aside."""
    if code in ACCEPTABLE:
        return f"{remedy}: recon inputs accept {target} --as NAME --why TEXT, or recon inputs reject"
    return f"{remedy}; when it will not be needed: recon inputs reject {target} --as NAME --why TEXT"
