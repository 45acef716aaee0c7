"""Tables, colour and progress: what a terminal and a pipe get."""

from __future__ import annotations

import io

from recon.cli import output


def test_korean_columns_line_up(capsys):
    output.table([["토스", 5], ["acme", 1234]], ["psp", "rows"])
    assert capsys.readouterr().out.splitlines() == ["psp   rows", "----  ----", "토스     5", "acme  1234"]


def test_numbers_stand_right_and_wide_text_gives_way(capsys):
    output.table([["x" * 200, -1], ["y", None]], ["text", "n"], columns=40)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(output.width, lines)) <= 40
    assert lines[2].endswith("…  -1")


def test_a_file_can_not_steer_the_terminal(capsys):
    output.table([["a\x1b[31mb\nc"]], ["memo"])
    assert capsys.readouterr().out.splitlines()[2] == "a\\x1b[31mb\\x0ac"


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


def test_progress_is_silent_without_a_terminal(capsys):
    with output.Progress("ingest") as progress:
        progress.advance(5)
        progress.step("match")
    assert capsys.readouterr() == ("", "")


def test_json_is_all_that_is_printed(capsys):
    from datetime import date

    from recon.errors import Place

    output.emit_json({"day": date(2026, 11, 19), "place": Place("x", 1, 2), "한글": {"b", "a"}})
    assert capsys.readouterr().out == (
        '{\n  "day": "2026-11-19",\n  "place": {\n    "file": "x",\n    "line": 1,\n    "column": 2\n  },\n'
        '  "한글": [\n    "a",\n    "b"\n  ]\n}\n'
    )
