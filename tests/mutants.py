"""Mutants of a rule file: each has one thing of one rule changed; a rule file's own cases should notice.

    drop    a condition is taken out of an `and`, an `or` or a `not`; `proven` is taken away
    flip    a comparison is turned round, or its edge moved by one (`<` to `<=`); a flag is negated
    class   the rule has another class

Every mutant is judged as the file would be: all its rules together, in order, over all its cases, on DuckDB.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from sqlglot import exp

from recon.config.cases import evaluate
from recon.config.spaces import rule_space
from recon.domain.rulebook import Class, Expr, Reconciliation
from recon.engine.expressions import _parse, check

OTHERS = {
    exp.EQ: (exp.NEQ,),
    exp.NEQ: (exp.EQ,),
    exp.NullSafeEQ: (exp.NullSafeNEQ,),
    exp.NullSafeNEQ: (exp.NullSafeEQ,),
    exp.LT: (exp.GTE, exp.LTE),
    exp.LTE: (exp.GT, exp.LT),
    exp.GT: (exp.LTE, exp.GTE),
    exp.GTE: (exp.LT, exp.GT),
}
NEGATED = (exp.In, exp.Is, exp.Like, exp.Between)


@dataclass(frozen=True)
class Mutant:
    """One change: of the rule number `at`, the part `what` ("when", "proven" or "class"). `to` is a condition's new text,
    empty where `proven` is taken away."""

    code: str
    at: int
    how: str
    what: str
    to: str


def texts(condition: str) -> Iterator[tuple[str, str]]:
    """(how, text) of every mutant of a condition."""
    tree = _parse(condition)
    for place, node in enumerate(tree.walk()):
        for how, other in _others(node):
            copy = tree.copy()
            there = next(each for n, each in enumerate(copy.walk()) if n == place)
            mutant = other if there.parent is None else (there.replace(other), copy)[1]
            yield how, mutant.sql(dialect="duckdb", normalize_functions=False)


def _others(node: exp.Expr) -> Iterator[tuple[str, exp.Expr]]:
    if isinstance(node, (exp.And, exp.Or)):
        yield from (("drop", exp.paren(part.copy())) for part in (node.left, node.right))
    if isinstance(node, exp.Not):
        yield "drop", exp.paren(node.this.copy())
    for other in OTHERS.get(type(node), ()):
        yield "flip", other(this=node.this.copy(), expression=node.expression.copy())
    if isinstance(node, NEGATED) and not isinstance(node.parent, exp.Not):
        yield "flip", exp.paren(exp.not_(node.copy()))
    flag = isinstance(node, (exp.Column, exp.Anonymous)) and isinstance(
        node.parent, (exp.And, exp.Or, exp.Paren, type(None))
    )
    if flag:
        yield "flip", exp.paren(exp.not_(node.copy()))


def mutants(rule_file: Reconciliation) -> Iterator[Mutant]:
    """Every mutant of every rule."""
    for at, rule in enumerate(rule_file.breaks):
        for what in ("when", "proven"):
            condition = getattr(rule, what)
            if condition is not None:
                yield from (Mutant(rule.code, at, how, what, to) for how, to in texts(condition.text))
        if rule.proven is not None:
            yield Mutant(rule.code, at, "drop", "proven", "")
        yield from (Mutant(rule.code, at, "class", "class", other) for other in Class if other is not rule.class_)


def survivors(rule_file: Reconciliation) -> tuple[list[Mutant], int]:
    """The mutants that no case of the file notices, and how many there are in all."""
    made = list(mutants(rule_file))
    cases = [
        (at, case.facts, fires, case.class_)
        for at, rule in enumerate(rule_file.breaks)
        for fires, given in ((True, rule.fires_on), (False, rule.silent_on))
        for case in given
    ]
    changed = [mutant for mutant in made if mutant.what != "class" and mutant.to]
    own = [rule.when for rule in rule_file.breaks] + [rule.proven for rule in rule_file.breaks if rule.proven]
    asked = [*own, *(checked(rule_file, mutant.to) for mutant in changed)]
    answers = evaluate(rule_file, [facts for _, facts, _, _ in cases], asked)
    column = {id(mutant): len(own) + n for n, mutant in enumerate(changed)}
    return [m for m in made if not _noticed(rule_file, cases, answers, m, column.get(id(m)))], len(made)


def checked(rule_file: Reconciliation, text: str) -> Expr:
    """A mutant's text as an expression of the rule file."""
    sides = {side.name: side.record for side in rule_file.sides}
    found, problems = check(text, rule_file.place, rule_space(sides), sides=tuple(sides))
    assert found is not None, (text, problems)
    return found


def _noticed(rule_file, cases, answers, mutant: Mutant, column: int | None) -> bool:
    """Whether some case comes out other than it says."""
    rules = rule_file.breaks
    proofs = [n for n, rule in enumerate(rules) if rule.proven is not None]
    for (at, _, fires, wanted), row in zip(cases, answers, strict=True):
        whens = list(row[: len(rules)])
        if mutant.what == "when":
            whens[mutant.at] = row[column]
        first = next((n for n, holds in enumerate(whens) if holds), None)
        if (first == at) != fires:
            return True
        if not fires or wanted is None:
            continue
        class_ = Class(mutant.to) if mutant.what == "class" and mutant.at == at else rules[at].class_
        proven = at not in proofs or bool(row[len(rules) + proofs.index(at)])
        if mutant.what == "proven" and mutant.at == at:
            proven = bool(row[column]) if column is not None else True
        if class_ is Class.AUTO_FIX and not proven:
            class_ = Class.MANUAL_REVIEW
        if class_ is not wanted:
            return True
    return False


def without_cases(rule_file: Reconciliation) -> Reconciliation:
    """The file without its cases."""
    return replace(rule_file, breaks=tuple(replace(rule, fires_on=(), silent_on=()) for rule in rule_file.breaks))


def told(left: list[Mutant]) -> str:
    """The survivors, a line each."""
    return "\n".join(f"{m.code}: {m.how} {m.what} -> {m.to}" for m in left)
