"""Deadlines, numbers and balances, without a night: what the rules of completeness say for themselves."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon.domain.calendar import Calendar
from recon.domain.completeness import begun, broken_chain, due_at, has, is_expected, statements, taken
from recon.domain.rulebook import Expected
from recon.fetch import number_in

SEOUL = ZoneInfo("Asia/Seoul")
FRIDAY, SATURDAY, MONDAY = date(2026, 10, 16), date(2026, 10, 17), date(2026, 10, 19)
CALENDAR = Calendar("KR", frozenset({MONDAY}))


@pytest.mark.parametrize(
    ("expected", "night", "due"),
    [
        (Expected(("business_days",), time(6)), FRIDAY, datetime(2026, 10, 19, 21, tzinfo=UTC)),  # Monday is a holiday
        (Expected(("business_days",), time(6), lag_days=2), FRIDAY, datetime(2026, 10, 20, 21, tzinfo=UTC)),
        (Expected(("daily",), time(6)), FRIDAY, datetime(2026, 10, 16, 21, tzinfo=UTC)),
        (Expected(("fri",), time(23, 59), lag_days=0), FRIDAY, datetime(2026, 10, 16, 14, 59, tzinfo=UTC)),
        (Expected(("daily",)), FRIDAY, None),
    ],
)
def test_a_deadline_is_a_local_hour_so_many_days_after_the_night(expected, night, due):
    assert due_at(expected, night, CALENDAR, SEOUL) == due


def test_a_deadline_follows_the_change_of_the_clock():
    """06:00 in Berlin is 04:00 UTC on the last summer day and 05:00 on the day after."""
    berlin, expected = ZoneInfo("Europe/Berlin"), Expected(("daily",), time(6), lag_days=0)
    hours = [due_at(expected, date(2026, 10, day), CALENDAR, berlin) for day in (24, 25)]
    assert [each.hour for each in hours if each] == [4, 5]


def test_what_is_expected_of_a_night():
    for on, nights in {
        ("business_days",): (True, False, False),
        ("daily",): (True, True, True),
        ("any",): (False, False, False),
        ("sat", "mon"): (False, True, True),
    }.items():
        assert tuple(is_expected(Expected(on), day, CALENDAR) for day in (FRIDAY, SATURDAY, MONDAY)) == nights


@given(st.permutations(range(40, 60)), st.integers(1, 20))
def test_numbers_may_come_in_any_order_and_the_gaps_are_what_has_not_come(numbers, count):
    first, *others = numbers[:count]
    series = begun("toss", "", "", first, from_one=False)
    for number in others:
        assert not has(series, number)
        series = taken(series, number)
    came = set(numbers[:count])
    missing = {number for low, high in series.gaps for number in range(low, high + 1)}
    assert missing == set(range(min(came), max(came) + 1)) - came
    assert (series.first, series.last) == (min(came), max(came))
    assert all(has(series, number) == (number in came) for number in range(35, 65))


def test_a_series_that_begins_with_one_lacks_what_lies_below_its_first_number():
    series = begun("bank", "KR-1", "2027", 3, from_one=True)
    assert series.gaps == ((1, 2),)
    assert taken(taken(series, 1), 2).gaps == ()


@pytest.mark.parametrize(
    ("pattern", "name", "number"),
    [
        ("in/acme_{seq}.csv", "in/acme_41.csv", 41),
        ("in/acme_{seq}.csv", "in/acme_041.csv", 41),
        ("in/acme_{seq}*.csv", "in/acme_41_final.csv", 41),
        ("in/a[0-9]_{seq}.csv", "in/a7_41.csv", 41),
        ("in/acme_{seq}.csv", "in/acme_latest.csv", None),
        ("in/acme_{seq}.csv", "in/acme_４１.csv", None),
        ("in/acme.csv", "in/acme.csv", None),
        ("in/acme_{date:%Y%m%d}_{seq}.csv", "in/acme_20261016_2.csv", 2),
    ],
)
def test_the_number_in_a_name(pattern, name, number):
    assert number_in(pattern, FRIDAY, name) == number


def chain(*given_):
    said = [
        {
            "account": "KR-1",
            "currency": "KRW",
            "opening": o,
            "closing": c,
            "opened_on": d,
            "closed_on": d,
            "sequence": n,
        }
        for o, c, d, n in given_
    ]
    *known, new = statements("x", said)
    wrong = broken_chain(known, new)
    return wrong and (wrong[0].closing, wrong[1])


def test_balances_meet_by_number_else_by_day_and_what_is_not_said_proves_nothing():
    first = ("0", "10", "2026-10-13", "40")
    assert chain(first, ("10", "20", "2026-10-14", "41")) is None
    assert chain(first, ("11", "20", "2026-10-14", "41")) == ("10", True)
    assert chain(first, ("11", "20", "2026-10-14", "42")) is None, "41 is missing: a gap, told elsewhere"
    assert chain(first, ("11", "20", "2026-10-14", "")) == ("10", True)
    assert chain(first, (None, "20", "2026-10-14", "41")) is None
    assert chain(("10", "20", "2026-10-14", ""), ("0", "9", "2026-10-13", "")) == ("20", False)
    assert chain(("0", "9", "2025-12-31", "40"), ("10", "20", "2026-02-14", "41")) == ("9", True), (
        "by day: another year"
    )


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("40", 40),
        ("40/1", 40),
        ("00040/001", 40),
        ("40/0", 40),
        ("40/2", None),
        ("0/1", None),
        ("", None),
        ("²", None),
        ("A1", None),
    ],
)
def test_a_statements_number_is_that_of_its_first_page(written, number):
    [found] = statements("f", [{"account": "A", "currency": "EUR", "opening": "0", "closing": "0", "opened_on": "", "closed_on": "", "sequence": written}])  # fmt: skip
    assert found.sequence == number
