"""Look: the whole look at one file, from its bytes to what its columns mean. Reads top to bottom."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Any

from recon.domain.money import exponent
from recon.domain.records import RecordType
from recon.sniff import dates, documents
from recon.sniff.amounts import Marks
from recon.sniff.columns import Column, sniff_columns
from recon.sniff.container import Opened, open_file
from recon.sniff.encoding import sniff_encoding
from recon.sniff.evidence import Finding, NotATableError, sure
from recon.sniff.looked import Looked
from recon.sniff.meaning import Meaning, meaning
from recon.sniff.roles import Role, roles, split
from recon.sniff.sample import add_sample
from recon.sniff.table import Table, sniff_table
from recon.sniff.totals import stated_totals
from recon.sniff.words import CURRENCY_SIGNS, ZONES

_KEYS_SHOWN = 4
#: How texts begin that are no tables, and what they are.
_STATEMENTS = (
    (r"\A(?:\{1:|:20:|(?:.*\n){0,4}:20:)", "a SWIFT statement (MT940, MT942)"),
    (r"\A01,[^\n]*\n02,", "a BAI2 statement"),
    (r"\AOFXHEADER|<OFX>", "an OFX statement"),
    (r"camt\.05[2-4]", "an ISO 20022 statement (camt)"),
    (r"\A<", "an XML document"),
)


def open_and_read(path: Path, scratch: Path) -> tuple[Opened, list[Finding]]:
    """The file without its wrapping, and what was found on the way. Raises NotATableError."""
    opened = open_file(path, scratch)
    return opened, list(opened.findings)


def look(opened: Opened, findings: list[Finding], record: RecordType) -> Looked:
    """Everything about an opened file; `findings` grows on the way. Raises NotATableError for one without records."""
    options: dict[str, Any] = {}
    unsure: dict[str, str] = {}
    if opened.kind == "workbook":
        reader, table = "excel", documents.sheet(opened.path)
    else:
        data = opened.path.read_bytes()
        encoding = sniff_encoding(data, opened.whole)
        findings.append(encoding.finding)
        options["encoding"], unsure["encoding"] = encoding.name, encoding.unsure
        start = data[:1000].decode(encoding.name, "replace").removeprefix("\ufeff").lstrip()
        reader, table = _text_table(opened, encoding.name, start, options)
    findings += table.findings
    if not table.rows:
        raise NotATableError("it has a header and no rows", "sniff a file with rows: an empty one shows nothing")
    if reader == "excel" or table.below or table.trailing:  # readers of such tables take the blanks off
        table.header = [name.strip() for name in table.header]
    columns, marks = sniff_columns(table.header, [line.cells for line in table.rows])
    findings += _marks(marks, columns, options, unsure)
    named = [column for column in columns if column.name.strip() and table.header.count(column.name) == 1]
    given, divided = roles(record, named), split(named)
    settled = record.name == "settlement_line"
    meant = meaning(given, divided, marks) if settled else Meaning(split=divided)
    findings += meant.findings
    totals, told = stated_totals(table, columns, given, meant, marks, record) if opened.whole else ([], [])
    findings += told
    zone = _zone(given, columns, findings)
    currency = _currency(given, columns, findings)
    findings += _keys(named, given, len(table.rows))
    _frame(table, options, [total.line for total in totals], reader)
    return Looked(
        opened, record, reader, options, {k: v for k, v in unsure.items() if v}, table, columns, marks, given, meant, totals,
        zone, currency, findings,
    )  # fmt: skip


def _text_table(opened: Opened, encoding: str, start: str, options: dict[str, Any]) -> tuple[str, Table]:
    for pattern, what in _STATEMENTS:
        if re.search(pattern, start):
            raise NotATableError(f"it is {what}", "it needs a reader of its own, not a table's: see docs/formats.md")
    if start.startswith(("{", "[")):
        table, where = documents.document(opened.path, encoding, opened.whole)
        if where:
            options["records"] = where
        return "json", table
    table = sniff_table(opened.path, encoding, opened.whole)
    if opened.rest is not None:
        add_sample(table, opened.rest, encoding, opened.path)
    options["delimiter"] = "tab" if table.delimiter == "\t" else table.delimiter
    if table.quote != '"':
        options["quote"] = table.quote
    return "delimited", table


def _frame(table: Table, options: dict[str, Any], stated: list[int], reader: str) -> None:
    """Options for what stands around the table."""
    if table.header_line > 1 and reader != "json":
        options["header_line"] = table.header_line
    if table.trailing:
        options["trailing_delimiter"] = True
    rest = [line for line in table.below if line.number not in stated]
    words = list(
        dict.fromkeys(cell for line in rest if (cell := next((c.strip() for c in line.cells if c.strip()), "")))
    )
    if words:
        options["footer"] = words


def _marks(marks: Marks, columns: list[Column], options: dict[str, Any], unsure: dict[str, str]) -> list[Finding]:
    """The marks as options and findings."""
    strange = [c for c in columns if c.shape == "strange"]
    findings = [
        Finding(
            "amounts",
            f"column {c.name!r} can't be read",
            sure(len(c.filled), len(c.filled)),
            f"written as {min(c.counts)!r}: signs of currency, brackets and signs behind a number are refused",
        )
        for c in strange
    ]
    if not marks.cells:
        return [*findings, Finding("decimal mark", "none seen", 50, "whole numbers only")]
    options["decimal"] = marks.decimal
    if marks.thousands:
        options["thousands"] = marks.thousands
    said = f'"{marks.decimal}"' + (f', thousands "{marks.thousands}"' if marks.thousands else "")
    why = f"reads all of {marks.cells:,} amounts; {marks.proving:,} of them under no other decimal mark"
    if marks.rivals:
        others = " or ".join(f'"{decimal}"' for decimal, _ in marks.rivals)
        why += f"; decimal {others} reads them too, as other amounts"
        unsure["decimal"] = f"{said} or decimal {others}: the file alone can't tell"
    findings.append(Finding("decimal mark", said, sure(marks.proving, marks.cells, 1 + len(marks.rivals)), why))
    return findings


def _zone(given: dict[str, Role], columns: list[Column], findings: list[Finding]) -> tuple[str, str]:
    """The zone to declare, and why it is to be confirmed; dates are told on the way."""
    zoned = timed = False
    for column in (c for c in columns if c.shape == "date"):
        first, *others = column.layouts
        rivals = [other for other in others if _differs(column, first, other)]
        zoned, timed = zoned or dates.has_zone(first), timed or dates.has_time(first)
        why = f"column {column.name!r}: reads all of {len(column.filled):,} cells"
        why += f"; {', '.join(rivals[:3])} reads them too, as other days" if rivals else ""
        findings.append(Finding("dates", first, sure(len(column.filled), len(column.filled), 1 + len(rivals)), why))
    if zoned:
        findings.append(Finding("zone", "in the text", sure(1, 1), "the times carry their offset"))
        return "UTC", ""
    if not timed:
        findings.append(Finding("zone", "not needed", sure(1, 1), "days only, no time of day"))
        return "UTC", ""
    currencies = given["currency"].column.counts if "currency" in given else {}
    text = "".join(c.name for c in columns)
    guess = next((ZONES[each] for each in currencies if each in ZONES), "")
    guess = guess or ("Asia/Seoul" if any("가" <= letter <= "힣" for letter in text) else "")
    why = "guessed from currency or language" if guess else "nothing in the file speaks of it"
    findings.append(Finding("zone", guess or "UTC", 33 if guess else 10, f"the times carry no offset; {why}"))
    return guess or "UTC", "the zone that the provider writes times in: the file does not say it"


def _differs(column: Column, first: str, other: str) -> bool:
    if dates.has_time(first) != dates.has_time(other):
        return True
    return any(datetime.strptime(c, first) != datetime.strptime(c, other) for c in column.counts)  # noqa: DTZ007


def _currency(given: dict[str, Role], columns: list[Column], findings: list[Finding]) -> tuple[str, str]:
    """The currency of a file that has no column for it, and why it is to be confirmed."""
    role = given.get("currency") or given.get("settled_currency")
    if role is not None:
        column = role.column
        shown = ", ".join(f"{code} {n:,}" for code, n in column.counts.most_common(5))
        seen = len(column.filled)
        findings.append(Finding("currency", f"column {column.name!r}", sure(seen, len(column.cells)), shown))
        return "", ""
    names = " ".join(c.name for c in columns)
    codes = [
        word
        for word in names.replace("(", " ").replace(")", " ").replace("_", " ").split()
        if exponent(word) is not None
    ]
    signs = [
        code
        for sign, code in CURRENCY_SIGNS.items()
        if sign in names or any(sign in cell for c in columns for cell in c.counts)
    ]
    korean = ["KRW"] if any("가" <= letter <= "힣" for letter in names) else []
    found = [*codes, *signs, *korean]
    if not found:
        findings.append(
            Finding("currency", "not in the file", 0, "no column of currency codes, no sign in names or cells")
        )
        return "XXX", "the currency: the file does not say it (XXX is none, so every row is refused until you do)"
    why = (
        "from the names of the columns"
        if codes
        else "from a currency sign"
        if signs
        else "from the language of the columns"
    )
    findings.append(Finding("currency", found[0], 66 if codes else 33, why))
    return found[0], f"every amount is in {found[0]}: {why}"


def _keys(columns: list[Column], given: dict[str, Role], rows: int) -> list[Finding]:
    """Columns that could tell rows apart, the most distinct first; those with the row type where alone they do not."""
    found: list[tuple[int, str, str]] = []
    kinds = given["kind"].column.cells if "kind" in given else None
    for column in columns:
        known = kinds is not None and column is given["kind"].column
        if known or column.shape not in ("id", "whole", "code", "text") or len(column.filled) * 10 < rows * 9:
            continue
        found.append((column.unique_percent, column.name, ""))
        if kinds and column.unique_percent < 100:
            both = 100 * len(set(zip(column.cells, kinds, strict=True)) - {("", kind) for kind in kinds}) // rows
            found.append((both, column.name, f" + {given['kind'].column.name}"))
    best = sorted((each for each in found if each[0] >= 50), key=lambda each: (-each[0], each[2]))[:_KEYS_SHOWN]
    return [
        Finding("key candidate", name + more, sure(percent * rows // 100, rows), f"{percent} % unique in {rows:,} rows")
        for percent, name, more in best
    ] or [Finding("key candidate", "none", sure(rows, rows), "no column tells at least half of the rows apart")]
