"""Marks: what a file says about itself: its number in the provider's series, its date, live money or test mode.

Comes in   the staged rows and the bytes of one file, the marks that its format declares
Goes out   the numbers and the date; UnreadableError for a file of test mode, or one whose marks cannot be read
Never      guesses: a mark that is not where the format says is refused.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from pathlib import Path

from recon.domain.rulebook import Format, Mark
from recon.engine.duck import Engine
from recon.ingest.csv_text import CsvRecord, read_records
from recon.ingest.delimited import Dialect
from recon.ingest.loaded import FileMarks
from recon.ingest.staged import Staged, UnreadableError, cell

#: Different values of one column that are looked at: of numbers a file may bear several, of anything else one.
_VALUES_MAX = 1000
_AGAIN = "ask the provider for the file again, or declare where the mark stands in the format's part `file`"
_TEST = "take the file of the live account; a test-mode file never counts as money"


def read_marks(engine: Engine, fmt: Format, staged: Staged, path: Path, name: str) -> FileMarks:
    """The marks of one file. Raises UnreadableError."""
    marks = fmt.file
    said = next((word for word in marks.live_name_lacks if _has_word(name, word)), None)
    if said:
        reason = f'its name says "{said}": a file of test mode, found "{name}", expected a name without it'
        raise UnreadableError(reason, _TEST, code="test_mode")
    lines = _lines(fmt, path)
    if marks.live is not None:
        _refuse_test_mode(marks.live, _values(engine, staged, marks.live, lines))
    numbers: tuple[int, ...] = ()
    if marks.sequence is not None:
        numbers = tuple(
            sorted(_number(marks.sequence, text) for text, _ in _values(engine, staged, marks.sequence, lines))
        )
    day = None
    if marks.date is not None:
        found = _values(engine, staged, marks.date, lines)
        if len(found) > 1:
            shown = ", ".join(text for text, _ in found[:3])
            raise UnreadableError(f"the file bears several dates in {_place(marks.date)}: {shown}", _AGAIN)
        day = _day(marks.date, found[0][0])
    return FileMarks(numbers, day)


def _has_word(name: str, word: str) -> bool:
    """Whether a name holds the word as a part of its own: `latest.csv` is no test."""
    return re.search(rf"(?<![a-z]){re.escape(word.lower())}(?![a-z])", name.lower()) is not None


def _lines(fmt: Format, path: Path) -> dict[int, CsvRecord]:
    """The lines that hold marks."""
    marks = (fmt.file.sequence, fmt.file.date, fmt.file.live)
    last = max((mark.line for mark in marks if mark is not None), default=0)
    if not last:
        return {}
    dialect = Dialect(fmt.options)
    found = {}
    for record in read_records(path, dialect.encoding, dialect.delimiter, dialect.quote):
        if record.line > last:
            break
        found[record.line] = record
    return found


def _values(engine: Engine, staged: Staged, mark: Mark, lines: dict[int, CsvRecord]) -> list[tuple[str, str]]:
    """(text, place) of every different value of a mark; at least one."""
    if mark.line:
        record = lines.get(mark.line)
        if record is None or len(record.cells) < mark.cell or not record.cells[mark.cell - 1].strip():
            raise UnreadableError(f"{_place(mark)} is empty", _AGAIN)
        return [(record.cells[mark.cell - 1].strip(), _place(mark))]
    if mark.column not in staged.columns:
        raise UnreadableError(f'the file has no column "{mark.column}"', _AGAIN)
    column = cell(staged.columns.index(mark.column))
    rows = engine.rows(
        f"SELECT DISTINCT {column} FROM {staged.relation} WHERE {column} IS NOT NULL ORDER BY 1 LIMIT {_VALUES_MAX + 1}"
    )
    if not rows:
        raise UnreadableError(f"{_place(mark)} is empty in every row", _AGAIN)
    if len(rows) > _VALUES_MAX:
        raise UnreadableError(f"{_place(mark)} has more than {_VALUES_MAX} values", _AGAIN)
    return [(text, _place(mark)) for (text,) in rows]


def _refuse_test_mode(mark: Mark, found: list[tuple[str, str]]) -> None:
    for text, place in found:
        if text not in mark.values:
            expected = " or ".join(f'"{value}"' for value in mark.values)
            raise UnreadableError(
                f'a file of test mode: {place}: found "{text}", expected {expected}', _TEST, code="test_mode"
            )


def _number(mark: Mark, text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise UnreadableError(f'{_place(mark)}: found "{text}", expected the file\'s number', _AGAIN)
    return int(text)


def _day(mark: Mark, text: str) -> date:
    try:
        return datetime.strptime(text, mark.layout).date()  # noqa: DTZ007 - a calendar day, of no zone
    except ValueError:
        raise UnreadableError(f'{_place(mark)}: found "{text}", expected a date as {mark.layout}', _AGAIN) from None


def _place(mark: Mark) -> str:
    return f'column "{mark.column}"' if mark.column else f"line {mark.line}, cell {mark.cell}"
