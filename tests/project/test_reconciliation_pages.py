"""The pages of docs/reconciliations: their tables name every code with its class, their example sources can be configured."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from recon.config.rule_file import load_reconciliation
from recon.config.workspace_file import read_workspace

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "docs" / "reconciliations" / f"{name}.md"
    for name in ("ledger", "wallet", "points_payment", "stock", "payout")
]
HEAD = """\
version: 1
name: example
time_zone: UTC
databases:
  shop: {url: "sqlite:///shop.sqlite"}
  counters: {url: "redis://127.0.0.1:6379/0"}
sources:
"""


def rules_of(page: Path) -> list[str]:
    """The rule files that a page's title names."""
    return re.findall(r"`(\w+)`", page.read_text(encoding="utf-8").splitlines()[0])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_table_names_every_code_with_its_class(page):
    written = page.read_text("utf-8").partition("## What each break means")[0]  # what follows is made from the rules
    named = re.findall(r"(?m)^\| `(\w+)` \|(?: \w+ \|)? (auto fix|manual review|investigate) \|", written)
    rules = [load_reconciliation(ROOT / "rules" / f"{name}.yaml") for name in rules_of(page)]
    assert rules
    given = {(each.code, str(each.class_).replace("_", " ")) for rule in rules for each in rule.breaks}
    assert set(named) == given
    assert len(named) == len(set(named))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_example_sources_can_be_configured(page, tmp_path):
    [block] = re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "recon.yaml").write_text(f"{HEAD}{block}reconciliations: [{rules_of(page)[0]}]\n", encoding="utf-8")
    _, problems = read_workspace(tmp_path)
    messages = [problem.message for problem in problems if problem.severity == "error"]
    assert [each for each in messages if "no source gives" not in each] == []
