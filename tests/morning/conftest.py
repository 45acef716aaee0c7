"""The analyst's morning: one demo of five nights for all tests of the folder."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # morning

from demo_shop import keep_only
from morning import Said, command

from recon.api import run
from recon.demo.make import make_shop


@pytest.fixture(scope="session")
def shop(once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """A demo whose five nights have run, of its payments and its ledger only; nobody may change it."""

    def make(root: Path) -> None:
        made = make_shop(root, 300, 1)
        keep_only(root, "payin", "ledger")
        for night in made.nights:
            run(root, night)
        command("status", "-w", root)  # leaves the index: what writes it later finds the same bytes and writes nothing

    return once("morning", make)


@pytest.fixture
def recon(shop: Path) -> Callable[..., Said]:
    """`recon("explain", "PO-1")` on that shop."""

    def call(name: str, *words: object) -> Said:
        return command(*name.split(), "-w", shop, *words)

    return call
