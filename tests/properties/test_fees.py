"""What a line may be charged, as SQL, is what Python's decimals say, for any terms and any line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Decimal, localcontext

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recon.domain.terms import Price, Rate, Rounding, Terms, Version
from recon.engine.fees import LARGEST, derived_sql

FIELDS = ("charged_fee", "charged_tax", "expected_fee", "expected_tax", "without_terms")
WAYS = {
    Rounding.HALF_UP: ROUND_HALF_UP,
    Rounding.HALF_EVEN: ROUND_HALF_EVEN,
    Rounding.UP: ROUND_UP,
    Rounding.DOWN: ROUND_DOWN,
}


@dataclass(frozen=True)
class Line:
    psp: str
    account: str | None
    kind: str
    kind_raw: str | None
    settled_currency: str | None
    settled_amount: int | None
    fee: int | None
    tax: int | None
    business_date: date


# --- the slow and obvious way ---


def told(amount: int | None) -> int | None:
    """A number that a fee can be told of."""
    return amount if amount is not None and abs(amount) <= LARGEST else None


def share(amount: int | None, millionths: int, rounding: Rounding) -> int | None:
    if amount is None:
        return None
    with localcontext() as context:
        context.prec = 60
        exact = Decimal(amount) * millionths / 1_000_000
        return int(exact.quantize(Decimal(1), rounding=WAYS[rounding]))


def charged(line: Line) -> tuple[int | None, int | None]:
    fee = 0 if line.fee is None else told(line.fee)
    own = 0 if line.kind != "fee" or line.settled_amount is None else told(line.settled_amount)
    return None if fee is None or own is None else fee - own, 0 if line.tax is None else told(line.tax)


def contract(terms: list[Terms], line: Line) -> Terms | None:
    fitting = [each for each in terms if each.psp == line.psp and each.currency == line.settled_currency]
    own = [each for each in fitting if each.account and each.account == line.account]
    begun = [
        each
        for each in own + [each for each in fitting if not each.account]
        if any(version.starts <= line.business_date for version in each.versions)
    ]
    return begun[0] if begun else None


def expected(terms: list[Terms], line: Line) -> tuple[int | None, int | None]:
    """(fee, tax) that the terms of the day say; None where they say nothing."""
    mine = contract(terms, line)
    if mine is None:
        return None, None
    version = max((v for v in mine.versions if v.starts <= line.business_date), key=lambda v: v.starts)
    for rate in version.rates:
        if (rate.kinds and line.kind not in rate.kinds) or (rate.kinds_raw and line.kind_raw not in rate.kinds_raw):
            continue
        tax = share(charged(line)[0], rate.tax, version.rounding)
        if rate.as_charged:
            return charged(line)[0], tax
        amount = told(line.settled_amount)
        base = None if amount is None else abs(amount)
        fee = None
        for price in rate.prices:
            if price.share == 0 and price.up_to is None:
                fee = price.fixed
            elif base is not None and (price.up_to is None or base <= price.up_to):
                fee = share(base, price.share, version.rounding) + price.fixed
            if fee is not None:
                break
        if fee is not None and rate.least is not None:
            fee = max(fee, rate.least)
        if fee is not None and rate.most is not None:
            fee = min(fee, rate.most)
        return fee, tax
    return None, None


def slow(terms: list[Terms], line: Line) -> tuple[int | None, ...]:
    fee, tax = expected(terms, line)
    if fee is None and charged(line) == (0, 0):
        fee = 0
    if tax is None and charged(line) == (0, 0):
        tax = 0
    return *charged(line), fee, tax, int(fee is None)


def quick(terms: list[Terms], lines: list[Line]) -> list[tuple[int | None, ...]]:
    with duckdb.connect() as engine:
        engine.execute(
            "create table lines (n integer, psp varchar, account varchar, kind varchar, kind_raw varchar, "
            "settled_currency varchar, settled_amount bigint, fee bigint, tax bigint, business_date date)"
        )
        rows = [(n, *(getattr(line, name) for name in Line.__dataclass_fields__)) for n, line in enumerate(lines)]
        engine.executemany(f"insert into lines values ({', '.join('?' * 10)})", rows)
        columns = ", ".join(f"{derived_sql(field, terms)} as {field}" for field in FIELDS)
        return engine.execute(f"select {columns} from lines order by n").fetchall()


# --- terms and lines ---

DAYS = st.dates(date(2026, 1, 1), date(2026, 1, 9))
MINOR = st.integers(-1_000, 1_000) | st.integers(-(10**15) + 1, 10**15 - 1)
AMOUNTS = (
    st.integers(-300, 300)
    | st.integers(-1_000_000, 1_000_000)
    | st.sampled_from([LARGEST, -LARGEST, LARGEST + 1, 2**63 - 1, -(2**63)])
    | st.integers(-(2**63), 2**63 - 1)
)
SHARES = st.sampled_from([0, 1, 5_000, 29_000, 500_000, 1_000_000, -25_000]) | st.integers(-1_000_000, 1_000_000)
KINDS = st.sampled_from(["capture", "refund", "chargeback", "fee"])


@st.composite
def rates(draw) -> Rate:
    kinds = tuple(draw(st.lists(KINDS, max_size=2)))
    raw = tuple(draw(st.lists(st.sampled_from(["Settled", "it's"]), max_size=1)))
    tax = draw(st.sampled_from([0, 100_000, 190_000, 333_333]))
    if draw(st.booleans()) and draw(st.booleans()):
        return Rate(kinds, raw, tax=tax, as_charged="by hand")
    ends = sorted(draw(st.sets(st.integers(0, 2_000), max_size=3)))
    prices = tuple(Price(draw(SHARES), draw(MINOR), end) for end in [*ends, None])
    least, most = sorted(draw(st.tuples(MINOR, MINOR)))
    return Rate(
        kinds,
        raw,
        prices,
        least if draw(st.booleans()) else None,
        most if draw(st.booleans()) else None,
        tax,
    )


@st.composite
def contracts(draw) -> list[Terms]:
    made = []
    names = st.tuples(
        st.sampled_from(["stripe", "o'psp"]), st.sampled_from(["USD", "KRW"]), st.sampled_from(["", "one"])
    )
    for psp, currency, account in sorted(draw(st.sets(names, max_size=3))):
        starts = sorted(draw(st.sets(DAYS, min_size=1, max_size=3)), reverse=True)
        rounding = st.sampled_from(list(Rounding))
        versions = tuple(
            Version(day, tuple(draw(st.lists(rates(), min_size=1, max_size=3))), draw(rounding)) for day in starts
        )
        made.append(Terms("any", psp, currency, versions, account))
    return draw(st.permutations(made))


LINES = st.builds(
    Line,
    st.sampled_from(["stripe", "o'psp"]),
    st.none() | st.sampled_from(["one", "two"]),
    KINDS,
    st.none() | st.sampled_from(["Settled", "it's"]),
    st.none() | st.sampled_from(["USD", "KRW"]),
    st.none() | AMOUNTS,
    st.none() | AMOUNTS,
    st.none() | st.integers(-50, 50),
    DAYS,
)


@given(contracts(), st.lists(LINES, min_size=1, max_size=12))
@settings(max_examples=150, deadline=None)
def test_sql_says_what_decimals_say(terms, lines):
    assert quick(terms, lines) == [slow(terms, line) for line in lines]


# --- and by hand ---

DAY = date(2026, 11, 18)


def line(amount: int, kind: str = "capture", **more) -> Line:
    return Line(**{"psp": "p", "account": None, "kind": kind, "kind_raw": None, "settled_currency": "USD", "settled_amount": amount,
                   "fee": 0, "tax": None, "business_date": DAY} | more)  # fmt: skip


def one(rate: Rate, rounding: Rounding = Rounding.HALF_UP) -> list[Terms]:
    return [Terms("t", "p", "USD", (Version(date(2026, 1, 1), (rate,), rounding),))]


@pytest.mark.parametrize(
    ("rounding", "fees"),
    [
        (Rounding.HALF_UP, [0, 1, 2, 3, -1, -2]),
        (Rounding.HALF_EVEN, [0, 0, 2, 2, 0, -2]),
        (Rounding.UP, [1, 1, 2, 3, -1, -2]),
        (Rounding.DOWN, [0, 0, 1, 2, 0, -1]),
    ],
)
def test_half_a_minor_unit_is_rounded_as_the_contract_says(rounding, fees):
    """2.5 % of 16, 20, 60 and 100 is 0.4, 0.5, 1.5 and 2.5; given back, -0.5 and -1.5."""
    charged = quick(one(Rate(prices=(Price(25_000, 0),)), rounding), [line(each) for each in (16, 20, 60, 100)])
    back = quick(one(Rate(prices=(Price(-25_000, 0),)), rounding), [line(-each) for each in (20, 60)])
    assert [row[2] for row in (*charged, *back)] == fees


def test_the_version_of_the_day_holds_from_its_first_day_and_answers_alone():
    """A new version without a price for refunds has none: the older one's does not come back."""
    old = Version(date(2026, 1, 1), (Rate(prices=(Price(0, 30),)),))
    new = Version(DAY, (Rate(("capture",), prices=(Price(0, 25),)),))
    terms = [Terms("t", "p", "USD", (new, old))]
    before = DAY - timedelta(days=1)
    days = [line(1, business_date=DAY), line(1, business_date=before), line(1, "refund", fee=30), line(1, "refund")]
    assert [(row[2], row[4]) for row in quick(terms, days)] == [(25, 0), (30, 0), (None, 1), (0, 0)]


def test_the_edge_of_a_tier_is_the_lower_tiers():
    rate = Rate(prices=(Price(0, 1, up_to=100), Price(0, 2)))
    assert [row[2] for row in quick(one(rate), [line(100), line(-100), line(101), line(-101)])] == [1, 1, 2, 2]


def test_a_fee_line_is_all_fee():
    [row] = quick(one(Rate(as_charged="by invoice", tax=100_000)), [line(-1_500, "fee", tax=150)])
    assert row == (1_500, 150, 1_500, 150, 0)
