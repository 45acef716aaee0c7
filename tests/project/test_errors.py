"""docs/errors.md knows every error that the code can name, with its exit code and in the code's own words."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

import recon.errors
from recon.errors import Exit

ROOT = Path(__file__).parents[2]
LISTED = yaml.safe_load((ROOT / "docs" / "errors.yaml").read_text(encoding="utf-8"))
CLASSES = {"ReconError", "UnreachableError", "InvariantError", "LockedError"}


@dataclass(frozen=True)
class Raised:
    """One place in the code that names an error: its exit code, and its first line as a pattern."""

    name: str
    exit: str
    says: str
    to_fix: str
    place: str


def pattern(node: ast.expr | None) -> str:
    """What a message may read: the text of an f-string with anything in its holes; anything for what is computed."""
    if node is None:
        return ""
    if isinstance(node, ast.Constant):
        return re.escape(str(node.value))
    if isinstance(node, ast.JoinedStr):
        return "".join(re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".*" for part in node.values)
    return ".+"


def raised_in(source: str, file: str) -> list[Raised]:
    """Every error that is made with a name in the call."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CLASSES):
            continue
        given = dict(zip(("name", "message", "remedy", "exit"), node.args, strict=False))
        given |= {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
        name = given["name"]
        assert isinstance(name, ast.Constant), f"{file}:{node.lineno}: the name of an error is written out"
        usual = getattr(recon.errors, node.func.id).exit
        exit_ = given["exit"].attr if isinstance(given.get("exit"), ast.Attribute) else usual.name
        says, to_fix = pattern(given["message"]), pattern(given.get("remedy"))
        found.append(Raised(str(name.value), exit_, says, to_fix, f"{file}:{node.lineno}"))
    return found


def raised() -> list[Raised]:
    paths = sorted((ROOT / "recon").rglob("*.py"))
    return [each for path in paths for each in raised_in(path.read_text(encoding="utf-8"), path.name)]


PLACES = raised()


def test_every_error_that_the_code_names_is_listed_and_no_other():
    assert {each.name for each in PLACES} | {"config"} == set(LISTED)


@pytest.mark.parametrize("name", LISTED)
def test_an_error_has_its_exit_code_an_explanation_an_example_and_a_remedy(name):
    entry = LISTED[name]
    assert set(entry) == {"exit", "means", "example", "remedy"}
    assert Exit[entry["exit"]]
    assert {each.exit for each in PLACES if each.name == name} <= {entry["exit"]}
    assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z]+)*", name)
    assert all(len(entry[part]) > 15 for part in ("means", "remedy"))


@pytest.mark.parametrize("name", [name for name in LISTED if name != "config"])
def test_an_example_is_worded_as_the_code_words_it(name):
    first, *rest = LISTED[name]["example"].splitlines()
    ways = [
        (f"recon: error \\[{name}\\] {each.says}", f"  to fix  {each.to_fix}" if each.to_fix else "")
        for each in PLACES
        if each.name == name
    ]
    fix = rest[0] if rest else ""
    assert any(re.fullmatch(says, first) and re.fullmatch(to_fix, fix) for says, to_fix in ways), ways


def test_what_is_raised_is_found():
    source = (
        'raise ReconError("a-name", f"no {thing} here", exit=Exit.LOCKED)\nraise UnreachableError("b", message, "wait")'
    )
    first, second = raised_in(source, "x.py")
    assert (first.name, first.exit, first.says, first.to_fix) == ("a-name", "LOCKED", r"no\ .*\ here", "")
    assert (second.name, second.exit, second.says, second.to_fix) == ("b", "UNREACHABLE", ".+", "wait")
