"""Format files: how a file is read into records, one YAML file per report of a provider (docs/formats.md).

Comes in   rules/formats/NAME.yaml
Goes out   a frozen `Format` with every column, field, layout and option proved, or all problems at once
Never      sniffs: encoding, delimiter, dates and decimal marks are declared or take the defaults listed here.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from recon.config import format_totals, reader
from recon.config.marks import read_marks
from recon.config.models import ChoiceModel, ControlModel, FieldModel, FormatFile, WayModel
from recon.config.option_values import EXCEL, FRAMED, NESTED, SECTIONED, SHARED, BadOptionError
from recon.config.spaces import raw_space, record_space
from recon.config.unconfirmed import SAID, unconfirmed
from recon.config.validate import validate
from recon.config.yaml_file import Document, Key, parse_document, read_text
from recon.domain.records import RECORD_TYPES, Field, RecordType, Type
from recon.domain.rulebook import Control, Expr, FieldMap, Format
from recon.engine.expressions import nearest
from recon.errors import ConfigError, Place, Problem

_BadOptionError = BadOptionError


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _BadOptionError("text")
    return value


def _letter(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 1:
        raise _BadOptionError("one character, or nothing in quotes")
    return value


def _filled_letter(value: Any) -> str:
    value = "\t" if value in ("\\t", "tab") else value
    if not isinstance(value, str) or len(value) != 1:
        raise _BadOptionError("one character")
    return value


def _flag(value: Any) -> bool:
    if value not in ("true", "false"):
        raise _BadOptionError("true or false")
    return bool(value == "true")


def _line(value: Any) -> int:
    if not isinstance(value, str) or not value.isascii() or not value.isdigit() or not 1 <= int(value) <= 1_000:
        raise _BadOptionError("the number of the header's line, from 1")
    return int(value)


def _encoding(value: Any) -> str:
    try:
        return codecs.lookup(_text(value)).name
    except LookupError:
        raise _BadOptionError("an encoding that Python knows, as utf-8 or cp949") from None


def _zones(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(zone, str) and _is_zone(zone) for zone in value.values()):
        raise _BadOptionError("a mapping of the file's abbreviations to IANA zones, as {KST: Asia/Seoul}")
    return dict(value)


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _one_of(*legal: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in legal:
            raise _BadOptionError(" or ".join(legal))
        return str(value)

    return read


def _versions(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(
        isinstance(each, str) and re.fullmatch("[0-9]{2}", each) for each in value
    ):
        raise _BadOptionError('a list of versions, as ["02", "08"]')
    return tuple(value)


#: What bank statements do with a control total that fails: by its default the file is set aside.
_UNBALANCED = (_one_of("set_aside", "flag"), "set_aside")

#: Options per reader: name -> (how it is read, what it is when the file leaves it out).
OPTIONS: dict[str, dict[str, tuple[Callable[[Any], Any], Any]]] = {
    "delimited": {
        "encoding": (_encoding, "utf-8"),
        "delimiter": (_filled_letter, ","),
        "quote": (_letter, '"'),
        "decimal": (_filled_letter, "."),
        "thousands": (_letter, ""),
        "skip_blank_lines": (_flag, True),
        "header_line": (_line, 1),
        "allow_empty": (_flag, False),  # a file without rows is a day without business, not a mistake
        "opening_line": (_text, ""),  # start of the line, above or below the rows, whose last cell is that balance
        "closing_line": (_text, ""),
        "unbalanced": _UNBALANCED,
        "zones": (_zones, {}),  # for `zone: column:NAME`: what the column says -> IANA zone
    },
    "json": {
        "encoding": (_encoding, "utf-8"),
        "records": (_text, ""),  # path to the array, with dots; empty: the top of the file is the array
        "decimal": (_filled_letter, "."),
        "thousands": (_letter, ""),
        "allow_empty": (_flag, False),
        "zones": (_zones, {}),
    },
    "camt": {
        "message": (_one_of("camt.053", "camt.052", "camt.054"), "camt.053"),
        "versions": (_versions, tuple(f"{n:02}" for n in range(2, 14))),
        "details": (_one_of("entry", "transactions"), "entry"),  # a row for each entry, or for each of its payments
        "allow_empty": (_flag, False),
        "unbalanced": _UNBALANCED,
    },
    "mt940": {
        "message": (_one_of("mt940", "mt942"), "mt940"),
        "encoding": (_encoding, "utf-8"),
        "allow_empty": (_flag, False),
        "unbalanced": _UNBALANCED,
    },
    "bai2": {
        "encoding": (_encoding, "utf-8"),
        "allow_empty": (_flag, False),
        "unbalanced": _UNBALANCED,
    },
    "ofx": {
        "encoding": (_encoding, "utf-8"),  # of files whose header declares none
        "decimal": (_filled_letter, "."),
        "allow_empty": (_flag, False),
        "unbalanced": _UNBALANCED,
    },
}

OPTIONS["delimited"] |= SHARED | FRAMED
OPTIONS["json"] |= SHARED | NESTED
_TABLE = ("encoding", "delimiter", "quote", "decimal", "thousands", "header_line", "allow_empty", "zones")
OPTIONS["sectioned"] = {k: OPTIONS["delimited"][k] for k in _TABLE if k != "header_line"} | SHARED | SECTIONED
OPTIONS["excel"] = {k: OPTIONS["delimited"][k] for k in _TABLE if k not in ("encoding", "delimiter", "quote")}
OPTIONS["excel"] |= SHARED | EXCEL

#: Fields that a source in recon.yaml may give instead of the file.
FROM_SOURCE = ("psp", "account")

_TRUE = Expr("true", Place(""))


def load_format(path: Path, label: str = "", *, draft: bool = False) -> Format:
    """The format of a file. Raises ConfigError with every problem.

    draft   take a file with lines that are still to be confirmed: to look at what it does, never for a night
    """
    format_, problems = _read(path, label, draft)
    errors = [problem for problem in problems if problem.severity == "error"]
    if format_ is None or errors:
        raise ConfigError(errors)
    return format_


def read_format(path: Path, label: str = "") -> tuple[Format | None, list[Problem]]:
    """As `load_format`, but hands back the problems. `label`: how messages name the file; its file name when empty."""
    return _read(path, label, False)


def _read(path: Path, label: str, draft: bool) -> tuple[Format | None, list[Problem]]:
    label = label or path.name
    data = read_text(path, label)
    if isinstance(data, Document):
        return parse_format(data, draft=draft)
    format_, problems = _of_bytes(data, label, draft)
    return format_, list(problems)


@lru_cache(128)  # the nights of one process read the same formats
def _of_bytes(data: bytes, label: str, draft: bool) -> tuple[Format | None, tuple[Problem, ...]]:
    format_, problems = parse_format(parse_document(data, label), draft=draft)
    return format_, tuple(problems)


def parse_format(document: Document, *, draft: bool = False) -> tuple[Format | None, list[Problem]]:
    """As `read_format`, from a document that is read already. `draft`: as in `load_format`."""
    if document.root.entries == {}:
        return None, document.problems or [Problem(Place(document.label), "the file is empty", "see docs/formats.md")]
    model = validate(FormatFile, document)
    read = None
    if model is not None and reader.known(document, model.record, RECORD_TYPES, "a record vocabulary", "record"):
        read = _Reader(document, model).read()
    if not draft:
        document.problems += unconfirmed(document)
    return read, sorted(document.problems, key=lambda problem: (problem.place.line, problem.place.column))


@dataclass(frozen=True, slots=True)
class _Shared:
    """What a choice takes from its field where it says nothing itself."""

    values: Mapping[str, str]
    unknown_value: str | None
    currency: str
    layout: str
    zone: str
    null_values: tuple[str, ...]
    case: str
    money: str
    sign: int


class _Reader:
    """Turns one validated file into a format; notes what is wrong in the document."""

    def __init__(self, document: Document, model: FormatFile) -> None:
        self.document, self.model = document, model
        self.record: RecordType = RECORD_TYPES[model.record]
        self.columns = (*model.columns.required, *model.columns.optional)

    def read(self) -> Format:
        model, document = self.model, self.document
        options = self._options()
        reader.zone(document, model.zone, "zone")
        self._columns()
        fields = {}
        for name, field in model.fields.items():
            if reader.known(
                document, name, self.record.names, f"a field of {self.record.name}", "fields", name, key=True
            ):
                fields[name] = self._field(name, field)
        for declared in self.record.fields:
            if declared.required and declared.name not in model.fields and declared.name not in FROM_SOURCE:
                document.error(f"the field {declared.name} is missing", "say how it is read", "fields", key=True)
        for at, name in enumerate(model.identity):
            self._mapped(name, "identity", at)
        if not model.identity:
            document.error("identity is empty", "name the fields that tell rows apart", "identity")
        controls = tuple(self._control(at, control) for at, control in enumerate(model.controls))
        totals = format_totals.read_totals(document, model, self.record, self.columns)
        refuse = format_totals.read_refusals(document, model, self.columns)
        return Format(
            model.format,
            model.title,
            model.record,
            model.reader,
            document.root.place,
            options,
            tuple(model.columns.required),
            tuple(model.columns.optional),
            tuple(model.identity),
            model.numbered,
            fields,
            controls,
            model.zone,
            model.docs,
            document.sha256,
            totals,
            refuse,
            (
                *model.to_confirm,
                *(f"line {each.place.line}: {each.message.removeprefix(SAID)}" for each in unconfirmed(document)),
            ),
            read_marks(document, model, self.columns),
        )

    def _options(self) -> dict[str, Any]:
        legal = OPTIONS[self.model.reader]
        options = {name: default for name, (_, default) in legal.items()}
        for name, given in self.model.options.items():
            if not reader.known(
                self.document, name, legal, f"an option of {self.model.reader}", "options", name, key=True
            ):
                continue
            try:
                options[name] = legal[name][0](given)
            except BadOptionError as takes:
                found = self.document.node("options", name)
                self.document.error(f"{name} is {takes}, {found} found", "", "options", name)
        if options.get("decimal", ".") == options.get("thousands"):
            self.document.error("decimal and thousands are the same mark", "declare what the file uses", "options")
        return options

    def _columns(self) -> None:
        if not self.model.columns.required:
            self.document.error("required is empty", "name the columns that the file always has", "columns", "required")
        seen: set[str] = set()
        for part, columns in (("required", self.model.columns.required), ("optional", self.model.columns.optional)):
            for at, column in enumerate(columns):
                if column in seen:
                    self.document.error(f"the column {column} is given twice", "keep one", "columns", part, at)
                seen.add(column)

    def _mapped(self, name: str, *path: Key) -> None:
        """A field that identity or a control uses has to be read from the file."""
        if name in self.model.fields or name in FROM_SOURCE:
            return
        if reader.known(self.document, name, self.record.names, f"a field of {self.record.name}", *path):
            self.document.error(f"{name} is not read by this format", f"add fields: {name}", *path)

    def _field(self, name: str, model: FieldModel) -> FieldMap:
        path = ("fields", name)
        declared = self.record.field(name)
        assert declared is not None  # the caller looked
        shared = self._shared(declared, model, _Shared({}, None, declared.of, "", "", (), "", "major", 1), *path)
        if not model.choose:
            return self._way(declared, model, shared, *path)
        if _ways(model):
            self.document.error(
                "choose stands alone", f"move {_ways(model)[0]} into a choice", *path, "choose", key=True
            )
        choices = []
        for at, choice in enumerate(model.choose):
            where = (*path, "choose", at)
            last = at == len(model.choose) - 1
            if choice.when is None and not last:
                self.document.error("only the last choice goes without when", "add when", *where)
            when = self._when(choice, *where)
            choices.append((when, self._way(declared, choice, self._shared(declared, choice, shared, *where), *where)))
        return FieldMap(choose=tuple(choices), required=model.required)

    def _when(self, choice: ChoiceModel, *path: Key) -> Expr:
        if choice.when is None:
            return _TRUE
        return reader.expression(self.document, choice.when, raw_space(self.columns), *path, "when")

    def _shared(self, declared: Field, model: WayModel, above: _Shared, *path: Key) -> _Shared:
        """The field's reading rules: its own where given, else those above; each legal for the field's type."""
        money, moment = declared.type is Type.MONEY, declared.type in (Type.DATE, Type.INSTANT)
        for key, legal in (
            ("currency", money),
            ("money", money),
            ("sign", money),
            ("layout", moment),
            ("zone", moment),
        ):
            if getattr(model, key) is not None and not legal:
                message = f"{key} has no meaning for {declared.name}, which is {declared.type}"
                self.document.error(message, "remove it", *path, key, key=True)
        if model.sign is not None and model.sign not in (1, -1):
            self.document.error("sign is 1 or -1", "", *path, "sign")
        if money and model.currency is not None:
            currency = self.record.field(model.currency)
            if currency is None or currency.type is not Type.CURRENCY:
                legal_names = [field.name for field in self.record.fields if field.type is Type.CURRENCY]
                remedy = nearest(model.currency, legal_names)
                self.document.error(f"{model.currency} is not a currency field", remedy, *path, "currency")
        if moment and model.zone is not None and not self._zone_column(model.zone, *path):
            reader.zone(self.document, model.zone, *path, "zone")
        if declared.name == "kind":
            for raw, kind in (model.values or {}).items():
                reader.known(self.document, kind, self.record.kinds, "a kind", *path, "values", raw)
            if model.const is not None:
                reader.known(self.document, model.const, self.record.kinds, "a kind", *path, "const")
        return _Shared(
            model.values if model.values is not None else above.values,
            model.unknown_value if model.unknown_value is not None else above.unknown_value,
            model.currency if model.currency is not None else above.currency,
            model.layout if model.layout is not None else above.layout,
            model.zone if model.zone is not None else above.zone,
            tuple(model.null_values) if model.null_values is not None else above.null_values,
            model.case or above.case,
            model.money or above.money,
            model.sign if model.sign is not None else above.sign,
        )

    def _zone_column(self, zone: str, *path: Key) -> bool:
        prefix, _, column = zone.partition(":")
        if prefix != "column":
            return False
        reader.known(self.document, column, self.columns, "a declared column", *path, "zone")
        return True

    def _way(self, declared: Field, model: WayModel, shared: _Shared, *path: Key) -> FieldMap:
        ways = _ways(model)
        if len(ways) != 1:
            found = " and ".join(ways) or "nothing"
            remedy = "one of: column, first, const, credit and debit, total, join, derive, choose"
            self.document.error(f"{declared.name} is read in exactly one way, {found} given", remedy, *path)
        columns = [("column", model.column), ("credit", model.credit), ("debit", model.debit)]
        for key, column in columns:
            if column is not None:
                reader.known(self.document, column, self.columns, "a declared column", *path, key)
        for key, several in (("first", model.first), ("total", model.total), ("join", model.join)):
            for at, column in enumerate(several):
                reader.known(self.document, column, self.columns, "a declared column", *path, key, at)
        self._derived(declared, model, *path)
        if declared.type is not Type.MONEY and ("total" in ways or "credit" in ways):
            self.document.error(f"{declared.name} is {declared.type}: there is nothing to add up", "", *path)
        if declared.type in (Type.MONEY, Type.CURRENCY) and model.join:
            self.document.error(f"{declared.name} is {declared.type}: texts joined are none", "", *path, "join")
        if declared.type in (Type.DATE, Type.INSTANT) and not shared.layout and model.const is None:
            self.document.error(f"{declared.name} needs a layout", 'as layout: "%Y-%m-%d %H:%M:%S"', *path)
        return FieldMap(
            first=(model.column,) if model.column is not None else tuple(model.first),
            const=model.const,
            credit=model.credit,
            debit=model.debit,
            total=tuple(model.total),
            join=tuple(model.join),
            derive=tuple(model.derive),
            required=model.required,
            sign=shared.sign,
            values=dict(shared.values),
            unknown_value=shared.unknown_value,
            currency=shared.currency,
            layout=shared.layout,
            zone=shared.zone,
            null_values=shared.null_values,
            case=shared.case,
            money=shared.money,
        )

    def _derived(self, declared: Field, model: WayModel, *path: Key) -> None:
        """`derive` adds up other money fields of the same currency, which the file itself gives."""
        for at, given in enumerate(model.derive):
            name = given.removeprefix("-") if at else given
            other = self.record.field(name)
            if other is None or other.type is not Type.MONEY or other.of != declared.of or name == declared.name:
                legal = [
                    each.name for each in self.record.fields if each.of and each.of == declared.of and each != declared
                ]
                self.document.error(
                    f"{name} is no money field in {declared.of or 'a currency'}",
                    nearest(name, legal),
                    *path,
                    "derive",
                    at,
                )
            else:
                self._mapped(name, *path, "derive", at)

    def _control(self, at: int, model: ControlModel) -> Control:
        path: tuple[Key, ...] = ("controls", at)
        declared = self.record.field(model.field)
        if reader.known(
            self.document, model.field, self.record.names, f"a field of {self.record.name}", *path, "field"
        ):
            self._mapped(model.field, *path, "field")
            if declared is not None and declared.type is not Type.MONEY:
                self.document.error(f"{model.field} is {declared.type}: a control sums money", "", *path, "field")
        for number, name in enumerate(model.by):
            self._mapped(name, *path, "by", number)
        requires = None
        if model.requires is not None:
            requires = reader.expression(
                self.document, model.requires, record_space(self.record.name), *path, "requires"
            )
        if declared is not None and declared.of and declared.of not in model.by:
            message = f"sums of {model.field} never cross currencies"
            self.document.error(message, f"add {declared.of} to by", *path, "by")
        return Control(model.name, model.field, tuple(model.by), model.equals, requires)


def _ways(model: WayModel) -> list[str]:
    """Which of the ways to make a value are filled; debit goes with credit."""
    ways = [key for key in ("column", "const") if getattr(model, key) is not None]
    ways += [key for key in ("first", "total", "join", "derive") if getattr(model, key)]
    return ways + (["credit"] if model.credit is not None or model.debit is not None else [])
