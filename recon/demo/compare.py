"""Compare what the nights found with what was planted.

Reads   truth.csv, and breaks.csv and pending.csv of every night
Gives   what was missed, what was found beyond the truth, what has the wrong code or class, and what cleared wrongly
A night that has not run counts as having found nothing.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from recon.errors import ReconError

OPEN_STATES = frozenset(("new", "persisting", "reopened"))


@dataclass(frozen=True, slots=True, order=True)
class Stand:
    """One thing that stands after a night. `code` and `class_` are what was planted or found."""

    night: str
    reconciliation: str
    key: str
    code: str
    class_: str

    @property
    def place(self) -> tuple[str, str, str]:
        return self.night, self.reconciliation, self.key


@dataclass(frozen=True, slots=True)
class Comparison:
    """How the found breaks compare with the truth, over all nights; each list is sorted.

    missing      planted breaks that are in no list of breaks of their night
    wrong_clear  those of `missing` that are not pending either, and planted pending groups that are neither pending nor
                 breaks: they cleared although they should not have
    extra        breaks that nobody planted, traps among them
    wrong_code, wrong_class   (planted, found) pairs under the same night and key
    not_pending  planted pending groups that are not in their night's pending list
    """

    planted: int
    found: int
    traps: int
    missing: tuple[Stand, ...]
    extra: tuple[Stand, ...]
    wrong_code: tuple[tuple[Stand, Stand], ...]
    wrong_class: tuple[tuple[Stand, Stand], ...]
    wrong_clear: tuple[Stand, ...]
    not_pending: tuple[Stand, ...]

    @property
    def exact(self) -> bool:
        """Every planted break under its code and class, nothing extra, nothing pending or cleared wrongly."""
        return not (
            self.missing or self.extra or self.wrong_code or self.wrong_class or self.wrong_clear or self.not_pending
        )

    @property
    def right(self) -> int:
        """Planted breaks found under their right code and class."""
        return self.planted - len(self.missing) - len({a.place for a, _ in self.wrong_code + self.wrong_class})

    @property
    def recall(self) -> float:
        return self.right / self.planted if self.planted else 1.0


def compare(directory: Path | str) -> Comparison:
    """Compare the nights of the demo in `directory` with its truth.csv."""
    root = Path(directory)
    truth = root / "truth.csv"
    if not truth.exists():
        raise ReconError("demo-no-truth", f"{truth} is missing", "make the shop with `recon demo`")
    planted: dict[tuple[str, str, str], Stand] = {}
    waiting: dict[tuple[str, str, str], Stand] = {}
    traps = 0
    for row in _rows(truth):
        stand = Stand(row["night"], row["reconciliation"], row["key"], row["code"], row["class"])
        if row["state"] == "cleared":
            traps += 1
        else:
            (planted if row["state"] == "break" else waiting)[stand.place] = stand
    found: dict[tuple[str, str, str], Stand] = {}
    pending: set[tuple[str, str, str]] = set()
    for night in sorted((root / "nights").glob("????-??-??")):
        found |= {stand.place: stand for stand in _breaks(night)}
        pending |= {(night.name, row["reconciliation"], row["key"]) for row in _rows(night / "pending.csv")}
    both = [(planted[place], found[place]) for place in sorted(planted.keys() & found.keys())]
    missing = [planted[place] for place in sorted(planted.keys() - found.keys())]
    unseen = [waiting[place] for place in sorted(waiting.keys() - pending)]
    return Comparison(
        planted=len(planted),
        found=len(found),
        traps=traps,
        missing=tuple(missing),
        extra=tuple(found[place] for place in sorted(found.keys() - planted.keys())),
        wrong_code=tuple(pair for pair in both if pair[0].code != pair[1].code),
        wrong_class=tuple(pair for pair in both if pair[0].class_ != pair[1].class_),
        wrong_clear=tuple(
            sorted(stand for stand in missing + unseen if stand.place not in pending and stand.place not in found)
        ),
        not_pending=tuple(unseen),
    )


def _breaks(night: Path) -> Iterator[Stand]:
    for row in _rows(night / "breaks.csv"):
        if row["state"] in OPEN_STATES:
            yield Stand(night.name, row["reconciliation"], row["key"], row["code"], row["class"])


def _rows(path: Path) -> Iterator[dict[str, str]]:
    if path.exists():
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from csv.DictReader(file)
