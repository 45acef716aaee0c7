"""Decisions: what people fill in in the workbook's queue comes back as it was meant, through openpyxl and LibreOffice."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from night_factory import NIGHT, night
from openpyxl.utils import get_column_letter
from python_calamine import CalamineWorkbook

from recon.errors import ReconError
from recon.report import workbook_decisions as back
from recon.report.workbook import write_workbook

FACTS = night(40)
HOSTILE = (
    '=HYPERLINK("http://x.example","a")',
    "@SUM(1)",
    "+1+1",
    "-1+1",
    "<r>a & b</r>",
    "\u202eabc",
    "=cmd|' /C'!A0",
)


SOBER = FACTS.breaks[len(HOSTILE) :]
UNFIXED = next(b for b in SOBER if not b.fix_id and b.state != "resolved")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("decisions") / "report.xlsx"
    hostile = [
        replace(FACTS.breaks[n], break_id=f"BRK-{n:016X}", key=text, owner=text, why=text)
        for n, text in enumerate(HOSTILE)
    ]
    write_workbook(replace(FACTS, breaks=(*hostile, *SOBER)), path)
    return path


def filled(source: Path, target: Path, *rows: dict[str, str]) -> Path:
    """The workbook with some rows of its queue filled in and saved by openpyxl; `Break` says which row."""
    book = openpyxl.load_workbook(source)
    sheet = book["Queue"]
    heads = {cell.value: cell.column for cell in sheet[1]}
    for row in rows:
        line = next(n for n in range(2, sheet.max_row + 1) if sheet.cell(n, heads["Break"]).value == row["Break"])
        for name, text in row.items():
            if name != "Break":
                sheet.cell(line, heads[name]).value = text
    book.save(target)
    return target


def test_a_decision_comes_back_with_what_was_seen(made: Path, tmp_path: Path) -> None:
    fixed = next(b for b in SOBER if b.fix_id and b.state != "resolved")
    fix = next(f for f in FACTS.fixes if f.fix_id == fixed.fix_id)
    other = UNFIXED
    path = filled(
        made,
        tmp_path / "back.xlsx",
        {"Break": fixed.break_id, "Decision": "approve", "Remark": "looked at both rows"},
        {"Break": other.break_id, "Decision": "resolve", "Reason": "psp_error", "Assign to": "kim"},
    )
    read = back.read_decisions(path)
    assert (read.workspace, read.night, read.config_sha256) == ("moonlight-shop", NIGHT, FACTS.config_sha256)
    assert read.problems == ()
    by_break = {each.break_id: each for each in read.decisions}
    first, second = by_break[fixed.break_id], by_break[other.break_id]
    assert len(by_break) == 2
    assert (first.decision, first.fix_id, first.remark) == ("approve", fix.fix_id, "looked at both rows")
    assert (second.decision, second.reason, second.assign_to) == ("resolve", "psp_error", "kim")
    assert first.seen == back.seen_sha256(
        fixed.break_id, fixed.code, fixed.class_, fixed.currency, fixed.difference, fix.fix_id, fix.content_sha256
    )
    assert first.seen != back.seen_sha256(
        fixed.break_id, fixed.code, fixed.class_, fixed.currency, "0.01", fix.fix_id, fix.content_sha256
    )


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"Remark": "later"}, "no decision"),
        ({"Decision": "book it"}, "is no decision"),
        ({"Decision": "resolve"}, "needs a reason"),
        ({"Decision": "resolve", "Reason": "because"}, "is no reason"),
        ({"Decision": "resolve", "Reason": "other"}, "needs a remark"),
        ({"Decision": "approve", "Reason": "agreed"}, "no proposed fix to approve"),
        ({"Decision": "assign"}, "needs a name"),
        ({"Decision": "assign", "Assign to": "k" * 2001}, "more than 2,000 characters"),
        ({"Decision": "resolve", "Reason": "timing", "Seen": ""}, "no longer there"),
    ],
)
def test_what_cannot_be_taken_is_refused_in_its_row(row: dict[str, str], said: str, made: Path, tmp_path: Path) -> None:
    read = back.read_decisions(filled(made, tmp_path / "back.xlsx", {"Break": UNFIXED.break_id, **row}))
    assert read.decisions == ()
    (problem,) = read.problems
    assert said in problem.message
    assert (problem.sheet, problem.break_id) == ("Queue", UNFIXED.break_id)


def test_two_decisions_on_one_break_are_refused_but_the_first(made: Path, tmp_path: Path) -> None:
    a, b = FACTS.breaks[-1].break_id, FACTS.breaks[-2].break_id
    resolve = {"Decision": "resolve", "Reason": "timing"}
    path = filled(made, tmp_path / "a.xlsx", {"Break": a, **resolve}, {"Break": b, **resolve})
    book = openpyxl.load_workbook(path)
    for row in book["Queue"].iter_rows(min_row=2, max_col=1):
        if row[0].value == b:
            row[0].value = a
    book.save(path)
    read = back.read_decisions(path)
    assert [each.break_id for each in read.decisions] == [a]
    assert "decides on the same break" in read.problems[0].message


def test_columns_may_be_moved_and_rows_sorted(made: Path, tmp_path: Path) -> None:
    path = filled(made, tmp_path / "a.xlsx", {"Break": UNFIXED.break_id, "Decision": "Assign", "Assign to": "kim"})
    rows = CalamineWorkbook.from_path(str(path)).get_sheet_by_name("Queue").to_python()
    book = openpyxl.load_workbook(path)
    sheet = book["Queue"]
    sheet.delete_rows(1, len(rows))
    for row in [rows[0], *sorted(rows[1:], key=lambda row: str(row[8]))]:
        sheet.append([str(cell) for cell in reversed(row)])
    book.save(path)
    (found,) = back.read_decisions(path).decisions
    assert (found.break_id, found.decision, found.assign_to) == (UNFIXED.break_id, "assign", "kim")


@pytest.mark.parametrize("name", ["text.xlsx", "other.xlsx", "lost.xlsx", "gone.xlsx"])
def test_a_file_that_is_no_workbook_of_a_night_is_named(name: str, made: Path, tmp_path: Path) -> None:
    path = tmp_path / name
    if name == "text.xlsx":
        path.write_text("Break,Decision\n")
    elif name == "other.xlsx":
        openpyxl.Workbook().save(path)
    elif name == "lost.xlsx":
        book = openpyxl.load_workbook(made)
        book["Queue"].delete_cols([cell.value for cell in book["Queue"][1]].index("Seen") + 1)
        book.save(path)
    with pytest.raises(ReconError) as error:
        back.read_decisions(path)
    assert error.value.name == "no-decisions"


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text(st.characters(codec="utf-8"), max_size=60), min_size=len(SOBER), max_size=len(SOBER)))
def test_any_text_in_a_filled_in_cell_is_read_or_refused(texts: list[str], made: Path, tmp_path: Path) -> None:
    kept = ["".join(letter for letter in text if letter >= " " and letter not in "\ufffe\uffff") for text in texts]
    rows = [
        {"Break": b.break_id, ("Decision", "Reason", "Assign to")[n % 3]: "'" + text, "Remark": "x"}
        for n, (b, text) in enumerate(zip(SOBER, kept, strict=True))
    ]
    read = back.read_decisions(filled(made, tmp_path / "a.xlsx", *rows))
    assert len(read.decisions) + len(read.problems) == len(SOBER)


# --- in the spreadsheet programs --------------------------------------------------------------------------------------


def cells(path: Path) -> dict[str, list[list[Any]]]:
    book = CalamineWorkbook.from_path(str(path))
    return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


def office() -> str:
    """LibreOffice; CI has to have it, elsewhere its absence is said."""
    found = shutil.which("soffice")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("no LibreOffice: install libreoffice-calc-nogui")
        pytest.skip("no LibreOffice here")
    return found


def test_libreoffice_opens_it_and_works_out_what_we_say(made: Path, tmp_path: Path) -> None:
    """openpyxl saves formulas without their results, so LibreOffice has to work each out anew."""
    hostile = f"BRK-{3:016X}"
    row = {"Break": UNFIXED.break_id, "Decision": "resolve", "Reason": "timing", "Remark": "수기 처리"}
    path = filled(made, tmp_path / "filled.xlsx", row)
    command = [office(), f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}", "--headless", "--norestore"]
    command += ["--convert-to", "xlsx:Calc MS Excel 2007 XML", "--outdir", str(tmp_path / "out"), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    saved = tmp_path / "out" / "filled.xlsx"
    assert saved.exists(), done.stderr
    ours, theirs = cells(made), cells(saved)
    assert list(ours) == list(theirs)
    for name in ("Ageing", "Fixes", "Inputs", "Quarantine", "About"):
        assert plain(theirs[name]) == plain(ours[name]), name
    # The same but for the one decision: decided 1, left one fewer.
    differing = [(a, b) for a, b in zip(plain(ours["Summary"]), plain(theirs["Summary"]), strict=True) if a != b]
    assert [(b[4], a[5] - b[5]) for a, b in differing] == [(1, 1)]
    assert [cell for row in theirs["Summary"] for cell in row if str(cell).startswith(("DIFF", "#", "Err:"))] == []
    heads = theirs["Queue"][0]
    keys = {line[0]: line[heads.index("Key")] for line in theirs["Queue"][1:]}
    assert keys[hostile] == HOSTILE[3]
    formulas = openpyxl.load_workbook(saved)["Queue"]
    assert [cell.value for line in formulas.iter_rows() for cell in line if cell.data_type == "f"] == []
    (found,) = back.read_decisions(saved).decisions
    assert (found.break_id, found.reason, found.remark) == (UNFIXED.break_id, "timing", "수기 처리")


def plain(rows: list[list[Any]]) -> list[list[Any]]:
    """Rows without the rounding of sums and without the empty cells at their ends."""
    told = []
    for row in rows:
        line = [round(cell, 6) if isinstance(cell, float) else cell for cell in row]
        while line and line[-1] == "":
            line.pop()
        told.append(line)
    while told and not told[-1]:
        told.pop()
    return told


def test_openpyxl_sees_dropdowns_real_dates_and_no_link(made: Path) -> None:
    sheet = openpyxl.load_workbook(made)["Queue"]
    heads = {cell.value: get_column_letter(cell.column) for cell in sheet[1]}
    lists = {str(each.sqref): each.formula1 for each in sheet.data_validations.dataValidation}
    last = sheet.max_row
    assert lists[f"{heads['Decision']}2:{heads['Decision']}{last}"] == f'"{",".join(back.DECISIONS)}"'
    assert lists[f"{heads['Reason']}2:{heads['Reason']}{last}"] == f'"{",".join(back.REASONS)}"'
    assert isinstance(sheet[f"{heads['First seen']}2"].value, date)
    assert [cell for row in sheet.iter_rows() for cell in row if cell.hyperlink or cell.data_type == "f"] == []
