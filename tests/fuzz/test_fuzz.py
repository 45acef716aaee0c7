"""The kept corpus holds on every run; `make soak` fuzzes every target for ten minutes (RECON_FUZZ_SECONDS)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import fuzz_targets
import pytest

TARGETS = fuzz_targets.targets()
SECONDS = int(os.environ.get("RECON_FUZZ_SECONDS", "600"))


@pytest.mark.parametrize("name", TARGETS)
def test_the_kept_corpus_finds_nothing(name: str) -> None:
    seeds = fuzz_targets.seeds(name)
    assert seeds, f"{name} has nothing to start from: put a small sound input into {fuzz_targets.kept(name)}"
    for path in seeds:
        TARGETS[name](path.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("data", [b"", b"\0", b"\xff\xfe", b"\n" * 50, b'"' * 51, b"{" * 5000, b"a,b\n1,2\n" * 20])
def test_hostile_beginnings(name: str, data: bytes) -> None:
    TARGETS[name](data)


@pytest.mark.soak
@pytest.mark.parametrize("name", TARGETS)
def test_fuzzing_finds_nothing(name: str, tmp_path: Path) -> None:
    command = [sys.executable, str(Path(__file__).with_name("fuzz.py")), name]
    done = subprocess.run(
        [*command, "--seconds", str(SECONDS), "--work", str(tmp_path / "work")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-6000:]
