"""Sample: lines from places spread over the rest of a long text, taken as rows of the table that its beginning showed.

Comes in   a table, and where the rest of its text is
Goes out   the same table with the lines that split as its rows do, and what stands at the text's end; findings say how many
Never      a line taken that is cut at a place's edge, or that holds bytes that are not of the encoding.
"""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from recon.ingest.csv_text import CsvRecord, split_record
from recon.sniff.container import PLACE, Rest
from recon.sniff.evidence import CERTAIN, Finding, sure
from recon.sniff.table import Line, Table, is_total

_END = re.compile("\r\n|\n|\r")
_BROKEN = "\ufffd"  # what stands for bytes that cannot be decoded


def add_sample(table: Table, rest: Rest, encoding: str, looked_at: Path) -> None:
    """Add rows of the rest to the table, and to the file of what is looked at, so that formats are tried on them too."""
    encoding = _without_mark(encoding, looked_at)
    end = "\r\n" if "\r\n".encode(encoding) in looked_at.read_bytes()[:65_536] else "\n"
    taken: list[str] = []
    odd, broken, last = 0, 0, False
    places = rest.places()
    for at, (_, data) in enumerate(places):
        last = rest.last and at == len(places) - 1
        lines = _END.split(data.decode(encoding, "replace"))[1 : None if last else -1]
        below: list[Line] = []
        for text in filter(str.strip, lines):
            row = _row(table, text)
            if _BROKEN in text:
                broken += 1
            elif row is not None and not is_total(row):
                odd, below = odd + len(below), []
                table.rows.append(row)
                taken.append(text)
            elif last or (row is not None and is_total(row)):
                below.append(row or Line(0, text.split(table.delimiter)))
            else:
                odd += 1
        table.below += below
    with looked_at.open("ab") as file:
        file.write("".join(text + end for text in taken).encode(encoding))
    _tell(table, len(places), len(taken), odd, broken, rest.last)


def _row(table: Table, text: str) -> Line | None:
    """The line as a row; None where it does not split into as many cells as the header has."""
    record = CsvRecord(0, 1, text, [])
    cells = split_record(record, table.delimiter, table.quote)
    width = len(table.header) + table.trailing
    if cells is None or record.defect or len(cells) != width:
        return None
    return Line(0, cells[:-1] if table.trailing else cells)


def _without_mark(encoding: str, path: Path) -> str:
    """UTF-16 in the order that the file's byte order mark says: a piece of a text has none of its own."""
    if codecs.lookup(encoding).name != "utf-16":
        return encoding
    with path.open("rb") as file:
        return "utf-16-be" if file.read(2) == codecs.BOM_UTF16_BE else "utf-16-le"


def _tell(table: Table, places: int, taken: int, odd: int, broken: int, ends: bool) -> None:
    table.findings = [each for each in table.findings if each.what != "footer"]
    why = f"from {places} places of the rest, {PLACE:,} bytes each: {taken:,} of {taken + odd:,} split as rows do"
    why += "; the others may be parts of rows with quoted line breaks" if odd and table.quote else ""
    table.findings.append(Finding("sample", f"{taken:,} lines", sure(taken, taken + odd), why))
    if broken:
        why = "of the sample; a night would set the file aside"
        table.findings.append(Finding("encoding", f"{broken:,} line(s) are not of it", CERTAIN, why))
    if not ends:
        table.findings.append(Finding("footer", "not looked at", 0, "the end of the file was not looked at"))
    elif table.below:
        marked = sum(is_total(each) for each in table.below)
        why = f"below the rows: {marked} begin(s) as totals do; what they state was not added up"
        table.findings.append(Finding("footer", f"{len(table.below)} line(s)", sure(marked, len(table.below)), why))
    else:
        table.findings.append(Finding("footer", "none", sure(1, 1), "the last line is a row"))
