"""The demo's truth of payin against the oracle: plain Python, on files and books read without recon, finds exactly that."""

import csv
from pathlib import Path

import demo_files
import oracle
import pytest

from recon.demo import plants
from recon.demo.make import make_shop


def planted(directory: Path, state: str) -> dict[str, set[tuple[str, str, str]]]:
    """Of each night, what the truth says: (key, code, class)."""
    with (directory / "truth.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["state"] == state and row["reconciliation"] == "payin"]
    nights = {str(night): set() for night in demo_files.NIGHTS}
    for row in rows:
        nights[row["night"]].add((row["key"], row["code"], row["class"]))
    return nights


def stopped(directory: Path) -> set[str]:
    """The nights on which the ledger does not balance."""
    with (directory / "truth.csv").open(newline="") as file:
        return {row["night"] for row in csv.DictReader(file) if row["code"] == "ledger_unbalanced"}


def check(directory: Path) -> None:
    found = oracle.run(demo_files.scenario(directory))
    # The oracle knows of payin alone; the ledger's word that nothing is fixed tonight it has to be told.
    for night, answer in zip(map(str, demo_files.NIGHTS), found, strict=True):
        if night in stopped(directory):
            answer.breaks = {
                (key, code, class_.replace("auto_fix", "manual_review")) for key, code, class_ in answer.breaks
            }
    breaks, pending, cleared = (planted(directory, state) for state in ("break", "pending", "cleared"))
    for night, answer in zip(map(str, demo_files.NIGHTS), found, strict=True):
        assert answer.breaks == breaks[night], night
        assert {key for key, _, _ in pending[night]} <= answer.pending, night
        quiet = {key for key, _, _ in cleared[night]}
        assert not quiet & answer.pending, night
        automatic = sum(class_ == "auto_fix" for _, _, class_ in answer.breaks)
        # The brake (rules/payin.yaml) would make them manual_review, and the truth wrong.
        assert automatic <= max(10, len(answer.states) // 10), night


@pytest.mark.parametrize("seed", range(2))
def test_the_oracle_finds_what_a_small_shop_has_planted(tmp_path, seed):
    make_shop(tmp_path / "shop", 300, seed=seed)
    check(tmp_path / "shop")


def test_the_oracle_finds_what_is_planted_at_every_provider(tmp_path, monkeypatch):
    """700 payments leave room for them all; the limit is lowered because the oracle takes its time."""
    monkeypatch.setattr(plants, "EVERYWHERE", 700)
    make_shop(tmp_path / "shop", 700, seed=11)
    check(tmp_path / "shop")
