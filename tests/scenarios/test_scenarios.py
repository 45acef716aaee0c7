"""The folders of tests/fixtures read as the specification: inputs, and what each night has to leave.

    what_it_shows.md          what happens and why; its last line names the nights that run
    recon.yaml, rules/, in/   a workspace
    arrives/DATE/             what is added to the workspace before that night
    expected/DATE/            what the night leaves, less hashes that any change of rules or tool would change

`pytest tests/scenarios --refresh-golden` rewrites expected/ and says what changed; check it against docs/matching.md.
"""

from __future__ import annotations

import csv
import difflib
import json
import re
import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

import recon.api

FIXTURES = Path(__file__).parents[1] / "fixtures"
SCENARIOS = sorted(path.name for path in FIXTURES.iterdir() if path.is_dir())
CODES = re.findall(r"(?m)^ +- code: (\w+)$|^ +else: (\w+)$", (FIXTURES.parents[1] / "rules" / "payin.yaml").read_text())


def nights_of(folder: Path) -> list[date]:
    """The nights that a scenario's last line names: "Night D." or "Nights D to D."."""
    last_line = (folder / "what_it_shows.md").read_text(encoding="utf-8").splitlines()[-1]
    found = re.fullmatch(r"Nights? (\S+?)(?: to (\S+))?\.", last_line)
    assert found, f"{folder.name}: what_it_shows.md has to end with the nights that run"
    first = date.fromisoformat(found[1])
    last = date.fromisoformat(found[2] or found[1])
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def play(folder: Path, root: Path) -> list[Path]:
    """Run a scenario's nights in a copy of its workspace; the folders that they left."""
    shutil.copytree(folder, root, ignore=shutil.ignore_patterns("expected", "arrives", "what_it_shows.md"))
    left = []
    for night in nights_of(folder):
        arrives = folder / "arrives" / str(night)
        if arrives.is_dir():
            shutil.copytree(arrives, root, dirs_exist_ok=True)
        left.append(recon.api.run(root, night).folder)
    return left


# --- what is compared ------------------------------------------------------------------------------------------------


def table(path: Path) -> str:
    """A CSV of the night; the place of a rule in its file is left out."""
    return re.sub(r"\brules/(\w+\.yaml):\d+:\d+ ", r"rules/\1 ", path.read_text(encoding="utf-8"))


def summary(path: Path) -> str:
    """summary.json without the hashes of configuration, rules and manifests, and without the tool's version."""
    told = json.loads(path.read_text(encoding="utf-8"))
    told.update(config_sha256="(masked)", tool_version="(masked)")
    told["rules_sha256"] = dict.fromkeys(told["rules_sha256"], "(masked)")
    told["audit"]["head"] = "(masked)"
    if told["previous"]:
        told["previous"]["manifest_sha256"] = "(masked)"
    return json.dumps(told, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


READ = {
    "breaks.csv": table,
    "pending.csv": table,
    "fixes.jsonl": table,
    "quarantine.csv": table,
    "summary.json": summary,
}


def answers(left: list[Path]) -> dict[str, str]:
    """ "DATE/FILE" -> text, of every file that is compared."""
    return {f"{night.name}/{name}": read(night / name) for night in left for name, read in READ.items()}


def expected_in(folder: Path) -> dict[str, str]:
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
    return "\n".join(difflib.unified_diff(*sides, *(f"{label}: {name}" for label in labels), lineterm="", n=1))


def differences(expected: dict[str, str], found: dict[str, str]) -> list[str]:
    names = sorted(expected.keys() | found.keys())
    return [
        difference(name, expected.get(name), found.get(name)) for name in names if expected.get(name) != found.get(name)
    ]


def refresh(root: Path, expected: dict[str, str], found: dict[str, str]) -> None:
    """Write what was found, and remove what no night leaves any more."""
    for name in expected.keys() - found.keys():
        (root / name).unlink()
    for name, text in found.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    for folder in sorted((path for path in root.iterdir() if path.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_night_leaves_what_is_expected(scenario, tmp_path, request, record_property):
    folder = FIXTURES / scenario
    left = play(folder, tmp_path / "workspace")
    expected, found = expected_in(folder), answers(left)
    changes = differences(expected, found)
    if request.config.getoption("--refresh-golden"):
        refresh(folder / "expected", expected, found)
        for change in changes:
            record_property("golden", f"{scenario}\n{change}")
    elif changes:
        pytest.fail("\n\n".join(changes), pytrace=False)
    read = {entry["name"] for night in left for entry in json.loads((night / "inputs.json").read_text())["inputs"]}
    given = {path.relative_to(tmp_path / "workspace").as_posix() for path in (tmp_path / "workspace" / "in").iterdir()}
    assert given - read == set(), "input files that no night read"


# --- the folders themselves ------------------------------------------------------------------------------------------


def rows(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_scenario_is_told_in_a_few_sentences(scenario):
    text = (FIXTURES / scenario / "what_it_shows.md").read_text(encoding="utf-8")
    title, told, nights = text.strip().split("\n\n")
    assert title.startswith("# ")
    assert 2 <= len(re.findall(r"[.:](?:\s|$)", told)) <= 9
    assert nights


def test_nothing_else_lies_in_the_fixtures():
    known = {"what_it_shows.md", "recon.yaml", "in", "rules", "arrives", "expected"}
    assert {path.name for path in FIXTURES.glob("*/*")} <= known
    assert [path.name for path in FIXTURES.iterdir() if not path.is_dir()] == []


def test_the_scenarios_show_most_codes_of_payin():
    """The demo plants every code; here are the ones that tell a story."""
    shown = {row["code"] for path in FIXTURES.glob("*/expected/*/breaks.csv") for row in rows(path)}
    codes = {code for pair in CODES for code in pair if code}
    assert shown <= codes | {"unexplained"}
    assert len(shown) >= 20


def test_a_missing_or_needless_file_is_a_difference():
    assert "expected (missing): 2026-10-13/breaks.csv" in differences({}, {"2026-10-13/breaks.csv": "a\n"})[0]
    assert "found (none): 2026-10-13/breaks.csv" in differences({"2026-10-13/breaks.csv": "a\n"}, {})[0]
    assert differences({"a": "1\n"}, {"a": "1\n"}) == []
