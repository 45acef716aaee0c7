"""Backtest: the nights of a range run again with the rules as they are now, in a copy, and how right they are.

Against   what the nights published (recon/diff.py), a truth.csv where there is one, and what people decided on fixes
Never     writes to the workspace, its nights or its state database
"""

from __future__ import annotations

import csv
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from recon.diff import Diff, Snapshot, diff, snapshot_of
from recon.errors import ReconError
from recon.pipeline import run_night
from recon.store.folder import published
from recon.workspace import Secret, Workspace

AGREED = ("approved", "applied", "applying", "failed", "retrying", "dead_letter")  # somebody had said yes


@dataclass(frozen=True, slots=True)
class Score:
    """How right a code is. precision = right / found, recall = right / wanted; None where nothing was found or wanted."""

    code: str
    wanted: int
    found: int
    right: int

    @property
    def precision(self) -> float | None:
        return self.right / self.found if self.found else None

    @property
    def recall(self) -> float | None:
        return self.right / self.wanted if self.wanted else None


@dataclass(frozen=True, slots=True)
class Backtest:
    """`decided`: code -> (agreed, rejected), of the fixes of breaks that these nights found."""

    nights: tuple[Diff, ...]
    scores: tuple[Score, ...]
    decided: Mapping[str, tuple[int, int]]


def backtest(
    workspace: Workspace,
    nights: Sequence[date],
    scratch: Path,
    truth: Path | None = None,
    statuses: Mapping[str, str] | None = None,
    notify: Callable[[str], None] = lambda text: None,
) -> Backtest:
    """Run `nights`, a range without a gap, again in `scratch`.

    truth      night, reconciliation, key, code, class, state (break, pending, cleared), as `recon demo` writes it
    statuses   fix_id -> status in the queue
    """
    copy = _copy(workspace, scratch)
    found: list[tuple[date, Snapshot]] = []
    diffs: list[Diff] = []
    fixes: dict[str, str] = {}
    for night in nights:
        notify(f"night {night}")
        folder = run_night(copy, night).folder
        now = snapshot_of(folder)
        found.append((night, now))
        diffs.append(diff(snapshot_of(workspace.nights / str(night)), now))
        fixes |= {row["fix_id"]: row["code"] for row in _rows(folder / "breaks.csv") if row["fix_id"]}
    return Backtest(tuple(diffs), tuple(_scores(found, truth) if truth else ()), _decided(fixes, statuses or {}))


def range_of(workspace: Workspace, first: date, last: date) -> list[date]:
    """The nights from first to last. Raises ReconError where one of them has not run."""
    have = set(published(workspace.nights))
    nights = [date.fromordinal(n) for n in range(first.toordinal(), last.toordinal() + 1)]
    lacking = [night for night in nights if night not in have]
    if not nights or lacking:
        what = f"{lacking[0]} has not run" if lacking else f"{first} is after {last}"
        raise ReconError("no-night", what, "give a range of nights that ran: `recon status`")
    return nights


def _copy(workspace: Workspace, scratch: Path) -> Workspace:
    """The workspace at another place: its nights linked, its inputs where they are, a state database of its own."""
    scratch.mkdir(parents=True, exist_ok=True)
    for night in published(workspace.nights):
        shutil.copytree(workspace.nights / str(night), scratch / "nights" / str(night), copy_function=_link)
    for path in workspace.root.iterdir():
        if path.name not in ("nights", "state") and not path.name.startswith("."):
            (scratch / path.name).symlink_to(path, target_is_directory=path.is_dir())
    return replace(workspace, root=scratch, state_url=Secret("backtest", "sqlite:///state/recon.sqlite"))


def _link(source: str, target: str) -> None:
    """A night's files are never written again, so that a link is as good as a copy."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _scores(found: Iterable[tuple[date, Snapshot]], truth: Path) -> list[Score]:
    """By code, over all nights: a break is right where the truth has the same night, key, code and class."""
    nights = {str(night): snapshot for night, snapshot in found}
    planted = {
        (row["night"], row["reconciliation"], row["key"]): (row["code"], row["class"])
        for row in _rows(truth)
        if row["state"] == "break" and row["night"] in nights
    }
    seen = {
        (night, *place): (stand.code, stand.class_)
        for night, snapshot in nights.items()
        for place, stand in snapshot.breaks.items()
    }
    wanted, got = Counter(code for code, _ in planted.values()), Counter(code for code, _ in seen.values())
    right = Counter(named[0] for place, named in seen.items() if planted.get(place) == named)
    return [Score(code, wanted[code], got[code], right[code]) for code in sorted({*wanted, *got})]


def _decided(fixes: Mapping[str, str], statuses: Mapping[str, str]) -> dict[str, tuple[int, int]]:
    agreed = Counter(code for fix, code in fixes.items() if statuses.get(fix) in AGREED)
    rejected = Counter(code for fix, code in fixes.items() if statuses.get(fix) == "rejected")
    return {code: (agreed[code], rejected[code]) for code in sorted({*agreed, *rejected})}


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
