"""completion and report: what a shell and a desktop ask for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete
from morning import Said, command

from recon.cli.main import COMMANDS, cli


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_for_each_shell(shell: str) -> None:
    said = command("completion", shell)
    assert "_RECON_COMPLETE" in said.out and said.err.startswith("next: recon completion")
    assert command("completion", shell, "--json").json["script"].strip() == said.out.strip()


def test_bash_takes_the_script_and_completes_a_command(tmp_path: Path) -> None:
    bash = shutil.which("bash")
    assert bash is not None
    script = tmp_path / "recon.bash"
    script.write_text(command("completion", "bash").out)
    code = f'source {script} && COMP_WORDS=(recon expl) COMP_CWORD=1 && _recon_completion recon && echo "${{COMPREPLY[@]}}"'
    tool = tmp_path / "recon"
    tool.write_text(f'#!/bin/sh\nexec {sys.executable} -m recon "$@"\n')
    tool.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [bash, "-c", code.replace("_recon_completion recon", f"_recon_completion {tool}")],
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": path, "PYTHONPATH": root},
        timeout=60,
        check=False,
    )
    assert done.stdout.strip() == "explain", done.stderr


def test_every_command_and_its_options_complete() -> None:
    complete = ShellComplete(cli, {}, "recon", "_RECON_COMPLETE")
    assert {item.value for item in complete.get_completions([], "")} >= set(COMMANDS)
    assert "--json" in {item.value for item in complete.get_completions(["status"], "--")}
    assert "backtest" in {item.value for item in complete.get_completions(["rules"], "b")}


def test_the_report_of_a_night_is_named_and_opened(
    shop: Path, recon: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(click, "launch", opened.append)
    said = recon("report")
    assert Path(said.out.strip()) == shop / "nights/2026-10-12/report.html"
    assert opened == []
    recon("report", "2026-10-09", "--workbook", "--open")
    assert opened == [str(shop / "nights/2026-10-09/report.xlsx")]


def test_every_command_has_json() -> None:
    context = click.Context(cli, info_name="recon")
    lacking = []
    for name in COMMANDS:
        found = cli.get_command(context, name)
        parts = found.commands.items() if isinstance(found, click.Group) else [("", found)]
        for part, each in parts:
            if each and not any("--json" in parameter.opts for parameter in each.params):
                lacking.append(f"{name} {part}".strip())
    assert lacking in ([], ["schema"])  # what it prints is JSON
