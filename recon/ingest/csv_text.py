"""CSV text: a small strict state machine that turns a file's text into records; slow, obvious, and the specification.

Records   end at CR LF, LF or CR and nothing else: U+2028, U+0085 or U+001C inside a field are data.
Quotes    a field that starts with the quote ends at the next quote that is not doubled; what follows is a delimiter or
          the record's end. A quote inside a field that does not start with one is data.
Never     guesses, skips or repairs: a record that breaks these rules is handed out with its defect and its text.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from recon.ingest.staged import FIELD_MAX, UnreadableError

_LINE_MAX = 4 * FIELD_MAX
_CHUNK = 1 << 20


@dataclass(slots=True)
class CsvRecord:
    """One record: the physical line it starts on (from 1), how many lines it spans, its text without the line end, its
    cells, and what is wrong with it as (found, expected)."""

    line: int
    lines: int
    raw: str
    cells: list[str]
    defect: tuple[str, str] | None = None


def read_records(path: Path, encoding: str, delimiter: str, quote: str) -> Iterator[CsvRecord]:
    """The file's records in order, blank lines included (raw == ""). Bounded memory.

    Raises UnreadableError for bytes that are not `encoding`, a quote that is never closed, and absurdly long lines.
    """
    lines = physical_lines(path, encoding)
    number = 0
    for text in lines:
        number += 1
        if not quote or quote not in text:
            yield CsvRecord(number, 1, text, text.split(delimiter))
            continue
        record = CsvRecord(number, 1, text, [])
        while (cells := split_record(record, delimiter, quote)) is None:
            following = next(lines, None)
            if following is None or len(record.raw) > FIELD_MAX:
                raise UnreadableError(
                    f"line {record.line}: a quote is opened and never closed",
                    'ask the provider for the file again; where quotes are plain text, set `quote: ""` in the format',
                    (record.raw[:200],),
                )
            number += 1
            record.lines += 1
            record.raw += "\n" + following
        record.cells = cells
        yield record


def physical_lines(path: Path, encoding: str) -> Iterator[str]:
    """Each physical line without its end (CR LF, LF or CR) and without a byte order mark."""
    try:
        with path.open(encoding=encoding, errors="strict", newline="", buffering=_CHUNK) as file:
            first = True
            while line := file.readline(_LINE_MAX):
                if len(line) == _LINE_MAX and not line.endswith(("\r", "\n")):
                    raise UnreadableError(
                        f"a line is longer than {_LINE_MAX} characters", "ask the provider for the file again"
                    )
                if first:
                    line, first = line.removeprefix("\ufeff"), False
                yield line[:-2] if line.endswith("\r\n") else line[:-1] if line.endswith(("\n", "\r")) else line
    except UnicodeDecodeError as error:
        raise undecodable(path, encoding) from error


def undecodable(path: Path, encoding: str) -> UnreadableError:
    """What to say of a file that is not in its declared encoding: the first byte that is wrong, and its offset."""
    decoder = codecs.getincrementaldecoder(encoding)(errors="strict")
    offset = 0
    with path.open("rb") as file:
        while True:
            chunk = file.read(_CHUNK)
            held = len(decoder.getstate()[0])
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                at, found = offset - held + error.start, error.object[error.start : error.start + 1].hex().upper()
                break
            if not chunk:  # only a reader that disagrees with the codec gets here
                at, found = offset, "??"
                break
            offset += len(chunk)
    remedy = "declare the encoding that the provider really uses in the format's options"
    if codecs.lookup(encoding).name in ("euc_kr", "utf-8"):
        remedy += "; Korean exports are usually cp949, which has more syllables than euc-kr"
    return UnreadableError(f"byte 0x{found} at offset {at} is not {encoding}", remedy)


def split_record(record: CsvRecord, delimiter: str, quote: str) -> list[str] | None:
    """The cells of the record's text; None when it ends inside quotes. A misplaced quote becomes its defect."""
    if not quote:
        return record.raw.split(delimiter)
    text, cells, at = record.raw, [], 0
    while True:
        if not text.startswith(quote, at):
            end = text.find(delimiter, at)
            cells.append(text[at:] if end < 0 else text[at:end])
        else:
            end, cell = _closing(text, at + 1, quote)
            if end < 0:
                return None
            cells.append(cell)
            if end < len(text) and not text.startswith(delimiter, end):
                record.defect = (
                    text[at : end + 20],
                    "a delimiter after the closing quote; a quote inside a field is doubled",
                )
                end = text.find(delimiter, end)
            elif end == len(text):
                end = -1
        if end < 0:
            return cells
        at = end + len(delimiter)


def _closing(text: str, start: int, quote: str) -> tuple[int, str]:
    """(offset after the closing quote, the cell with doubled quotes made single); offset -1 when it never closes."""
    at = start
    while True:
        end = text.find(quote, at)
        if end < 0:
            return -1, ""
        if not text.startswith(quote, end + 1):
            return end + 1, text[start:end].replace(quote + quote, quote)
        at = end + 2
