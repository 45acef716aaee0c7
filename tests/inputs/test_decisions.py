"""Decisions of people on inputs: signed, only ever added, and whole or not there when a command is killed."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest
import sqlalchemy as sa
from input_shop import Shop
from night_shop import Runner

from recon.cli.output import width
from recon.store.decisions import decide, read_decisions
from recon.store.state import engine_for

D13, D14 = "2026-10-13", "2026-10-14"


@pytest.fixture
def waiting(shop) -> Shop:
    """A shop whose last night waits for a decision on a restated file."""
    assert shop.run(D13).exit == 0
    shop.settle("toss_2026-10-13.csv", T1=10000, T2=19000)
    assert shop.run(D13).exit == 3
    return shop


def rows(shop: Shop) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(shop.root / "state" / "recon.sqlite")) as state:
        return state.execute("select decision, decided_by, why, night from input_decisions order by id").fetchall()


@pytest.mark.parametrize(("name", "why"), [("", "because"), ("jane", ""), ("  ", "because"), ("jane", " \t")])
def test_a_decision_without_a_name_or_a_reason_is_refused(waiting, name, why):
    said = waiting.accept("toss_2026-10-13.csv", name=name, why=why)
    assert said.exit == 2 and "[unsigned]" in said.error and "--as NAME --why TEXT" in said.error
    assert rows(waiting) == [] if table(waiting) else True


def table(shop: Shop) -> bool:
    with closing(sqlite3.connect(shop.root / "state" / "recon.sqlite")) as state:
        return bool(state.execute("select 1 from sqlite_master where name = 'input_decisions'").fetchall())


def test_decisions_are_only_ever_added_and_the_later_one_holds(waiting):
    assert waiting.accept("toss_2026-10-13.csv", "reject", why="a draft").exit == 0
    assert waiting.accept("toss_2026-10-13.csv", "reject", name="kim", why="again").exit == 0
    assert "was decided before" in waiting.accept("toss_2026-10-13.csv", "reject", why="again").out
    assert waiting.accept("toss_2026-10-13.csv", "accept", name="kim", why="no draft after all").exit == 0
    assert rows(waiting) == [("reject", "jane", "a draft", D13), ("accept", "kim", "no draft after all", D13)]
    with closing(sqlite3.connect(waiting.root / "state" / "recon.sqlite")) as state:
        for statement in ("update input_decisions set why = 'x'", "delete from input_decisions"):
            with pytest.raises(sqlite3.IntegrityError, match="only ever added"):
                state.execute(statement)
    assert waiting.run(D13).exit == 0
    assert waiting.entry(D13, "toss_2026-10-13.csv@")["decision"]["decided_by"] == "kim"


def test_decisions_are_only_ever_added_on_postgresql_too(own_database, tmp_path):
    from datetime import date

    made, new = decide(own_database, tmp_path, date(2026, 10, 13), "toss@2026-10-13", "accept", "jane", "shut", "why")
    assert new and read_decisions(own_database, tmp_path) == [made]
    engine = engine_for(own_database, tmp_path)
    for statement in (
        "update input_decisions set why = 'x'",
        "delete from input_decisions",
        "truncate input_decisions",
    ):
        with pytest.raises(sa.exc.DBAPIError, match="only ever added"), engine.begin() as connection:
            connection.execute(sa.text(statement))
    engine.dispose()


def test_what_nobody_waits_for_can_not_be_decided(waiting):
    for what in ("0123456789abcdef", "toss@2026-10-13", "in/nothing.csv"):
        said = waiting.accept(what)
        assert said.exit == 2 and "[nothing-waits]" in said.error and "recon inputs list" in said.error


def test_the_list_fits_a_terminal_and_every_command_names_the_next(waiting):
    """The provider's file has a Korean name: wide letters take two columns."""
    waiting.settle("toss_2026-10-13_정산내역서_최종_수정본_다시보냄.csv", T7=700)
    waiting.run(D13)
    listed = waiting.recon("inputs", "list")
    assert listed.exit == 0
    head, rule, *body = listed.out.splitlines()
    lines = body[: body.index("")]
    assert all(width(line) <= 80 for line in (head, rule, *lines)), listed.out
    korean = next(line for line in lines if "정산" in line)
    assert width(korean) == max(width(line) for line in lines)
    sha256 = waiting.entry(D13, "toss_2026-10-13.csv@")["sha256"][:12]
    assert "set aside since 2026-10-13, waits for a person" in listed.out
    assert listed.error.splitlines()[-1] == f"next: recon inputs show {sha256}"
    shown = waiting.recon("inputs", "show", sha256)
    assert "restated" in shown.out and f"next: recon inputs accept {sha256} --as NAME --why TEXT" in shown.error
    data = json.loads(waiting.recon("inputs", "list", "--json").out)
    assert data["awaiting"][0]["code"] == "restated" and data["night"] == D13
    assert waiting.accept(sha256[:8]).exit == 0
    assert "accepted by jane" in waiting.recon("inputs", "show", sha256).out
    waiting.run(D13)
    done = waiting.recon("inputs", "list")
    assert "2026-10-13 is complete" in done.out and done.error.splitlines()[-1].startswith("next: recon ")


def test_killed_while_accepting_or_between_accept_and_run_leaves_the_decision_whole_or_not_there(waiting, tmp_path):
    runner = Runner()
    try:
        arguments = ("inputs", "accept", "toss_2026-10-13.csv", "--as", "jane", "--why", "x")
        waiting.accept("toss_2026-10-13.csv", "reject", why="so that the table is there")
        before = rows(waiting)
        assert runner.recon(waiting.root, *arguments, kill_at=0).exit == -9 and rows(waiting) == before
        inserted = runner.recon(waiting.root, *arguments)
        assert inserted.exit == 0, inserted.error
        commits = [n for n, point in enumerate(inserted.points) if point == "before commit"]
        assert commits and len(rows(waiting)) == len(before) + 1
        waiting.accept("toss_2026-10-13.csv", "reject", why="back again")
        count = len(rows(waiting))
        assert runner.recon(waiting.root, *arguments, kill_at=commits[-1]).exit == -9
        assert len(rows(waiting)) == count, "killed before its COMMIT: as if never said"
        assert runner.recon(waiting.root, *arguments, kill_at=commits[-1] + 1).exit == -9
        assert len(rows(waiting)) == count + 1, "killed after its COMMIT: said, and for good"
        night = runner.recon(waiting.root, "run", "--date", D13, kill_at=5)
        assert night.exit == -9
        assert waiting.entry(D13, "toss_2026-10-13.csv@")["status"] == "rejected" or waiting.waits(D13)
    finally:
        runner.close()
    assert waiting.run(D13).exit == 0
    assert waiting.entry(D13, "toss_2026-10-13.csv@")["decision"]["decision"] == "accept"
    assert waiting.breaks(D13)["PO-2/capture"] == "restated_row"
