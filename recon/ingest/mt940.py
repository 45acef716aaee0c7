"""MT940 and MT942: SWIFT statements and interim reports, by their tags, whatever envelope stands around them.

Columns    OWN; of the text (:86:) also its parts, by name: see `text_parts` in mt940_text.py
Rows       one for each :61:, with the :86: (or :NS:) that follows it
Pages      a statement that goes on (:62M:) in the next message (:60M:) is one statement, from first :60F: to last :62F:
Never      a :61: passed over: one that cannot be split is a row with its defect. A message that ends without its closing
           balance sets the file aside. A 30 February becomes the month's last day, with a warning; nothing else is mended.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from recon.domain.rulebook import Format
from recon.ingest.csv_text import physical_lines
from recon.ingest.mt940_text import text_parts
from recon.ingest.staged import FIELD_MAX, Statement, UnreadableError
from recon.ingest.statements import AGAIN, Found, Row, iso_day, plain_amount, signed

#: Columns that the reader makes. direction: credit or debit, a reversal (RC, RD) turned round; mark as written.
OWN = (
    "transaction_reference account statement_number currency mark direction funds amount type customer_reference "
    "bank_reference supplementary value_date booking_date value_on booked_on text"
).split()
_TAG = re.compile(r":([0-9]{2}[A-Z]?|NS):")
_BALANCE = re.compile(r"([CD])([0-9]{6})([A-Z]{3})([0-9.]*(?:,[0-9]*)?)")
_LINE = re.compile(
    r"(?P<value>[0-9]{6})(?P<booked>[0-9]{4})?(?P<mark>R?[CD]|E[CD])(?P<funds>[A-Z])?"
    r"(?P<amount>[0-9]+(?:,[0-9]*)?|,[0-9]+)(?P<type>[NFS][A-Z0-9]{3})(?P<references>.*)"
)
_SUM = re.compile(r"([0-9]{1,5})([A-Z]{3})([0-9]+(?:,[0-9]*)?)")
_END = re.compile(r"-(?:\}.*|[A-Z]{3})?")
_OTHER_TAGS = {"21", "NS", "13", "13D", "34F", "64", "65", "86"}


@dataclass(slots=True)
class _Tag:
    """One tagged field of a message: where it starts, its first line, the lines that follow."""

    name: str
    line: int
    first: str
    more: list[str] = field(default_factory=list)

    @property
    def raw(self) -> str:
        return "\n".join([f":{self.name}:{self.first}", *self.more])


def rows(path: Path, fmt: Format, found: Found) -> Iterator[Row]:
    """The rows of every message in the file. Raises UnreadableError."""
    reading = _Reading(str(fmt.options["message"]), found)
    held: Row | None = None
    text = ""
    for tag in _tags(path, str(fmt.options["encoding"])):
        if held is not None and tag.name in ("86", "NS"):
            text = "\n".join([tag.first, *tag.more])
            held.raw += "\n" + tag.raw
        if held is not None:
            held.cells |= text_parts(text) if text else {}
            yield held
            held, text = None, ""
        held = reading.take(tag)
    if held is not None:
        yield held
    reading.end()


def _tags(path: Path, encoding: str) -> Iterator[_Tag]:
    """The file's tagged fields. What stands before a :20: or behind a message's end is its envelope and left out."""
    held: _Tag | None = None
    size = 0
    for number, line in enumerate(physical_lines(path, encoding), 1):
        known = _TAG.match(line.lstrip("\x01\x02\x03\ufeff"))
        if known:
            if held is not None:
                yield _without_envelope(held) if known[1] == "20" else held
            held, size = _Tag(known[1], number, line[line.index(known[0]) + len(known[0]) :]), 0
        elif held is not None:
            size += len(line)
            if size > FIELD_MAX:
                raise UnreadableError(
                    f"line {held.line}: the field :{held.name}: is longer than {FIELD_MAX} characters", AGAIN
                )
            held.more.append(line)
    if held is None:
        raise UnreadableError("the file holds no tagged field, as :20:", "check that it is an MT940 file")
    yield _without_envelope(held)


def _without_envelope(tag: _Tag) -> _Tag:
    """The last field of a message, less what stands from the message's end mark on."""
    for n, line in enumerate(tag.more):
        if _END.fullmatch(line.strip("\x01\x02\x03 ")):
            tag.more = tag.more[:n]
            break
    return tag


@dataclass(slots=True)
class _Open:
    """The statement that is being read, over all its pages."""

    account: str = ""
    reference: str = ""
    number: str = ""
    currency: str = ""
    first: int = 0
    opening: str | None = None
    opened_on: str | None = None
    closing: str | None = None
    closed_on: str | None = None
    whole: bool = True  # it began with a first page, or an interim report, which has no balances
    goes_on: bool = False
    counts: dict[str, int] = field(default_factory=lambda: {"credit": 0, "debit": 0})
    sums: list[tuple[str, str]] = field(default_factory=list)


class _Reading:
    """The messages of one file, tag by tag."""

    def __init__(self, message: str, found: Found) -> None:
        self.interim, self.found = message == "mt942", found
        self.open: _Open | None = None
        self.claims: list[tuple[str, bool]] = []

    def take(self, tag: _Tag) -> Row | None:
        """Take one field; gives the row that starts here, if one does."""
        if tag.name == "20":
            self._next_message(tag)
        elif self.open is None:
            raise UnreadableError(f"line {tag.line}: :{tag.name}: stands before any :20:", AGAIN)
        elif tag.name == "25":
            self._account(self.open, tag)
        elif tag.name in ("28", "28C"):
            self.open.number = self.open.number or "".join([tag.first, *tag.more]).strip()
        elif tag.name in ("60F", "60M", "62F", "62M"):
            self._balance(self.open, tag)
        elif tag.name == "61":
            return self._line(self.open, tag)
        elif tag.name in ("90C", "90D"):
            self._sum(self.open, tag)
        elif tag.name == "34F":
            self.open.currency = self.open.currency or tag.first[:3]
        elif tag.name not in _OTHER_TAGS:
            self.found.warn(f"line {tag.line}: the field :{tag.name}: is not one that this reader knows, left unread")
        return None

    def end(self) -> None:
        """Close what is open, and the file's counts."""
        self._close()
        self.found.counted("counts of lines", self.claims)

    def _next_message(self, tag: _Tag) -> None:
        if self.open is not None and self.open.goes_on:
            return  # the next page: its :60M: follows
        self._close()
        self.open = _Open(reference=tag.first.strip(), first=self.found.rows)

    def _account(self, statement: _Open, tag: _Tag) -> None:
        account = tag.first.strip()
        if statement.goes_on and account != statement.account:
            # The pages that should follow are not in this file.
            self._close()
            self.open = _Open(account, statement.reference, first=self.found.rows, whole=False)
        else:
            statement.account = account

    def _balance(self, statement: _Open, tag: _Tag) -> None:
        read = _BALANCE.fullmatch(tag.first.strip())
        if read is None:
            raise UnreadableError(
                f"line {tag.line}: the balance :{tag.name}:{tag.first.strip()} cannot be read",
                "C or D, YYMMDD, currency and an amount with a decimal comma are expected; " + AGAIN,
            )
        mark, day, currency, amount = read.groups()
        value = signed(plain_amount(amount, ","), mark == "D")
        if tag.name.startswith("60"):
            if statement.goes_on and tag.name == "60M":
                statement.goes_on = False
                if value != statement.closing:
                    statement.whole = False  # pages between these two are missing
                    self.found.warn(
                        f"line {tag.line}: a page opens with {value}, the one before closes with {statement.closing}"
                    )
                return
            statement.whole = tag.name == "60F" and not statement.goes_on
            statement.opening, statement.opened_on, statement.currency = value, iso_day(day), currency
        else:
            if statement.currency and currency != statement.currency:
                statement.whole = False
            statement.closing, statement.closed_on = value, iso_day(day)
            statement.goes_on = tag.name == "62M"

    def _line(self, statement: _Open, tag: _Tag) -> Row:
        cells: dict[str, str | None] = {
            "transaction_reference": statement.reference,
            "account": statement.account,
            "statement_number": statement.number,
            "currency": statement.currency,
        }
        read = _LINE.fullmatch(tag.first.strip())
        if read is None:
            expected = "value date, booking date, mark, amount, type and references, as :61:2611201120C12,50NTRFNONREF"
            return Row(cells, tag.line, tag.raw, (f":61:{tag.first.strip()[:60]}", expected))
        mark = read["mark"]
        direction = "credit" if mark in ("C", "RD", "EC") else "debit"
        statement.counts[direction] += 1
        customer, _, bank = read["references"].partition("//")
        value_on = self._value_day(read["value"], tag.line)
        cells |= {
            "mark": mark,
            "direction": direction,
            "funds": read["funds"],
            "amount": plain_amount(read["amount"], ","),
            "type": read["type"],
            "customer_reference": customer.strip(),
            "bank_reference": bank.strip(),
            "supplementary": " ".join(" ".join(tag.more).split()),
            "value_date": read["value"],
            "booking_date": read["booked"],
            "value_on": value_on,
            "booked_on": _near(read["booked"], value_on) if read["booked"] else value_on,
        }
        return Row(cells, tag.line, tag.raw)

    def _value_day(self, yymmdd: str, line: int) -> str:
        """The value date; 29 and 30 February, which banks that count months of 30 days write, as the month's last day."""
        if yymmdd[2:] in ("0229", "0230") and iso_day(yymmdd) == yymmdd:
            last = iso_day(f"{yymmdd[:2]}0229")
            last = last if len(last) == 10 else iso_day(f"{yymmdd[:2]}0228")
            self.found.warn(f"line {line}: the value date {yymmdd} does not exist, taken as {last}")
            return last
        return iso_day(yymmdd)

    def _sum(self, statement: _Open, tag: _Tag) -> None:
        read = _SUM.fullmatch(tag.first.strip())
        if read is None:
            raise UnreadableError(
                f"line {tag.line}: :{tag.name}:{tag.first.strip()} is no number, currency and sum", AGAIN
            )
        kind = "debit" if tag.name == "90D" else "credit"
        count, currency, total = read.groups()
        statement.currency = statement.currency or currency
        claim = f"line {tag.line} speaks of {int(count)} {kind} line(s), {statement.counts[kind]} found"
        self.claims.append((claim, int(count) == statement.counts[kind]))
        statement.sums.append((f"{kind}s", plain_amount(total, ",")))

    def _close(self) -> None:
        statement, self.open = self.open, None
        if statement is None:
            return
        if not self.interim and (statement.opening is None or statement.closing is None):
            missing = "opening balance (:60F:)" if statement.opening is None else "closing balance (:62F:)"
            name = f"{statement.account} {statement.number}".strip()
            raise UnreadableError(
                f"the statement {name or statement.reference} has no {missing}", AGAIN + ": it may be cut"
            )
        doubt = ""
        if not statement.whole or statement.goes_on:
            doubt = (
                f"{statement.account} {statement.number}: pages of the statement are missing, or its currency changes"
            )
        self.found.statements.append(
            Statement(
                statement.first,
                self.found.rows,
                statement.account,
                statement.currency,
                statement.opening,
                statement.closing,
                statement.opened_on,
                statement.closed_on,
                statement.number,
                doubt,
                tuple(statement.sums),
            )
        )


def _near(mmdd: str, value_on: str) -> str:
    """A booking day without a year: in the year in which it is nearest to the value date."""
    try:
        value = date.fromisoformat(value_on)
    except ValueError:
        return ""  # the value date is told as what cannot be read
    days = []
    for year in (value.year - 1, value.year, value.year + 1):
        try:
            days.append(date(year, int(mmdd[:2]), int(mmdd[2:])))
        except ValueError:
            continue
    return min(days, key=lambda day: abs(day - value)).isoformat() if days else mmdd
