"""docs/twelfth-reconciliation.md: a reconciliation that does not ship, from one rule file, says what its commands print."""

from __future__ import annotations

import sys
from pathlib import Path

import mutants
import pytest

from recon.config.rule_file import parse_reconciliation
from recon.config.yaml_file import parse_document

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "twelfth-reconciliation.md"
sys.path.insert(0, str(ROOT / "docs"))


def test_the_page_says_what_its_commands_print() -> None:
    import play_page

    assert play_page.play(PAGE) == PAGE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def rules():
    text = PAGE.read_text(encoding="utf-8").split("# rules/gift_card_liability.yaml\n")[1].split("```")[0]
    found, problems = parse_reconciliation(parse_document(text.encode(), "gift_card_liability.yaml"))
    assert found is not None
    assert problems == []
    return found


def test_the_cases_of_its_rule_file_are_good_ones(rules) -> None:
    left, made = mutants.survivors(rules)
    assert 100 * (made - len(left)) >= 90 * made, mutants.told(left)
