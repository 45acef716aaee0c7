"""check, rules, schema, init and the command itself: what they print, where, and how they leave."""

from __future__ import annotations

import json
import os
import resource
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest


def recon(*arguments: object, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "recon", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **environment},
        timeout=60,
    )


def test_help_is_quick_and_imports_no_command():
    code = (
        "import sys, time; start = time.perf_counter(); from recon.cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'duckdb', 'pandas', 'sqlalchemy', 'pydantic', 'sqlglot', 'rich', 'pyarrow', 'yaml'}\n"
        "commands = [m for m in sys.modules if m.startswith('recon.cli.') and m != 'recon.cli.main']\n"
        "print(sorted(heavy & set(sys.modules)), commands)"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root)
    assert done.stdout.endswith("[] []\n"), done.stdout + done.stderr
    fastest = min(_seconds() for _ in range(3))
    assert fastest < 0.3, f"recon --help took {fastest:.2f} s of a processor"


def _seconds() -> float:
    """Processor seconds of `recon --help`: how busy the machine is besides does not count."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert recon("--help").returncode == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def test_an_unknown_command_names_the_nearest():
    done = recon("chek")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Did you mean check?" in done.stderr or "'check'" in done.stderr


def test_a_bug_is_one_line_and_a_traceback_only_when_asked(tmp_path):
    code = "import recon.cli.main as m; m.COMMANDS = {'x': ('no.such.module:x', '')}; m.main(%r)"
    root = Path(__file__).parents[2]
    plain = subprocess.run([sys.executable, "-c", code % ["x"]], capture_output=True, text=True, cwd=root)
    assert plain.returncode == 1
    assert "this is a bug in recon" in plain.stderr and "Traceback" not in plain.stderr
    debug = subprocess.run([sys.executable, "-c", code % ["--debug", "x"]], capture_output=True, text=True, cwd=root)
    assert debug.returncode == 1
    assert "Traceback" in debug.stderr


def test_a_closed_pipe_is_quiet():
    """`recon rules list | head -1`: the reader leaves, and nobody complains."""
    command = f"{sys.executable} -m recon rules list --json; echo $? >&2"
    process = subprocess.Popen(
        ["bash", "-c", f"({command}) | head -1 >/dev/null"],
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    _, said = process.communicate(timeout=60)
    assert said.splitlines()[-1] == "0"
    assert "Traceback" not in said and "BrokenPipe" not in said


def test_no_workspace_says_how_to_get_one(tmp_path):
    done = recon("check", cwd=tmp_path)
    assert done.returncode == 2
    assert "[no-workspace]" in done.stderr and "recon init" in done.stderr


def test_the_workspace_is_found_from_below_by_option_and_by_environment(files):
    below = files.root / "in/deep"
    below.mkdir(parents=True)
    assert recon("check", "--no-connect", cwd=below).returncode == 0
    assert recon("check", "--no-connect", "-w", files.root).returncode == 0
    assert recon("check", "--no-connect", RECON_WORKSPACE=str(files.root)).returncode == 0


def test_check_tells_every_problem_and_leaves_with_2(files):
    files.change("recon", "time_zone: Asia/Seoul", "time_zone: Asia/Soul")
    files.change("rules", "psp.amount = ledger.amount", "psp.amont = ledger.amount")
    done = recon("check", "-w", files.root)
    assert done.returncode == 2
    assert "recon.yaml:3:12" in done.stdout and "rules/small.yaml:10:5" in done.stdout
    told = json.loads(recon("check", "-w", files.root, "--json").stdout)
    assert told["ok"] is False
    assert [(problem["file"], problem["line"]) for problem in told["problems"]] == [
        ("recon.yaml", 3),
        ("rules/small.yaml", 10),
    ]


def test_check_runs_the_cases(files):
    files.change("rules", "- {psp.amount: 5}", "- {ledger.amount: 5}")
    done = recon("check", "--no-connect", "-w", files.root)
    assert done.returncode == 2
    assert "rules/small.yaml:23:9: error: missing should fire on this case, which is unexplained" in done.stdout


def test_check_asks_databases_for_columns_and_makes_none(files):
    assert recon("check", "-w", files.root).returncode == 4
    assert not (files.root / "shop.sqlite").exists()
    with sqlite3.connect(files.root / "shop.sqlite") as connection:
        connection.execute("create table ledger (entry_id, account, kind, currency, amount, posted_at, extra)")
        connection.execute("create table orders (payment_order_id, status, currency, updated_at)")
    done = recon("check", "-w", files.root)
    assert done.returncode == 2
    assert "error: the query of orders has no column amount" in done.stdout
    assert "warning: the query of ledger has a column extra" in done.stdout
    with sqlite3.connect(files.root / "shop.sqlite") as connection:
        connection.execute("alter table orders add column amount")
    assert recon("check", "-w", files.root).returncode == 0


def test_init_writes_a_workspace_that_checks(tmp_path):
    done = recon("init", tmp_path / "acme", "--first-night", "2026-11-01")
    assert done.returncode == 0 and "next:" in done.stderr
    checked = recon("check", "--no-connect", "-w", tmp_path / "acme")
    assert checked.returncode == 0, checked.stdout
    before = (tmp_path / "acme/recon.yaml").read_bytes()
    again = recon("init", tmp_path / "acme")
    assert again.returncode == 2 and "[workspace-exists]" in again.stderr
    assert (tmp_path / "acme/recon.yaml").read_bytes() == before


def test_init_refuses_a_date_that_does_not_exist(tmp_path):
    done = recon("init", tmp_path / "acme", "--first-night", "2026-02-30")
    assert done.returncode == 2 and "[bad-date]" in done.stderr
    assert not (tmp_path / "acme").exists()


def test_rules_list_test_and_explain(files):
    listed = json.loads(recon("rules", "list", "--json", "-w", files.root).stdout)
    assert [(rule["code"], rule["cases"]) for rule in listed] == [("missing", 2)]
    assert recon("rules", "test", "-w", files.root).stdout == "2 cases, 0 wrong\n"
    explained = recon("rules", "explain", "missing", "-w", files.root).stdout
    assert "rules/small.yaml:15:5" in explained and "KRW 1000, USD 10.50" in explained
    unknown = recon("rules", "explain", "mising", "-w", files.root)
    assert unknown.returncode == 2 and "did you mean missing?" in unknown.stderr


def test_rules_without_a_workspace_are_the_shipped_ones(tmp_path):
    done = recon("rules", "test", "--json", cwd=tmp_path)
    results = json.loads(done.stdout)
    assert done.returncode == 0 and len(results) > 70 and all(result["ok"] for result in results)


@pytest.mark.parametrize("name", ["workspace", "rules", "format", "summary", "inputs"])
def test_schema_prints_a_json_schema(name):
    schema = json.loads(recon("schema", name).stdout)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    if name not in ("summary", "inputs"):
        assert schema["additionalProperties"] is False


def test_schemas_name_the_keys_that_files_use(files):
    """The schema is made from the model that reads the file, so the keys of the sound files are all in it."""
    from recon.config.json_schema import schema
    from recon.config.yaml_file import read_document

    for which, name in (("recon", "workspace"), ("rules", "rules"), ("format", "format")):
        keys = set(read_document(files.paths[which]).root.value())
        assert keys <= set(schema(name)["properties"])
    assert {"class", "fires_on"} <= set(schema("rules")["$defs"]["RuleModel"]["properties"])
    assert "else" in schema("rules")["$defs"]["MustModel"]["properties"]


def test_every_own_command_has_help_with_an_example():
    for command in ("check", "init", "schema", "rules", "rules list", "rules test", "rules explain"):
        assert "Example:" in recon(*command.split(), "--help").stdout, command
