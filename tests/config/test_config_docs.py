"""The pages about configuration tell the truth: their examples load, and every key stands on its page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from recon.config.format_file import OPTIONS, parse_format
from recon.config.models import FormatFile, RuleFile, RuleModel, SourceModel, WorkspaceFile
from recon.config.rule_file import parse_reconciliation
from recon.config.validate import validate
from recon.config.yaml_file import parse_document

DOCS = Path(__file__).parents[2] / "docs"


def example(page: str) -> bytes:
    """The page's first YAML block."""
    block = re.search(r"^```yaml\n(.*?)^```", (DOCS / page).read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert block is not None
    return block[1].encode()


def test_the_example_of_rules_loads_and_its_cases_come_out():
    from recon.config.cases import run_cases

    reconciliation, problems = parse_reconciliation(parse_document(example("rules.md"), "rules.md"))
    assert problems == [] and reconciliation is not None
    assert [result.ok for result in run_cases(reconciliation)] == [True, True]


def test_the_example_of_formats_loads():
    format_, problems = parse_format(parse_document(example("formats.md"), "formats.md"))
    assert problems == [] and format_ is not None


def test_the_example_of_configure_has_the_right_shape():
    document = parse_document(example("configure.md"), "configure.md")
    assert validate(WorkspaceFile, document) is not None
    assert document.problems == []


@pytest.mark.parametrize(
    ("page", "model"),
    [
        ("configure.md", WorkspaceFile),
        ("configure.md", SourceModel),
        ("rules.md", RuleModel),
        ("rules.md", RuleFile),
        ("formats.md", FormatFile),
    ],
)
def test_every_key_stands_on_its_page(page, model):
    text = (DOCS / page).read_text("utf-8")
    keys = {field.alias or name for name, field in model.model_fields.items()}
    keys -= {"reconciliation", "title", "format"}  # these stand in the examples only
    assert {key for key in keys if f"`{key}`" not in text} == set()


def test_every_option_stands_on_its_page():
    text = (DOCS / "formats.md").read_text("utf-8")
    assert {option for options in OPTIONS.values() for option in options if f"`{option}`" not in text} == set()
