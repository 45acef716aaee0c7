"""Decisions: the columns of the workbook's Queue that people fill in, and what they filled in, read back.

Reads    the sheets Queue, Queue 2 ... and About of a report.xlsx that a person has saved again
Gives    a decision per row that has one, and a problem per row that can't be one; a row is never both
Never    decides whether a decision may be carried out: whoever carries it out holds `seen` against what stands now
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from recon.domain.casework import DECISIONS, NEEDS_REASON, REASONS
from recon.errors import ReconError

QUEUE = "Queue"
BREAK, FIX, SEEN = "Break", "Fix", "Seen"
DECISION, REASON, ASSIGN, REMARK = "Decision", "Reason", "Assign to", "Remark"
FILLED_IN = (DECISION, REASON, ASSIGN, REMARK)

_UNPACKED_MAX = 512 * 2**20  # bytes of a workbook's parts: a sheet is held whole
_ENCODE = json.JSONEncoder(ensure_ascii=False).encode  # made once: a night has many breaks
_LONGEST = 2_000  # characters of a remark or a name


@dataclass(frozen=True, slots=True)
class RowDecision:
    """What a person filled in in one row of the queue.

    sheet, row   where it stands, as the spreadsheet counts
    fix_id       empty where the break has no proposed fix
    decision     one of DECISIONS; `reason`: one of REASONS, or empty where the decision needs none
    seen         what `seen_sha256` gave for the break and its fix when the workbook was written
    """

    sheet: str
    row: int
    break_id: str
    fix_id: str
    decision: str
    reason: str
    assign_to: str
    remark: str
    seen: str


@dataclass(frozen=True, slots=True)
class RowProblem:
    """A row that was filled in and can't be taken."""

    sheet: str
    row: int
    break_id: str
    message: str


@dataclass(frozen=True, slots=True)
class WorkbookDecisions:
    """All that a workbook says. `config_sha256` is of the configuration that the night ran with."""

    workspace: str
    night: date
    config_sha256: str
    decisions: tuple[RowDecision, ...]
    problems: tuple[RowProblem, ...]


def seen_sha256(
    break_id: str,
    code: str,
    class_: str,
    currency: str | None,
    difference: str | None,
    fix_id: str | None,
    content_sha256: str | None,
) -> str:
    """What a person saw of a break and its fix, as 16 hex digits: another one means that the row has changed since.

    difference       decimal text, as in breaks.parquet
    content_sha256   of the fix, as in fixes.jsonl
    The state is left out: a break that persists for another night is still the same.
    """
    told = [break_id, code, class_, currency or "", difference or "", fix_id or "", content_sha256 or ""]
    return hashlib.sha256(_ENCODE(told).encode()).hexdigest()[:16]


def read_decisions(path: Path) -> WorkbookDecisions:
    """What people filled in. Raises ReconError (exit 2) where the file is no workbook of a night."""
    import python_calamine

    _refuse_bomb(path)
    try:
        book = python_calamine.CalamineWorkbook.from_path(str(path))
        sheets = {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in _wanted(book)}
    except (python_calamine.CalamineError, python_calamine.PasswordError, OSError) as error:
        raise _not_ours(path, f"it cannot be read: {error}") from error
    about = {_text(row[0]): row[1] for row in sheets.pop("About", []) if len(row) > 1}
    night = about.get("Night")
    if isinstance(night, datetime):
        night = night.date()
    if not isinstance(night, date) or not sheets:
        raise _not_ours(path, f"it has no sheet {QUEUE}, or its sheet About names no night")
    decisions: dict[str, RowDecision] = {}
    problems: list[RowProblem] = []
    for name, rows in sheets.items():
        for found in _rows(path, name, rows):
            if isinstance(found, RowDecision) and found.break_id in decisions:
                first = decisions[found.break_id]
                message = f"{first.sheet} row {first.row} decides on the same break"
                found = RowProblem(found.sheet, found.row, found.break_id, message)
            if isinstance(found, RowProblem):
                problems.append(found)
            else:
                decisions[found.break_id] = found
    return WorkbookDecisions(
        _text(about.get("Workspace")),
        night,
        _text(about.get("Configuration SHA-256")),
        tuple(decisions.values()),
        tuple(problems),
    )


def _wanted(book: Any) -> list[str]:
    return [name for name in book.sheet_names if name == "About" or name == QUEUE or name.startswith(f"{QUEUE} ")]


def _rows(path: Path, sheet: str, rows: Sequence[Sequence[Any]]) -> list[RowDecision | RowProblem]:
    """The rows of a sheet that somebody filled in. The columns are found by their heads, wherever they were moved to."""
    head = [_text(cell) for cell in rows[0]] if rows else []
    lacking = [name for name in (BREAK, FIX, SEEN, *FILLED_IN) if head.count(name) != 1]
    if lacking:
        raise _not_ours(path, f'sheet {sheet} has no column "{lacking[0]}", or several')
    found = []
    for line, row in enumerate(rows[1:], start=2):
        cells = {name: _text(row[at]) if at < len(row) else "" for at, name in enumerate(head)}
        if any(cells[name] for name in FILLED_IN):
            found.append(_row(sheet, line, cells))
    return found


def _row(sheet: str, line: int, cells: Mapping[str, str]) -> RowDecision | RowProblem:
    decision, reason = (cells[name].lower().replace(" ", "_") for name in (DECISION, REASON))
    wrong = _wrong(cells, decision, reason)
    if wrong:
        return RowProblem(sheet, line, cells[BREAK], wrong)
    return RowDecision(
        sheet, line, cells[BREAK], cells[FIX], decision, reason, cells[ASSIGN], cells[REMARK], cells[SEEN]
    )


def _wrong(cells: Mapping[str, str], decision: str, reason: str) -> str:
    """Why a row can't be taken; empty where it can."""
    if not decision:
        return "it has a reason, a name or a remark, and no decision"
    if decision not in DECISIONS:
        return f'"{cells[DECISION][:40]}" is no decision: one of {", ".join(DECISIONS)}'
    if reason and reason not in REASONS:
        return f'"{cells[REASON][:40]}" is no reason: one of {", ".join(REASONS)}'
    if not cells[BREAK].startswith("BRK-") or not cells[SEEN]:
        return "the break's id, or what was seen of it, is no longer there"
    if decision in NEEDS_REASON and not reason:
        return f"{decision} needs a reason: one of {', '.join(REASONS)}"
    if decision in ("approve", "reject") and not cells[FIX]:
        return f"there is no proposed fix to {decision}"
    if decision == "assign" and not cells[ASSIGN]:
        return "assign needs a name"
    if reason == "other" and not cells[REMARK]:
        return 'the reason "other" needs a remark'
    if max(len(cells[ASSIGN]), len(cells[REMARK])) > _LONGEST:
        return f"a name or a remark has more than {_LONGEST:,} characters"
    return ""


def _text(cell: Any) -> str:
    """A cell as text; a number that somebody typed as it was typed."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return "" if cell is None else str(cell).strip()


def _refuse_bomb(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as parts:
            size = sum(part.file_size for part in parts.infolist())
    except (zipfile.BadZipFile, OSError) as error:
        raise _not_ours(path, f"it cannot be read: {error}") from error
    if size > _UNPACKED_MAX:
        raise _not_ours(path, f"its parts come to {size:,} bytes, more than {_UNPACKED_MAX:,}")


def _not_ours(path: Path, why: str) -> ReconError:
    remedy = "give a report.xlsx of a night, saved as .xlsx, with its sheets and columns"
    return ReconError("no-decisions", f"{path.name} is no workbook with decisions: {why}", remedy)
