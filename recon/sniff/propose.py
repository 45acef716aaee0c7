"""Propose: a format file from what was found, with `# TODO confirm: ...` on each line whose mistake nobody would notice.

Marked     what is read without complaint even where it is wrong: signs, row types, day before month, decimal or thousands, zone,
           a currency that no column gives, money columns known by their name alone, encodings picked by likeness
Unmarked   what a night refuses loudly where it is wrong: delimiter, header line, most encodings; and what the rows prove
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from recon.config.unconfirmed import MARKER
from recon.domain.money import exponent
from recon.domain.records import Field, Type
from recon.sniff import dates
from recon.sniff.looked import Looked
from recon.sniff.roles import Role
from recon.sniff.words import FIELDS, likeness
from recon.sniff.yaml_text import listed, scalar

#: Fields that stand for a row, the best first, where no column does alone.
_STANDS_IN = (
    "payout_id",
    "natural_id",
    "psp_reference",
    "payment_order_id",
    "order_id",
    "bank_reference",
    "end_to_end_id",
)
_SHOWN = 60


@dataclass(slots=True)
class _Written:
    """Lines of a field, the columns it reads, and what is to be confirmed about it."""

    field: str
    text: str
    todo: str = ""
    below: tuple[str, ...] = ()  # further lines


def proposal(looked: Looked, name: str, psp: str, doubt: str, origin: str) -> str:
    """The text of rules/formats/NAME.yaml.

    doubt    what is to be confirmed about the provider
    origin   the file and how much of it was looked at, for the comment
    """
    read = _Fields(looked, psp, doubt)
    fields = read.written()
    identity, numbered, doubt = _identity(looked, [each.field for each in fields])
    names = [column for column in looked.table.header if column.strip()]
    once = [column for column in names if names.count(column) == 1]
    wanted = read.used | {
        column for total in looked.totals for column in (total.label_column, total.column, total.by_column)
    }
    used = [column for column in once if column in wanted]
    lines = [
        f"# Proposed by `recon sniff` from {_clean(origin)}.",
        f"# Settle every line marked {MARKER.removeprefix('# ').rstrip(':')!r}, delete its comment, then `recon check`.",
        f"format: {name}",
        f"title: {scalar(name.replace('_', ' ').capitalize())}",
        f"record: {looked.record.name}",
        f"reader: {looked.reader}",
        *_options(looked),
        _marked(f"zone: {looked.zone[0]}", looked.zone[1]),
        "columns:",
        f"  required: {listed(used)}",
        *([f"  optional: {listed(rest)}"] if (rest := [c for c in once if c not in used]) else []),
        _marked(f"identity: {listed(identity)}", doubt),
        *(["numbered: true"] if numbered else []),
        "fields:",
    ]
    for each in fields:
        lines += [_marked(f"  {each.field}: {each.text}".rstrip(), each.todo), *each.below]
    lines += _totals(looked, {each.field for each in fields})
    return "\n".join(lines) + "\n"


def _clean(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _marked(line: str, todo: str) -> str:
    return f"{line}  {MARKER} {_clean(todo)}" if todo else line


def _options(looked: Looked) -> list[str]:
    if not looked.options:
        return []
    lines = ["options:"]
    for key, value in looked.options.items():
        text = "true" if value is True else listed(value) if isinstance(value, list) else scalar(str(value))
        if key in ("delimiter", "decimal", "thousands", "quote") and value != "tab":
            text = scalar(str(value))
        lines.append(_marked(f"  {key}: {text}", looked.unsure.get(key, "")))
    rest = looked.opened.rest
    if rest is not None and looked.reader == "delimited" and not rest.last:
        lines[-1] = _marked(
            lines[-1], "the end of the file was not looked at: name the lines of totals as `footer`, if there are any"
        )
    elif rest is not None and looked.table.below:  # the option `footer` stands last
        lines[-1] = _marked(lines[-1], "what these lines state was not added up: declare it as `totals` if it is a sum")
    return lines


def _identity(looked: Looked, mapped: list[str]) -> tuple[list[str], bool, str]:
    """(fields, numbered, what is to be confirmed)."""
    key = _key_column(looked)
    own = next((each for each in ("natural_id", "entry_id", "payment_order_id") if looked.record.field(each)), "")
    if looked.record.name in ("ledger_entry", "payment_order"):
        own = "entry_id" if looked.record.name == "ledger_entry" else "payment_order_id"
        doubt = "" if key is not None else f"no column is unique in all {looked.rows:,} rows"
        return [own], False, doubt
    if key is not None and own in mapped:
        doubt = "" if looked.rows >= 20 else f"unique in all {looked.rows:,} rows, which are few"
        return [own], False, doubt
    names = [each for each in _STANDS_IN if each in mapped] or [
        each for each in (looked.record.day, looked.record.instant) if each in mapped
    ]
    if not names:
        names = ["amount"]
    doubt = "no column tells rows apart: equal rows are told apart by their order"
    return names, True, doubt


def _key_column(looked: Looked) -> str | None:
    """The column that tells rows apart, alone or with the row type: the one named so, else a reference's."""
    kinds = looked.roles["kind"].column.cells if "kind" in looked.roles else [""] * looked.rows
    wanted = ("natural_id", "entry_id", "psp_reference", "bank_reference", "payment_order_id")
    ranked = [looked.roles[each].column for each in wanted if each in looked.roles]
    names = looked.table.header
    once = [column for column in looked.columns if column.name.strip() and names.count(column.name) == 1]
    ranked += [column for column in once if column.shape == "id" and column not in ranked]
    for column in ranked:
        alone = all(column.cells) and len(column.counts) == looked.rows
        outside = looked.record.name not in ("ledger_entry", "payment_order")
        if alone or (outside and all(column.cells) and len(set(zip(column.cells, kinds, strict=True))) == looked.rows):
            return column.name
    return None


class _Fields:
    """Every field of the record that the file gives."""

    def __init__(self, looked: Looked, psp: str, doubt: str) -> None:
        self.looked, self.psp, self.doubt = looked, psp, doubt
        self.roles, self.meaning, self.record = looked.roles, looked.meaning, looked.record
        self.used: set[str] = set()  # columns that the fields read

    def written(self) -> list[_Written]:
        made = []
        for field in self.record.fields:
            each = self._field(field)
            if each is not None:
                made.append(each)
        return made

    def _field(self, field: Field) -> _Written | None:
        special = {
            "psp": self._psp, "kind": self._kind, "kind_raw": self._kind_raw, "natural_id": self._natural_id,
            "psp_reference": self._psp_reference, "amount": self._amount, "settled_amount": self._settled_amount,
            "status": self._status,
        }  # fmt: skip
        if field.name in special:
            return special[field.name](field)
        if field.type is Type.CURRENCY:
            return self._currency(field)
        role = self.roles.get(field.name)
        if role is None:
            return self._needed(field) if field.required and field.name != "account" else None
        if field.type is Type.MONEY:
            return self._money(field.name, role)
        if field.type in (Type.DATE, Type.INSTANT):
            return self._moment(field, role)
        return _Written(field.name, self._plain(role), "" if role.named else self._by_name(role))

    # --- texts ---------------------------------------------------------------------------------------------------

    def _column(self, name: str) -> str:
        self.used.add(name)
        return scalar(name)

    def _plain(self, role: Role, *more: str) -> str:
        nulls = [f"null_values: {listed(role.column.null_values)}"] if role.column.null_values else []
        return "{" + ", ".join([f"column: {self._column(role.column.name)}", *more, *nulls]) + "}"

    def _by_name(self, role: Role) -> str:
        shown = next(iter(role.column.counts), "")[:_SHOWN]
        why = "its name is like it" if role.likeness else "by its content alone"
        return f"this column, {why}" + (f"; its cells are {role.column.shape}" if shown else "")

    def _psp(self, field: Field) -> _Written | None:
        role = self.roles.get("psp")
        if role is not None and role.named:
            return _Written("psp", self._plain(role, "case: lower"))
        return _Written("psp", f"{{const: {scalar(self.psp)}}}", self.doubt) if self.psp else None

    def _kind(self, field: Field) -> _Written:
        role = self.roles.get("kind")
        known = getattr(self.record, "kinds", ()) or ("capture", "refund")
        into, out = ("credit", "debit") if "credit" in known else ("capture", "refund")
        if role is None or "credit" in known:
            when = self._outgoing()
            if when:
                choices = f"[{{when: {scalar(when)}, const: {out}}}, {{const: {into}}}]"
                return _Written(
                    "kind",
                    f"{{choose: {choices}}}",
                    "" if out == "debit" else f"no column gives row types: money from us is a {out}",
                )
            return _Written("kind", f"{{const: {into}}}", f"every row is a {into}: no column gives row types")
        values = self.meaning.kinds or {}
        strangers = [raw for raw, kind in values.items() if kind == "unknown"]
        todo = "what each row type is, by its word alone"
        if strangers:
            todo += f"; {', '.join(repr(raw) for raw in strangers[:5])} is no known word: unknown, a break each"
        below = [_marked("    values:", todo)]
        below += [f"      {scalar(raw)}: {kind}" for raw, kind in values.items()] or ["      {}"]
        if not values:
            below = []
        return _Written(
            "kind", "", "", (f"    column: {self._column(role.column.name)}", *below, "    unknown_value: unknown")
        )

    def _kind_raw(self, field: Field) -> _Written | None:
        role = self.roles.get("kind")
        return _Written("kind_raw", self._plain(role)) if role else None

    def _status(self, field: Field) -> _Written:
        role = self.roles.get("status")
        if role is not None:
            return _Written("status", self._plain(role), "the values that rules know: see docs/records.md")
        value = "booked" if self.record.name == "bank_line" else "SUCCESS"
        return _Written("status", f"{{const: {value}}}", f"every row is {value}: no column says otherwise")

    def _natural_id(self, field: Field) -> _Written | None:
        key = _key_column(self.looked)
        if key is not None:
            return _Written("natural_id", f"{{column: {self._column(key)}}}")
        role = self.roles.get("natural_id")
        return _Written("natural_id", self._plain(role)) if role else None

    def _psp_reference(self, field: Field) -> _Written | None:
        """Where one column is both the row's id and the payment's, both fields read it."""
        role = self.roles.get("psp_reference")
        if role is not None:
            return _Written("psp_reference", self._plain(role), "" if role.named else self._by_name(role))
        shared = self.roles.get("natural_id")
        if shared is None:
            return None
        named = likeness(shared.column.name, FIELDS["psp_reference"]) >= 95
        return _Written(
            "psp_reference", self._plain(shared), "" if named else "the row's id is the payment's id as well"
        )

    def _needed(self, field: Field) -> _Written:
        """A field that the record has to have and no column is called after."""
        key = _key_column(self.looked) or self.looked.table.header[0]
        if field.type is Type.MONEY:
            key = next((c.name for c in self.looked.columns if c.shape in ("money", "whole")), key)
        return _Written(
            field.name, f"{{column: {self._column(key)}}}", f"no column is called {field.name}; this one is a guess"
        )

    def _currency(self, field: Field) -> _Written | None:
        role = self.roles.get(field.name)
        if role is None and field.name not in ("currency", "settled_currency"):
            return None
        role = role or self.roles.get("currency") or self.roles.get("settled_currency")
        if role is None:
            value, doubt = self.looked.currency
            return _Written(
                field.name, f"{{const: {value}}}", doubt if field.name == "currency" or value == "XXX" else ""
            )
        lower = any(cell != cell.upper() for cell in role.column.counts)
        return _Written(field.name, self._plain(role, *(["case: upper"] if lower else [])))

    def _moment(self, field: Field, role: Role) -> _Written:
        first, *others = role.column.layouts
        rivals = [other for other in others if not _same_days(role, first, other)]
        todo = f"{first} or {rivals[0]}: every cell reads either way" if rivals else ""
        if not todo and not role.named:
            todo = self._by_name(role)
        return _Written(field.name, self._plain(role, f"layout: {scalar(first)}"), todo)

    # --- money ---------------------------------------------------------------------------------------------------

    def _amount(self, field: Field) -> _Written:
        role, split = self.roles.get("amount"), self.meaning.split
        if split is not None and split.credit and split.debit:
            credit, debit = self._column(split.credit.name), self._column(split.debit.name)
            text = f"{{total: [{credit}, {debit}]}}" if split.signed else f"{{credit: {credit}, debit: {debit}}}"
            return _Written("amount", text, "credit is money to us, debit money from us")
        if role is None:
            return self._needed(field)
        return self._money("amount", role)

    def _settled_amount(self, field: Field) -> _Written | None:
        role = self.roles.get("settled_amount")
        if role is not None:
            return self._money("settled_amount", role)
        if "net" in self.roles and self.meaning.balanced:
            parts = ["net", *(each for each in ("fee", "tax") if each in self.roles)]
            return _Written("settled_amount", f"{{derive: {listed(parts)}}}")
        amount = self._amount(field)
        below = tuple(line.split(f"  {MARKER}")[0] for line in amount.below)
        return _Written("settled_amount", amount.text, "", below)  # what is to be confirmed stands at amount

    def _money(self, name: str, role: Role) -> _Written:
        made = self.meaning
        sign = {"fee": made.fee_sign, "tax": made.tax_sign}.get(name, made.sign)
        todo = self._money_doubt(name, role)
        if name == "fee" and made.tax_inside:
            pair = f"credit: {self._column(role.column.name)}, debit: {self._column(self.roles['tax'].column.name)}"
            return _Written(name, f"{{{pair}{', sign: -1' if sign < 0 else ''}}}", todo)
        out = self._outgoing_rows() if name != "balance_after" else ""
        if not out:
            return _Written(name, self._plain(role, *(["sign: -1"] if sign < 0 else [])), todo)
        turned, plain = (
            self._plain(role, *([] if sign < 0 else ["sign: -1"])),
            self._plain(role, *(["sign: -1"] if sign < 0 else [])),
        )
        below = (f"      - {{when: {scalar(out)}, {turned[1:]}", f"      - {plain}")
        return _Written(name, "", "", (_marked("    choose:", todo), *below))

    def _money_doubt(self, name: str, role: Role) -> str:
        """What about a money column the rows do not prove."""
        made, doubts = self.meaning, []
        tied = made.balanced and name in ("amount", "fee", "tax", "net")
        if not tied:
            doubts.append(
                "this column is known by its name alone"
                if role.likeness
                else "a column of amounts, its name says nothing"
            )
        if made.turned and name in ("amount", "net"):
            doubts.append("refunds and disputes are written positive, and turned round here")
        elif made.sign < 0 and name in ("amount", "net"):
            doubts.append("captures are written negative, and turned round here")
        elif (
            name == "amount" and self.record.name == "settlement_line" and made.split is None and made.sign_seen[1] < 2
        ):
            doubts.append("the sign: money to us is positive")
        if name == "amount" and role.column.shape == "whole" and self._has_decimals():
            doubts.append("whole numbers: major units, or minor ones (then add `money: minor` to every amount)")
        return "; ".join(doubts)

    def _has_decimals(self) -> bool:
        codes = list(self.roles["currency"].column.counts) if "currency" in self.roles else [self.looked.currency[0]]
        moneyed = [role.column for role in self.roles.values() if role.column.shape == "money"]
        marked = any(self.looked.marks.decimal in cell for column in moneyed for cell in column.counts)
        return not marked and any(exponent(code.upper()) != 0 for code in codes)

    def _outgoing_rows(self) -> str:
        """The condition for rows whose unsigned amounts are money from us."""
        split = self.meaning.split
        if split is not None and split.direction is not None:
            self.used.add(split.direction.name)
            return _among(split.direction.name, split.outgoing)
        return _among(self.roles["kind"].column.name, self.meaning.turned) if self.meaning.turned else ""

    def _outgoing(self) -> str:
        """The condition for rows of money from us, however the file says it."""
        split, amount = self.meaning.split, self.roles.get("amount")
        if split is not None and split.debit is not None:
            self.used.add(split.debit.name)
            return f"{_name(split.debit.name)} is not null"
        if out := self._outgoing_rows():
            return out
        if amount is not None and any(cell.startswith("-") for cell in amount.column.counts):
            self.used.add(amount.column.name)
            return f"{_name(amount.column.name)} like '-%'"
        return ""


def _same_days(role: Role, first: str, other: str) -> bool:
    if dates.has_time(first) != dates.has_time(other):
        return False
    return all(datetime.strptime(c, first) == datetime.strptime(c, other) for c in role.column.counts)  # noqa: DTZ007


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _among(column: str, values: tuple[str, ...]) -> str:
    return f"{_name(column)} in ({', '.join(_text(value) for value in values)})"


def _totals(looked: Looked, mapped: set[str]) -> list[str]:
    """The totals below the rows that the rows agree with; those with the same words state one total, a line for each group."""
    made: dict[tuple[str, str, str], str] = {}
    for total in looked.totals:
        when = f"{_name(total.label_column)} = {_text(total.label)}"
        head = f"  - {{name: {scalar(f'{total.label}: {total.column}')}, when: {scalar(when)}, "
        key = (total.label_column, total.label, total.column)
        of = looked.record.field(total.field) if total.field else None
        if not total.field:
            made.setdefault(key, f"{head}count: {scalar(total.column)}}}")
        elif of is not None and total.field in mapped and of.of in mapped:
            currency = total.by_column or "=" + (total.currency.upper() or looked.currency[0])
            sign = ", sign: -1" if total.sign < 0 else ""
            by = "{" + f"{of.of}: {scalar(currency)}" + "}"
            made.setdefault(key, f"{head}value: {scalar(total.column)}, field: {total.field}{sign}, by: {by}}}")
    return ["totals:", *made.values()] if made else []
