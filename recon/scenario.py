"""Scenario: a folder that says what happens and what each night has to leave; run it and hold the answers against it.

    what_it_shows.md          what happens and why; its last line names the nights: "Night D." or "Nights D to D."
    recon.yaml, rules/, terms/, in/   a workspace
    books.sql                 statements that make its database books.sqlite
    arrives/DATE/             what is added to the workspace before that night, and books.sql: what happens in its database
    expected/DATE/            what the night leaves, less hashes that any change of rules or tool would change

Without what_it_shows.md the nights are those of expected/.
"""

from __future__ import annotations

import contextlib
import difflib
import json
import re
import shutil
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

from recon.config.workspace_file import load_workspace
from recon.errors import ReconError
from recon.pipeline import run_night

STORY = "what_it_shows.md"
BOOKS = "books.sql"


def is_scenario(folder: Path) -> bool:
    """Whether a folder is a fixture that can be run."""
    return (folder / "recon.yaml").is_file() and ((folder / STORY).is_file() or (folder / "expected").is_dir())


def scenarios_in(path: Path) -> list[Path]:
    """The folder itself, or those in it. Raises ReconError where there is none."""
    if is_scenario(path):
        return [path]
    found = sorted(each for each in path.iterdir() if is_scenario(each)) if path.is_dir() else []
    if not found:
        remedy = "a fixture has recon.yaml, in/, and what_it_shows.md or expected/DATE/ (docs/diff.md)"
        raise ReconError("no-scenario", f"{path} is no fixture, and there is none in it", remedy)
    return found


def nights_of(folder: Path) -> list[date]:
    """The nights that run, oldest first."""
    story = folder / STORY
    lines = story.read_text(encoding="utf-8").split("\n") if story.is_file() else []
    last = next((line for line in reversed(lines) if line.strip()), "")
    named = re.fullmatch(r"Nights? (\d{4}-\d\d-\d\d)(?: to (\d{4}-\d\d-\d\d))?\.", last)
    days = (
        [named[1], named[2] or named[1]] if named else sorted(each.name for each in folder.glob("expected/????-??-??"))
    )
    try:
        first, until = date.fromisoformat(days[0]), date.fromisoformat(days[-1])
    except (IndexError, ValueError):
        remedy = f'end {STORY} with "Nights 2026-11-01 to 2026-11-03."'
        raise ReconError("no-scenario", f"{folder} does not say which nights run", remedy) from None
    return [first + timedelta(days=n) for n in range((until - first).days + 1)]


def play(folder: Path, root: Path) -> list[Path]:
    """Run a scenario's nights in a copy of its workspace at `root`; the folders that they left."""
    shutil.copytree(folder, root, ignore=shutil.ignore_patterns("expected", "arrives", STORY, BOOKS))
    _happens(folder, root)
    left = []
    for night in nights_of(folder):
        arrives = folder / "arrives" / str(night)
        if arrives.is_dir():
            shutil.copytree(arrives, root, dirs_exist_ok=True, ignore=shutil.ignore_patterns(BOOKS))
            _happens(arrives, root)
        left.append(run_night(load_workspace(root), night).folder)
    return left


def _happens(folder: Path, root: Path) -> None:
    """Run a folder's books.sql, where it has one, in the workspace's database."""
    script = folder / BOOKS
    if script.is_file():
        with contextlib.closing(sqlite3.connect(root / "books.sqlite")) as books:
            books.executescript(script.read_text(encoding="utf-8"))


# --- what is compared ------------------------------------------------------------------------------------------------


def _table(path: Path) -> str:
    """A CSV of the night; the place of a rule in its file is left out."""
    return re.sub(r"\brules/(\w+\.yaml):\d+:\d+ ", r"rules/\1 ", path.read_text(encoding="utf-8"))


def _summary(path: Path) -> str:
    """summary.json without the hashes of configuration, rules and manifests, and without the tool's version."""
    told = json.loads(path.read_text(encoding="utf-8"))
    told.update(config_sha256="(masked)", tool_version="(masked)")
    told["audit"]["head"] = "(masked)"
    told["rules_sha256"] = dict.fromkeys(told["rules_sha256"], "(masked)")
    if told["previous"]:
        told["previous"]["manifest_sha256"] = "(masked)"
    return json.dumps(told, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


READ: Mapping[str, Callable[[Path], str]] = {
    "breaks.csv": _table,
    "pending.csv": _table,
    "fixes.jsonl": _table,
    "quarantine.csv": _table,
    "summary.json": _summary,
}


def answers(left: Sequence[Path]) -> dict[str, str]:
    """ "DATE/FILE" -> text, of every file that is compared."""
    return {f"{night.name}/{name}": read(night / name) for night in left for name, read in READ.items()}


def expected_in(folder: Path) -> dict[str, str]:
    """The same of what the scenario expects."""
    root = folder / "expected"
    paths = sorted(path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def difference(name: str, expected: str | None, found: str | None) -> str:
    """A unified diff; one side is None where a file is missing, or is not made."""
    sides = [(text or "").splitlines() for text in (expected, found)]
    labels = [
        "expected" if expected is not None else "expected (missing)",
        "found" if found is not None else "found (none)",
    ]
    before, after = (f"{label}: {name}" for label in labels)
    return "\n".join(difflib.unified_diff(sides[0], sides[1], before, after, lineterm="", n=1))


def differences(expected: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    """A unified diff for each file that differs."""
    names = sorted(expected.keys() | found.keys())
    return [
        difference(name, expected.get(name), found.get(name)) for name in names if expected.get(name) != found.get(name)
    ]


def refresh(root: Path, expected: Mapping[str, str], found: Mapping[str, str]) -> None:
    """Write what was found to `root`, and remove what no night leaves any more."""
    for name in expected.keys() - found.keys():
        (root / name).unlink()
    for name, text in found.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8", newline="\n")
    for folder in sorted((path for path in root.iterdir() if path.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()
