"""Cases: the groups that a rule itself says it fires on, or stays silent on, tried on the engine that runs the night.

A case is a mapping of facts by name. A side is there when one of its facts is given. What it leaves out: count 1,
amount_min = amount_max = amount, nothing cleared before, fresh as present, a total as the value. Conditions are false,
candidates 0, the night ends on 2026-11-19 at 00:00 UTC, the rest is unknown. `class` in a case that fires is what the
break becomes, before limits and the brake.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recon.config.spaces import GROUP
from recon.config.yaml_file import Document, Key
from recon.domain.records import Type
from recon.domain.rulebook import BreakRule, Case, Class, Expr, Reconciliation
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
    """How one case came out. `found` is the code of the first rule that holds, or `unexplained`; `class_found` its class.

    class_wanted   the class that the case names; None where it names none
    """

    code: str
    expected: str  # fires | silent
    found: str
    place: Place
    class_wanted: Class | None = None
    class_found: Class | None = None

    @property
    def ok(self) -> bool:
        as_said = (self.found == self.code) == (self.expected == "fires")
        return as_said and self.class_wanted in (None, self.class_found)

    @property
    def wanted(self) -> str:
        """What the case asks for, in words."""
        code = self.code if self.expected == "fires" else f"not {self.code}"
        return f"{code} {self.class_wanted}" if self.class_wanted else code

    @property
    def came(self) -> str:
        """What came out, in the same words."""
        return f"{self.found} {self.class_found}" if self.class_wanted and self.class_found else self.found


def parse_case(
    document: Document, given: Mapping[str, str], space: FieldSpace, sides: Sequence[str], *path: Key
) -> Case:
    """The facts with their types; what is not a name that rules read, or not of its type, is noted."""
    legal = {**space, **_called(space, sides)}
    facts: dict[str, Any] = {}
    class_: Class | None = None
    for name, text in given.items():
        if name == "class":
            if "fires_on" not in path:
                document.error("only a case that fires has a class", "remove it", *path, name, key=True)
            elif _is_class(document, text, *path, name):
                class_ = Class(text)
            continue
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
    return Case(facts, document.place(*path), class_)


def _is_class(document: Document, text: str, *path: Key) -> bool:
    """Whether a class is one; noted where it is not."""
    if text in [str(each) for each in Class]:
        return True
    document.error(f"{text} is not a class", nearest(text, [str(each) for each in Class]), *path)
    return False


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
    found = judge(reconciliation, [case.facts for _, _, case in asked])
    return [
        CaseResult(code, expected, rule.code if rule else "unexplained", case.place, case.class_, class_)
        for (code, expected, case), (rule, class_) in zip(asked, found, strict=True)
    ]


def first_rules(reconciliation: Reconciliation, facts: Sequence[Mapping[str, Any]]) -> list[str]:
    """For each set of facts the code of the first rule that holds, or `unexplained`."""
    return [rule.code if rule else "unexplained" for rule, _ in judge(reconciliation, facts)]


def judge(
    reconciliation: Reconciliation, facts: Sequence[Mapping[str, Any]]
) -> list[tuple[BreakRule | None, Class | None]]:
    """For each set of facts the first rule that holds, and the class it gives: manual_review where it is not proven."""
    rules = reconciliation.breaks
    proofs = [at for at, rule in enumerate(rules) if rule.proven is not None]
    asked = [rule.when for rule in rules] + [proven for rule in rules if (proven := rule.proven)]
    judged: list[tuple[BreakRule | None, Class | None]] = []
    for row in evaluate(reconciliation, facts, asked):
        at = next((at for at, holds in enumerate(row[: len(rules)]) if holds), None)
        if at is None:
            judged.append((None, None))
            continue
        unproven = at in proofs and not row[len(rules) + proofs.index(at)]
        judged.append((rules[at], Class.MANUAL_REVIEW if unproven else rules[at].class_))
    return judged


def evaluate(
    reconciliation: Reconciliation, facts: Sequence[Mapping[str, Any]], asked: Sequence[Expr]
) -> list[tuple[bool | None, ...]]:
    """For each set of facts what each expression gives, on DuckDB; None is unknown."""
    import duckdb

    from recon.config.spaces import rule_space

    space = rule_space({side.name: side.record for side in reconciliation.sides})
    sides = [side.name for side in reconciliation.sides]
    types = {**space, **_called(space, sides)}
    used = sorted({name for expr in asked for name in _read(expr)} | {"night_end"})
    rows = [with_defaults(given, sides) for given in facts]
    rows = [row | {name: _total(row, name) for name in used if name.startswith("total(")} for row in rows]
    answers = ", ".join(to_sql(expr, _column) for expr in asked)
    columns = ", ".join(f"{_quoted(name)} {_SQL.get(types[name], 'VARCHAR')}" for name in used)
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE cases (nr INTEGER{', ' + columns if columns else ''})")
        holes = ", ".join("?" * (len(used) + 1))
        values = [[nr, *(row.get(name) for name in used)] for nr, row in enumerate(rows)]
        if values:
            connection.executemany(f"INSERT INTO cases VALUES ({holes})", values)
        return connection.execute(f"SELECT {answers or 'nr'} FROM cases ORDER BY nr").fetchall()


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
