"""The documentation, done: README's commands run, what the pages say a night leaves is what it leaves.

That every command and option in every page exists, that links lead somewhere and that generated pages are current
stands in tests/project/test_docs.py; that the examples of configuration load, in tests/config/test_config_docs.py.
"""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow.parquet as pq
import pytest

import recon.api
from recon.config.rule_file import load_reconciliation
from recon.errors import Exit

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "tests" / "fixtures"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(text: str) -> list[list[str]]:
    """Blocks of code, fenced or indented, as lines without their indent."""
    fenced = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    indented = re.findall(r"(?:^ {4}\S.*\n)(?:^(?: {4}.*)?\n)*", text, re.MULTILINE)
    return [[line.removeprefix("    ") for line in block.splitlines()] for block in [*fenced, *indented]]


def block_with(text: str, line: str) -> list[str]:
    [found] = [block for block in blocks(text) if line in block]
    return found


def run_recon(line: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "recon", *line.split()[1:]]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300, check=False)


def follow(block: list[str], cwd: Path) -> dict[str, str]:
    """Run a block's `cd` and `recon` lines; line -> stdout. Everything has to succeed."""
    said = {}
    for line in block:
        if line.startswith("cd "):
            cwd = cwd / line.split()[1]
        elif line.startswith("recon "):
            done = run_recon(line, cwd)
            assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
            said[line] = done.stdout
    return said


@pytest.fixture(scope="module")
def nights(demo, tmp_path_factory) -> list[Path]:
    """Nights of every verdict: the demo's, one that is incomplete, pending and reconciled ones."""
    found = sorted((demo / "nights").glob("2*"))
    for scenario, dates in (("awaited_file", ("13", "14")), ("in_transit", ("07",)), ("plain_night", ("13",))):
        root = tmp_path_factory.mktemp(scenario) / "workspace"
        shutil.copytree(FIXTURES / scenario, root, ignore=shutil.ignore_patterns("expected", "arrives"))
        found += [recon.api.run(root, f"2026-10-{day}").folder for day in dates]
    return found


# --- README ----------------------------------------------------------------------------------------------------------


def test_the_look_around_in_the_readme_works(demo):
    said = follow(block_with(page("README.md"), "cd demo"), demo.parent)
    assert len(said) == 3
    assert said["recon status"].count("breaks") == 5
    assert "psp_not_in_ledger" in said["recon explain PO-00002001"]


def test_the_readme_says_how_big_the_demo_is_and_which_night_is_its_last(demo):
    text = page("README.md")
    help_text = run_recon("recon demo --help", demo.parent).stdout
    assert "a shop of 2,000 payments" in text and "2000" in help_text
    newest = max(path.name for path in (demo / "nights").glob("2*"))
    assert f"nights/{newest}/" in text


def test_the_readme_leads_to_a_first_night_of_ones_own_files(tmp_path):
    block = block_with(page("README.md"), "recon check")
    first = next(line for line in block if line.startswith("recon init"))
    follow([first], tmp_path)
    own_files(tmp_path / "shop", night=first.split()[-1])
    said = follow([line for line in block if line != first], tmp_path)
    assert "capture" in next(text for line, text in said.items() if "preview" in line)
    assert next(text for line, text in said.items() if " run " in line).startswith("2026-11-01: reconciled")


def own_files(root: Path, night: str) -> None:
    """What the reader does: files in in/, and recon.yaml pointed at them as its comments say."""
    config = (root / "recon.yaml").read_text(encoding="utf-8")
    ledger, orders = re.findall(r"^  # ((?:ledger|orders): \{.*\})$", config, re.MULTILINE)
    before, after = config[: config.index("databases:")], config[config.index("reconciliations:") :]
    acme = "acme: {format: generic_settlement, psp: acme, files: in/settlement.csv}"
    sources = f"sources:\n  {acme}\n  {ledger}\n  {orders}\n"
    (root / "recon.yaml").write_text(before + sources + after, encoding="utf-8")
    files = {
        "settlement.csv": (
            "natural_id,kind,payment_order_id,currency,amount,occurred_at",
            f"T-1,capture,PO-1,EUR,9.90,{night} 03:00:00",
        ),
        f"ledger_{night}.csv": (
            "entry_id,account,kind,psp,payment_order_id,currency,amount,posted_at",
            f"E-1,psp_receivable,capture,acme,PO-1,EUR,9.90,{night} 03:00:00",
        ),
        f"orders_{night}.csv": (
            "payment_order_id,psp,status,currency,amount,updated_at",
            f"PO-1,acme,SUCCESS,EUR,9.90,{night} 03:00:00",
        ),
    }
    for name, lines in files.items():
        (root / "in" / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_the_python_in_the_readme_runs(tmp_path, monkeypatch):
    shutil.copytree(FIXTURES / "plain_night", tmp_path / "shop", ignore=shutil.ignore_patterns("expected"))
    code = "\n".join(block_with(page("README.md"), "import recon")).replace("2026-11-01", "2026-10-13")
    monkeypatch.chdir(tmp_path)
    told: dict[str, Any] = {}
    exec(compile(code, "README.md", "exec"), told)
    assert told["night"].verdict == "reconciled"


def test_every_command_in_a_block_is_run_here():
    """A new block with commands of recon has to get its test."""
    run = {
        "README.md": {"cd demo", "recon check"},
        "configure.md": {"$ recon check"},
        "inputs.md": {"$ recon inputs list"},  # tests/inputs/test_inputs_page.py
    }
    played = ("your-first-psp.md", "twelfth-reconciliation.md")  # as a whole: tests/sniff, tests/config
    played += ("fix-queue-walkthrough.md",)  # docs/play_queue.py --check, on PostgreSQL
    # They show a command's forms with ids and dates that are nobody's; tests/project/test_docs.py has that each exists,
    # tests/morning and tests/fixes what they do.
    forms = ("diff.md", "explain.md", "status.md", "fix-queue.md")
    for path in (each for each in PAGES if each.name not in (*played, *forms)):
        found = [
            block
            for block in blocks(path.read_text("utf-8"))
            if any(re.match(r"(\$ )?recon \w", line) for line in block)
        ]
        assert len(found) == len(run.get(path.name, ())), path.name
        assert all(any(line in block for line in run[path.name]) for block in found), path.name


def test_what_check_is_said_to_print_is_what_it_prints(tmp_path):
    """The example in configure.md, made: a zone and a name with a letter missing."""
    [_, *lines] = block_with(page("docs/configure.md"), "$ recon check")
    shutil.copytree(FIXTURES / "plain_night", tmp_path / "w", ignore=shutil.ignore_patterns("expected"))
    config = tmp_path / "w" / "recon.yaml"
    config.write_text(config.read_text("utf-8").replace("Asia/Seoul", "Asia/Soul"), encoding="utf-8")
    rules = (ROOT / "rules" / "payin.yaml").read_text("utf-8")
    (tmp_path / "w" / "rules").mkdir()
    (tmp_path / "w" / "rules" / "payin.yaml").write_text(
        rules.replace("when: psp.amount <> ledger", "when: psp.amont <> ledger"), encoding="utf-8"
    )
    done = run_recon("recon check --no-connect", tmp_path / "w")
    assert done.returncode == Exit.USAGE

    def without_place(line: str) -> str:
        return re.sub(r":\d+:\d+:", ":", line)

    assert {without_place(line) for line in lines} <= {without_place(line) for line in done.stdout.splitlines()}


def test_the_exit_codes_of_the_readme_are_those_of_the_tool():
    codes = [int(code) for code in re.findall(r"^\| (\d+) \|", page("README.md"), re.MULTILINE)]
    assert codes == [code.value for code in Exit]


def test_the_pictures_are_there_and_small():
    shown = re.findall(r"!\[.+?\]\((.+?)\)", page("README.md"))
    assert len(shown) == 2
    for name in shown:
        assert (ROOT / name).read_bytes().startswith(b"\x89PNG")
        assert (ROOT / name).stat().st_size < 250_000


# --- what a night leaves ---------------------------------------------------------------------------------------------


def columns_of(name: str) -> list[str]:
    """The columns that docs/night-folder.md names for a file."""
    [row] = re.findall(rf"^\| `{re.escape(name)}` \| (`\w+`, .*) \|$", page("docs/night-folder.md"), re.MULTILINE)
    return re.findall(r"`(\w+)`", row)


def as_the_page_says(columns: list[str], night: Path) -> list[str]:
    """The columns of a night's breaks, with SIDE_amount for those of the sides: each side of each rule file, once."""
    if "difference" not in columns:
        return columns
    told = json.loads((night / "summary.json").read_text(encoding="utf-8"))["reconciliations"]
    files = [load_reconciliation(ROOT / "rules" / f"{name}.yaml") for name in told]
    sides = {f"{side.name}_amount" for rule in files for side in rule.sides}
    start, end = columns.index("difference") + 1, columns.index("psp")
    assert sorted(columns[start:end]) == sorted(sides)
    return [*columns[:start], "SIDE_amount", *columns[end:]]


@pytest.mark.parametrize("name", ["breaks.csv", "pending.csv", "quarantine.csv"])
def test_the_columns_of_a_csv_are_those_of_the_page(nights, name):
    for night in nights:
        with (night / name).open(encoding="utf-8", newline="") as handle:
            assert as_the_page_says(next(csv.reader(handle)), night) == columns_of(name)


def test_the_columns_of_breaks_parquet_are_those_of_the_page(nights):
    for night in nights:
        names = pq.read_schema(night / "breaks.parquet").names
        assert as_the_page_says(names, night) == columns_of("breaks.csv")


def test_the_keys_of_a_fix_are_those_of_the_page(nights):
    named = set(columns_of("fixes.jsonl"))
    fixes = [json.loads(line) for night in nights for line in (night / "fixes.jsonl").read_text("utf-8").splitlines()]
    own = {"journal": "postings", "update": "change", "message": "message"}
    assert {fix["kind"] for fix in fixes} == own.keys()
    for fix in fixes:
        others = set(own.values()) - {own[fix["kind"]]}
        assert fix.keys() == named - others - (set() if fix["kind"] == "journal" else {"references"})
    changes = {name for fix in fixes if fix["kind"] == "update" for name in fix["change"]}
    assert changes == {"record", "record_id", "set", "seen"}
    messages = {name for fix in fixes if fix["kind"] == "message" for name in fix["message"]}
    assert messages == {"channel", "key", "body", "record", "record_id"}


def test_the_files_of_a_night_are_those_of_the_pages(nights):
    table = page("docs/night-folder.md").split("## Verdict")[0]
    told = {name for row in re.findall(r"^\| (`.+?) \|", table, re.MULTILINE) for name in re.findall(r"`([^`]+)`", row)}
    tree = "\n".join(block_with(page("README.md"), "nights/2026-10-12/"))
    for night in nights:
        left = {path.name + ("/" if path.is_dir() else "") for path in night.iterdir()}
        assert left == told
        assert {name for name in left if name not in tree} == set()


def test_the_verdicts_of_the_page_are_all_there(nights):
    told = re.findall(r"`(\w+)`", page("docs/night-folder.md").split("## Verdict")[1].split("## Columns")[0])
    assert {json.loads((night / "summary.json").read_text())["verdict"] for night in nights} == set(told)


# --- summary.json and its schema -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    made = json.loads(run_recon("recon schema summary", ROOT).stdout)
    jsonschema.Draft202012Validator.check_schema(made)
    return jsonschema.Draft202012Validator(made)


def test_every_summary_follows_the_schema(nights, validator):
    for night in nights:
        told = json.loads((night / "summary.json").read_text(encoding="utf-8"))
        assert [f"{error.json_path}: {error.message}" for error in validator.iter_errors(told)] == []


def test_the_schema_leaves_nothing_open(nights, validator):
    """Without any one of its keys a summary is refused, and with a key more as well."""
    told = json.loads((nights[0] / "summary.json").read_text(encoding="utf-8"))
    payin = told["reconciliations"]["payin"]
    places = [
        told,
        told["inputs"],
        payin,
        payin["groups"],
        payin["breaks"],
        payin["tie_out"][0],
        told["roll_forward"][0],
    ]
    for place in places:
        for name, value in list(place.items()):
            del place[name]
            assert not validator.is_valid(told), name
            place[name] = value
        place["more"] = 1
        assert not validator.is_valid(told)
        del place["more"]
    assert validator.is_valid(told)
