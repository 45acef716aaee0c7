"""Tables, colour and progress: what a terminal and a pipe get."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from recon.cli import output

FIXTURE = Path(__file__).parents[1] / "fixtures" / "plain_night"


def test_korean_columns_line_up(capsys):
    output.table([["토스", 5], ["acme", 1234]], ["psp", "rows"])
    assert capsys.readouterr().out.splitlines() == ["psp   rows", "----  ----", "토스     5", "acme  1234"]


def test_numbers_stand_right_and_wide_text_gives_way(capsys):
    output.table([["x" * 200, -1], ["y", None]], ["text", "n"], columns=40)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(output.width, lines)) <= 40
    assert lines[2].endswith("…  -1")


HOSTILE = "a\x1b[31mb\nrecon: all is well\r\u202e"


def test_r32_a_cell_of_a_table_can_not_steer_the_terminal(capsys):
    output.table([["a\x1b[31mb\nc"]], ["memo"])
    assert capsys.readouterr().out.splitlines()[2] == "a\\x1b[31mb\\x0ac"


def test_r32_results_and_talk_show_control_characters_and_do_not_obey_them(capsys, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    output.emit("two\nlines of ours", fg="red")
    output.emit(f"memo {output.clean(HOSTILE)}")
    output.say(f"about {HOSTILE}")
    out, err = capsys.readouterr()
    assert out.splitlines() == ["two", "lines of ours", "memo a\\x1b[31mb\\x0arecon: all is well\\x0d\\x202e"]
    assert "\x1b" not in err and "\r" not in err


def test_r32_an_error_about_data_is_inert(monkeypatch, capsys, tmp_path):
    from recon.cli.main import main

    monkeypatch.chdir(tmp_path)
    (tmp_path / "recon.yaml").write_text("version: 1\n")
    for words in (["explain", "\x1b[2J"], ["run", "--date", "\x1b[2J"], ["breaks", "show", "\x1b[2J"]):
        with pytest.raises(SystemExit) as left:
            main(words)
        assert left.value.code == 2
        assert "\x1b" not in capsys.readouterr().err


def test_r32_a_file_with_a_hostile_name_is_one_line(tmp_path):
    """It is set aside, which the screen says with its name."""
    shop = tmp_path / "shop"
    shutil.copytree(FIXTURE, shop, ignore=shutil.ignore_patterns("expected"))
    (shop / "in" / "toss_2026-10-13\x1b[2J\nreconciled.csv").write_text("<html>")
    command = [sys.executable, "-m", "recon", "run", "--date", "2026-10-13"]
    done = subprocess.run(command, cwd=shop, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 3, done.stderr
    assert "set aside: in/toss_2026-10-13\\u{1b}[2J\\u{a}reconciled.csv: " in done.stdout
    assert "\x1b" not in done.stdout + done.stderr


def test_shorten_counts_double_width():
    assert output.shorten("결제대사", 5) == "결제…"
    assert output.shorten("abc", 3) == "abc"


def test_colour_obeys_the_environment(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    assert not output.colour(io.StringIO())
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert output.colour(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not output.colour(io.StringIO())


def test_the_log_of_a_night_is_a_line_of_json_a_stage(tmp_path):
    shop = tmp_path / "shop"
    shutil.copytree(FIXTURE, shop, ignore=shutil.ignore_patterns("expected"))
    command = [sys.executable, "-m", "recon", "run", "--date", "2026-10-13", "--json"]
    done = subprocess.run(command, cwd=shop, capture_output=True, text=True, timeout=120, check=True)
    log = [json.loads(line) for line in done.stderr.splitlines()]
    assert {line["night"] for line in log} == {"2026-10-13"}
    stages = [line["stage"] for line in log]
    assert stages[0] == "starting" and stages[-1] == "publishing"
    assert [stage for stage in stages if stage.startswith("reading")] == [
        f"reading in/{name}_2026-10-13.csv" for name in ("toss", "ledger", "orders")
    ]
    assert all(line["rows"] > 0 for line in log if line["stage"].startswith("reading"))
    assert all(line["seconds"] >= 0 for line in log)
    assert json.loads(done.stdout)["night"] == "2026-10-13"


def test_progress_is_silent_without_a_terminal_and_counts_nothing(capsys):
    with output.Progress("ingest") as progress:
        assert progress.counter is None
        progress.step("match")
    assert capsys.readouterr() == ("", "")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_on_a_terminal_tells_stage_rows_and_rate(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(output.sys, "stderr", terminal := Terminal())
    clock = iter(range(0, 1000, 2))
    monkeypatch.setattr(output.time, "monotonic", lambda: next(clock))
    progress = output.Progress("reading a\x1b[2J.csv")
    assert progress.counter is not None
    progress.counter(1_000)
    progress.counter(2_000)
    progress.step("matching")  # 2 s later
    told = terminal.getvalue().split("\r\x1b[K")[1:]
    assert told == ["  reading a\\x1b[2J.csv  3,000 rows  1,500/s  2 s\n", "  matching  2 s"]


def test_progress_tells_the_time_that_is_left_where_the_last_night_says_how_much_there_is(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(output.sys, "stderr", terminal := Terminal())
    clock = iter(range(0, 1000, 2))
    monkeypatch.setattr(output.time, "monotonic", lambda: next(clock))
    progress = output.Progress("reading a.csv", expected=10_000)
    progress.advance(4_000)
    progress.step("reading b.csv")
    progress.advance(1_000)
    progress._show()  # 4 s after the stage began, 1,000 rows: 250 a second, 5,000 to go
    progress.advance(5_000)
    progress._show()
    told = terminal.getvalue().split("\r\x1b[K")[1:]
    assert told[-2].endswith("1,000 rows  250/s  4 s, about 20 s left")
    assert told[-1].endswith(" rows  1,000/s  6 s")


def test_an_id_is_never_cut(capsys):
    key = "PO-00000304/capture-of-a-long-name"
    output.table([[key, "x" * 60, "y" * 60]], ["key", "why", "next"], columns=80, whole=["key"])
    lines = capsys.readouterr().out.splitlines()
    assert key in lines[2] and max(map(output.width, lines)) <= 80


def test_wrapped_text_fits_and_korean_counts_twice(capsys, monkeypatch):
    monkeypatch.setattr(output.sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(output, "_terminal_columns", lambda: 40)
    output.wrapped("  why      ", "결제가 승인되었지만 원장에 기록되지 않았습니다 and the order exists " + "x" * 50)
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if output.width(line) > 40] == [" " * 11 + "x" * 50]  # an id stays whole
    assert lines[0].startswith("  why      결제가") and all(line.startswith(" " * 11) for line in lines[1:])


def test_progress_goes_on_while_nothing_is_counted(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(output.sys, "stderr", terminal := Terminal())
    with output.Progress("matching"):
        deadline = time.monotonic() + 30
        while "matching" not in terminal.getvalue() and time.monotonic() < deadline:
            time.sleep(0.05)
    assert "matching" in terminal.getvalue()
    assert terminal.getvalue().endswith("\r\x1b[K")  # the line is taken away


@pytest.mark.parametrize(("term", "options"), [("xterm", []), ("dumb", []), ("xterm", ["--json"])])
def test_a_night_on_a_terminal_shows_its_progress(tmp_path, term, options):
    shop = tmp_path / "shop"
    shutil.copytree(FIXTURE, shop, ignore=shutil.ignore_patterns("expected"))
    command = [sys.executable, "-m", "recon", "run", "--date", "2026-10-13", *options]
    terminal, theirs = pty.openpty()
    running = subprocess.Popen(
        command, cwd=shop, stdout=subprocess.PIPE, stderr=theirs, env={**os.environ, "TERM": term}
    )
    os.close(theirs)
    out, _ = running.communicate(timeout=120)
    told = b""
    with contextlib.suppress(OSError):  # the terminal is closed on the other side
        while piece := os.read(terminal, 65536):
            told += piece
    os.close(terminal)
    assert running.returncode == 0, told
    assert b"\x1b" not in out
    stages = re.findall(
        rb"\r\x1b\[K  (reading \S+|matching payin, [0-9,]+ records)(?:  ([0-9,]+) rows  [0-9,]+/s)?", told
    )
    if term == "dumb" or options:
        assert stages == []
    else:
        read = {stage: int(rows) for stage, rows in stages if rows}
        assert set(read) == {b"reading in/%s_2026-10-13.csv" % name for name in (b"toss", b"ledger", b"orders")}
        assert b"matching payin, %d records" % sum(read.values()) in {stage for stage, _ in stages}


def test_json_is_all_that_is_printed(capsys):
    from datetime import date

    from recon.errors import Place

    output.emit_json({"day": date(2026, 11, 19), "place": Place("x", 1, 2), "한글": {"b", "a"}})
    assert capsys.readouterr().out == (
        '{\n  "day": "2026-11-19",\n  "place": {\n    "file": "x",\n    "line": 1,\n    "column": 2\n  },\n'
        '  "한글": [\n    "a",\n    "b"\n  ]\n}\n'
    )
