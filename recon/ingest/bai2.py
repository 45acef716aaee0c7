"""BAI2: balance reports of (mostly American) banks: files, groups, accounts and transactions, with trailers that count.

Columns    OWN; of the texts in 88 records also what stands behind a tag, as 88.EREF
Rows       one for each 16 record with the 88 records that go on it
Proofs     49, 98 and 99: sums of every amount below them, and counts of records, accounts and groups
Never      a record passed over: one that cannot be split is a row with its defect. A file without its 99, a test file and
           a group that deletes are set aside.
Records end with "/" or with the line; a line that begins with no record code goes on the line before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from recon.domain.money import INT64_MAX, to_text
from recon.domain.rulebook import Format
from recon.ingest.bai2_records import (
    BadRecordError,
    Record,
    direction_of,
    fixed_fields,
    funds_of,
    records_in,
    whole_records,
)
from recon.ingest.staged import Statement, UnreadableError
from recon.ingest.statements import AGAIN, Found, Row, iso_day

#: Columns that the reader makes. direction: of the type code, empty where the code does not say one; amount: minor units.
OWN = (
    "sender receiver file_id originator group_status as_of account currency type direction amount funds value_date "
    "bank_reference customer_reference text"
).split()
_AMOUNT = re.compile(r"[+-]?[0-9]{1,18}")
_TYPE = re.compile(r"[0-9]{3}")
_TAGGED = re.compile(r"([A-Z]{4}):\s*(.*)")


def rows(path: Path, fmt: Format, found: Found) -> Iterator[Row]:
    """The rows of every account in the file. Raises UnreadableError."""
    return _Reading(found).rows(whole_records(records_in(path, str(fmt.options["encoding"]))))


@dataclass(slots=True)
class _Sum:
    """What was met on one level since its header: amounts, the next level's members, records."""

    amounts: int = 0
    members: int = 0
    records: int = 0


@dataclass(slots=True)
class _Account:
    number: str
    currency: str
    first: int
    status: dict[str, int] = field(default_factory=dict)  # by type code: 010 opening ledger, 015 closing ledger


class _Reading:
    """One file, record by record."""

    def __init__(self, found: Found) -> None:
        self.found = found
        self.head: dict[str, str | None] = {}
        self.currency = "USD"
        self.account: _Account | None = None
        self.file, self.group, self.own = _Sum(), _Sum(), _Sum()
        self.level = 0  # 0 outside, 1 in a file, 2 in a group, 3 in an account
        self.claims: list[tuple[str, bool]] = []
        self.ended = False

    def rows(self, records: Iterator[tuple[Record, int]]) -> Iterator[Row]:
        for record, count in records:
            if self.ended and record.code != "01":
                raise UnreadableError(
                    f"line {record.line}: a {record.code} record after the file's trailer (99)", AGAIN
                )
            for level in (self.file, self.group, self.own):
                level.records += count
            if record.code == "16":
                yield self._transaction(record)
            else:
                self._structure(record)
        if not self.ended:
            raise UnreadableError("the file's trailer (99) is missing", AGAIN + ": it may be cut")
        self.found.counted("trailers", self.claims)

    # --- headers and trailers ----------------------------------------------------------------------------------------

    def _structure(self, record: Record) -> None:
        within = {"01": 0, "02": 1, "03": 2, "49": 3, "98": 2, "99": 1}[record.code]
        if self.level != within:
            raise UnreadableError(f"line {record.line}: a {record.code} record where none can stand", AGAIN)
        fields = record.fields
        if record.code == "01":
            self._file(record, fields)
        elif record.code == "02":
            self._group(record, fields)
        elif record.code == "03":
            self._begin(record, fields)
        else:
            self._trailer(record, fields)

    def _file(self, record: Record, fields: list[str]) -> None:
        if (fields + [""] * 9)[8].strip() not in ("2", ""):
            raise UnreadableError(f"line {record.line}: BAI version {fields[8]}, version 2 is expected", AGAIN)
        sender, receiver, _, _, file_id = (fields[1:] + [""] * 5)[:5]
        self.head = {"sender": sender, "receiver": receiver, "file_id": file_id}
        self.file, self.level, self.ended = _Sum(records=1 + len(record.more)), 1, False

    def _group(self, record: Record, fields: list[str]) -> None:
        _, _, originator, status, as_of, _, currency = (fields + [""] * 7)[:7]
        if status == "2":
            raise UnreadableError(
                f"line {record.line}: the group deletes what an earlier file said", "a person has to decide"
            )
        if status == "4":
            raise UnreadableError(f"line {record.line}: the group is a test", "ask the bank for the real file")
        if status == "3":
            self.found.warn(f"line {record.line}: the group corrects what an earlier file said of {iso_day(as_of)}")
        self.head |= {"originator": originator, "group_status": status, "as_of": iso_day(as_of)}
        self.currency = currency.strip() or "USD"
        self.group, self.level = _Sum(records=1 + len(record.more)), 2

    def _begin(self, record: Record, fields: list[str]) -> None:
        number, currency = ([*fields[1:], "", ""])[:2]
        self.account = _Account(number.strip(), currency.strip() or self.currency, self.found.rows)
        self.own, self.level = _Sum(records=1 + len(record.more)), 3
        left = [each.strip() for each in fields[3:]]
        try:
            while left:
                code, amount, _count = ([*left, "", "", ""])[:3]
                left = left[3:]
                _, left = funds_of(left)
                minor = self._amount(amount) if amount else 0
                if code:
                    self.account.status[code] = minor
        except BadRecordError as bad:
            raise UnreadableError(
                f"line {record.line}: the account's summary holds {bad.found!r}, {bad.expected} is expected", AGAIN
            ) from None

    def _trailer(self, record: Record, fields: list[str]) -> None:
        below, above, name = {
            "49": (self.own, self.group, f"account {self.account.number if self.account else ''}"),
            "98": (self.group, self.file, "group"),
            "99": (self.file, None, "file"),
        }[record.code]
        claims = [each.strip() for each in fields[1:]]
        found = [below.amounts, below.records] if record.code == "49" else [below.amounts, below.members, below.records]
        what = ["total", "records"] if record.code == "49" else ["total", "accounts" if above else "groups", "records"]
        for label, claim, real in zip(what, claims, found, strict=False):
            holds = _AMOUNT.fullmatch(claim) is not None and int(claim) == real
            self.claims.append((f"line {record.line}: the {name} claims {label} {claim}, {real} found", holds))
        if len(claims) < len(found):
            self.claims.append((f"line {record.line}: the {name}'s trailer is short", False))
        if above is not None:
            above.amounts += below.amounts
            above.members += 1
        if record.code == "49":
            self._statement()
        self.level, self.ended = self.level - 1, record.code == "99"

    def _statement(self) -> None:
        account = self.account
        if account is None:
            return
        opening, closing = (
            to_text(account.status[code], account.currency) if code in account.status else None
            for code in ("010", "015")
        )
        as_of = self.head.get("as_of")
        self.found.statements.append(
            Statement(
                account.first,
                self.found.rows,
                account.number,
                account.currency,
                opening,
                closing,
                as_of,
                as_of,
                self.head.get("file_id") or "",
                "the balances of a BAI2 account need not be joined by its details: a bank may list a part"
                if opening
                else "",
            )
        )
        self.account = None

    # --- transactions ------------------------------------------------------------------------------------------------

    def _transaction(self, record: Record) -> Row:
        if self.account is None:
            raise UnreadableError(f"line {record.line}: a transaction (16) outside of an account", AGAIN)
        cells: dict[str, str | None] = {**self.head, "account": self.account.number, "currency": self.account.currency}
        try:
            cells |= self._detail(record)
        except BadRecordError as bad:
            return Row(cells, record.line, record.raw, (bad.found, bad.expected))
        return Row(cells, record.line, record.raw)

    def _detail(self, record: Record) -> dict[str, str | None]:
        own, more = record.text.split(","), list(record.more)
        while more and len(own) < fixed_fields(own):  # the fixed fields go on in the next record
            own += more.pop(0).split(",")
        code, amount = ([*own[1:], "", ""])[:2]
        if not _TYPE.fullmatch(code):
            raise BadRecordError(code, "a type code of three digits")
        minor = self._amount(amount) if amount else None
        funds, left = funds_of(own[3:])
        bank, customer, *text = [*left, "", ""]
        words = [",".join(text).rstrip(",").strip() if text else "", *more]
        cells: dict[str, str | None] = {
            "type": code,
            "direction": direction_of(code),
            "amount": None if minor is None else str(minor),
            "funds": own[3].strip() if len(own) > 3 else None,
            "value_date": iso_day(funds[0]) if funds else None,
            "bank_reference": bank.strip(),
            "customer_reference": customer.strip(),
            "text": " ".join(" ".join(words).split()),
        }
        for each in more:
            tagged = _TAGGED.match(each)
            if tagged and tagged[2].strip():
                cells[f"88.{tagged[1]}"] = tagged[2].strip()
        return cells

    def _amount(self, amount: str) -> int:
        """An amount in minor units, added to the account's control total."""
        if not _AMOUNT.fullmatch(amount.strip()) or abs(int(amount)) > INT64_MAX:
            raise BadRecordError(amount, "an amount in whole minor units")
        self.own.amounts += int(amount)
        return int(amount)
