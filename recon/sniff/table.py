"""Table: where the table stands among a text file's lines: delimiter, header line, rows, and the lines around them.

Comes in   records split by the tool's own strict reader, once for each delimiter that is tried
Goes out   the split under which most records have the header's number of cells
Never      a quote rule of its own: what `recon run` can't split, a table here can't be either.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from recon.ingest.csv_text import CsvRecord, read_records
from recon.ingest.staged import UnreadableError
from recon.sniff.evidence import CERTAIN, Finding, NotATableError, sure

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
#: Words that begin a line of totals, in small letters.
TOTAL_WORDS = ("합계", "총계", "소계", "총합계", "계", "total", "totals", "sum", "summe", "gesamt", "grand total", "subtotal",
               "totaal", "totale", "suma", "合計", "合计", "trailer", "footer", "count")  # fmt: skip
_BALANCES = ("balance ", "opening balance", "closing balance", "saldo", "anfangssaldo", "endsaldo", "잔액")
_SEARCHED = 200
_FIT_MIN = 500  # thousandths of the lines below a header that have to be rows of it


@dataclass(frozen=True, slots=True)
class Line:
    """A record of any kind of file: its line, its cells and what is wrong with it."""

    number: int
    cells: list[str]
    defect: bool = False


@dataclass(slots=True)
class Table:
    """A table: its columns, its rows, the lines above its header and those below its last row."""

    header: list[str]
    header_line: int
    rows: list[Line]
    above: list[Line] = field(default_factory=list)
    below: list[Line] = field(default_factory=list)
    odd: list[Line] = field(default_factory=list)  # among the rows, with another number of cells
    delimiter: str = ""
    quote: str = '"'
    trailing: bool = False
    findings: list[Finding] = field(default_factory=list)


def sniff_table(path: Path, encoding: str, whole: bool) -> Table:
    """The table of a text file. Raises NotATableError."""
    tried = [(made, delimiter) for delimiter in DELIMITERS if (made := _try(path, encoding, delimiter))]
    tried = [(made, delimiter) for made, delimiter in tried if len(made.header) > 1 and _fit(made) >= _FIT_MIN]
    if not tried:
        raise NotATableError(
            "no delimiter (comma, semicolon, tab, bar) splits its lines into a header and rows of as many cells",
            "if it is a bank statement or a fixed-width file, look at the formats that ship; else describe it by hand",
        )
    tried.sort(key=lambda each: (-_fit(each[0]), -len(each[0].header)))
    table, delimiter = tried[0]
    fits, all_rows = len(table.rows), len(table.rows) + len(table.odd)
    rivals = [other for made, other in tried[1:] if _fit(made) == _fit(table) and len(made.header) == len(table.header)]
    why = f"{fits:,} of {all_rows:,} rows have {len(table.header)} cells, as the header has"
    if rivals:
        why += f"; {', '.join(DELIMITERS[each] for each in rivals)} splits as well"
    table.findings.append(Finding("delimiter", DELIMITERS[delimiter], sure(fits, all_rows, 1 + len(rivals)), why))
    return _around(table, whole)


def frame(records: list[Line], width: int) -> Table | None:
    """The table whose rows have so many cells: its header is the fullest such record that holds names, the first of equals."""
    names = [n for n, each in enumerate(records[:_SEARCHED]) if _is_header(each, width)]
    if not names:
        return None
    start = max(names, key=lambda n: (sum(bool(cell.strip()) for cell in records[n].cells), -n))
    body = records[start + 1 :]
    last = max((n for n, each in enumerate(body) if len(each.cells) == width and not is_total(each)), default=-1)
    table = Table(records[start].cells, records[start].number, [], above=records[:start], below=body[last + 1 :])
    for each in body[: last + 1]:
        if is_total(each):
            table.below.insert(0, each)  # a subtotal
            continue
        (table.rows if len(each.cells) == width and not each.defect else table.odd).append(each)
    return table


def is_total(line: Line) -> bool:
    """Whether a line begins as a line of totals does, and leaves cells empty that a row fills."""
    filled = [cell.strip().casefold() for cell in line.cells if cell.strip()]
    if not filled or len(filled) == len(line.cells) > 3:
        return False
    return re.split(r"[:( \[]", filled[0])[0] in TOTAL_WORDS or filled[0].startswith(_BALANCES)


def _try(path: Path, encoding: str, delimiter: str) -> Table | None:
    for quote in ('"', ""):
        try:
            records = [_line(each) for each in read_records(path, encoding, delimiter, quote) if each.raw.strip()]
        except (UnreadableError, UnicodeError):
            continue
        widths = Counter(len(each.cells) for each in records if len(each.cells) > 1)
        made = [table for width, _ in widths.most_common(3) if (table := frame(records, width))]
        if made:
            best = max(made, key=lambda table: (_fit(table), len(table.header)))
            best.delimiter, best.quote = delimiter, quote
            return best
    return None


def _line(record: CsvRecord) -> Line:
    return Line(record.line, record.cells, record.defect is not None)


def _fit(table: Table) -> int:
    """Share of the records below the header that are rows, in thousandths; a table without rows fits a little."""
    lines = len(table.rows) + len(table.odd) + len(table.below)
    return 1000 * len(table.rows) // lines if lines else 1


def _is_header(line: Line, width: int) -> bool:
    """Names: no number or date among them, nearly all filled, none twice."""
    cells = [cell.strip() for cell in line.cells]
    filled = [cell for cell in cells if cell]
    if len(cells) != width or len(filled) < 2 or len(filled) * 3 < width * 2 or is_total(line):
        return False
    return not any(2 * len(re.findall("[0-9]", cell)) >= len(cell) for cell in filled)


def _around(table: Table, whole: bool) -> Table:
    """Header cells as the reader names them, the trailing delimiter, and what stands around the table."""
    if table.header[-1].strip() == "" and all(each.cells[-1] == "" for each in table.rows):
        table.trailing = True
        table.header = table.header[:-1]
        table.rows = [Line(each.number, each.cells[:-1], each.defect) for each in table.rows]
    rows = len(table.rows) + len(table.odd)
    why = f"{rows:,} rows below it; {len(table.above)} line(s) above it"
    table.findings.append(Finding("header", f"line {table.header_line}, {len(table.header)} columns", sure(1, 1), why))
    doubled = sorted({name for name in table.header if table.header.count(name) > 1})
    if doubled:
        why = "a column that is named twice can't be read: ask the provider"
        table.findings.append(Finding("header", f"twice: {', '.join(doubled)}", CERTAIN, why))
    if table.quote == "":
        table.findings.append(Finding("quotes", "plain text", sure(1, 1), "read as quotes, one of them never closes"))
    if table.odd:
        lines = ", ".join(str(each.number) for each in table.odd[:5])
        why = f"line {lines}{' ...' if len(table.odd) > 5 else ''}: a night would quarantine them"
        table.findings.append(Finding("odd rows", f"{len(table.odd):,}", CERTAIN, why))
    if not whole:
        table.findings.append(Finding("footer", "not looked at", 0, "the end of the file was not looked at"))
    elif table.below:
        begins = ", ".join(f"line {each.number}" for each in table.below[:3])
        marked = sum(is_total(each) for each in table.below)
        why = f"{begins}: {marked} begin(s) as totals do"
        table.findings.append(Finding("footer", f"{len(table.below)} line(s)", sure(marked, len(table.below)), why))
    else:
        table.findings.append(Finding("footer", "none", sure(1, 1), "the last line is a row"))
    return table
