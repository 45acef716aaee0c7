"""Excel: a sheet of a workbook (.xlsx, .xlsb, .xls, .ods) as rows of text, read by python-calamine.

A workbook keeps numbers as binary floats of 15 sure digits. calamine hands them out as such; here a number becomes the
shortest decimal text that is the same float, and that is what was typed as long as it has at most 15 digits. One with
more (a 16-digit reference stored as a number, a formula's 0.30000000000000004) cannot be known exactly.
Dates become text by the option `dates`. A cell's text is its value, whatever the cell shows.
Never      an amount or id that may have been changed by the float: its row is refused, column and digits named.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from recon.domain.rulebook import FieldMap, Format
from recon.ingest.delimited import check_header
from recon.ingest.staged import Staged, UnreadableError, column_pattern
from recon.ingest.staging import Record, staged

_SURE_DIGITS = 15
_UNPACKED_MAX = 512 * 2**20  # bytes of a workbook's parts: the reader holds a sheet whole
_RATIO_MAX = 200
_AGAIN = "ask the provider for the file again"


def stage(fmt: Format, path: Path, work: Path) -> Staged:
    """The sheet's rows as text columns. `work` is a folder for this file alone. Raises UnreadableError."""
    rows = _cells(fmt, path)
    header_line = int(fmt.options.get("header_line", 1))
    header = next((row for line, row in rows if line >= header_line and any(row)), None)
    if header is None:
        raise UnreadableError("the sheet has no header", _AGAIN)
    names = [str(each).strip() for each in header]
    while names and not names[-1]:
        names.pop()
    warnings = check_header(names, fmt, "")
    made = staged(_records(fmt, rows, names), lambda: names, work, lambda: warnings)
    if not made.rows and not fmt.options.get("allow_empty"):
        raise UnreadableError(
            "the sheet has a header and no rows", _AGAIN + "; an empty file never means that nothing was sold"
        )
    return made


def raw_rows(fmt: Format, path: Path) -> Iterator[tuple[int, str]]:
    """(line, text) of every row of the sheet, cells with a tab between."""
    for line, cells in text_rows(fmt, path):
        yield line, "\t".join(cells)


def text_rows(fmt: Format, path: Path) -> Iterator[tuple[int, list[str]]]:
    """(line, cells as text) of every row of the sheet. Raises UnreadableError."""
    for line, row in _cells(fmt, path):
        yield line, [_text(cell, fmt)[0] for cell in row]


def _cells(fmt: Format, path: Path) -> Iterator[tuple[int, list[Any]]]:
    """(row number as the spreadsheet shows it, values) of the declared sheet."""
    import python_calamine

    _refuse_bomb(path)
    try:
        book = python_calamine.CalamineWorkbook.from_path(str(path))
        wanted = str(fmt.options.get("sheet", ""))
        if wanted and wanted not in book.sheet_names:
            raise UnreadableError(
                f'it has no sheet "{wanted}", but {", ".join(book.sheet_names)}',
                "name the sheet in the format's options",
            )
        sheet = book.get_sheet_by_name(wanted) if wanted else book.get_sheet_by_index(0)
        first = sheet.start[0] + 1 if sheet.start else 1
        return iter([(first + n, row) for n, row in enumerate(sheet.to_python(skip_empty_area=True))])
    except python_calamine.PasswordError as error:
        raise UnreadableError("the workbook is locked by a password", "ask for one without a password") from error
    except python_calamine.CalamineError as error:
        raise UnreadableError(f"the workbook cannot be read: {error}", _AGAIN) from error


def _refuse_bomb(path: Path) -> None:
    """A workbook that unpacks to far more than it is would fill the memory."""
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(part.file_size for part in archive.infolist())
    except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError) as error:
        raise UnreadableError(f"the workbook is damaged: {error}", _AGAIN) from error
    if unpacked > _UNPACKED_MAX or unpacked > _RATIO_MAX * max(path.stat().st_size, 2**16):
        raise UnreadableError(
            f"the workbook unpacks to {unpacked} bytes from {path.stat().st_size}", "ask for the report as CSV"
        )


def _records(fmt: Format, rows: Iterator[tuple[int, list[Any]]], names: list[str]) -> Iterator[Record]:
    used = _used(fmt, names)
    footer = tuple(fmt.options.get("footer", ()))
    ended = 0
    for line, row in rows:
        texts = [_text(cell, fmt) for cell in row]
        raw = "\t".join(text for text, _ in texts)
        if not raw.strip():
            continue
        if footer and next((text for text, _ in texts if text), "").startswith(footer):
            ended = ended or line
            continue
        defect = next(
            (
                (f"{text} in {names[n]}", why)
                for n, (text, why) in enumerate(texts[: len(names)])
                if why and names[n] in used
            ),
            None,
        )
        if any(text for text, _ in texts[len(names) :]):
            defect = defect or (f"{len(texts)} cells", f"{len(names)} cells, as the header has")
        if ended:
            defect = ("a row after the table's end", f"nothing after the footer of row {ended}")
        yield Record(line, raw, [text for text, _ in texts[: len(names)]], defect)


def _text(cell: Any, fmt: Format) -> tuple[str, str]:
    """(a cell as text, why that is not exactly what was typed)."""
    if isinstance(cell, str):
        return cell, ""
    if isinstance(cell, bool):
        return ("true" if cell else "false"), ""
    if isinstance(cell, int | float):
        return _number(cell, str(fmt.options.get("decimal", ".")))
    if isinstance(cell, datetime):
        layout = str(fmt.options.get("dates", "%Y-%m-%d %H:%M:%S"))
        return cell.strftime(layout + (".%f" if cell.microsecond else "")), ""
    if isinstance(cell, date):
        return cell.strftime(str(fmt.options.get("dates", "%Y-%m-%d %H:%M:%S"))), ""
    if isinstance(cell, time):
        return cell.isoformat(), ""
    if isinstance(cell, timedelta):
        return f"{cell.total_seconds():.0f} s", "a date or a time of day, not a span of time"
    return "", ""


def _number(value: int | float, decimal: str) -> tuple[str, str]:
    """The shortest decimal text that is this number; not sure where a float of 15 digits could not hold what was typed."""
    exact = Decimal(repr(value))
    if not exact.is_finite():
        return str(value), "a number"
    whole = exact == exact.to_integral_value()
    text = f"{exact:.0f}" if whole else f"{exact.normalize():f}"
    digits = len(text.lstrip("-").replace(".", "").lstrip("0"))
    sure = digits <= _SURE_DIGITS
    why = (
        ""
        if sure
        else f"a number of at most {_SURE_DIGITS} digits, or text: a spreadsheet does not keep more of a number"
    )
    return ("0" if text == "-0" else text).replace(".", decimal), why


def _used(fmt: Format, names: list[str]) -> set[str]:
    """The columns that the format reads a field from."""
    asked = {column for way in fmt.fields.values() for column in _columns(way)}
    asked |= {column for total in fmt.totals for column in (total.value, total.count) if column}
    patterns = [column_pattern(column) for column in asked]
    return {name for name in names if any(pattern.fullmatch(name) for pattern in patterns)}


def _columns(way: FieldMap) -> set[str]:
    own = {*way.first, *way.total, *way.join} | {each for each in (way.credit, way.debit) if each}
    return own.union(*(_columns(choice) for _, choice in way.choose))
