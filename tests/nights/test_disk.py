"""E17: the disk is full at any write. The night ends with 4 and says so, what was there stays, and with room it runs.

The disks are real: a small one in memory, filled up to a few kilobytes, where the tests may mount one; everywhere a limit
on the size of a file, which fails each large write where it happens.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from night_shop import LAST, SQLITE, copied, dump, held_back, left_by, tree

KB = 1024
#: What a night writes after its page.
AFTER_THE_PAGE = ("report.xlsx", "summary.json", "steps.sql", "manifest.json")


@dataclass(frozen=True)
class Late:
    """A shop whose last night has to run again, because a file has come in; and what that run leaves."""

    before: Path
    after: Path
    expected: dict


@pytest.fixture(scope="module")
def late(tmp_path_factory, four_nights, runner) -> Late:
    before = copied(four_nights, tmp_path_factory.mktemp("disk") / "before")
    with held_back(before, f"adyen_{LAST}*"):
        assert runner.night(before).exit == 3
    after = copied(before, before.parent / "after")
    assert runner.night(after).exit == 0
    return Late(before, after, left_by(after))


def full(answer) -> None:
    """What a night says that found no room."""
    assert answer.exit == 4, (answer.exit, answer.error)
    assert "[disk]" in answer.error or "[state-database]" in answer.error, answer.error
    assert "to fix" in answer.error and "bug" not in answer.error, answer.error


@pytest.mark.parametrize(
    "kilobytes", [0, 10, 60, *(pytest.param(each, marks=pytest.mark.soak) for each in (1, 4, 30, 100))]
)
def test_e17_a_file_that_cannot_grow(late, tmp_path, runner, kilobytes):
    """A limit on the size of any file, below what some file of the night needs."""
    shop = copied(late.before, tmp_path / "shop")
    old = tree(shop / "nights")
    full(runner.night(shop, largest_file=kilobytes * KB))
    assert tree(shop / "nights") == old
    assert runner.night(shop).exit == 0
    assert left_by(shop) == late.expected


@contextmanager
def small_disk(at: Path, megabytes: int = 64) -> Iterator[Path]:
    at.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(at)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here ({mounted.stderr.strip()}); the limit on files stands in for it")
    try:
        yield at
    finally:
        subprocess.run(["umount", "--lazy", str(at)], check=True)


def pages(path: Path) -> int:
    """What a file takes on a disk in memory."""
    return pages_of(path.stat().st_size)


def pages_of(size: int) -> int:
    return -(-size // 4096) * 4096


def fill(disk: Path, leave: int) -> Path:
    """A file that leaves so many bytes free."""
    ballast = disk / "ballast"
    free = shutil.disk_usage(disk).free
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, free - leave)
    return ballast


def test_e17_a_full_disk(late, tmp_path, runner):
    """A disk with less and less room: no room at all, some for the inputs, nearly enough for the night."""
    with small_disk(tmp_path / "disk") as disk:
        shop = copied(late.before, disk / "shop")
        old = tree(shop / "nights")
        files = [path for path in (late.after / "nights" / LAST).rglob("*") if path.is_file()]
        needed = sum(pages(path) for path in files)
        but_for_the_workbook = sum(pages(path) for path in files if path.name not in AFTER_THE_PAGE) + pages_of(1)
        for room in (*(int(needed * part) for part in (0.0, 0.02, 0.1, 0.3, 0.5, 0.7, 0.95)), but_for_the_workbook):
            ballast = fill(disk, room)
            answer = runner.night(shop)
            ballast.unlink()
            full(answer)
            assert tree(shop / "nights") == old, f"{room} bytes of room"
        assert runner.night(shop).exit == 0
        assert left_by(shop) == late.expected


def test_e17_no_room_for_the_state_database(late, tmp_path, runner):
    """The folder is published and the database is not: the database is as it was, and the next run brings it up."""
    with small_disk(tmp_path / "disk") as disk:
        (disk / "state").mkdir()
        shop = copied(late.before, tmp_path / "shop")
        state = f"sqlite:///{disk}/state/recon.sqlite"
        shutil.copy(shop / "state" / "recon.sqlite", disk / "state" / "recon.sqlite")
        old = dump(state, shop)
        ballast = fill(disk, 0)
        answer = runner.night(shop, state=state)
        full(answer)
        assert "the night's folder is published" in answer.error
        assert dump(state, shop) == old != late.expected["tables"]
        ballast.unlink()
        assert runner.night(shop, state=state).exit == 0
        assert dump(state, shop) == late.expected["tables"]
        assert dump(SQLITE, shop) == old
