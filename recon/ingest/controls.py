"""Controls: totals that a file proves by itself, and sums that a reader wants to see.

A control is proved when every group that claims it holds, failed when one does not, unproven when a row of the file is
in quarantine (its money is not in the sum) or when no group claims it.
"""

from __future__ import annotations

from recon.domain.money import to_text
from recon.domain.records import RECORD_TYPES, Type
from recon.domain.rulebook import Control, Format
from recon.engine.duck import Engine, name, text
from recon.engine.expressions import to_sql

_SHOWN = 5


def prove(engine: Engine, fmt: Format, relation: str, quarantined: int) -> tuple[tuple[str, str, str], ...]:
    """(name, 'proved' | 'failed' | 'unproven', detail) for each control of the format, over a SELECT of its records."""
    return tuple((control.name, *_prove(engine, fmt, control, relation, quarantined)) for control in fmt.controls)


def _prove(engine: Engine, fmt: Format, control: Control, relation: str, quarantined: int) -> tuple[str, str]:
    by = ", ".join(name(each) for each in control.by)
    claimed = f"coalesce(bool_or({to_sql(control.requires, name)}), false)" if control.requires else "true"
    total = f"CAST(coalesce(sum({name(control.field)}), 0) AS VARCHAR)"
    key = f"concat_ws(' ', {by})" if by else "''"
    known = RECORD_TYPES[fmt.record].field(control.field)
    currency = f"min({name(known.of)})" if known and known.type is Type.MONEY else "NULL"
    group = f"GROUP BY {by}" if by else ""
    rows = engine.rows(f"SELECT {key}, {total}, {currency}, {claimed} FROM ({relation}) {group} ORDER BY 1, 2")
    claims = [(key, int(total), currency) for key, total, currency, claims in rows if claims]
    wrong = [
        f"{key}: {to_text(total, currency or '')} {currency or ''}".strip()
        for key, total, currency in claims
        if total != control.equals
    ]
    if quarantined:
        return "unproven", f"{quarantined} row(s) in quarantine are not in the sums"
    if not claims:
        return "unproven", "no group of the file claims it"
    if wrong:
        return "failed", f"{len(wrong)} of {len(claims)} group(s) do not sum to {control.equals}: " + "; ".join(
            wrong[:_SHOWN]
        )
    return "proved", f"{len(claims)} group(s)"


def totals(engine: Engine, fmt: Format, relation: str) -> tuple[tuple[str, str, int, int], ...]:
    """(kind, currency, rows, minor units) of a SELECT of records, sorted."""
    kind = "coalesce(kind, '')" if RECORD_TYPES[fmt.record].field("kind") else "''"
    money = "coalesce(currency, ''), count(*), CAST(coalesce(sum(amount), 0) AS VARCHAR)"
    if not RECORD_TYPES[fmt.record].has_money:
        money = "'', count(*), '0'"
    rows = engine.rows(f"SELECT {kind}, {money} FROM ({relation}) GROUP BY 1, 2 ORDER BY 1, 2")
    return tuple((kind, currency, count, int(minor)) for kind, currency, count, minor in rows)


def net_differs(engine: Engine, fmt: Format, relation: str) -> tuple[str, ...]:
    """A warning when settled_amount - fee - tax <> net in some settlement lines: they are kept as they were written."""
    if fmt.record != "settlement_line":
        return ()
    wrong = "settled_amount - coalesce(fee, 0) - coalesce(tax, 0) <> net"
    count = engine.one(f"SELECT count(*) FROM ({relation}) WHERE {wrong}")
    if not count:
        return ()
    first = engine.rows(f"SELECT line FROM ({relation}) WHERE {wrong} ORDER BY line LIMIT {_SHOWN}")
    shown = ", ".join(str(line) for (line,) in first)
    more = " ..." if count > _SHOWN else ""
    return (f"{count} row(s) whose amount - fee - tax is not their net, kept as written: line {shown}{more}",)


def strangers(engine: Engine, column: str, declared: str, relation: str) -> list[str]:
    """Values of `column` other than the one the source is declared for."""
    rows = engine.rows(
        f"SELECT DISTINCT {name(column)} FROM ({relation}) WHERE {name(column)} <> {text(declared)} ORDER BY 1 LIMIT 3"
    )
    return [value for (value,) in rows]
