"""Cases: the groups that a rule itself says it fires on, or stays silent on, tried on the engine that runs the night.

A case is a mapping of facts by name. A side is there when one of its facts is given. What it leaves out: count 1,
amount_min = amount_max = amount, nothing cleared before, fresh as present, a total as the value. Conditions are false,
candidates 0, the night ends on 2026-11-19 at 00:00 UTC, the rest is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recon.config.spaces import GROUP
from recon.config.yaml_file import Document, Key
from recon.domain.records import Type
from recon.domain.rulebook import Case, Expr, Reconciliation
from recon.engine.expressions import SIDE_FUNCTIONS, TIME_FUNCTIONS, FieldSpace, nearest, since_sql, to_sql
from recon.errors import Place

_SQL = {
    Type.MONEY: "BIGINT",
    Type.INTEGER: "BIGINT",
    Type.BOOLEAN: "BOOLEAN",
    Type.DATE: "DATE",
    Type.INSTANT: "TIMESTAMP",
}
_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,17})")


@dataclass(frozen=True, slots=True)
class CaseResult:
    """How one case came out. `found` is the code of the first rule that holds, or `unexplained`."""

    code: str
    expected: str  # fires | silent
    found: str
    place: Place

    @property
    def ok(self) -> bool:
        return (self.found == self.code) == (self.expected == "fires")


def parse_case(
    document: Document, given: Mapping[str, str], space: FieldSpace, sides: Sequence[str], *path: Key
) -> Case:
    """The facts with their types; what is not a name that rules read, or not of its type, is noted."""
    legal = {**space, **_called(space, sides)}
    facts: dict[str, Any] = {}
    for name, text in given.items():
        if name not in legal:
            document.error(f"{name} is not a name that rules read", nearest(name, legal), *path, name, key=True)
            continue
        type_ = legal[name]
        if _SQL.get(type_) == "BIGINT":
            if not _WHOLE.fullmatch(text):
                document.error(f"{name} is a whole number (minor units), {text!r} found", "", *path, name)
            else:
                facts[name] = int(text)
        elif type_ is Type.BOOLEAN:
            if text not in ("true", "false"):
                document.error(f"{name} is true or false, {text!r} found", "", *path, name)
            facts[name] = text == "true"
        else:
            facts[name] = text
    return Case(facts, document.place(*path))


def run_cases(reconciliation: Reconciliation) -> list[CaseResult]:
    """Every case of every rule, in the order of the file, judged by all the rules together on DuckDB."""
    asked = [
        (rule.code, expected, case)
        for rule in reconciliation.breaks
        for expected, cases in (("fires", rule.fires_on), ("silent", rule.silent_on))
        for case in cases
    ]
    if not asked:
        return []
    found = first_rules(reconciliation, [case.facts for _, _, case in asked])
    return [
        CaseResult(code, e, code_found, case.place) for (code, e, case), code_found in zip(asked, found, strict=True)
    ]


def first_rules(reconciliation: Reconciliation, facts: Sequence[Mapping[str, Any]]) -> list[str]:
    """For each set of facts the code of the first rule that holds, or `unexplained`."""
    import duckdb

    from recon.config.spaces import rule_space

    space = rule_space({side.name: side.record for side in reconciliation.sides})
    sides = [side.name for side in reconciliation.sides]
    types = {**space, **_called(space, sides)}
    used = sorted({name for rule in reconciliation.breaks for name in _read(rule.when)} | {"night_end"})
    rows = [with_defaults(given, sides) for given in facts]
    rows = [row | {name: _total(row, name) for name in used if name.startswith("total(")} for row in rows]
    whens = " ".join(f"WHEN {to_sql(rule.when, _column)} THEN {at}" for at, rule in enumerate(reconciliation.breaks))
    columns = ", ".join(f"{_quoted(name)} {_SQL.get(types[name], 'VARCHAR')}" for name in used)
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE cases (nr INTEGER{', ' + columns if columns else ''})")
        holes = ", ".join("?" * (len(used) + 1))
        values = [[nr, *(row.get(name) for name in used)] for nr, row in enumerate(rows)]
        connection.executemany(f"INSERT INTO cases VALUES ({holes})", values)
        answer = connection.execute(f"SELECT CASE {whens} ELSE -1 END FROM cases ORDER BY nr").fetchall()
    return [reconciliation.breaks[at].code if at >= 0 else "unexplained" for (at,) in answer]


def _called(space: FieldSpace, sides: Sequence[str]) -> dict[str, Type]:
    """What a case may give beside plain names: present(SIDE), fresh(SIDE), total(SIDE.FIELD)."""
    flags = {f"{function}({side})": Type.BOOLEAN for side in sides for function in SIDE_FUNCTIONS}
    numbers = {name: type_ for name, type_ in space.items() if type_ in (Type.MONEY, Type.INTEGER)}
    return flags | {f"total({name})": type_ for name, type_ in numbers.items() if name.split(".")[0] in sides}


def _read(when: Expr) -> list[str]:
    called = [f"{function}({argument})" for function, argument in when.calls if function not in TIME_FUNCTIONS]
    return [*when.names, *called]


def _total(row: Mapping[str, Any], name: str) -> Any:
    return row.get(name, row.get(name[len("total(") : -1]))


def _column(name: str) -> str:
    if name.startswith(TIME_FUNCTIONS):
        return since_sql(name, _quoted(name.partition("(")[2][:-1]), '"night_end"')
    return _quoted(name)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def with_defaults(facts: Mapping[str, Any], sides: Sequence[str]) -> dict[str, Any]:
    """The facts with what a case may leave out (see the module's header)."""
    row: dict[str, Any] = {name: False for name, type_ in GROUP.items() if type_ is Type.BOOLEAN} | {"candidates": 0}
    row |= {"night": "2026-11-18", "night_end": "2026-11-19 00:00:00"}
    for side in sides:
        there = facts.get(f"present({side})", any(name.startswith((f"{side}.", f"total({side}.")) for name in facts))
        row[f"present({side})"] = there
        row |= {f"{side}.cleared_count": 0, f"{side}.cleared_amount": 0, f"fresh({side})": False}
        if there:
            amount = facts.get(f"{side}.amount")
            count = facts.get(f"{side}.count", 1)
            row |= {f"{side}.count": count, f"{side}.amount_min": amount, f"{side}.amount_max": amount}
            row[f"fresh({side})"] = facts.get(f"{side}.cleared_count", 0) < count
    return row | dict(facts)
