"""docs/breaks.md says of every row of the taxonomy in which rule file it ships, or why it does not."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs"))


def codes_in_rules() -> dict[str, set[str]]:
    """Code -> rule files, read from the YAML itself."""
    found: dict[str, set[str]] = {}
    for path in sorted((ROOT / "rules").glob("*.yaml")):
        read = yaml.safe_load(path.read_text(encoding="utf-8"))
        named = [each["code"] for each in read["breaks"]]
        named += [each["else"] for each in read.get("lifecycle", {}).get("must", ())]
        for code in named:
            found.setdefault(code, set()).add(path.stem)
    return found


@pytest.fixture(scope="module")
def page() -> str:
    return (ROOT / "docs" / "breaks.md").read_text(encoding="utf-8")


def table(page: str, title: str) -> list[list[str]]:
    """The cells of the table below a title."""
    part = page.split(f"## {title}\n")[1].split("\n## ")[0]
    rows = [line.strip("|").split("|") for line in part.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in row] for row in rows[1:]]


def test_the_taxonomy_is_whole(page):
    assert [row[0] for row in table(page, "The taxonomy")] == [str(n) for n in range(1, 71)]


def test_every_row_has_a_rule_file_or_a_reason(page):
    known = codes_in_rules()
    for number, _, code, files, why in table(page, "The taxonomy"):
        named = re.findall(r"`(\w+)`", code)
        listed = set(re.findall(r"(?:\[|`)(\w+)(?:\]|`)", files))
        assert named or why, f"row {number} neither ships nor says why not"
        assert set(named) <= known.keys(), f"row {number}"
        assert listed == set().union(*(known[code] for code in named)), f"row {number}"


def test_every_code_of_every_rule_file_is_on_the_page(page):
    rows = table(page, "Every code that ships")
    told = {(row[0].strip("`"), re.findall(r"\w+", row[1])[0]) for row in rows}
    assert told == {(code, file) for code, files in codes_in_rules().items() for file in files}
