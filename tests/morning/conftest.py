"""The analyst's morning: one demo of five nights for all tests of the folder."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # morning

from morning import Said, command

from recon.api import run
from recon.demo.make import make_shop


@pytest.fixture(scope="session")
def shop(once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """A demo whose five nights have run, of its payments and its ledger only; nobody may change it."""

    def make(root: Path) -> None:
        made = make_shop(root, 300, 1)
        _only(root, "payin", "ledger")
        for night in made.nights:
            run(root, night)

    return once("morning", make)


def _only(root: Path, *names: str) -> None:
    """Leave out the demo's other reconciliations, in recon.yaml and in the truth: each night takes a fraction of the time."""
    config = root / "recon.yaml"
    listed = re.compile(r"^reconciliations: \[.*\]$", re.MULTILINE)
    config.write_text(listed.sub(f"reconciliations: [{', '.join(names)}]", config.read_text("utf-8")), "utf-8")
    with (root / "truth.csv").open(encoding="utf-8", newline="") as file:
        heads, *rows = list(csv.reader(file))
    kept = [row for row in rows if row[heads.index("reconciliation")] in names]
    with (root / "truth.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([heads, *kept])


@pytest.fixture
def recon(shop: Path) -> Callable[..., Said]:
    """`recon("explain", "PO-1")` on that shop."""

    def call(name: str, *words: object) -> Said:
        return command(*name.split(), "-w", shop, *words)

    return call
