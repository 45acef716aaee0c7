"""The rule language: what it takes, what it refuses and where, and that both engines' text means the same."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Context, Decimal

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from recon.domain.records import Type
from recon.engine.expressions import check, to_sql
from recon.errors import Place

SPACE = {
    "psp.amount": Type.MONEY,
    "ledger.amount": Type.MONEY,
    "psp.count": Type.INTEGER,
    "psp.currency": Type.CURRENCY,
    "psp.settled_on": Type.DATE,
    "psp.occurred_at": Type.INSTANT,
    "order.status": Type.KEY,
    "kind": Type.TEXT,
    "cleared_before": Type.BOOLEAN,
    "Gross Debit (GC)": Type.TEXT,
}
SIDES = ("psp", "ledger", "order")
HERE = Place("rules/x.yaml", 7, 11)


def problems(text: str, want: str = "boolean") -> list[str]:
    expr, found = check(text, HERE, SPACE, sides=SIDES, want=want)
    assert (expr is None) == bool(found), "an expression comes back exactly when nothing is wrong"
    return [str(problem) for problem in found]


@pytest.mark.parametrize(
    "text",
    [
        "psp.amount = ledger.amount and order.status in ('SUCCESS', 'REFUNDED')",
        "present(psp) and not fresh(ledger)",
        "abs(psp.amount - ledger.amount) <= psp.count",
        "ledger.amount * psp.count = psp.amount",
        "case when cleared_before then psp.amount else 0 end > 5",
        "case kind when 'refund' then true else false end",
        "coalesce(psp.amount, 0) <> -1",
        "quotient(psp.amount * psp.count, 10000) = ledger.amount",
        "psp.amount between 0 and 10 or psp.amount is null",
        "upper(kind) like 'CAP%'",
        "kind is distinct from order.status",
        "psp.settled_on >= '2026-11-19' and psp.occurred_at < '2026-11-19 10:00:00'",
        '"Gross Debit (GC)" is not null',
        "cleared_before is true",
        "kind <> 'it''s'",
        "kind = '결제'",
        "kind = 'null;--drop'",
        " or ".join(["kind = 'x'"] * 100),
    ],
)
def test_sound_expressions_are_accepted(text):
    assert problems(text) == []


REFUSED = {
    "nothing": "  ",
    "a subquery": "(select 1) = 1",
    "exists": "exists (select 1)",
    "in a subquery": "kind in (select 'x')",
    "two statements": "cleared_before; cleared_before",
    "a union": "kind = 'a' union select true",
    "a statement": "drop table x",
    "a comment to the line's end": "cleared_before -- always",
    "a comment inside": "cleared_before /* always */",
    "a function that reads files": "read_csv('/etc/passwd') is null",
    "a function that reads text": "read_text('x') = 'y'",
    "glob()": "glob('*') is null",
    "the environment": "getenv('HOME') = 'x'",
    "settings": "current_setting('memory_limit') = 'x'",
    "a cast": "cast(kind as integer) = 1",
    "a cast with colons": "kind::integer = 1",
    "try_cast": "try_cast(kind as integer) = 1",
    "an aggregate": "sum(psp.amount) > 1",
    "count(*)": "count(*) > 1",
    "a window": "row_number() over () = 1",
    "a lambda": "list_filter([1], x -> x > 1) is null",
    "a placeholder": "kind = $1",
    "a question mark": "kind = ?",
    "deep parentheses": "(" * 300 + "cleared_before" + ")" * 300,
    "deep negation": "not " * 400 + "cleared_before",
    "deep minus": "- " * 900 + "psp.amount = 1",
    "a power tower": "9**9**9 = psp.amount",
    "division": "psp.amount / 2 = 1",
    "modulo": "psp.amount % 2 = 1",
    "a quotient of one number": "quotient(psp.amount) = 1",
    "a quotient of three numbers": "quotient(psp.amount, 2, 3) = 1",
    "money divided by money": "quotient(psp.amount, ledger.amount) = 1",
    "text divided": "quotient(kind, 2) = 1",
    "a quotient of a name that is not declared": "quotient(psp.amont, 2) = 1",
    "a quotient as the result": "quotient(psp.amount, 2)",
    "a float": "psp.amount = 1.5",
    "an exponent": "psp.amount = 1e400",
    "underscored digits": "psp.amount = 1_000",
    "leading zeros": "psp.amount = 010",
    "more digits than 64 bits hold": "psp.amount = 9999999999999999999",
    "arithmetic of bare numbers": "2147483647 * 2147483647 = psp.amount",
    "arithmetic of bare numbers in a case": "case when cleared_before then 1 else 2 end * 3 = psp.amount",
    "money times money": "psp.amount * ledger.amount > 1",
    "money and quoted text": "psp.amount = '5'",
    "text and a number": "kind = 5",
    "a condition and text": "cleared_before = 'x'",
    "an order of conditions": "cleared_before < true",
    "text where a condition is needed": "kind and cleared_before",
    "money as the result": "psp.amount",
    "null as the result": "null",
    "a date that does not exist": "psp.settled_on > '2026-02-30'",
    "a backslash in like": "kind like 'a\\b'",
    "an escape character": "kind like 'a!%' escape '!'",
    "a regular expression": "kind similar to '(a+)+'",
    "a function of regular expressions": "regexp_matches(kind, '(a+)+')",
    "like without case": "kind ilike 'a'",
    "glob": "kind glob 'a*'",
    "concatenation": "kind || 'x' = 'y'",
    "two literals in a row": "kind = 'a' 'b'",
    "an escape string": "kind = e'x'",
    "a dollar string": "kind = $$x$$",
    "brackets": "kind[1] = 'x'",
    "a struct": "{'a': 1} is null",
    "three parts": "main.psp.amount = 1",
    "a star": "*",
    "columns()": "columns('x')",
    "the clock": "current_date = psp.settled_on",
    "if()": "if(cleared_before, true, false)",
    "an empty list": "kind in ()",
    "mixed types in a case": "case when cleared_before then 1 else 'x' end = 1",
    "mixed types in coalesce": "coalesce(kind, 1) = 'x'",
    "a name that is not declared": "__class__ = 'x'",
    "a side that does not exist": "present(bank)",
    "two sides": "present(psp, ledger)",
    "a control character": "kind = 'a\x00'",
    "half a character": "kind = '\ud800'",
    "a long text": "kind = '" + "x" * 2_000 + "'",
    "many parts": "kind in (" + ", ".join(["'x'"] * 395) + ") and 1 = 2 or " + " or ".join(["1=1"] * 60),
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_everything_off_the_list_is_refused(text):
    assert problems(text)


def test_marks_of_no_expression_are_refused_before_they_are_parsed():
    """The parser's time doubles with each `@` in a row: 60 of them would take longer than anybody waits."""
    [problem] = problems("@" * 60)
    assert problem.startswith("rules/x.yaml:7:11: error: @ is not part of the rule language")


def test_the_refusal_names_place_and_nearest_name():
    assert problems("kind = 'capture' and psp.amont > 0") == [
        "rules/x.yaml:7:32: error: psp.amont is not a name that can be read here (did you mean psp.amount?)"
    ]
    [message] = problems("sume(psp.amount) > 1")
    assert message.startswith("rules/x.yaml:7:11: error: sume() is not a function of the rule language")
    [message] = problems("present(ledgr)")
    assert message == "rules/x.yaml:7:19: error: ledgr is not a side (did you mean ledger?)"


def test_all_wrong_names_of_one_expression_are_told_at_once():
    assert len(problems("psp.amont = 1 and knd = 'x' or ledger.amount = 'y'")) == 3


def test_the_wanted_type_is_held():
    assert problems("psp.amount - coalesce(ledger.amount, 0)", want="money") == []
    assert problems("psp.currency", want="text") == []
    assert problems("psp.currency", want="money")
    assert problems("psp.amount > 1", want="money")
    assert problems("psp.amount", want="text")


def test_names_and_calls_are_told_in_order_of_reading():
    expr, _ = check("present(psp) and psp.amount > 0 and kind = 'x' and psp.amount < 9", HERE, SPACE, sides=SIDES)
    assert expr is not None
    assert expr.names == ("psp.amount", "kind")
    assert expr.calls == (("present", "psp"),)
    assert expr.scopes == {"psp"}


def test_to_sql_puts_fragments_where_names_stood():
    text = "present(psp) and psp.amount <> ledger.amount and kind = 'a'"
    shown = to_sql(
        text, {"present(psp)": "n_psp > 0", "psp.amount": "max(a)", "ledger.amount": "b", "kind": '"k"'}.__getitem__
    )
    assert shown == "(n_psp > 0) AND (max(a)) <> b AND \"k\" = 'a'"
    assert to_sql(text, lambda name: f'"{name}"') == to_sql(text, lambda name: f'"{name}"')


def test_to_sql_of_what_check_refuses_is_an_error():
    with pytest.raises(ValueError, match="not a function"):
        to_sql("read_csv('x') is null", str)


def test_a_quote_and_a_backslash_survive_both_dialects():
    assert to_sql("kind = 'it''s \\ here'", lambda _: "k") == "k = 'it''s \\ here'"
    assert to_sql("kind = 'it''s \\ here'", lambda _: "k", dialect="spark") == "k = 'it\\'s \\\\ here'"


LEGAL = SPACE | {f"{function}({side})": Type.BOOLEAN for function in ("present", "fresh") for side in SIDES}
SQL = {
    Type.MONEY: "BIGINT",
    Type.INTEGER: "BIGINT",
    Type.BOOLEAN: "BOOLEAN",
    Type.DATE: "DATE",
    Type.INSTANT: "TIMESTAMP",
}


def select(condition: str, values: dict[str, object]) -> object:
    """A condition on DuckDB, files out of reach, over one row with these values; others NULL."""
    columns = ", ".join(f'CAST(? AS {SQL.get(type_, "VARCHAR")}) AS "{name}"' for name, type_ in LEGAL.items())
    with duckdb.connect(config={"enable_external_access": False}) as connection:
        given_values = [values.get(name) for name in LEGAL]
        row = connection.execute(f"SELECT {condition} FROM (SELECT {columns})", given_values).fetchone()
    assert row is not None
    return row[0]


def evaluate(text: str, **values: object) -> object:
    return select(to_sql(text, lambda name: f'"{name}"'), values)


def test_unknown_stays_unknown():
    """Three-valued: a comparison with NULL is NULL, and NOT of it too; only IS gives an answer."""
    assert evaluate("psp.amount = ledger.amount", **{"psp.amount": 5}) is None
    assert evaluate("not psp.amount = ledger.amount", **{"psp.amount": 5}) is None
    assert evaluate("psp.amount = 5 or ledger.amount = 1", **{"psp.amount": 5}) is True
    assert evaluate("psp.amount = 4 and ledger.amount = 1", **{"psp.amount": 5}) is False
    assert evaluate("kind in ('a', order.status)", kind="b") is None
    assert evaluate("kind not in ('a', 'b')") is None
    assert evaluate("ledger.amount is null") is True
    assert evaluate("psp.amount is distinct from ledger.amount", **{"psp.amount": 5}) is True


def test_large_amounts_do_not_wrap():
    """64-bit arithmetic that overflows is an error, never another number."""
    with pytest.raises(duckdb.OutOfRangeException):
        evaluate("psp.amount + psp.amount > 0", **{"psp.amount": 2**63 - 1})


EXACT = Context(prec=60)


def half_up(dividend: int, divisor: int) -> int:
    """Python's decimals, which round halves away from zero in ROUND_HALF_UP, on both sides of zero."""
    return int(EXACT.divide(Decimal(dividend), Decimal(divisor)).to_integral_value(ROUND_HALF_UP))


@settings(max_examples=150, deadline=None)
@given(
    st.integers(-(2**62), 2**62),
    st.one_of(st.integers(1, 20_000), st.integers(-20_000, -1), st.integers(1, 2**59)),
    st.integers(0, 10_000),
)
@example(-5, 10, 1)
@example(5, -10, 1)
@example(-25, 10, 1)
@example(2**62, 10_000, 10_000)
def test_a_quotient_is_what_exact_decimals_round_to(amount, divisor, bps):
    """Of sums as wide as the night keeps them too: DuckDB by itself would divide those as floats."""
    wide = {"psp.amount": f"CAST({amount} AS DECIMAL(38, 0))", "psp.count": f"CAST({bps} AS BIGINT)"}
    asked = to_sql(f"quotient(psp.amount * psp.count, {divisor})", wide.__getitem__)
    assert select(asked, {}) == half_up(amount * bps, divisor)
    assert select(to_sql(f"quotient(psp.amount, {divisor})", '"{}"'.format), {"psp.amount": amount}) == half_up(
        amount, divisor
    )


def test_a_quotient_of_the_unknown_or_by_nothing_is_unknown():
    assert evaluate("quotient(psp.amount, 2) = 1") is None
    assert evaluate("quotient(psp.amount, psp.count) = 1", **{"psp.amount": 5}) is None
    assert evaluate("quotient(psp.amount, psp.count) = 1", **{"psp.amount": 5, "psp.count": 0}) is None
    assert evaluate("quotient(psp.amount, psp.count) = 0", **{"psp.amount": 0, "psp.count": 7}) is True


def test_a_quotient_keeps_the_type_of_what_is_divided():
    assert problems("quotient(psp.amount * psp.count, 10000)", want="money") == []
    assert problems("quotient(quotient(psp.amount, 3), 2) - 1", want="money") == []
    assert problems("kind = quotient(psp.count, 2)")
    [message] = problems("quotient(psp.amount, ledger.amount) = 1")
    assert "quotient() divides by a whole number" in message
    expr, _ = check("quotient(psp.amount * psp.count, 10000) = 1", HERE, SPACE, sides=SIDES)
    assert expr is not None
    assert (expr.names, expr.calls) == (("psp.amount", "psp.count"), ())


def test_a_quotient_is_whole_in_both_dialects():
    assert to_sql("quotient(psp.amount, 2) = 1", lambda _: "a", dialect="spark") == (
        "CAST((abs(CAST(a AS DECIMAL(38, 0))) * 2 + abs(CAST(2 AS DECIMAL(38, 0)))) DIV nullif(abs(CAST(2 AS DECIMAL(38, 0))) * 2, 0)"
        " * (sign(CAST(a AS DECIMAL(38, 0))) * sign(CAST(2 AS DECIMAL(38, 0)))) AS DECIMAL(38, 0)) = 1"
    )


READABLE = ["psp.amount", "ledger.amount", "psp.count", "kind", "order.status", "cleared_before", '"Gross Debit (GC)"']
WORDS = ["(", ")", ",", "=", "<>", "<", "<=", ">=", "+", "-", "*", "and", "or", "not", "in", "is", "null", "true"]
WORDS += ["between", "case", "when", "then", "else", "end", "like", "false"]
ODD = [
    "present(psp)",
    "fresh(ledger)",
    "abs(",
    "coalesce(",
    "quotient(",
    "lower(",
    "select",
    "from",
    "read_csv(",
    "::",
    ";",
    "--",
    "''",
]
PIECES = st.one_of(
    st.sampled_from(READABLE),
    st.sampled_from(WORDS),
    st.sampled_from(ODD),
    st.integers(-(10**19), 10**19).map(str),
    st.text(max_size=6).map(lambda text: "'" + text + "'"),
    st.text(max_size=4),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(PIECES, max_size=12).map(" ".join))
def test_any_text_is_refused_or_is_a_condition(text):
    """Whatever is written: refused with its place, or a condition that DuckDB evaluates with files out of reach."""
    expr, found = check(text, HERE, SPACE, sides=SIDES)
    if expr is None:
        assert found and all(problem.place.line >= 7 or re.search(r"\s", text) for problem in found)
        return
    assert evaluate(text, **{"psp.amount": 5, "psp.count": 1, "kind": "a", "cleared_before": True}) in (
        True,
        False,
        None,
    )


def conditions(depth: int) -> st.SearchStrategy[str]:
    """Sound conditions, by construction."""
    number = st.one_of(
        st.sampled_from(["psp.amount", "ledger.amount", "psp.count", "abs(psp.amount)"]), st.integers(0, 99).map(str)
    )
    word = st.one_of(st.sampled_from(["kind", "order.status", "lower(kind)"]), st.sampled_from(["'a'", "'b'"]))
    leaf = st.one_of(
        st.builds("{} {} {}".format, number, st.sampled_from(["=", "<>", "<", ">="]), number),
        st.builds("{} = {}".format, word, word),
        st.builds("{} is null".format, st.one_of(number, word)),
        st.just("cleared_before"),
    )
    if depth == 0:
        return leaf
    inner = conditions(depth - 1)
    return st.one_of(
        leaf,
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("not ({})".format, inner),
    )


@settings(max_examples=150, deadline=None)
@given(conditions(3), st.one_of(st.none(), st.integers(-50, 50)), st.one_of(st.none(), st.sampled_from("ab")))
def test_sound_conditions_mean_the_same_rendered_as_written(text, amount, kind):
    """What DuckDB makes of the rendered text is what it makes of the text itself."""
    assert problems(text) == []
    values = {"psp.amount": amount, "kind": kind}
    quoted = re.sub(r"\b(psp\.amount|ledger\.amount|psp\.count|order\.status)\b", r'"\1"', text)
    assert evaluate(text, **values) == select(quoted, values)
