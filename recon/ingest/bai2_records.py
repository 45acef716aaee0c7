"""BAI2 records: a file's text as records, each with those that go on it, and what their codes say.

Records end with "/" or with the line; some writers put several on a line, or break one over lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from recon.ingest.csv_text import physical_lines
from recon.ingest.staged import FIELD_MAX, UnreadableError
from recon.ingest.statements import AGAIN

_RECORD = re.compile(r"(01|02|03|16|49|88|98|99)(?:,|/|$)")
#: Where a further record starts on the same line, behind a "/": only what cannot be a text.
_NEXT = re.compile(
    r"/[ \t]*(?=16,[0-9]{3},[0-9]*,|49,[+-]?[0-9]+,[0-9]+[/ ]|03,[^,/]*,[A-Z]{0,3},|98,[+-]?[0-9]+,|99,[+-]?[0-9]+,)"
)


@dataclass(slots=True)
class Record:
    """One record with those that go on it: code, the line it starts on, its text and theirs without the closing "/"."""

    code: str
    line: int
    text: str
    more: list[str] = field(default_factory=list)

    @property
    def raw(self) -> str:
        return "\n".join([self.text, *(f"88,{each}" for each in self.more)])

    @property
    def fields(self) -> list[str]:
        """The fields, those of continuing records among them."""
        return ",".join([self.text, *self.more]).split(",")


class BadRecordError(Exception):
    """What a record holds, and what it should."""

    def __init__(self, found: str, expected: str) -> None:
        super().__init__(found)
        self.found, self.expected = found, expected


def records_in(path: Path, encoding: str) -> Iterator[Record]:
    """Each record as it stands, in order, continuations apart."""
    held: Record | None = None
    for number, line in enumerate(physical_lines(path, encoding), 1):
        for part in _NEXT.split(line):
            if not part.strip():
                continue
            known = _RECORD.match(part.lstrip())
            if known:
                if held is not None:
                    yield held
                held = Record(known[1], number, part.strip())
            elif held is None:
                raise UnreadableError(
                    f"line {number} begins with {part.strip()[:10]!r}, no record code", "check that it is a BAI2 file"
                )
            else:
                held.text += part.rstrip()  # a record broken over lines
                if len(held.text) > FIELD_MAX:
                    raise UnreadableError(f"line {held.line}: a record is longer than {FIELD_MAX} characters", AGAIN)
    if held is not None:
        yield held


def whole_records(records: Iterator[Record]) -> Iterator[tuple[Record, int]]:
    """(record with its continuations, how many records it was)."""
    held: Record | None = None
    size = 0
    for record in records:
        record.text = record.text.rstrip().removesuffix("/")
        if record.code != "88":
            if held is not None:
                yield held, 1 + len(held.more)
            held, size = record, 0
        elif held is None:
            raise UnreadableError(f"line {record.line}: a record goes on (88) and none stands before it", AGAIN)
        else:
            size += len(record.text)
            if size > FIELD_MAX:
                raise UnreadableError(f"line {held.line}: a record is longer than {FIELD_MAX} characters", AGAIN)
            held.more.append(record.text[3:])
    if held is not None:
        yield held, 1 + len(held.more)


def direction_of(code: str) -> str | None:
    """What a type code says of the money: 100-399 and 920-959 come in, 400-699 and 960-999 go out."""
    number = int(code)
    if 100 <= number <= 399 or 920 <= number <= 959:
        return "credit"
    return "debit" if 400 <= number <= 699 or 960 <= number <= 999 else None


def fixed_fields(own: list[str]) -> int:
    """How many fields a transaction has before its text, as far as its funds type tells."""
    return 6 + {"V": 2, "S": 3}.get(own[3].strip() if len(own) > 3 else "", 0)


def funds_of(fields: list[str]) -> tuple[list[str], list[str]]:
    """(the funds type's own fields, what follows): V has date and time, S three amounts, D n and n pairs."""
    kind, left = fields[0].strip() if fields else "", fields[1:]
    if kind in ("", "Z", "0", "1", "2"):
        return [], left
    if kind == "V":
        return left[:2], left[2:]
    if kind == "S":
        return [], left[3:]
    if kind == "D" and left and left[0].strip().isdigit():
        return [], left[1 + 2 * int(left[0]) :]
    raise BadRecordError(kind, "a funds type: 0, 1, 2, Z, V, S, D or nothing")
