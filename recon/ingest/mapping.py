"""Mapping: a format's field maps, compiled into one SELECT over staged text columns.

Comes in   staged rows (text columns c0, c1 ..., NULL where a cell is empty) and the format
Goes out   SQL for the record type's canonical columns, typed, plus `refused`: NULL, or the number of the first check
           that the row fails; and SQL that says of each refused row which column, what was found and what was expected
Never      a default for something unreadable: text that is there and cannot be read refuses the row.

The SELECT is built in layers, each a plain projection: texts, decimals of the currency, values, sums, record.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, time
from zoneinfo import ZoneInfo

from recon.domain.records import RECORD_TYPES, Field, RecordType, Type
from recon.domain.rulebook import FieldMap, Format, Source
from recon.engine.amounts import places_sql, read_scaled_sql, rescaled_sql, whole_sql
from recon.engine.duck import name, text
from recon.ingest.cards import EXPECTED, WITHHELD, is_secret_column, is_secret_sql, mask_sql
from recon.ingest.staged import Staged, cell
from recon.ingest.ways import Part, Ways
from recon.ingest.zones import FIRST_DAY, LAST_DAY, business_date_sql, to_utc_by_column_sql, to_utc_sql

#: Kinds of settlement line that say what a customer paid: such a row without an amount is refused, never taken as 0.
PAYMENT_KINDS = ("capture", "refund", "chargeback", "chargeback_reversal")

#: How SQL types each kind of field in the canonical Parquet.
SQL_TYPES = {
    Type.MONEY: "BIGINT",
    Type.INTEGER: "BIGINT",
    Type.DATE: "DATE",
    Type.INSTANT: "TIMESTAMP",
    Type.BOOLEAN: "BOOLEAN",
}

_SPREADSHEET = "-?[0-9](?:[.,][0-9]+)?E[+][0-9]+"
_MONTH_NAME = "(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
_SPREADSHEET_DATE = f"(?:{_MONTH_NAME}-[0-9]{{2}}|[0-9]{{1,2}}-{_MONTH_NAME})"
_ISO = "[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.][0-9]{1,6})?(?:Z|[+-][0-9]{2}:?[0-9]{2})"
#: Layout of a time as whole seconds since 1970 in UTC.
EPOCH = "epoch"
#: Layout of a database's times: `YYYY-MM-DD HH:MM:SS[.ffffff]`, UTC unless an offset follows.
SQL_TIME = "sql"
_SQL_MOMENT = (
    "[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.][0-9]{1,6})?(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)
_TRUE, _FALSE = "('true', 'TRUE', 'True', '1')", "('false', 'FALSE', 'False', '0')"


@dataclass(frozen=True, slots=True)
class Check:
    """One reason to refuse a row: the condition; SQL for the column's name, the text found and what was expected."""

    fails: str
    column: str
    found: str
    expected: str


@dataclass(slots=True)
class Layers:
    """The projections, each a list of `expression AS alias` that sees what the ones before it made."""

    texts: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    values: list[str] = field(default_factory=list)
    sums: list[str] = field(default_factory=list)
    derived: list[str] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)  # texts that only the refusals need: names of the columns read


class Mapping:
    """A format compiled for one file: its columns, source, and the workspace's zone and cut-off."""

    def __init__(
        self, fmt: Format, source: Source, staged: Staged, zone: ZoneInfo, cut_off: time, night: date | None = None
    ) -> None:
        """`night`: the business date of records that say none, where that is no mistake."""
        self.night = night
        self.fmt, self.source, self.staged = fmt, source, staged
        self.record: RecordType = RECORD_TYPES[fmt.record]
        self.zone, self.cut_off = zone, cut_off
        self._ways = Ways(staged.columns)
        self._layers = Layers()
        self._own_lines = staged.first_line is None
        self.secret_columns = [n for n, column in enumerate(staged.columns) if is_secret_column(column)]
        self._compile()

    # --- what the caller runs ----------------------------------------------------------------------------------------

    def records_sql(self) -> str:
        """Every staged row in order: its own columns, `refused`, and `line` where the staging has one.

        What is the same in every row or follows from other columns is left out: see `told_sql`. A record_id that numbers
        twins is there, since it is not known before the whole file is.
        """
        columns = ["business_date"]
        columns += [f"{self._record_id('v_')} AS record_id"] if self.fmt.numbered else []
        columns += ["line"] if self._own_lines else []
        columns += [f"{name('v_' + f.name)} AS {name(f.name)}" for f in self.record.fields]
        cases = " ".join(f"WHEN {check.fails} THEN {n}" for n, check in enumerate(self._layers.checks))
        columns.append(
            f"CAST(CASE {cases} END AS SMALLINT) AS refused" if cases else "CAST(NULL AS SMALLINT) AS refused"
        )
        return f"SELECT {_list(columns)}\nFROM {self._layered([])}"

    def told_sql(self, file: str, sha256: str) -> dict[str, str]:
        """The common columns that `records_sql` leaves out, as SQL over those that it gives."""
        told = {"source": text(self.source.name), "file": text(file), "sha256": text(sha256)}
        return told if self.fmt.numbered else told | {"record_id": self._record_id("")}

    def refusals_sql(self) -> str:
        """Of each refused row: column_name, found, expected; before them `place` and `raw` where the staging has them.

        Without a place the rows come in the file's order.
        """
        checks = list(enumerate(self._layers.checks))
        number = "CASE " + " ".join(f"WHEN {check.fails} THEN {n}" for n, check in checks) + " END"

        def pick(what: str) -> str:
            return "CASE refused " + " ".join(f"WHEN {n} THEN {getattr(check, what)}" for n, check in checks) + " END"

        own = ["place", "raw"] if self._own_lines else []
        said = (("column", "column_name"), ("found", "found"), ("expected", "expected"))
        columns = [*own, *(f"{pick(what)} AS {alias}" for what, alias in said)]
        rows = f"SELECT *, {number} AS refused FROM {self._layered(self._layers.labels)}"
        return f"SELECT {_list(columns)}\nFROM ({rows})\nWHERE refused IS NOT NULL"

    # --- layers ------------------------------------------------------------------------------------------------------

    def _layered(self, labels: list[str]) -> str:
        own = ["place", "line", "raw", "defect_found", "defect_expected"] if self._own_lines else []
        sql = f"(SELECT {_list([*own, *self._layers.texts, *labels])}\nFROM {self.staged.relation})"
        for layer in (
            self._layers.places,
            self._layers.values,
            self._layers.sums,
            self._layers.derived,
            [f"{self._business_date()} AS business_date"],
        ):
            if layer:
                sql = f"(SELECT *, {_list(layer)}\nFROM {sql})"
        return sql

    def _compile(self) -> None:
        self._secrets()
        if self._own_lines:
            self._check("defect_expected IS NOT NULL", text("(row)"), "defect_found", "defect_expected")
        for n, refusal in enumerate(self.fmt.refuse):
            found = f"coalesce({self._ways.column(refusal.column)}, '')"
            self._layers.texts.append(f"CASE WHEN {self._ways.condition(refusal.when)} THEN {found} END AS x_{n}")
            self._check(f"x_{n} IS NOT NULL", text(refusal.column), f"x_{n}", text(refusal.expected))
        fields = sorted(self.record.fields, key=lambda f: bool(self._map(f).derive))  # derived fields see the others
        for each in fields:
            way = self._map(each)
            if each.type is Type.MONEY:
                self._money(each, way)
            elif each.type is Type.CURRENCY:
                self._currency(each, way)
            else:
                self._plain(each, way)
            if each.required or way.required:
                self._check(
                    f"{name('v_' + each.name)} IS NULL",
                    self._label(each.name),
                    "''",
                    text(f"{each.name}: a value, not an empty cell"),
                )
        if self.record.name == "settlement_line":
            kinds = ", ".join(text(kind) for kind in PAYMENT_KINDS)
            self._check(
                f"v_amount IS NULL AND v_kind IN ({kinds})",
                self._label("amount"),
                "''",
                text("the amount of a payment, not an empty cell"),
            )
        identity = [each for each in self.fmt.identity if each not in ("account", "kind")]
        if identity and not self.fmt.numbered:
            empty = " AND ".join(f"{name('v_' + each)} IS NULL" for each in identity)
            self._check(empty, self._label(identity[0]), "''", text("the row's own id, not an empty cell"))
        days = [each for each in (self.record.instant, self.record.day) if each]
        self._check("business_date IS NULL", self._label(days[0]), "''", text(f"a time or a day ({' or '.join(days)})"))

    def _secrets(self) -> None:
        """First of all checks: what nobody may keep."""
        for n in self.secret_columns:
            column = name(f"s_{n}")
            self._layers.texts.append(f"{cell(n)} AS {column}")
            self._check(f"{column} IS NOT NULL", text(self.staged.columns[n]), text(WITHHELD), text(EXPECTED))
        if self.fmt.reader == "json":  # members that the format does not read are in the raw text
            self._check(is_secret_sql("raw"), text("(row)"), text(WITHHELD), text(EXPECTED))
        for each in self.record.fields:
            if each.type is Type.TEXT and self._ways.parts(self._map(each)):
                read, value = name(f"t_{each.name}_0"), name(f"v_{each.name}")
                fails = f"({read} IS NOT NULL AND {value} IS NULL)"
                self._check(fails, self._label(each.name), text(WITHHELD), text(EXPECTED))

    def _map(self, each: Field) -> FieldMap:
        way = self.fmt.fields.get(each.name)
        return way or FieldMap(const=self._declared(each))

    def _declared(self, each: Field) -> str | None:
        """What the source in recon.yaml says of the field, for files that do not say it."""
        declared = {
            "psp": self.source.psp,
            "account": self.source.account if self.record.outside else "",
        }
        return declared.get(each.name) or None

    def _check(self, fails: str, column: str, found: str, expected: str) -> None:
        self._layers.checks.append(Check(fails, column, found, expected))

    def _label(self, field_name: str, part: int = 0) -> str:
        return name(f"l_{field_name}_{part}")

    def _texts(self, each: Field, parts: list[Part]) -> list[str]:
        """Add the parts to the first layer; gives their aliases."""
        for n, part in enumerate(parts):
            self._layers.texts.append(f"{part.text} AS {name(f't_{each.name}_{n}')}")
            self._layers.labels.append(f"{part.column} AS {self._label(each.name, n)}")
        if not parts:
            self._layers.labels.append(f"{text(each.name)} AS {self._label(each.name)}")
        return [name(f"t_{each.name}_{n}") for n in range(len(parts))]

    # --- fields by type ----------------------------------------------------------------------------------------------

    def _plain(self, each: Field, way: FieldMap) -> None:
        parts = self._ways.parts(way)
        aliases = self._texts(each, parts)
        value = name("v_" + each.name)
        raw = aliases[0] if aliases else "CAST(NULL AS VARCHAR)"
        if each.type in (Type.DATE, Type.INSTANT):
            self._time(each, way, raw, value)
        elif each.type is Type.INTEGER:
            self._layers.values.append(f"{read_scaled_sql(raw, '0')} AS {value}")
            self._unread(each, raw, value, "a whole number")
        elif each.type is Type.BOOLEAN:
            self._layers.values.append(
                f"CASE WHEN {raw} IN {_TRUE} THEN true WHEN {raw} IN {_FALSE} THEN false END AS {value}"
            )
            self._unread(each, raw, value, "true or false")
        elif each.type is Type.KEY:
            # NFC makes Hangul compare as it reads; the raw bytes stay in the raw store.
            declared = None if way.const else self._declared(each)
            key = f"nfc_normalize({raw})"
            self._layers.values.append(f"{f'coalesce({key}, {text(declared)})' if declared else key} AS {value}")
            if way.const is None and not way.values and parts:
                # The pattern is dear and hardly ever needed: what it matches holds E+, or is a short text with a dash.
                likely = f"{raw} LIKE '%E+%' OR strlen({raw}) <= 6 AND {raw} LIKE '%-%'"
                pattern = text(f"{_SPREADSHEET}|{_SPREADSHEET_DATE}")
                damaged = f"CASE WHEN {likely} THEN regexp_full_match({raw}, {pattern}) ELSE false END"
                hint = "an id as the provider wrote it; a spreadsheet made this one a number or a date"
                self._check(f"({damaged})", self._label(each.name), raw, text(hint))
        elif each.type is Type.TEXT:
            self._layers.values.append(f"{mask_sql(raw)} AS {value}")
        else:
            self._layers.values.append(f"{raw} AS {value}")

    def _unread(self, each: Field, raw: str, value: str, expected: str) -> None:
        self._check(f"({raw} IS NOT NULL AND {value} IS NULL)", self._label(each.name), raw, text(expected))

    def _time(self, each: Field, way: FieldMap, raw: str, value: str) -> None:
        """A date or an instant. Choices may differ in layout and zone: a column of the first layer says which it is."""
        usual = "%Y-%m-%d" if each.type is Type.DATE else "%Y-%m-%d %H:%M:%S"
        choices = [choice for _, choice in way.choose] or [way]
        readings = [
            (choice.layout or way.layout or usual, choice.zone or way.zone or self.fmt.zone) for choice in choices
        ]
        if len(set(readings)) == 1:
            made = self._moment(each, raw, *readings[0])
        else:
            which = name(f"w_{each.name}")
            cases = " ".join(f"WHEN {self._ways.condition(when)} THEN {n}" for n, (when, _) in enumerate(way.choose))
            self._layers.texts.append(f"CASE {cases} END AS {which}")
            by_choice = " ".join(
                f"WHEN {n} THEN {self._moment(each, raw, *reading)}" for n, reading in enumerate(readings)
            )
            made = f"CASE {which} {by_choice} END"
        last = f"{LAST_DAY} 23:59:59.999999" if each.type is Type.INSTANT else LAST_DAY
        kind, read = SQL_TYPES[each.type], name(f"r_{each.name}")
        self._layers.values.append(f"{made} AS {read}")
        self._layers.sums.append(
            f"CASE WHEN {read} BETWEEN {kind} '{FIRST_DAY}' AND {kind} '{last}' THEN {read} END AS {value}"
        )
        words = {
            "iso": "YYYY-MM-DD HH:MM:SS with Z or an offset",
            SQL_TIME: "YYYY-MM-DD HH:MM:SS",
            EPOCH: "seconds since 1970",
        }
        shown = " or ".join(dict.fromkeys(words.get(layout, layout) for layout, _ in readings))
        what = "a date" if each.type is Type.DATE else "a time"
        self._unread(
            each, raw, value, f"{what} written as {shown}, from {FIRST_DAY} to {LAST_DAY}, that exists in its zone"
        )

    def _moment(self, each: Field, raw: str, layout: str, zone: str) -> str:
        """SQL for one way of writing a date or an instant."""
        if layout == EPOCH:
            moment = (
                f"CASE WHEN regexp_full_match({raw}, '[0-9]{{1,12}}') THEN make_timestamp({raw}::BIGINT * 1000000) END"
            )
            return moment if each.type is Type.INSTANT else f"CAST({moment} AS DATE)"
        parsed = f"try_strptime({raw}, {text(layout)})"
        if each.type is Type.DATE:
            return f"CAST({parsed} AS DATE)"
        if layout == "iso":
            return f"CASE WHEN regexp_full_match({raw}, {text(_ISO)}) THEN {_zoned(raw)} END"
        if layout == SQL_TIME:
            return f"CASE WHEN regexp_full_match({raw}, {text(_SQL_MOMENT)}) THEN {_zoned(raw)} END"
        if "%z" in layout.lower():
            return f"timezone('UTC', {parsed})"
        if not zone.startswith("column:"):
            return to_utc_sql(parsed, zone)
        beside = name(f"z_{each.name}_{zone}")
        column = f"{self._ways.column(zone.removeprefix('column:'))} AS {beside}"
        if column not in self._layers.texts:
            self._layers.texts.append(column)
        return to_utc_by_column_sql(parsed, beside, dict(self.fmt.options.get("zones") or {}))

    def _currency(self, each: Field, way: FieldMap) -> None:
        aliases = self._texts(each, self._ways.parts(way))
        raw = aliases[0] if aliases else "CAST(NULL AS VARCHAR)"
        known = name(f"e_{each.name}")
        self._layers.places.append(f"{raw} AS {name('v_' + each.name)}")
        self._layers.places.append(f"{places_sql(raw)} AS {known}")
        self._check(
            f"({raw} IS NOT NULL AND {known} IS NULL)",
            self._label(each.name),
            raw,
            text("an ISO 4217 currency code in capitals"),
        )

    def _money(self, each: Field, way: FieldMap) -> None:
        value, places = name("v_" + each.name), name(f"e_{each.of}")
        if way.derive:
            self._derived(each, way)
            return
        parts = self._ways.parts(way)
        decimal, thousands = str(self.fmt.options.get("decimal", ".")), str(self.fmt.options.get("thousands", ""))
        if self.fmt.options.get("bare_decimals"):
            parts = [replace(part, text=whole_sql(part.text, decimal)) for part in parts]
        aliases = self._texts(each, parts)
        if not aliases:
            self._layers.values.append(f"CAST(NULL AS BIGINT) AS {value}")
            return
        minor = (way.choose[0][1].money if way.choose else way.money) == "minor"
        unit = f"CASE WHEN {places} IS NOT NULL THEN 0 END" if minor else places
        read = [name(f"p_{each.name}_{n}") for n in range(len(aliases))]
        for alias, into in zip(aliases, read, strict=True):
            number = read_scaled_sql(alias, unit, decimal, thousands)
            if minor and self.fmt.reader != "query":  # 50.00 in a file of whole minor units is another unit, not 50
                number = f"CASE WHEN NOT contains({alias}, {text(decimal)}) THEN {number} END"
            if minor and self.fmt.options.get("decimals"):
                number = rescaled_sql(f"({number})", name("v_" + each.of), self.fmt.options["decimals"])
            self._layers.values.append(f"{number} AS {into}")
        for n, (alias, into) in enumerate(zip(aliases, read, strict=True)):
            self._check(
                f"({alias} IS NOT NULL AND {into} IS NULL)",
                self._label(each.name, n),
                alias,
                self._amount_expected(each, decimal, minor),
            )
        if len(read) == 1 and parts[0].sign == 1:
            self._layers.sums.append(f"{read[0]} AS {value}")
            return
        total = " ".join(
            f"{'+' if part.sign > 0 else '-'} coalesce(CAST({into} AS HUGEINT), 0)"
            for part, into in zip(parts, read, strict=True)
        )
        filled = f"coalesce({', '.join(read)}) IS NOT NULL"
        self._layers.sums.append(f"CASE WHEN {filled} THEN try_cast(0 {total} AS BIGINT) END AS {value}")
        self._check(
            f"({filled} AND {value} IS NULL)",
            self._label(each.name),
            aliases[0],
            text("a sum that fits 64 bits of minor units"),
        )

    def _derived(self, each: Field, way: FieldMap) -> None:
        """A sum of other fields' values, in the layer after theirs."""
        first = name("v_" + way.derive[0])
        signs = [
            ("-" if other.startswith("-") else "+", name("v_" + other.removeprefix("-"))) for other in way.derive[1:]
        ]
        total = " ".join([f"CAST({first} AS HUGEINT)", *(f"{sign} coalesce({other}, 0)" for sign, other in signs)])
        self._layers.labels.append(f"{text(' + '.join(way.derive))} AS {self._label(each.name)}")
        value = name("v_" + each.name)
        self._layers.derived.append(f"try_cast({total} AS BIGINT) AS {value}")
        self._check(
            f"({first} IS NOT NULL AND {value} IS NULL)",
            self._label(each.name),
            "''",
            text("a sum that fits 64 bits of minor units"),
        )

    def _amount_expected(self, each: Field, decimal: str, minor: bool) -> str:
        currency, places = name("v_" + each.of), name(f"e_{each.of}")
        shown = text(f'a number with "{decimal}" before the decimals, at most ')
        number = f"{shown} || {places} || ' of them for ' || {currency}"
        if minor:
            number = "'a whole number of minor units'"
        return f"CASE WHEN {places} IS NULL THEN 'an amount with a known currency beside it' ELSE {number} END"

    # --- the record's own columns ------------------------------------------------------------------------------------

    def _business_date(self) -> str:
        instant = business_date_sql(name("v_" + self.record.instant), self.zone, self.cut_off)
        days = [instant] + ([name("v_" + self.record.day)] if self.record.day else [])
        days += [f"DATE '{self.night}'"] if self.night else []
        return f"coalesce({', '.join(days)})" if len(days) > 1 else instant

    def _record_id(self, prefix: str) -> str:
        """Account, identity and kind for what comes from outside; where the identity is a primary key, that alone.

        prefix   of the names of the fields' columns
        """
        parts = [each for each in self.fmt.identity if each not in ("account", "kind")]
        if self.record.outside:
            parts = ["account", *parts, "kind"]
        texts = [f"coalesce({_escaped(self._as_text(prefix, each))}, '')" for each in parts]
        return " || '|' || ".join(texts) + (" || '#1'" if self.fmt.numbered else "")

    def _as_text(self, prefix: str, each: str) -> str:
        known = self.record.field(each)
        value = name(prefix + each)
        return (
            value
            if known is None or known.type in (Type.KEY, Type.TEXT, Type.CURRENCY, Type.RATE)
            else f"CAST({value} AS VARCHAR)"
        )


def _zoned(raw: str) -> str:
    """Text with an offset, or in UTC without one, as a UTC TIMESTAMP."""
    return f"timezone('UTC', try_cast({raw} AS TIMESTAMPTZ))"


def _escaped(value: str) -> str:
    """Text in which the separator of a record_id cannot be mistaken for one."""
    return f"CASE WHEN contains({value}, '|') THEN replace(replace({value}, '\\', '\\\\'), '|', '\\|') ELSE {value} END"


def _list(columns: list[str]) -> str:
    return ",\n  ".join(columns)
