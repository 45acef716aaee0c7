"""The folders of tests/fixtures read as the specification: inputs, and what each night has to leave (recon/scenario.py).

`pytest tests/scenarios --refresh-golden` rewrites expected/ and says what changed; check it against docs/matching.md.
"""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest

from recon.scenario import answers, differences, expected_in, play, refresh

FIXTURES = Path(__file__).parents[1] / "fixtures"
SCENARIOS = sorted(path.name for path in FIXTURES.iterdir() if path.is_dir())
#: The counters are in Redis: tests/ingest/test_redis.py shows their codes against a real server.
RULES = sorted(path for path in (FIXTURES.parents[1] / "rules").glob("*.yaml") if path.stem != "stock_counters")


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
    given = {path.relative_to(tmp_path / "workspace").as_posix() for path in (tmp_path / "workspace").glob("in/*")}
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
    known = {"what_it_shows.md", "recon.yaml", "books.sql", "in", "rules", "terms", "arrives", "expected"}
    assert {path.name for path in FIXTURES.glob("*/*")} <= known
    assert [path.name for path in FIXTURES.iterdir() if not path.is_dir()] == []


def codes_of(rules: Path) -> set[str]:
    found = re.findall(r"(?m)^ +- code: (\w+)$|^ +else: (\w+)$", rules.read_text(encoding="utf-8"))
    return {code for pair in found for code in pair if code}


@pytest.mark.parametrize("rules", RULES, ids=lambda path: path.stem)
def test_the_scenarios_show_every_code_of_a_rule_file(rules):
    """The demo plants every code too; here are the ones that tell a story."""
    tables = [row for path in FIXTURES.glob("*/expected/*/breaks.csv") for row in rows(path)]
    shown = {row["code"] for row in tables if row["reconciliation"] == rules.stem}
    assert shown <= codes_of(rules) | {"unexplained"}
    assert codes_of(rules) - shown == set()


def test_a_missing_or_needless_file_is_a_difference():
    assert "expected (missing): 2026-10-13/breaks.csv" in differences({}, {"2026-10-13/breaks.csv": "a\n"})[0]
    assert "found (none): 2026-10-13/breaks.csv" in differences({"2026-10-13/breaks.csv": "a\n"}, {})[0]
    assert differences({"a": "1\n"}, {"a": "1\n"}) == []
