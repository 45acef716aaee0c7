"""A rule file's own cases notice when one thing of one rule is changed: at least nine in ten of all such changes."""

from __future__ import annotations

import re

import mutants
import near_misses
import pytest

from recon.config.cases import run_cases
from recon.config.rule_file import load_reconciliation
from recon.config.shipped import shipped_rules
from recon.domain.rulebook import Class

FILES = sorted(shipped_rules().glob("*.yaml"))
ENOUGH = 90


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_cases_catch_what_is_changed(path):
    left, made = mutants.survivors(load_reconciliation(path))
    caught = 100 * (made - len(left)) // made
    assert caught >= ENOUGH, f"{caught} % of {made} changes caught; not noticed:\n{mutants.told(left)}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_rule_names_the_class_that_comes_of_it(path):
    """And of one that has to be proven, both classes: with the proof and without."""
    for rule in load_reconciliation(path).breaks:
        named = {case.class_ for case in rule.fires_on}
        wanted = {rule.class_, Class.MANUAL_REVIEW} if rule.proven is not None else {rule.class_}
        assert wanted <= named, f"{rule.code}: add class: {', '.join(wanted - named)} to a case of fires_on"


def test_the_mutants_of_a_condition():
    made = list(mutants.texts("kind = 'capture' and not present(psp) and ledger.count > 1"))
    assert ("flip", "kind <> 'capture' AND NOT present(psp) AND ledger.count > 1") in made
    assert ("flip", "kind = 'capture' AND NOT present(psp) AND ledger.count >= 1") in made
    assert ("drop", "(kind = 'capture') AND ledger.count > 1") in made
    assert ("drop", "(kind = 'capture' AND NOT present(psp))") in made
    assert ("drop", "kind = 'capture' AND (present(psp)) AND ledger.count > 1") in made
    assert len(made) == len(set(made)) == 8


def test_rules_without_cases_catch_nothing(files):
    left, made = mutants.survivors(mutants.without_cases(files.rules()))
    assert len(left) == made > 0


def test_near_misses_fill_the_gaps_that_cases_leave(tmp_path):
    """Of outbox.yaml without its silent cases and classes: what is found makes nine in ten changes noticed again."""
    text = (shipped_rules() / "outbox.yaml").read_text(encoding="utf-8")
    text = re.sub(r"    silent_on:\n(      - .*\n)+", "", text)
    path = tmp_path / "outbox.yaml"
    path.write_text(re.sub(r"\{class: \w+, ", "{", text), encoding="utf-8")
    before, made = mutants.survivors(load_reconciliation(path))
    assert 100 * len(before) > 30 * made
    assert near_misses.write(path) > 0
    after, made = mutants.survivors(load_reconciliation(path))
    assert 100 * len(after) <= 10 * made, mutants.told(after)
    assert [result for result in run_cases(load_reconciliation(path)) if not result.ok] == []
