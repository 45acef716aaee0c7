"""Roles: which column is which field of a record vocabulary, by what it is called and by what it holds.

A name is a claim, not a proof: what only the name says is marked to confirm where a mistake would be read in silence.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from recon.domain.records import Field, RecordType, Type
from recon.ingest.cards import mask
from recon.sniff import dates
from recon.sniff.columns import Column
from recon.sniff.words import CREDIT, DEBIT, FIELDS, INCOMING, OUTGOING, kind_of, likeness, normal

_DIRECTION = r"\b(?:d c|c d|dr cr|cr dr|debit|credit|soll|haben|direction|sign)\b|입출|차대"
#: More different texts than this are no row types.
KINDS_MAX = 40
_SURE_NAME = 95  # likeness of a name that is the field's own


@dataclass(frozen=True, slots=True)
class Role:
    """A field's column. `likeness`: how well its name fits, 0 where only its content speaks for it."""

    field: str
    column: Column
    likeness: int

    @property
    def named(self) -> bool:
        """Whether the column is called as such a field is."""
        return self.likeness >= _SURE_NAME


@dataclass(frozen=True, slots=True)
class Split:
    """Unsigned money: in two columns, or in one with a column beside it that says the direction."""

    credit: Column | None = None
    debit: Column | None = None
    direction: Column | None = None
    outgoing: tuple[str, ...] = ()
    signed: bool = False  # the debit column is negative: the two add up


def roles(record: RecordType, columns: Sequence[Column]) -> dict[str, Role]:
    """Field -> its column; every column in one role at most, the best likeness first."""
    claims = [
        Role(field.name, column, score)
        for field in record.fields
        for column in columns
        if _fits(field, column) and (score := _score(field, column))
    ]
    order = {field.name: n for n, field in enumerate(record.fields)}
    claims.sort(key=lambda each: (-each.likeness, list(FIELDS).index(each.field), order[each.field], each.column.at))
    made: dict[str, Role] = {}
    taken: set[int] = set()
    for each in claims:
        if each.field not in made and each.column.at not in taken:
            made[each.field] = each
            taken.add(each.column.at)
    _by_content(record, columns, made, taken)
    _days(record, made)
    return made


def split(columns: Sequence[Column]) -> Split | None:
    """How unsigned amounts say their direction, where they do."""
    sides = [
        max((c for c in columns if _moneyed(c) and likeness(c.name, words) >= 60), key=lambda c: likeness(c.name, words), default=None)
        for words in (CREDIT, DEBIT)
    ]  # fmt: skip
    credit, debit = sides
    if credit is not None and debit is not None and credit is not debit:
        both = sum(bool(a) and bool(b) for a, b in zip(_nonzero(credit), _nonzero(debit), strict=True))
        if not both:
            below = sum(cell.startswith("-") for cell in _nonzero(debit))
            return Split(credit, debit, signed=2 * below > sum(map(bool, _nonzero(debit))) > 0)
    for column in (each for each in columns if len(each.counts) <= KINDS_MAX):
        values = {normal(cell) or cell: cell for cell in column.counts}
        out, into = set(values) & set(OUTGOING), set(values) & set(INCOMING)
        named = re.search(_DIRECTION, normal(column.name)) is not None
        if out and len(values) <= 2 and set(values) == out | into and (named or into):
            return Split(direction=column, outgoing=tuple(values[each] for each in sorted(out)))
    return None


def _nonzero(column: Column) -> list[str]:
    return [cell if cell.strip("0.,-") else "" for cell in column.cells]


def _moneyed(column: Column) -> bool:
    return column.shape in ("money", "whole", "empty")


def _score(field: Field, column: Column) -> int:
    return likeness(column.name, FIELDS.get(field.name, (normal(field.name),))) if field.name in FIELDS else 0


def _fits(field: Field, column: Column) -> bool:
    """Whether a column's cells can be such a field's."""
    shape = column.shape
    if field.type is Type.MONEY:
        return shape in ("money", "whole")
    if field.type is Type.CURRENCY:
        return shape == "currency"
    if field.type in (Type.DATE, Type.INSTANT):
        return shape == "date"
    if field.type is Type.RATE:
        return shape in ("money", "whole", "rate")
    if field.name in ("kind", "status"):
        if shape not in ("code", "id", "text") or len(column.counts) > KINDS_MAX:
            return False
        if any(mask(raw) != raw for raw in column.counts):
            return False  # card numbers: their text has no place in a format
        return len(column.counts) * 2 <= len(column.filled) or any(kind_of(raw) for raw in column.counts)
    if field.name == "payout_id":
        return shape in ("id", "code", "whole", "text")
    return shape in ("id", "code", "whole", "text") if field.type in (Type.KEY, Type.TEXT) else False


def _by_content(record: RecordType, columns: Sequence[Column], made: dict[str, Role], taken: set[int]) -> None:
    """Fields that no name gives, from what the columns hold."""

    def free(*shapes: str) -> list[Column]:
        return [column for column in columns if column.at not in taken and column.shape in shapes]

    def take(field: str, column: Column) -> None:
        made[field] = Role(field, column, 0)
        taken.add(column.at)

    if "currency" not in made and (found := free("currency")):
        take("currency", found[0])
    if "kind" not in made and record.field("kind"):
        few = [c for c in free("code", "id", "text") if len(c.counts) <= KINDS_MAX]
        known = [(sum(n for raw, n in c.counts.items() if kind_of(raw)), c) for c in few]
        best = max(known, key=lambda each: each[0], default=None)
        if best is not None and best[0] * 2 > len(best[1].filled):
            take("kind", best[1])
    if "amount" not in made and (found := free("money")):
        take("amount", found[0])
    for field in (record.instant, record.day):
        if field and record.instant not in made and record.day not in made and (found := free("date")):
            take(field, found[0])


def _days(record: RecordType, made: dict[str, Role]) -> None:
    """A plain day stands in the field of a day, as long as that is free."""
    instant, day = made.get(record.instant), made.get(record.day)
    if instant is None or not record.day:
        return
    timed = any(dates.has_time(layout) for layout in instant.column.layouts)
    if not timed and day is None:
        del made[record.instant]
        made[record.day] = Role(record.day, instant.column, instant.likeness)
