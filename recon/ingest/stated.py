"""Stated: totals that a file states in rows of its own, taken out of the rows and held against what was read.

Comes in   staged rows, and the format's totals: a condition over raw columns says which rows state one
Goes out   the staged rows without them, and per total (name, 'proved' | 'failed' | 'unproven', detail)
Never      a row that states a total counted as a record; a total that cannot be read taken as agreed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from recon.domain.money import exponent, read_scaled, to_text
from recon.domain.records import RECORD_TYPES
from recon.domain.rulebook import Format, Total
from recon.engine.duck import Engine, name, text
from recon.engine.expressions import to_sql
from recon.ingest.staged import Staged, UnreadableError
from recon.ingest.ways import Ways

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Stated:
    """One row's total: the group it speaks of, the text of its value, and for counts what was counted.

    spans   it speaks of more files than this one
    """

    total: Total
    line: int
    group: tuple[str, ...]
    value: str | None
    counted: int
    spans: bool


def take_out(engine: Engine, fmt: Format, staged: Staged) -> tuple[Staged, tuple[Stated, ...]]:
    """The staged rows without those that state totals, and what these state. `staged` has its own lines."""
    if not fmt.totals:
        return staged, ()
    ways = Ways(staged.columns)
    conditions = [f"coalesce({ways.condition(total.when)}, false)" for total in fmt.totals]
    is_total = " OR ".join(conditions)
    rows = f"(SELECT * FROM {staged.relation} WHERE NOT ({is_total}))"
    found = [
        each
        for total, condition in zip(fmt.totals, conditions, strict=True)
        for each in _read(engine, total, ways, staged.relation, rows, condition)
    ]
    count = int(engine.one(f"SELECT count(*) FROM {rows}"))
    if not count and not fmt.options.get("allow_empty"):
        raise UnreadableError(
            "the file has totals and no rows",
            "ask the provider for the file again; an empty file never means that nothing was sold",
        )
    return replace(staged, relation=rows, rows=count), tuple(found)


def _read(engine: Engine, total: Total, ways: Ways, relation: str, rows: str, condition: str) -> list[Stated]:
    by = total.per if total.count else [column for _, column in total.by]
    keys = (text(each[1:]) if each.startswith("=") else f"coalesce({ways.column(each)}, '')" for each in by)
    group = ", ".join(["'' AS g", *keys])
    spans = f"coalesce({ways.condition(total.spans)}, false)" if total.spans else "false"
    counts: dict[tuple[str, ...], int] = {}
    if total.count:
        counts = {tuple(key): n for n, *key in engine.rows(f"SELECT count(*), {group} FROM {rows} GROUP BY ALL")}
    found = engine.rows(
        f"SELECT line, {ways.column(total.count or total.value)}, {spans}, {group} FROM {relation} "
        f"WHERE {condition} ORDER BY place"
    )
    return [
        Stated(total, line, tuple(key[1:]), value, counts.get(tuple(key), 0), bool(spanned))
        for line, value, spanned, *key in found
    ]


def prove(
    engine: Engine, fmt: Format, stated: Sequence[Stated], relation: str, quarantined: int
) -> tuple[tuple[str, str, str], ...]:
    """(name, 'proved' | 'failed' | 'unproven', detail) for each of the format's totals, over a SELECT of its records."""
    made = []
    for total in fmt.totals:
        own = [each for each in stated if each.total is total]
        if not own:
            made.append((total.name, "unproven", "the file does not state it"))
        elif any(each.spans for each in own):
            made.append((total.name, "unproven", "it speaks of several files"))
        elif total.count:
            made.append((total.name, *_advised(total, _verdict([_count_differs(each) for each in own], len(own)))))
        elif quarantined:
            made.append((total.name, "unproven", f"{quarantined} row(s) in quarantine are not in the sums"))
        else:
            made.append((total.name, *_advised(total, _sums(engine, fmt, total, own, relation))))
    return tuple(made)


def _advised(total: Total, verdict: tuple[str, str]) -> tuple[str, str]:
    """What an advisory total says never fails a file."""
    return ("unproven", verdict[1]) if total.advisory and verdict[0] == "failed" else verdict


def _verdict(differences: list[str], groups: int) -> tuple[str, str]:
    wrong = [each for each in differences if each]
    if not wrong:
        return "proved", f"{groups} stated"
    return "failed", f"{len(wrong)} of {groups} differ(s): " + "; ".join(wrong[:_SHOWN])


def _count_differs(each: Stated) -> str:
    if each.value is not None and each.value.isascii() and each.value.isdigit() and int(each.value) == each.counted:
        return ""
    return f"line {each.line} states {each.value or 'nothing'}, {each.counted} row(s) counted"


def _sums(engine: Engine, fmt: Format, total: Total, own: list[Stated], relation: str) -> tuple[str, str]:
    """Rows that speak of the same group (a section cut in two) are added up before they are compared."""
    declared = RECORD_TYPES[fmt.record].field(total.field)
    assert declared is not None  # the loader looked
    fields = [field for field, _ in total.by]
    at = fields.index(declared.of)
    decimal, thousands = str(fmt.options.get("decimal", ".")), str(fmt.options.get("thousands", ""))
    sums: dict[tuple[str, ...], int] = {}
    lines: dict[tuple[str, ...], int] = {}
    for each in own:
        key = tuple(part.upper() if n == at else part for n, part in enumerate(each.group))
        places = exponent(key[at])
        minor = None
        if places is not None and each.value is not None:
            scale = 0 if total.money == "minor" else places
            minor = read_scaled(each.value, scale, decimal=decimal, thousands=thousands)
        if minor is None:
            return (
                "failed",
                f"line {each.line} states {each.value or 'nothing'}, which is no amount of {key[at] or 'a currency'}",
            )
        sums[key] = sums.get(key, 0) + total.sign * minor
        lines.setdefault(key, each.line)
    keys = ", ".join(f"coalesce(CAST({name(field)} AS VARCHAR), '')" for field in fields)
    only = f"WHERE {to_sql(total.where, name)}" if total.where else ""
    read = {
        tuple(row[:-1]): int(row[-1])
        for row in engine.rows(
            f"SELECT {keys}, CAST(coalesce(sum({name(total.field)}), 0) AS VARCHAR) FROM ({relation}) {only} GROUP BY ALL"
        )
    }
    differences = []
    for key, minor in sums.items():
        currency, found = key[at], read.get(key, 0)
        said, summed = (to_text(total.sign * each, currency) for each in (minor, found))  # as the file signs it
        where = f"line {lines[key]} states {said} {currency}, the rows sum to {summed}"
        differences.append("" if found == minor else where)
    return _verdict(differences, len(sums))
