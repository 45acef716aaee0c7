"""Plan: one reconciliation and one night, with everything that the SQL steps of matching are built from."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property

from recon.domain.calendar import Calendar
from recon.domain.records import COMMON, KINDS, RECORD_TYPES, RecordType, Type
from recon.domain.rulebook import Expr, Moves, Reconciliation, Side
from recon.domain.terms import Terms
from recon.engine.duck import name as quoted
from recon.engine.duck import text
from recon.engine.expressions import TIME_FUNCTIONS, since_sql

#: Columns that a row carries beside those of its record type, through open items from night to night.
CARRIED: tuple[tuple[str, str], ...] = (
    ("restated", "BOOLEAN"),
    ("previous_status", "VARCHAR"),
    ("since", "DATE"),
)
SQL_TYPES = {
    Type.TEXT: "VARCHAR",
    Type.KEY: "VARCHAR",
    Type.CURRENCY: "VARCHAR",
    Type.RATE: "VARCHAR",
    Type.MONEY: "BIGINT",
    Type.INTEGER: "BIGINT",
    Type.DATE: "DATE",
    Type.INSTANT: "TIMESTAMP",
    Type.BOOLEAN: "BOOLEAN",
}
#: Facts that every side has, whatever its record type.
BASE_FACTS = ("count", "amount", "amount_min", "amount_max", "currency", "psp", "cleared_count", "cleared_amount")
#: Money summed over a group: wide enough that no sum of int64 amounts overflows, and kept as such in Parquet.
WIDE = "DECIMAL(38, 0)"

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\.([a-z_]+)\}")


def record_columns(record: RecordType) -> list[tuple[str, str]]:
    """(column, SQL type) of a record's rows in canonical order, without the carried ones."""
    return [(field.name, SQL_TYPES[field.type]) for field in (*COMMON, *record.fields)]


def no_money(record: RecordType) -> list[str]:
    """The money columns, empty, of records that have none: every step can read them."""
    return [] if record.has_money else ["CAST(NULL AS VARCHAR) as currency", "CAST(NULL AS BIGINT) as amount"]


@dataclass(frozen=True)
class Plan:
    """What matching one reconciliation on one night needs to know.

    ends       the instant at which the night's business date ends, UTC
    moves      record type -> how its sources move
    calendars  provider -> calendar; `calendar` for every other
    terms      of the providers' contracts, for the derived fields of settlement lines
    """

    rule: Reconciliation
    night: date
    ends: datetime
    calendar: Calendar
    calendars: Mapping[str, Calendar]
    moves: Mapping[str, Moves]
    look_back_days: int
    terms: tuple[Terms, ...] = ()

    @property
    def prefix(self) -> str:
        return self.rule.name

    def table(self, what: str) -> str:
        """The quoted name of one of this reconciliation's tables: table("groups") -> "payin_groups"."""
        return quoted(f"{self.prefix}_{what}")

    def record(self, side: Side) -> RecordType:
        return RECORD_TYPES[side.record]

    def replaces(self, side: Side) -> bool:
        """Whether the side's newest version of a record replaces the older one."""
        return self.moves.get(side.record) is Moves.CHANGES

    def is_state(self, record: str) -> bool:
        """Whether records of that type are read whole each night: none is carried or remembered."""
        return self.moves.get(record) is Moves.STATE

    @cached_property
    def lasting(self) -> tuple[Side, ...]:
        """The sides whose records are carried and remembered."""
        return tuple(side for side in self.rule.sides if not self.is_state(side.record))

    @property
    def by_kind(self) -> bool:
        return self.rule.by_kind

    def kind_sql(self, side: Side, of: str = "") -> str:
        """The kind of the group of one of the side's rows: its own, or the only one that the side speaks of; empty where
        kinds are no groups of their own. `of`: the row's alias with a dot."""
        if not self.by_kind:
            return "''"
        return f"{of}kind" if self.record(side).field("kind") else text(side.kinds[0])

    def key_sql(self, of: str = "") -> str:
        """A group's key as text: what is known of it for life. Several fields are told apart whatever they hold."""
        fields = [f"{of}{field}" for field in self.key_fields]
        if len(fields) > 1:
            fields = [f"replace(replace({field}, '%', '%25'), '/', '%2F')" for field in fields]
        return " || '/' || ".join([*fields, f"{of}kind"] if self.by_kind else fields)

    @cached_property
    def quarantine_key(self) -> str:
        """The key field that a row in quarantine may have kept, as SQL: NULL where there is none."""
        kept = ("payment_order_id", "order_id", "payout_id", "seller_payout_id")
        return next((field for field in self.key_fields if field in kept), "CAST(NULL AS VARCHAR)")

    @cached_property
    def key_fields(self) -> tuple[str, ...]:
        """The fields of the first pass, less `kind`: what tells one payment from another."""
        return tuple(field for field in self.rule.passes[0].on if field != "kind")

    @property
    def psp_column(self) -> tuple[str, ...]:
        """`psp`, where it is not among the key fields anyway."""
        return () if "psp" in self.key_fields else ("psp",)

    @cached_property
    def first_kind(self) -> str:
        return KINDS[0]

    @cached_property
    def expressions(self) -> tuple[str, ...]:
        """Every dotted or bare name that any expression or text template of the rule file reads."""
        rule = self.rule
        checked = [*rule.agree, *(must.holds for must in rule.musts), *(wait.while_ for wait in rule.waits)]
        checked += [rule.difference.amount, rule.difference.currency] if rule.difference else []
        texts: list[str] = [must.next_step + must.why for must in rule.musts]
        for each in rule.breaks:
            checked += [each.when, *([each.proven] if each.proven else [])]
            texts += [each.why, each.next_step]
        names = {name for expr in checked for name in expr.names}
        for template in rule.fixes.values():
            names |= {
                name
                for posting in template.postings
                for expr in (posting.amount, posting.currency)
                for name in expr.names
            }
            names |= {f"{template.update}.{field}" for field in (*template.seen, "record_id") if template.update}
            names |= {f"{template.side}.{field}" for field in (template.key, "record_id") if template.channel}
            texts += [template.memo, *template.body.values()]
        names |= {".".join(found) for each in texts for found in _PLACEHOLDER.findall(each)}
        return tuple(sorted(names))

    def used(self, side: Side) -> list[str]:
        """The record fields of a side that rules read, beside the base facts."""
        own = [name.split(".")[1] for name in self.expressions if name.startswith(f"{side.name}.")]
        extra = [field for field in own if field not in BASE_FACTS]
        return [
            field
            for field in dict.fromkeys(extra)
            if self.record(side).fact(field) or field in ("previous_status", "record_id")
        ]

    def agreed(self, side: Side) -> list[str]:
        """The record fields of a side that `agree` or `waits` reads, beside the base facts: what the sieve has to carry."""
        names = {name for expr in self.in_sieve for name in expr.names}
        return [field for field in self.used(side) if f"{side.name}.{field}" in names]

    def derived(self, side: Side) -> list[str]:
        """The derived fields of a side that rules read: what nobody reads is not worked out."""
        read = {*self.used(side), *(field for field, _ in self.totals(side))}
        return [field.name for field in self.record(side).derived if field.name in read]

    @cached_property
    def in_sieve(self) -> tuple[Expr, ...]:
        return (*self.rule.agree, *(wait.while_ for wait in self.rule.waits))

    def totals(self, side: Side) -> list[tuple[str, str]]:
        """(field, field of its currency) of what total() asks of a side; the second is empty for a plain number."""
        checked = [*self.in_sieve, *(expr for each in self.rule.breaks for expr in (each.when, each.proven) if expr)]
        checked += [self.rule.difference.amount] if self.rule.difference else []
        for template in self.rule.fixes.values():
            checked += [expr for posting in template.postings for expr in (posting.amount, posting.currency)]
        asked = [argument for expr in checked for function, argument in expr.calls if function == "total"]
        names = [name.partition(".")[2] for name in dict.fromkeys(asked) if name.startswith(f"{side.name}.")]
        found = [(name, self.record(side).fact(name)) for name in names]
        return [(name, field.of if field else "") for name, field in found]

    @cached_property
    def kinds_named(self) -> tuple[str, ...]:
        """Kinds that are read by name (`refund.amount`), in the vocabulary's order."""
        scopes = {name.split(".")[0] for name in self.expressions if "." in name}
        scopes -= {side.name for side in self.rule.sides}
        return tuple(kind for kind in KINDS if kind in scopes)

    def required(self, kind: str) -> tuple[Side, ...]:
        """The sides that a group of a kind needs."""
        return tuple(side for side in self.rule.sides if self.speaks(side, kind) and not side.optional)

    def speaks(self, side: Side, kind: str) -> bool:
        """Whether the side speaks of groups of that kind."""
        return not self.by_kind or not side.kinds or kind in side.kinds

    def is_required_sql(self, side: Side) -> str:
        """True for groups of whose kind the side speaks, and which need it."""
        if side.optional:
            return "false"
        if not self.by_kind:
            return "true"
        return f"kind in ({', '.join(text(kind) for kind in side.kinds)})" if side.kinds else "true"

    def threshold_sql(self, business_days: int) -> str:
        """The earliest date that is not yet overdue tonight, by the group's provider."""
        by_day: dict[date, list[str]] = {}
        for psp, calendar in sorted(self.calendars.items()):
            by_day.setdefault(calendar.earliest_not_due(self.night, business_days), []).append(psp)
        default = self.calendar.earliest_not_due(self.night, business_days)
        whens = [
            f"when psp in ({', '.join(text(psp) for psp in psps)}) then DATE '{day}'"
            for day, psps in sorted(by_day.items())
            if day != default
        ]
        return f"case {' '.join(whens)} else DATE '{default}' end" if whens else f"DATE '{default}'"

    @property
    def grace_from(self) -> datetime:
        return self.ends - timedelta(minutes=self.rule.grace_minutes)

    def fact_column(self, kinds_known: bool) -> Callable[[str], str]:
        """How an expression's names read the columns of a groups or facts table.

        kinds_known   False in the sieve, where names of kinds are NULL
        """
        sides = {side.name for side in self.rule.sides}
        constants = {
            "night": f"DATE '{self.night}'",
            "night_end": f"TIMESTAMP '{self.ends:%Y-%m-%d %H:%M:%S}'",
        }

        def column(name: str) -> str:
            if name.startswith("present("):
                return f"({name[8:-1]}__count > 0)"
            if name.startswith("fresh("):
                return f"({name[6:-1]}__count > {name[6:-1]}__cleared_count)"
            if name.startswith("total("):
                return f"{name[6:-1].replace('.', '__')}__total"
            if name.startswith(TIME_FUNCTIONS):
                return since_sql(name, column(name.partition("(")[2][:-1]), constants["night_end"])
            if name in constants:
                return constants[name]
            scope, dot, field = name.partition(".")
            if not dot:
                return name
            if scope in sides:
                # An absent side has no count, as it has no amount; the column holds 0, so that counts can be added.
                return f"nullif({scope}__count, 0)" if field == "count" else f"{scope}__{field}"
            return f"{scope}__{field}" if kinds_known else _unknown(field)

        return column


def within(relation: str, alias: str) -> str:
    """True where the row of `alias` has its key (k1, k2) in a table, a view or a query in parentheses."""
    return f"exists (select 1 from {relation} i where i.k1 = {alias}.k1 and i.k2 = {alias}.k2)"


def _unknown(field: str) -> str:
    return "CAST(NULL AS BOOLEAN)" if field == "cleared" else f"CAST(NULL AS {WIDE})"
