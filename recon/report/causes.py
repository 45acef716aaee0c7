"""Causes: what the breaks of a night have in common, so that 300,000 of one cause read as one line.

Reads    breaks, rules, the tie-out, and the trend as the last night left it
Gives    clusters, the statement bridge, moves per code, the trend; and which breaks a page carries on a big day
"""

from __future__ import annotations

import heapq
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path

from recon.domain.breaks import Break
from recon.domain.money import to_text
from recon.domain.rulebook import Reconciliation, Severity
from recon.report.facts import BridgeStep, ClusterFact, CodeMoves, TieOutLine, TrendNight

TREND_NIGHTS = 14
CLUSTERS_MAX = 12
CLUSTER_MIN = 5  # fewer than this are not a cause, they are a few breaks
CARRIED_EACH = 100  # on a big day the page carries at least so many of every kind of break

Kind = tuple[str, str, str, str, str, date]  # reconciliation, class, code, psp, currency, first seen


def _kind(each: Break) -> Kind:
    return (each.reconciliation, str(each.class_), each.code, each.psp, each.currency or "", each.first_seen)


def _urgency(each: Break) -> tuple[bool, int, int, str, str]:
    return (not each.is_open, -Severity[each.class_], -each.age_days, each.reconciliation, each.key)


def carried(breaks: Sequence[Break], most: int) -> list[Break]:
    """The breaks that a page holds, the most severe and oldest first: all of them, or `most`, some of every kind among them."""
    if len(breaks) <= most:
        return sorted(breaks, key=_urgency)
    kinds: dict[tuple[object, ...], list[Break]] = defaultdict(list)
    for each in breaks:
        kinds[(*_kind(each)[:5], each.is_open)].append(each)
    floor = max(1, min(CARRIED_EACH, most // len(kinds)))
    chosen = [each for found in kinds.values() for each in heapq.nsmallest(floor, found, key=_urgency)]
    chosen = heapq.nsmallest(most, chosen, key=_urgency)
    taken = {each.break_id for each in chosen}
    rest = (each for each in breaks if each.break_id not in taken)
    return sorted([*chosen, *heapq.nsmallest(most - len(chosen), rest, key=_urgency)], key=_urgency)


def clusters(open_breaks: Iterable[Break], korean: Callable[[Break], str]) -> tuple[ClusterFact, ...]:
    """Causes with at least CLUSTER_MIN breaks, the largest first. One pass over the breaks."""
    found: dict[Kind, _Cluster] = {}
    for each in open_breaks:
        kind = _kind(each)
        cluster = found.get(kind)
        if cluster is None:
            cluster = found[kind] = _Cluster(each)
        cluster.add(each)
    largest = heapq.nsmallest(
        CLUSTERS_MAX,
        (kind for kind, cluster in found.items() if cluster.count >= CLUSTER_MIN),
        key=lambda kind: (-found[kind].count, kind),
    )
    return tuple(found[kind].fact(kind, korean) for kind in largest)


class _Cluster:
    def __init__(self, first: Break) -> None:
        self.first = first
        self.count = self.total = 0
        self.measured = True
        self.one: int | None = first.difference
        self.file = _file(first)

    def add(self, each: Break) -> None:
        self.count += 1
        if each.difference is None:
            self.measured = False
        else:
            self.total += each.difference
        if each.difference != self.one:
            self.one = None
        if self.file and _file(each) != self.file:
            self.file = ""

    def fact(self, kind: Kind, korean: Callable[[Break], str]) -> ClusterFact:
        currency = kind[4]
        return ClusterFact(
            *kind,
            count=self.count,
            amount=to_text(self.total, currency) if currency and self.measured else "",
            each=to_text(self.one, currency) if currency and self.one is not None else "",
            file=self.file,
            why=self.first.why,
            why_ko=korean(self.first),
        )


def _file(each: Break) -> str:
    """The file of the first record of a break; nothing where that is a query."""
    place = each.provenance.partition("; ")[0]
    return "" if place.startswith("query:") else place.rpartition(":")[0]


def bridge(
    rules: Sequence[Reconciliation], tie_out: Sequence[TieOutLine], open_breaks: Iterable[Break]
) -> tuple[BridgeStep, ...]:
    """Per line of the tie-out what each code's breaks come to, and what they leave of the line's breaks.

    Only records of tonight's population count, as in the tie-out: what a break remembers of earlier nights cleared there.
    """
    sides = {rule.name: (rule.sides[0].name, rule.sides[1].name if len(rule.sides) > 1 else "") for rule in rules}
    sums: Counter[tuple[str, str, str, str, str]] = Counter()
    counts: Counter[tuple[str, str, str, str, str]] = Counter()
    for each in open_breaks:
        if not each.facts or each.reconciliation not in sides:
            continue
        for sign, side in zip((1, -1), sides[each.reconciliation], strict=True):
            amount, currency = each.facts.get(f"{side}__amount"), each.facts.get(f"{side}__currency")
            if amount is None or not currency:
                continue
            own = int(amount) - int(each.facts.get(f"{side}__cleared_amount") or 0)
            name = (each.reconciliation, each.psp, currency, str(each.class_), each.code)
            sums[name] += sign * own
        if each.currency:
            counts[each.reconciliation, each.psp, each.currency, str(each.class_), each.code] += 1
    steps = []
    for line in tie_out:
        place = (line.reconciliation, line.psp, line.currency)
        mine = sorted(name for name in {*sums, *counts} if name[:3] == place)
        left = line.breaks
        for name in sorted(mine, key=lambda name: (-abs(sums[name]), name)):
            steps.append(BridgeStep(*place, name[4], name[3], counts[name], to_text(sums[name], line.currency)))
        told = sum(sums[name] for name in mine)
        rest = _minor(left, line.currency) - told
        if rest:
            steps.append(BridgeStep(*place, "", "", 0, to_text(rest, line.currency)))
    return tuple(steps)


def _minor(amount: str, currency: str) -> int:
    """Decimal text that `to_text` made, as minor units again."""
    return int(amount.replace(".", "", 1)) if currency else 0


def moves(breaks: Iterable[Break], night: date) -> tuple[CodeMoves, ...]:
    """Per code how many are new, carried and resolved tonight."""
    counts: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for each in breaks:
        at = 0 if each.state in ("new", "reopened") else 1 if each.is_open else 2
        if at < 2 or each.closed_on == night:
            counts[each.reconciliation, str(each.class_), each.code][at] += 1
    return tuple(CodeMoves(*name, *found) for name, found in sorted(counts.items()))


def read_trend(path: Path) -> tuple[TrendNight, ...]:
    """The trend as a night left it; nothing where it is the first night, or one of an older version."""
    if not path.exists():
        return ()
    return tuple(
        TrendNight(
            date.fromisoformat(each["night"]),
            each["verdict"],
            each["cleared"],
            each["pending"],
            {(recon, class_, code): count for recon, class_, code, count in each["counts"]},
        )
        for each in json.loads(path.read_text(encoding="utf-8"))
    )


def write_trend(path: Path, trend: Sequence[TrendNight]) -> None:
    """open/trend.json, for the next night."""
    told = [
        {
            "night": str(each.night),
            "verdict": each.verdict,
            "cleared": each.cleared,
            "pending": each.pending,
            "counts": [[*name, count] for name, count in sorted(each.counts.items())],
        }
        for each in trend
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8", newline="\n")


def tonight(night: date, verdict: str, groups: Mapping[str, int], open_breaks: Iterable[Break]) -> TrendNight:
    """This night's entry of the trend."""
    counts = Counter((each.reconciliation, str(each.class_), each.code) for each in open_breaks)
    return TrendNight(night, verdict, groups.get("cleared", 0), groups.get("pending", 0), dict(counts))
