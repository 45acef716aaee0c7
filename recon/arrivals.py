"""Arrivals: what the nights know of a file before and after it is read: new, read before, restated, or sent for another day.

Comes in   the inputs of the nights before, tonight's as they are read, and what people decided
Goes out   a judgement for each file: read it, count it as known, or set it aside with the reason and the remedy
Never      erases what was read; never takes a restated file on its own.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from recon.domain.completeness import (
    Awaited,
    Series,
    Statement,
    begun,
    broken_chain,
    from_json,
    has,
    period_of,
    series_from,
    statements,
    taken,
)
from recon.domain.rulebook import Moves, Source
from recon.fetch import Fetched, Version, has_date
from recon.store.folder import published
from recon.store.history import awaited_of, inputs_of, series_of

#: Reasons for which a file is set aside that a person may overrule; the others say that it cannot be read as it is.
ACCEPTABLE = ("restated", "all_rows_known", "wrong_day", "number_repeated", "opening_balance", "empty")
#: Reasons that go away by themselves when another file comes: the file is looked at again each night.
LOOKED_AT_AGAIN = ("opening_balance",)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What becomes of a file. status: read | replayed | set_aside."""

    status: str = "read"
    code: str = ""
    reason: str = ""
    remedy: str = ""
    first: Mapping[str, str] | None = None  # night, source and name of the file that was read first
    known: Mapping[str, Any] | None = None  # the entry of the file that was read, where the bytes are the same


READ = Judgement()


def path_of(entry: Mapping[str, Any]) -> str:
    """The name that a file has at its source; an entry's own name may say which version it is."""
    return str(entry.get("path") or entry["name"])


@dataclass
class Past:
    """What earlier nights read, with tonight's files added as they come."""

    night: date
    versions: dict[str, dict[str, list[Version]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )
    awaited: tuple[Awaited, ...] = ()
    series: dict[tuple[str, str, str], Series] = field(default_factory=dict)
    read_for: Counter[tuple[str, str]] = field(
        default_factory=Counter
    )  # (source, night) -> files that earlier nights read for it
    _by_bytes: dict[tuple[str, str], tuple[date, Mapping[str, Any]]] = field(default_factory=dict)
    _by_path: dict[tuple[str, str], tuple[date, Mapping[str, Any]]] = field(default_factory=dict)
    _statements: dict[str, list[Statement]] = field(default_factory=lambda: defaultdict(list))

    def add(self, night: date, entry: Mapping[str, Any]) -> None:
        """Note a file that a night has read or set aside."""
        if not entry["sha256"]:
            return
        if night <= self.night and entry["status"] == "read":
            if entry["rows"]:
                self._by_bytes.setdefault((entry["record"], entry["sha256"]), (night, entry))
            self._by_path[entry["source"], path_of(entry)] = (night, entry)
            if night < self.night:
                self.read_for[entry["source"], str(entry.get("for"))] += entry.get("code") != "restated"
            self._statements[entry["source"]] += statements(entry["name"], entry.get("balances", ()))

    def know(self, entry: Mapping[str, Any]) -> None:
        """Note that a night has had these bytes under this name, whatever became of them."""
        if entry["sha256"]:
            version = Version(entry["sha256"], entry["size"], entry["arrival"], entry.get("version", ""))
            self.versions[entry["source"]][path_of(entry)].append(version)

    def was_read(self, source: str, path: str) -> tuple[date, Mapping[str, Any]] | None:
        """The newest version of a file that was read, and the night that read it."""
        return self._by_path.get((source, path))

    def before_reading(self, source: Source, fetched: Fetched) -> Judgement:
        """What the bytes and the name alone say."""
        known = self._by_bytes.get((source.record, fetched.sha256))
        if known is not None and source.moves is not Moves.STATE:
            night, entry = known
            first = {"night": str(night), "source": entry["source"], "name": entry["name"]}
            said = f"{entry['name']}, read on {night}"
            day = entry.get("for")
            if fetched.day is None or not _dated(entry, source) or day == str(fetched.day):
                reason = f"the same bytes as {said}: nothing in it is new"
                return Judgement("replayed", "same_bytes", reason, "", first, entry)
            if source.moves is Moves.EVENTS:
                reason = f"found the bytes of {said} for {day}, expected those of {fetched.day}"
                return Judgement("set_aside", "wrong_day", reason, _WRONG_DAY, first, entry)
        older = self.was_read(source.name, fetched.name)
        if older is not None and older[1]["sha256"] != fetched.sha256:
            night, entry = older
            first = {"night": str(night), "source": source.name, "name": entry["name"]}
            reason = (
                f"restated: found sha256 {fetched.sha256[:16]} under a name that was read on {night} "
                f"as sha256 {entry['sha256'][:16]}, expected the bytes not to change"
            )
            return Judgement("set_aside", "restated", reason, _RESTATED, first)
        return READ

    def after_reading(self, source: Source, entry: Mapping[str, Any], marked: date | None, night: date) -> Judgement:
        """What the file says of itself: its date, its numbers, its balances."""
        due = entry["for"]
        if marked is not None and due != str(marked) and has_date(source.files or ""):
            reason = f"the file says it is for {marked}, expected {due}, as its name has it"
            return Judgement("set_aside", "wrong_day", reason, _WRONG_DAY)
        if marked is not None and not has_date(source.files or "") and not self._waits(source, marked, night):
            reason = f"the file says it is for {marked}, expected {night} or a night that waits for its file"
            return Judgement("set_aside", "wrong_day", reason, _WRONG_DAY)
        numbers = numbers_of(source, entry)
        period = period_of(restarts(source, entry), date.fromisoformat(due))
        again = [n for account, n in numbers if has(self.series.get((source.name, account, period)), n)]
        if again and len(again) == len(numbers):
            shown = ", ".join(map(str, again[:5]))
            last = max(self.series[source.name, account, period].last for account, _ in numbers)
            reason = f"found number {shown}, which was read before, expected one that follows {last}"
            return Judgement("set_aside", "number_repeated", reason, _WRONG_DAY)
        for new in statements(entry["name"], entry.get("balances", ())):
            wrong = broken_chain(self._statements[source.name], new)
            if wrong is not None:
                return Judgement("set_aside", "opening_balance", _chain(new, *wrong), _CHAIN)
        return READ

    def count(self, source: Source, entry: Mapping[str, Any]) -> None:
        """Note the numbers of a file that was read."""
        again = restarts(source, entry)
        period = period_of(again, date.fromisoformat(entry["for"]))
        for account, number in numbers_of(source, entry):
            key = (source.name, account, period)
            if key in self.series:
                self.series[key] = taken(self.series[key], number)
                continue
            earlier = any(known[:2] == key[:2] and known[2] < period for known in self.series)
            self.series[key] = begun(*key, number, again == "daily" or (again == "yearly" and earlier))

    def _waits(self, source: Source, marked: date, night: date) -> bool:
        if source.expected.on == ("any",) or marked == night:
            return True
        return any(
            each.source == source.name and each.kind == "file" and each.for_night == marked for each in self.awaited
        )


_WRONG_DAY = "ask the provider for the right file; if this one is right, accept it"
_RESTATED = "ask the provider why it changed; then accept it, and what differs becomes breaks, or reject it"
_CHAIN = "it is looked at again each night: ask the bank for the statement between; or accept it as it is"


def _dated(entry: Mapping[str, Any], source: Source) -> bool:
    return bool(entry.get("for")) and has_date(source.files or "")


def restarts(source: Source, entry: Mapping[str, Any]) -> str:
    """When the numbers start again; a bank's statement numbers do so each year unless the source says otherwise."""
    if source.restarts == "never" and entry.get("balances"):
        return "yearly"
    return source.restarts


def numbers_of(source: Source, entry: Mapping[str, Any]) -> list[tuple[str, int]]:
    """(account, number in the provider's series) of a file, ascending."""
    if source.restarts == "unused":
        return []
    found = {("", number) for number in entry.get("numbers", ())}
    for each in statements(entry["name"], entry.get("balances", ())):
        if each.sequence is not None:
            found.add((each.account, each.sequence))
    return sorted(found)


def _chain(new: Statement, other: Statement, before: bool) -> str:
    if before:
        return (
            f"opening balance of {new.account}: found {new.opening} {new.currency}, "
            f"expected {other.closing}, the closing balance of {other.file}"
        )
    return (
        f"closing balance of {new.account}: found {new.closing} {new.currency}, "
        f"expected {other.opening}, the opening balance of {other.file}"
    )


def read_past(nights: Path, night: date, before: Path | None) -> Past:
    """What the nights know. `before`: the folder of the night that this one continues from."""
    past = Past(night)
    for each in published(nights):
        if each == night:
            continue
        for entry in inputs_of(nights / str(each)):
            past.know(entry)
            past.add(each, entry)
    if before is not None:
        past.awaited = tuple(filter(None, map(from_json, awaited_of(before))))
        past.series = {each.key: each for each in map(series_from, series_of(before))}
    return past


def carried(past: Past, source: Source, raw: Path, here: Iterable[str]) -> list[tuple[Fetched, Awaited]]:
    """Files that earlier nights set aside and that the last night still waits for. `here`: digests that tonight has."""
    have = set(here)
    found = []
    for each in past.awaited:
        if each.source == source.name and each.kind == "decision" and each.sha256 not in have:
            day = each.for_night if has_date(source.files or "") else None
            path = raw / each.sha256
            found.append(
                (Fetched(source.name, each.path, path, each.sha256, each.size, each.arrival, True, day, None), each)
            )
    return found
