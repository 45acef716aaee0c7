"""OFX and QFX: 1.x (SGML, whose leaves are not closed) and 2.x (XML) bank and card statements, read by their tags.

Columns    OWN, and every element below STMTTRN by its name: TRNTYPE, DTPOSTED, TRNAMT, FITID, PAYEE/NAME ...
Rows       one for each STMTTRN
Never      a DOCTYPE or an entity of the file's own; a file that ends before </OFX>; an answer that is an error.
The sign of TRNAMT is the truth, TRNTYPE is not. OFX has no opening balance and no totals: nothing proves the file whole.
"""

from __future__ import annotations

import codecs
import html
import re
from collections.abc import Iterator
from pathlib import Path

from recon.domain.rulebook import Format
from recon.ingest.csv_text import undecodable
from recon.ingest.staged import FIELD_MAX, Statement, UnreadableError
from recon.ingest.statements import AGAIN, Found, Row, iso_day, plain_amount

#: Columns that the reader makes: the account and its currency; the day of DTPOSTED as it stands (banks mean their own day,
#: whatever the standard says of GMT); TRNAMT without a plus sign; whether that is negative.
OWN = ("account", "bank", "currency", "posted_on", "amount", "negative")
_PIECE = 1 << 16
#: Elements that hold others, of those that stand in a statement; every other one is a leaf, closed or not.
_HOLDS = frozenset(
    "OFX BANKMSGSRSV1 CREDITCARDMSGSRSV1 SIGNONMSGSRSV1 SONRS FI STATUS STMTTRNRS CCSTMTTRNRS STMTRS CCSTMTRS "
    "BANKACCTFROM CCACCTFROM BANKTRANLIST STMTTRN LEDGERBAL AVAILBAL PAYEE BANKACCTTO CCACCTTO CURRENCY ORIGCURRENCY "
    "BANKTRANLISTP STMTTRNP BALLIST BAL".split()
)
_DAY = re.compile(r"([0-9]{8})(?:[0-9]{2}(?:[0-9]{2}){0,2}(?:\.[0-9]{1,6})?)?(?:\[[^\]]{1,20}\])?")
_HEADER = re.compile(rb"(?:^|[\r\n\s\"])(CHARSET|ENCODING)\s*:\s*([A-Za-z0-9._-]+)", re.IGNORECASE)
_XML = re.compile(rb"<\?xml[^>]*encoding=[\"']([A-Za-z0-9._-]+)[\"']")


def rows(path: Path, fmt: Format, found: Found) -> Iterator[Row]:
    """The rows of every statement in the file. Raises UnreadableError."""
    return _Reading(str(fmt.options["decimal"]), found).rows(_tokens(path, _encoding(path, fmt)))


def _encoding(path: Path, fmt: Format) -> str:
    """What the file's own header declares; the format's, where it declares nothing."""
    with path.open("rb") as file:
        head = file.read(4096)
    xml = _XML.search(head)
    said = {key.upper().decode(): value.decode() for key, value in _HEADER.findall(head.partition(b"<OFX>")[0])}
    named = xml[1].decode() if xml else ""
    if not named and said.get("ENCODING", "").upper() in ("UTF-8", "UNICODE"):
        named = "utf-8"
    elif not named and said.get("ENCODING", "").upper() == "USASCII":
        charset = said.get("CHARSET", "NONE").upper()
        named = {"NONE": "utf-8", "UTF-8": "utf-8"}.get(charset, f"cp{charset}" if charset.isdigit() else charset)
    try:
        name = codecs.lookup(named or str(fmt.options["encoding"])).name
    except LookupError:
        raise UnreadableError(f"the file says its encoding is {named}, which is none that is known", AGAIN) from None
    # Files that call themselves ASCII hold UTF-8 all the same; of plain ASCII both read the same.
    return "utf-8" if name == "ascii" else name


def _tokens(path: Path, encoding: str) -> Iterator[tuple[str, str, str, int]]:
    """(tag, text that follows it, both as they stand, line) of each tag; `/NAME` closes. Comments and headers left out."""
    window, line = "", 1
    try:
        with path.open(encoding=encoding, errors="strict", newline="") as file:
            piece = file.read(_PIECE).removeprefix("\ufeff")
            while piece or window:
                ended = not piece
                window += piece
                at = 0
                while (token := _next(window, at, ended)) is not None:
                    tag, text, end = token
                    if tag:
                        yield tag, text, window[at:end], line
                    line += window.count("\n", at, end)
                    at = end
                window = window[at:]
                if ended:
                    break
                if len(window) > FIELD_MAX:
                    raise UnreadableError(f"line {line}: a text or tag is longer than {FIELD_MAX} characters", AGAIN)
                piece = file.read(_PIECE)
    except UnicodeDecodeError as error:
        raise undecodable(path, encoding) from error


def _next(window: str, at: int, ended: bool) -> tuple[str, str, int] | None:
    """(tag, text, where it ends) of what starts at `at`; None where more has to be read first. Empty tag: left out."""
    if at >= len(window):
        return None
    start = window.find("<", at)
    if start != at:
        if start < 0:
            return ("", "", len(window)) if ended else None
        return "", "", start
    if not ended and len(window) - at < 12:
        return None
    head = window[at : at + 12]
    if head.startswith(("<!DOCTYPE", "<!ENTITY")):
        raise UnreadableError("the document has a DOCTYPE", "a bank statement has none: refuse its sender")
    if head.startswith("<!--"):
        end = window.find("-->", at)
        return ("", "", end + 3) if end >= 0 else None
    close = window.find(">", at)
    if close < 0:
        return None
    tag = window[at + 1 : close]
    if tag.startswith(("?", "!")):
        return "", "", close + 1
    text, end = "", close + 1
    while True:  # plain text and CDATA, up to the next tag
        after = window.find("<", end)
        if after < 0 and not ended:
            return None
        text += html.unescape(window[end : len(window) if after < 0 else after])
        if after < 0:
            return tag, text, len(window)
        if not window.startswith("<![CDATA[", after):
            if not ended and len(window) - after < 9:
                return None
            return tag, text, after
        closing = window.find("]]>", after)
        if closing < 0:
            return None
        text += window[after + 9 : closing]
        end = closing + 3


class _Reading:
    """One file, tag by tag."""

    def __init__(self, decimal: str, found: Found) -> None:
        self.decimal, self.found = decimal, found
        self.open: list[str] = []  # elements that hold others, outermost first
        self.statement: dict[str, str] = {}
        self.first = 0
        self.row: Row | None = None

    def rows(self, tokens: Iterator[tuple[str, str, str, int]]) -> Iterator[Row]:
        ended = False
        for tag, text, raw, line in tokens:
            name = tag.strip().upper()
            if self.row is not None and name != "STMTTRN":
                self.row.raw += raw
            if not name.startswith("/"):
                self._opens(name.rstrip("/").split(" ")[0], " ".join(text.split()), raw, line)
                continue
            name = name.removeprefix("/")
            if name not in _HOLDS:
                continue
            ended = ended or name == "OFX"
            if name not in self.open:
                raise UnreadableError(f"line {line}: </{name}> closes nothing", AGAIN)
            while (closed := self.open.pop()) != name:
                if closed == "STMTTRN":
                    raise UnreadableError(f"line {line}: </{name}> closes a STMTTRN that is still open", AGAIN)
            if name == "STMTTRN" and self.row is not None:
                yield self._done(self.row)
                self.row = None
            elif name in ("STMTRS", "CCSTMTRS"):
                self._close()
        if not ended:
            raise UnreadableError("the file ends before </OFX>", AGAIN + ": it may be cut")

    def _opens(self, name: str, text: str, raw: str, line: int) -> None:
        if name in _HOLDS:
            if name == "STMTTRN":
                if self.row is not None:
                    raise UnreadableError(f"line {line}: a STMTTRN begins inside another", AGAIN)
                self.row = Row({}, line, raw)
            elif name in ("STMTRS", "CCSTMTRS"):
                self.statement, self.first = {}, self.found.rows
            self.open.append(name)
        elif self.row is not None:
            path = "/".join([*self.open[self.open.index("STMTTRN") + 1 :], name])
            if path in self.row.cells and text:
                self.row.defect = (f"{path} twice", "each element once in a STMTTRN")
            self.row.cells.setdefault(path, text)
        elif self.open and self.open[-1] == "STATUS" and name == "SEVERITY" and text.upper() == "ERROR":
            raise UnreadableError("the file is the bank's error answer, no statement", AGAIN)
        elif self.open:
            self.statement[f"{self.open[-1]}/{name}"] = text

    def _account(self) -> str:
        return self.statement.get("BANKACCTFROM/ACCTID") or self.statement.get("CCACCTFROM/ACCTID") or ""

    def _currency(self) -> str:
        return self.statement.get("STMTRS/CURDEF") or self.statement.get("CCSTMTRS/CURDEF") or ""

    def _done(self, row: Row) -> Row:
        posted = row.cells.get("DTPOSTED") or ""
        day = _DAY.fullmatch(posted)
        amount = plain_amount(row.cells.get("TRNAMT") or "", self.decimal, self.decimal)
        row.cells |= {
            "account": self._account(),
            "bank": self.statement.get("BANKACCTFROM/BANKID"),
            "currency": row.cells.get("CURRENCY/CURSYM") or self._currency(),
            "posted_on": _day(day[1]) if day else posted,
            "amount": amount,
            "negative": "true" if amount.startswith("-") else "false",
        }
        return row

    def _close(self) -> None:
        balance = self.statement.get("LEDGERBAL/BALAMT")
        day = _DAY.fullmatch(self.statement.get("LEDGERBAL/DTASOF", ""))
        self.found.statements.append(
            Statement(
                self.first,
                self.found.rows,
                self._account(),
                self._currency(),
                None,
                plain_amount(balance, self.decimal) if balance else None,
                None,
                _day(day[1]) if day else None,
            )
        )


def _day(yyyymmdd: str) -> str:
    """YYYYMMDD as YYYY-MM-DD; what is no date of this century stays as it is."""
    made = iso_day(yyyymmdd[2:])
    return made if yyyymmdd.startswith("20") and len(made) == 10 else yyyymmdd
