"""The documentation tells the truth: commands exist, links lead somewhere, generated pages are current."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import click
import pytest

from recon.cli.main import cli
from recon.errors import Exit

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])


def page_id(path: Path) -> str:
    return str(path.relative_to(ROOT))


def commands_in(text: str) -> list[list[str]]:
    """The words after `recon` in inline code, and in lines of code that begin with it."""
    spans = re.findall(r"(?<!`)`(?:\S*/)?recon ([^`\n]+)`", text)
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    blocks += re.findall(r"^ {4,}\S.*$", text, re.MULTILINE)
    lines = [line for block in blocks for line in block.splitlines()]
    calls = [found[1] for line in lines if (found := re.match(r"\s*(?:\$ )?recon ([^#]+)", line))]
    return [call.split() for call in [*spans, *calls]]


def wrong_in(words: list[str]) -> str:
    """What is wrong with a command line: the first word that is no command, or an option that the command lacks."""
    context = click.Context(cli, info_name="recon")
    command: click.Command = cli
    for word in words:
        if word.startswith("-"):
            break
        if not isinstance(command, click.Group):
            break
        found = [command.get_command(context, name) for name in re.split(r"[|,]", word)]
        if None in found:
            return word
        command = next(each for each in found if each is not None)
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    known |= {"--help", "-h", "--debug", "--version"}
    options = [re.split(r"[=\]]", word.lstrip("["))[0] for word in words if word.lstrip("[").startswith("--")]
    return next((option for option in options if option not in known), "")


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_command_in_the_documentation_is_a_command(page: Path) -> None:
    commands = commands_in(page.read_text(encoding="utf-8"))
    assert [f"recon {' '.join(words)}: {wrong}" for words in commands if (wrong := wrong_in(words))] == []


def test_a_command_that_is_none_is_found() -> None:
    assert wrong_in(["reconcile", "--date", "2026-11-19"]) == "reconcile"
    assert wrong_in(["run", "--dat", "2026-11-19"]) == "--dat"
    assert commands_in("see `recon sniff FILE`\n\n    recon runn\n") == [["sniff", "FILE"], ["runn"]]


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    local = [link.split("#")[0] for link in links if not re.match(r"[a-z]+:", link) and not link.startswith("#")]
    assert [link for link in local if not (page.parent / link).exists()] == []


def test_generated_pages_are_current() -> None:
    spec = importlib.util.spec_from_file_location("make_pages", ROOT / "docs" / "make_pages.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.main(["--check"]) == 0


def test_every_exit_code_is_documented_once() -> None:
    text = (ROOT / "docs" / "exit-codes.md").read_text(encoding="utf-8")
    table = [(int(code), name) for code, name in re.findall(r"^\| (\d+) \| (\w+) \|", text, re.MULTILINE)]
    assert table == [(code.value, code.name) for code in Exit]


def test_every_command_has_help_an_example_and_a_place_in_the_readme_or_changelog() -> None:
    context = click.Context(cli, info_name="recon")
    told = (ROOT / "README.md").read_text(encoding="utf-8") + (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        assert command.help, name
        assert "Example" in command.help, name
        assert re.search(rf"\b{name}\b", told), name


def test_decisions_are_listed_and_complete() -> None:
    folder = ROOT / "docs" / "decisions"
    pages = sorted(folder.glob("[0-9]*.md"))
    listed = re.findall(r"^\d+\. \[(.+?)\]\((.+?)\)$", (folder / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert [name for _, name in listed] == [page.name for page in pages]
    for (title, _), page in zip(listed, pages, strict=True):
        text = page.read_text(encoding="utf-8")
        assert re.match(rf"# {int(page.name[:4])}\. {re.escape(title)} +Accepted \d{{4}}-\d\d-\d\d", text), page.name
        for part in ("Context", "Decision", "We accept", "Rejected", "Look again"):
            assert re.search(rf"^{part}\s", text, re.MULTILINE), f"{page.name}: {part}"
