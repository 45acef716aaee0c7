"""Expressions: the small, typed part of SQL that rules, sides, formats and controls are written in (docs/rules.md).

Comes in   one expression as text, where it stands, and the names it may read with their types
Goes out   a checked `Expr`, or every problem with its place and a remedy; later the same tree as SQL for an engine
Never      runs anything, reaches a file or a function off the list, rounds unless told to (quotient), or turns NULL into
           a value: a comparison with an unknown value is unknown, and unknown is not true.

The list of what is allowed is by exact node type, because new versions of sqlglot add node types.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import lru_cache
from itertools import pairwise

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from recon.domain.records import Type
from recon.domain.rulebook import Expr
from recon.errors import Place, Problem

LENGTH_MAX = 2_000
NODES_MAX = 500
DEPTH_MAX = 50

FUNCTIONS = ("abs", "coalesce", "lower", "upper")
#: present(psp), fresh(psp): about a side of a group. total(line.net): the sum over the side's records, where `line.net`
#: is the value that they share. minutes_since, days_since: how long ago, at the night's end; whole and rounded down.
SIDE_FUNCTIONS = ("present", "fresh")
TIME_FUNCTIONS = ("minutes_since", "days_since")
FIELD_FUNCTIONS = ("total", *TIME_FUNCTIONS)
#: quotient(a, b): a divided by the whole number b, to the nearest whole; halves away from zero, as an invoice rounds.
QUOTIENT = "quotient"
_NAMED = (*SIDE_FUNCTIONS, *FIELD_FUNCTIONS, QUOTIENT)

#: Names that a rule may read, with their types. Dotted (`psp.amount`) or bare (`kind`, `"Gross Debit (GC)"`).
FieldSpace = Mapping[str, Type]
Locate = Callable[[int], Place]

_COMPARISONS = (
    exp.EQ,
    exp.NEQ,
    exp.NullSafeEQ,
    exp.NullSafeNEQ,
    exp.GT,
    exp.GTE,
    exp.LT,
    exp.LTE,
)
_EQUALITIES = (exp.EQ, exp.NEQ, exp.NullSafeEQ, exp.NullSafeNEQ)
_ARITHMETIC = (exp.Add, exp.Sub, exp.Mul)
_LOGIC = (exp.And, exp.Or, exp.Not, exp.Paren, exp.Is, exp.In, exp.Between, exp.Case, exp.If, exp.Like)
_LEAVES = (exp.Literal, exp.Boolean, exp.Null, exp.Column, exp.Identifier)
_CALLS = (exp.Abs, exp.Coalesce, exp.Upper, exp.Lower, exp.Anonymous)
_ALLOWED = frozenset((*_LOGIC, *_LEAVES, *_CALLS, *_COMPARISONS, *_ARITHMETIC, exp.Neg))
#: Words that stand before "(" without being functions.
_WORDS = frozenset(("and", "or", "not", "in", "is", "like", "between", "case", "when", "then", "else"))
_WHOLE = re.compile(r"0|[1-9][0-9]{0,17}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}( [0-9]{2}:[0-9]{2}:[0-9]{2})?")
_SIMPLE = re.compile(r'(\w+|"[^"]+")(\.(\w+|"[^"]+"))*')

_KIND_OF = {
    Type.MONEY: "money",
    Type.INTEGER: "integer",
    Type.BOOLEAN: "boolean",
    Type.DATE: "date",
    Type.INSTANT: "instant",
}
_NUMBERS = ("money", "integer")
#: What no expression has outside a text.
_MARKS = tuple("@~#$^&?:{}[]\\`")


class _RefusedError(Exception):
    """A reason to refuse, and the offset in the text where it shows."""

    def __init__(self, message: str, remedy: str = "", at: int | None = None) -> None:
        super().__init__(message)
        self.message, self.remedy, self.at = message, remedy, at


def check(
    text: str,
    place: Place,
    space: FieldSpace,
    *,
    sides: Collection[str] = (),
    want: str = "boolean",
    locate: Locate | None = None,
) -> tuple[Expr | None, list[Problem]]:
    """Check one expression.

    space    the names it may read; `sides` the names that present() and fresh() take
    want     what it has to give: "boolean", "money" (whole minor units) or "text"
    locate   offset in `text` -> place in the file; without it the text is taken to stand on one line from `place` on
    Returns the checked expression and no problem, or None and every problem found.
    """
    where = locate or (lambda offset: Place(place.file, place.line, place.column + offset) if place.line else place)
    try:
        tree = _parse(text)
    except _RefusedError as refused:
        return None, [Problem(where(refused.at or 0), refused.message, refused.remedy)]
    checker = _Checker(space, sides)
    kind = checker.kind(tree)
    if not checker.found and kind != want and not (want == "money" and kind == "integer"):
        checker.refuse(
            tree,
            f"this is {_a(kind)}, and {_a(want)} is needed here",
            _WANTED.get(want, ""),
        )
    if checker.found:
        return None, [Problem(where(refused.at or 0), refused.message, refused.remedy) for refused in checker.found]
    names = tuple(dict.fromkeys(_name(column) for column in _columns(tree)))
    called = (node for node in tree.find_all(exp.Anonymous, bfs=False) if node.name != QUOTIENT)
    calls = tuple(dict.fromkeys(map(_call, called)))
    return Expr(text, place, names, calls), []


def to_sql(expr: Expr | str, column: Callable[[str], str], *, dialect: str = "duckdb") -> str:
    """The expression as SQL of an engine.

    column    name -> SQL fragment; called with `psp.amount`, `kind`, and with `present(psp)`, `total(line.net)`
    dialect   sqlglot's name of the engine's SQL: duckdb, spark
    The result depends on nothing else. Raises ValueError for text that `check` would refuse whatever the names.
    """
    try:
        tree = _parse(expr.text if isinstance(expr, Expr) else expr).copy()
    except _RefusedError as refused:
        raise ValueError(refused.message) from refused

    def replace(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Anonymous) and node.name == QUOTIENT:
            parts = [part.transform(replace).sql(dialect=dialect) for part in node.expressions]
            return exp.Var(this=_quotient_sql(*parts, dialect=dialect))
        if isinstance(node, exp.Anonymous):
            name = "{}({})".format(*_call(node))
        elif isinstance(node, exp.Column):
            name = _name(node)
        else:
            return node
        fragment = column(name)
        return exp.Var(this=fragment if _SIMPLE.fullmatch(fragment) else f"({fragment})")

    return tree.transform(replace).sql(dialect=dialect)


def _quotient_sql(dividend: str, divisor: str, *, dialect: str) -> str:
    """Whole numbers only: DuckDB divides decimals (what sums are kept in) as floats, and HUGEINT exactly."""
    whole, div = ("HUGEINT", "//") if dialect == "duckdb" else ("DECIMAL(38, 0)", "DIV")
    n, d = f"CAST({dividend} AS {whole})", f"CAST({divisor} AS {whole})"
    nearest_whole = f"(abs({n}) * 2 + abs({d})) {div} nullif(abs({d}) * 2, 0)"
    return f"CAST({nearest_whole} * (sign({n}) * sign({d})) AS DECIMAL(38, 0))"


def since_sql(call: str, moment: str, night_end: str) -> str:
    """SQL of `minutes_since(...)` or `days_since(...)`: from the moment to the night's end, rounded down.

    moment   SQL of the field; a date counts from its start
    """
    seconds = 60 if call.startswith("minutes") else 86_400
    return f"CAST(floor((epoch({night_end}) - epoch({moment})) / {seconds}) AS BIGINT)"


def equality(expr: Expr) -> tuple[str, str] | None:
    """The two sides of an expression that is nothing but `a.b = c.d`, or `a.b = 0`, as they are written."""
    tree = _parse(expr.text)
    if type(tree) is not exp.EQ:
        return None
    parts = [_name(part) if type(part) is exp.Column else part.sql() for part in (tree.left, tree.right)]
    return (parts[0], parts[1]) if all(type(part) in _LEAVES for part in (tree.left, tree.right)) else None


def compared(expr: Expr) -> tuple[frozenset[str], frozenset[str]]:
    """The names that a plain comparison reads left and right of its sign; nothing for any other expression."""
    tree = _parse(expr.text)
    if type(tree) not in _COMPARISONS:
        return frozenset(), frozenset()
    left, right = (frozenset(map(_name, _columns(tree.args[part]))) for part in ("this", "expression"))
    return left, right


def nearest(word: str, words: Collection[str]) -> str:
    """ "did you mean X?" with the nearest of the legal words; else a listing where they are few; else empty."""
    close = difflib.get_close_matches(word, list(words), n=1, cutoff=0.6)
    if not close:
        tail = {name.rpartition(".")[2]: name for name in words}
        close = [tail[name] for name in difflib.get_close_matches(word.rpartition(".")[2], list(tail), n=1, cutoff=0.8)]
    if close:
        return f"did you mean {close[0]}?"
    return f"one of: {', '.join(words)}" if 0 < len(words) <= 12 else ""


@lru_cache(maxsize=4096)
def _parse(text: str) -> exp.Expr:
    """The only tree of the text, with every node on the list; raises `_RefusedError`."""
    _refuse_by_look(text)
    dialect = sqlglot.Dialect.get_or_raise("duckdb")
    try:
        tokens = dialect.tokenize(text)
        _refuse_tokens(text, tokens)
        trees = dialect.parser().parse_into(exp.Condition, tokens, text)
    except SqlglotError as error:
        raise _RefusedError(
            "this is not an expression of the rule language",
            "see docs/rules.md",
            _offset(error, text),
        ) from None
    except (RecursionError, ValueError):
        raise _RefusedError("this is nested too deeply to be read", "split the rule") from None
    if len(trees) != 1 or not isinstance(trees[0], exp.Expr):
        raise _RefusedError("one expression is needed here", "write a single condition")
    tree = trees[0]
    for count, node in enumerate(tree.walk()):
        if count >= NODES_MAX:
            raise _RefusedError(f"more than {NODES_MAX} parts", "split the rule")
        _refuse_node(node)
    if _depth(tree) > DEPTH_MAX:
        raise _RefusedError(f"nested more than {DEPTH_MAX} deep", "split the rule")
    return tree


def _refuse_by_look(text: str) -> None:
    if not text.strip():
        raise _RefusedError("an empty expression", "write a condition, or leave the key out")
    if len(text) > LENGTH_MAX:
        raise _RefusedError(f"longer than {LENGTH_MAX} characters", "split the rule")
    for offset, letter in enumerate(text):
        if (letter < " " and letter not in "\n\t") or letter == "\x7f" or "\ud800" <= letter <= "\udfff":
            raise _RefusedError(f"a control character (U+{ord(letter):04X})", "remove it", offset)


def _refuse_tokens(text: str, tokens: list[sqlglot.Token]) -> None:
    for token in tokens:
        raw = text[token.start : token.end + 1]
        if token.comments:
            raise _RefusedError(
                "comments are not part of an expression",
                "write a YAML comment (#) above it",
                token.start,
            )
        if raw == ";":
            raise _RefusedError("only one expression, without `;`", "remove the rest", token.start)
        if raw[:1] in _MARKS:
            # Before it is parsed: sqlglot takes time that doubles with each `@` in a row.
            raise _RefusedError(f"{raw} is not part of the rule language", "see docs/rules.md", token.start)
        if raw[:1].isdigit() and not _WHOLE.fullmatch(raw):
            message = f"{raw} is not a whole number of at most 18 digits"
            raise _RefusedError(message, "money is in whole minor units: 12.30 USD is 1230", token.start)
    for token, following in pairwise(tokens):
        word = token.text.lower()
        called = following.text == "(" and word.isidentifier() and text[token.start] not in "'\""
        if called and word not in _WORDS and word not in FUNCTIONS + _NAMED:
            message = f"{token.text}() is not a function of the rule language"
            raise _RefusedError(message, nearest(word, FUNCTIONS + _NAMED), token.start)


def _refuse_node(node: exp.Expr) -> None:
    at = _at(node)
    if type(node) not in _ALLOWED:
        what = type(node).__name__.upper()
        division = "compare products instead (a * 2 = b), or write quotient(a, b)"
        remedy = division if isinstance(node, exp.Div) else "see docs/rules.md"
        raise _RefusedError(f"{what} is not part of the rule language", remedy, at)
    if node.comments:
        raise _RefusedError(
            "comments are not part of an expression",
            "write a YAML comment (#) above it",
            at,
        )
    if any(needed and node.args.get(part) is None for part, needed in node.arg_types.items()):
        # sqlglot reads `@` as abs() of nothing.
        raise _RefusedError("this is not an expression of the rule language: an operand is missing", "", at)
    if isinstance(node, exp.Column) and (node.args.get("db") or not isinstance(node.this, exp.Identifier)):
        raise _RefusedError("a name has at most one dot", "write side.field", at)
    if isinstance(node, exp.In) and set(_filled(node)) != {"this", "expressions"}:
        raise _RefusedError(
            "IN takes a list of values in parentheses",
            "write kind in ('capture', 'refund')",
            at,
        )
    if isinstance(node, exp.Between) and node.args.get("symmetric"):
        raise _RefusedError("BETWEEN SYMMETRIC is not part of the rule language", "order the bounds", at)
    if isinstance(node, exp.If) and not isinstance(node.parent, exp.Case):
        raise _RefusedError(
            "IF is not part of the rule language",
            "write case when ... then ... else ... end",
            at,
        )
    if isinstance(node, exp.Anonymous) and node.name == QUOTIENT:
        if len(node.expressions) != 2:
            raise _RefusedError("quotient() takes two numbers", "write quotient(sale.amount * sale.bps, 10000)", at)
    elif isinstance(node, exp.Anonymous) and (
        node.name not in _NAMED or len(node.expressions) != 1 or type(node.expressions[0]) is not exp.Column
    ):
        if node.name in FIELD_FUNCTIONS:
            raise _RefusedError(f"{node.name}() takes one field of a side", f"write {node.name}(psp.FIELD)", at)
        raise _RefusedError(f"{node.name}() takes one side", "write present(psp)", at)
    if isinstance(node, exp.Like):
        pattern = node.expression
        if not (isinstance(pattern, exp.Literal) and pattern.is_string) or "\\" in pattern.name:
            raise _RefusedError(
                "LIKE takes a quoted pattern without backslash",
                "write memo like 'fee%'",
                at,
            )


def _filled(node: exp.Expr) -> Iterator[str]:
    return (name for name, value in node.args.items() if value)


def _depth(tree: exp.Expr) -> int:
    """Nesting of the tree; a chain of AND or OR counts once."""
    deepest, stack = 0, [(tree, 1)]
    while stack:
        node, depth = stack.pop()
        deepest = max(deepest, depth)
        for child in node.iter_expressions():
            chained = isinstance(node, (exp.And, exp.Or, exp.Add, exp.Sub)) and type(child) is type(node)
            stack.append((child, depth if chained else depth + 1))
    return deepest


def _offset(error: SqlglotError, text: str) -> int:
    """Where the parser stopped, as an offset; 0 where it does not say."""
    details = getattr(error, "errors", None) or [{}]
    found = details[0].get("highlight") or ""
    line, end = details[0].get("line"), details[0].get("col")
    if not line or not end:
        return 0
    before = sum(len(part) + 1 for part in text.split("\n")[: line - 1])
    return min(max(before + int(end) - len(found), 0), max(len(text) - 1, 0))


def _at(node: exp.Expr) -> int | None:
    """Offset of the first part of the node that knows its place."""
    starts = [part.meta["start"] for part in node.walk() if "start" in part.meta]
    return min(starts) if starts else None


def _name(column: exp.Column) -> str:
    return f"{column.table}.{column.name}" if column.table else column.name


def _call(node: exp.Expr) -> tuple[str, str]:
    return node.name, _name(node.expressions[0])


def _columns(tree: exp.Expr) -> Iterator[exp.Column]:
    """The columns that are read; the sides in present() and fresh() are none."""
    return (
        node
        for node in tree.find_all(exp.Column, bfs=False)
        if not (isinstance(node.parent, exp.Anonymous) and node.parent.name in SIDE_FUNCTIONS)
    )


def _a(kind: str) -> str:
    return {
        "null": "null",
        "integer": "a whole number",
        "boolean": "a condition",
        "date": "a date",
    }.get(kind, kind)


_WANTED = {
    "boolean": "compare it with something: psp.amount <> 0",
    "money": "write an amount in minor units: psp.amount - ledger.amount",
    "text": "write a text field or a quoted text",
}


class _Checker:
    """Types a tree bottom up; collects every reason to refuse. "unknown" is the type of what was already refused."""

    def __init__(self, space: FieldSpace, sides: Collection[str]) -> None:
        self.space, self.sides = space, sides
        self.found: list[_RefusedError] = []

    def refuse(self, node: exp.Expr, message: str, remedy: str = "") -> str:
        self.found.append(_RefusedError(message, remedy, _at(node)))
        return "unknown"

    def kind(self, node: exp.Expr) -> str:
        """money, text, integer, boolean, date, instant, null or unknown."""
        if isinstance(node, exp.Literal):
            return "text" if node.is_string else "integer"
        if isinstance(node, exp.Boolean):
            return "boolean"
        if isinstance(node, exp.Null):
            return "null"
        if isinstance(node, exp.Column):
            return self._column(node)
        if isinstance(node, exp.Anonymous):
            return self._quotient(node) if node.name == QUOTIENT else self._side_function(node)
        if isinstance(node, exp.Paren):
            return self.kind(node.this)
        if isinstance(node, (exp.And, exp.Or)):
            return self._all(node, (node.left, node.right), ("boolean",), "boolean")
        if isinstance(node, exp.Not):
            return self._all(node, (node.this,), ("boolean",), "boolean")
        if isinstance(node, (exp.Upper, exp.Lower, exp.Like)):
            parts = (node.this, node.expression) if isinstance(node, exp.Like) else (node.this,)
            return self._all(
                node,
                parts,
                ("text",),
                "boolean" if isinstance(node, exp.Like) else "text",
            )
        if isinstance(node, (exp.Neg, exp.Abs)):
            inner = self._all(node, (node.this,), _NUMBERS, "")
            return inner or self.kind(node.this)
        if isinstance(node, _ARITHMETIC):
            return self._arithmetic(node)
        if isinstance(node, exp.Is):
            return self._is(node)
        return self._several(node)

    def _several(self, node: exp.Expr) -> str:
        """Nodes whose parts have to be comparable with each other."""
        if isinstance(node, exp.Between):
            return self._comparable(node, [node.this, node.args["low"], node.args["high"]], ordered=True)
        if isinstance(node, exp.In):
            return self._comparable(node, [node.this, *node.expressions], ordered=False)
        if isinstance(node, exp.Case):
            return self._case(node)
        if isinstance(node, exp.Coalesce):
            return self._same(node, [node.this, *node.expressions])
        ordered = not isinstance(node, _EQUALITIES)
        return self._comparable(node, [node.args["this"], node.args["expression"]], ordered=ordered)

    def _column(self, node: exp.Column) -> str:
        name = _name(node)
        if name in self.space:
            return _KIND_OF.get(self.space[name], "text")
        scope = name.split(".")[0] + "."
        near = [known for known in self.space if known.startswith(scope)] if node.table else list(self.space)
        return self.refuse(
            node,
            f"{name} is not a name that can be read here",
            nearest(name, near or list(self.space)),
        )

    def _side_function(self, node: exp.Anonymous) -> str:
        function, side = _call(node)
        if not self.sides:
            return self.refuse(node, f"{function}() has no meaning here", "it is for rules over sides")
        if function in FIELD_FUNCTIONS:
            return self._field_function(node, function, side)
        if side not in self.sides:
            return self.refuse(node.expressions[0], f"{side} is not a side", nearest(side, self.sides))
        return "boolean"

    def _field_function(self, node: exp.Anonymous, function: str, name: str) -> str:
        """A sum has the type of its field; a time is a whole number of minutes or days."""
        kind = self._column(node.expressions[0])
        legal = (
            _NUMBERS if function == "total" else ("instant",) if function == "minutes_since" else ("date", "instant")
        )
        if kind == "unknown":
            return kind
        if name.split(".")[0] not in self.sides:
            return self.refuse(node, f"{name} is not a field of a side", f"write {function}(SIDE.FIELD)")
        if kind not in legal:
            return self.refuse(node, f"{name} is {_a(kind)}; {function}() takes {' or '.join(map(_a, legal))}")
        return kind if function == "total" else "integer"

    def _all(
        self,
        node: exp.Expr,
        parts: tuple[exp.Expr, ...],
        legal: tuple[str, ...],
        result: str,
    ) -> str:
        for part in parts:
            kind = self.kind(part)
            if kind not in (*legal, "null", "unknown"):
                what = "a condition" if legal == ("boolean",) else "text" if legal == ("text",) else "a number"
                self.refuse(part, f"{_said(part)} is {_a(kind)}; {_operator(node)} takes {what}")
                result = result or "unknown"
        return result

    def _arithmetic(self, node: exp.Expr) -> str:
        kinds = [self.kind(part) for part in (node.args["this"], node.args["expression"])]
        if "unknown" in kinds:
            return "unknown"
        for part, kind in zip((node.args["this"], node.args["expression"]), kinds, strict=True):
            if kind not in (*_NUMBERS, "null"):
                return self.refuse(
                    part,
                    f"{_said(part)} is {_a(kind)}; {_operator(node)} takes numbers",
                )
        if isinstance(node, exp.Mul) and kinds == ["money", "money"]:
            return self.refuse(
                node,
                "money times money has no meaning",
                "multiply by a count or a whole number",
            )
        if not _wide(node):
            return self.refuse(node, "arithmetic on numbers alone", "write the result")
        return "money" if "money" in kinds else "integer"

    def _quotient(self, node: exp.Anonymous) -> str:
        """What is divided keeps its type; money is divided by a whole number only."""
        dividend, divisor = node.expressions
        kinds = [self.kind(dividend), self.kind(divisor)]
        if "unknown" in kinds:
            return "unknown"
        if kinds[0] not in _NUMBERS:
            return self.refuse(dividend, f"{_said(dividend)} is {_a(kinds[0])}; quotient() divides a number")
        if kinds[1] != "integer":
            return self.refuse(divisor, f"{_said(divisor)} is {_a(kinds[1])}; quotient() divides by a whole number")
        return kinds[0]

    def _is(self, node: exp.Is) -> str:
        kind = self.kind(node.this)
        if isinstance(node.expression, exp.Null):
            return "boolean"
        if not isinstance(node.expression, exp.Boolean) or kind not in (
            "boolean",
            "null",
            "unknown",
        ):
            return self.refuse(
                node,
                "IS takes null, or true or false after a condition",
                "write = instead",
            )
        return "boolean"

    def _case(self, node: exp.Case) -> str:
        operand = node.args.get("this")
        for branch in node.args["ifs"]:
            if operand is not None:
                self._comparable(node, [operand, branch.this], ordered=False)
            else:
                self._all(node, (branch.this,), ("boolean",), "boolean")
        results = [branch.args["true"] for branch in node.args["ifs"]]
        return self._same(
            node,
            results + ([node.args["default"]] if node.args.get("default") is not None else []),
        )

    def _same(self, node: exp.Expr, parts: list[exp.Expr]) -> str:
        """One type for all parts: money and whole numbers together are money."""
        kinds = [kind for kind in map(self.kind, parts) if kind != "null"]
        if "unknown" in kinds:
            return "unknown"
        if not kinds:
            return "null"
        if set(kinds) <= set(_NUMBERS):
            return "money" if "money" in kinds else "integer"
        if len(set(kinds)) > 1:
            return self.refuse(
                node,
                f"{_operator(node)} mixes {' and '.join(map(_a, dict.fromkeys(kinds)))}",
            )
        return kinds[0]

    def _comparable(self, node: exp.Expr, parts: list[exp.Expr], *, ordered: bool) -> str:
        first, kind = parts[0], self.kind(parts[0])
        for part in parts[1:]:
            other = self.kind(part)
            if "unknown" in (kind, other) or "null" in (kind, other):
                continue
            if not (kind == other or {kind, other} <= set(_NUMBERS) or _dated(first, kind, part, other)):
                message = f"{_said(first)} is {_a(kind)} and {_said(part)} is {_a(other)}: they can't be compared"
                money = "money is in whole minor units, without quotes" if "money" in (kind, other) else ""
                return self.refuse(part if _at(part) is not None else node, message, money)
            if ordered and kind == "boolean":
                return self.refuse(node, "conditions have no order", "compare them with = or <>")
        return "boolean"


def _dated(first: exp.Expr, kind: str, part: exp.Expr, other: str) -> bool:
    """Whether one is a date or an instant and the other a quoted one."""
    for literal, literal_kind, opposite in ((first, kind, other), (part, other, kind)):
        if literal_kind == "text" and isinstance(literal, exp.Literal):
            pattern = {"date": _DAY, "instant": _MOMENT}.get(opposite)
            if pattern is not None and pattern.fullmatch(literal.name) and _exists(literal.name):
                return True
    return False


def _exists(moment: str) -> bool:
    from datetime import datetime

    try:
        datetime.fromisoformat(moment)
    except ValueError:
        return False
    return True


def _wide(node: exp.Expr) -> bool:
    """Whether the engine computes this with 64 bits: two bare literals would be 32-bit arithmetic."""
    if isinstance(node, (exp.Column, exp.Anonymous)):
        return True
    if isinstance(node, (*_ARITHMETIC, exp.Neg, exp.Abs, exp.Paren)):
        return any(_wide(part) for part in node.iter_expressions())
    if isinstance(node, exp.Coalesce):
        return any(_wide(part) for part in (node.this, *node.expressions))
    if isinstance(node, exp.Case):
        results = [branch.args["true"] for branch in node.args["ifs"]] + [node.args.get("default")]
        return any(_wide(part) for part in results if part is not None)
    return False


def _said(node: exp.Expr) -> str:
    """A part of an expression as a message shows it."""
    text = node.sql(dialect="duckdb")
    return text if len(text) <= 40 else text[:37] + "..."


_OPERATORS: dict[type[exp.Expr], str] = {
    exp.And: "AND",
    exp.Or: "OR",
    exp.Not: "NOT",
    exp.Add: "+",
    exp.Sub: "-",
    exp.Mul: "*",
    exp.Neg: "-",
}


def _operator(node: exp.Expr) -> str:
    return _OPERATORS.get(type(node), type(node).__name__.upper())
