"""Diff: what two nights say of the same money: new, gone, reclassified and moved breaks, with totals.

A night is its folder, the folder of expected files of a fixture, or the result of a run that was not published. Only breaks
that are open count; amounts are decimal text, sums are exact and never cross a currency.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recon.errors import ReconError

if TYPE_CHECKING:
    from recon.pipeline import NightResult

Sums = dict[str, str]  # currency -> decimal text


@dataclass(frozen=True, slots=True)
class Stand:
    """An open break of one night, as far as two nights are compared. `rule` is "rules/payin.yaml:165:5 code"."""

    reconciliation: str
    key: str
    code: str
    class_: str
    psp: str
    currency: str
    difference: str
    amounts: tuple[tuple[str, str], ...]
    rule: str
    break_id: str

    @property
    def place(self) -> tuple[str, str]:
        return self.reconciliation, self.key


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One night: its open breaks by place, what waits, what it resolved and why, and the sum of its automatic fixes."""

    name: str
    breaks: Mapping[tuple[str, str], Stand]
    pending: frozenset[tuple[str, str]] = frozenset()
    resolved: Mapping[tuple[str, str], str] = field(default_factory=dict)
    auto_fixed: Mapping[str, Decimal] = field(default_factory=dict)
    verdict: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One break that the two nights tell differently; `before` is None for a new one, `after` for one that is gone.

    kind     new | gone | reclassified | moved
    became   of one that is gone: pending, or why it was resolved; empty where it cleared or is no longer there
    """

    kind: str
    before: Stand | None
    after: Stand | None
    became: str = ""

    @property
    def stand(self) -> Stand:
        found = self.after or self.before
        assert found is not None, "a change has a side"
        return found


@dataclass(frozen=True, slots=True)
class Diff:
    """All changes, by kind, reconciliation and key; and the totals of both nights."""

    before: str
    after: str
    changes: tuple[Change, ...]
    verdicts: tuple[str, str]
    by_class: tuple[Mapping[str, int], Mapping[str, int]]
    differences: tuple[Sums, Sums]  # of all open breaks
    auto_fixed: tuple[Sums, Sums]  # amounts of the fixes of class auto_fix

    @property
    def same(self) -> bool:
        return not self.changes and self.verdicts[0] == self.verdicts[1] and self.auto_fixed[0] == self.auto_fixed[1]

    def of(self, kind: str) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.kind == kind)


KINDS = ("new", "gone", "reclassified", "moved")


def diff(before: Snapshot, after: Snapshot) -> Diff:
    """Compare two nights."""
    changes = []
    for place in sorted(before.breaks.keys() | after.breaks.keys()):
        a, b = before.breaks.get(place), after.breaks.get(place)
        if a is None or b is None:
            became = "pending" if place in after.pending else after.resolved.get(place, "")
            changes.append(Change("new" if a is None else "gone", a, b, became if b is None else ""))
        elif (a.code, a.class_) != (b.code, b.class_):
            changes.append(Change("reclassified", a, b))
        elif (a.currency, a.difference, a.amounts) != (b.currency, b.difference, b.amounts):
            changes.append(Change("moved", a, b))
    changes.sort(key=lambda change: (KINDS.index(change.kind), change.stand.place))
    both = (before, after)
    return Diff(
        before.name,
        after.name,
        tuple(changes),
        (before.verdict, after.verdict),
        _two(dict(sorted(Counter(each.class_ for each in one.breaks.values()).items())) for one in both),
        _two(sums((each.currency, each.difference) for each in one.breaks.values()) for one in both),
        _two({currency: f"{total:f}" for currency, total in sorted(one.auto_fixed.items())} for one in both),
    )


def _two(values: Iterable[Any]) -> tuple[Any, Any]:
    first, second = values
    return first, second


def sums(amounts: Iterable[tuple[str, str]]) -> Sums:
    """(currency, decimal text) summed by currency; what has no amount counts as none."""
    found: dict[str, Decimal] = {}
    for currency, amount in amounts:
        if currency and amount:
            found[currency] = found.get(currency, Decimal(0)) + Decimal(amount)
    return {currency: f"{total:f}" for currency, total in sorted(found.items())}


# --- where a night comes from -----------------------------------------------------------------------------------------


def snapshot_of(folder: Path, name: str = "") -> Snapshot:
    """A night's folder, or the expected files of a fixture's night. Raises ReconError where it is neither."""
    if not (folder / "breaks.csv").is_file():
        remedy = "give a date that has run, a night's folder, or two of them"
        raise ReconError("no-night", f"{folder} is no night: it has no breaks.csv", remedy)
    rows = _rows(folder / "breaks.csv")
    fixes = [json.loads(line) for line in _lines(folder / "fixes.jsonl")]
    summary = folder / "summary.json"
    return _snapshot(
        name or folder.name,
        rows,
        {(row["reconciliation"], row["key"]) for row in _rows(folder / "pending.csv")},
        fixes,
        json.loads(summary.read_text("utf-8"))["verdict"] if summary.exists() else "",
    )


def snapshot_of_result(result: NightResult, name: str) -> Snapshot:
    """A night that ran, published or not."""
    from recon.report.tables import break_row, inert

    sides = sorted({side for each in result.breaks for side in each.amounts})
    rows = [
        {column: _text(inert(value)) for column, value in break_row(each, sides).items()}
        for each in result.breaks
        if each.is_open or each.closed_on == result.night
    ]
    return _snapshot(name, rows, set(), [fix.as_json() for fix in result.fixes], result.verdict)


def _snapshot(
    name: str,
    rows: Sequence[Mapping[str, str]],
    pending: set[tuple[str, str]],
    fixes: Sequence[Mapping[str, Any]],
    verdict: str,
) -> Snapshot:
    breaks, resolved = {}, {}
    for row in rows:
        place = (row["reconciliation"], row["key"])
        if row["state"] == "resolved":
            resolved[place] = row["reason"]
        else:
            breaks[place] = _stand(row)
    fixed: dict[str, Decimal] = {}
    for fix in fixes:
        if fix["class"] == "auto_fix" and fix["amount"]:  # a message may be about no money
            fixed[fix["currency"]] = fixed.get(fix["currency"], Decimal(0)) + abs(Decimal(fix["amount"]))
    return Snapshot(name, breaks, frozenset(pending), resolved, fixed, verdict)


def _stand(row: Mapping[str, str]) -> Stand:
    amounts = tuple(
        sorted((name.removesuffix("_amount"), text) for name, text in row.items() if name.endswith("_amount") and text)
    )
    return Stand(
        row["reconciliation"],
        row["key"],
        row["code"],
        row["class"],
        row["psp"],
        row["currency"],
        row["difference"],
        amounts,
        row["rule"],
        row["break_id"],
    )


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _lines(path: Path) -> list[str]:
    return path.read_text("utf-8").split("\n")[:-1] if path.exists() else []


# --- in words ---------------------------------------------------------------------------------------------------------


def sentences(found: Diff) -> list[str]:
    """The business difference, most telling first: "toss: 2 breaks reclassified manual_review -> auto_fix by rules/..."."""
    told = []
    if found.verdicts[0] != found.verdicts[1]:
        told.append(f"verdict {found.verdicts[0] or '-'} -> {found.verdicts[1] or '-'}")
    grouped: Counter[tuple[str, ...]] = Counter()
    for change in found.changes:
        grouped[_grouping(change)] += 1
    for (psp, kind, what, rule), count in sorted(grouped.items(), key=lambda each: (KINDS.index(each[0][1]), each[0])):
        by = f" by {rule}" if rule else ""
        told.append(f"{psp or '-'}: {count} break{'s' if count != 1 else ''} {kind} {what}{by}")
    for currency in sorted(found.auto_fixed[0].keys() | found.auto_fixed[1].keys()):
        a, b = (side.get(currency, "0") for side in found.auto_fixed)
        if Decimal(a) != Decimal(b):
            told.append(f"{currency} auto-fix total {a} -> {b}")
    return told


def _grouping(change: Change) -> tuple[str, str, str, str]:
    a, b = change.before, change.after
    stand = change.stand
    if change.kind == "reclassified" and a and b:
        same = a.code == b.code
        what = f"{a.class_} -> {b.class_}" if same else f"{a.code} ({a.class_}) -> {b.code} ({b.class_})"
        return stand.psp, change.kind, what, place_of(b.rule)
    became = f" ({'now pending' if change.became == 'pending' else change.became})" if change.became else ""
    return stand.psp, change.kind, f"{stand.code} ({stand.class_}){became}", place_of(stand.rule) if b else ""


def place_of(rule: str) -> str:
    """ "rules/payin.yaml:165:5 psp_not_in_ledger" -> "rules/payin.yaml:165"."""
    place = rule.split(" ")[0]
    parts = place.split(":")
    return ":".join(parts[:2]) if len(parts) >= 2 else place
