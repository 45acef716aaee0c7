"""Subset sums against brute force: every set of items is tried, as docs/matching.md says what a choice is."""

from __future__ import annotations

import time
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon.match.subsets import MOST, Item, find_sums


def sets(size):
    return [chosen for n in range(1, size + 1) for chosen in combinations(range(size), n)]


def brute(items, within_days, most):
    """(united sets, rivals by position), from the words of the page alone."""

    def window(first):
        return [at for at, item in enumerate(items) if first <= item.day <= first + within_days]

    days = {item.day for item in items}
    full = {at for first in days for at in window(first) if len(window(first)) > most}

    def sums_to_zero(chosen):
        return sum(items[at].amount for at in chosen) == 0

    def fits(chosen):
        first = min(items[at].day for at in chosen)
        return set(chosen) <= set(window(first)) and len(window(first)) <= most

    zero = [set(chosen) for chosen in sets(len(items)) if sums_to_zero(chosen)]
    choices = [
        chosen
        for chosen in zero
        if fits(chosen)
        and not any(other < chosen for other in zero)
        and len({items[at].outside for at in chosen}) == 2
        and any(items[at].left for at in chosen)
        and any(items[at].keyless for at in chosen)
    ]
    united, rivals = set(), {}
    for chosen in choices:
        competing = max(sum(at in other for other in choices) for at in chosen)
        if competing > 1:
            for at in chosen:
                rivals[at] = max(rivals.get(at, 0), competing)
        elif not chosen & full:
            united.add(tuple(sorted(chosen)))
    return united, rivals


ITEMS = st.builds(
    lambda amount, day, outside, left, keyless: Item(amount if outside else -amount, day, outside, left, keyless),
    st.integers(-3, 9).filter(bool),
    st.integers(0, 4),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)


@given(st.lists(ITEMS, max_size=9), st.integers(0, 3), st.integers(2, 9))
def test_what_is_united_and_what_competes_is_what_brute_force_finds(items, within_days, most):
    found = find_sums(items, within_days, most)
    united, rivals = brute(items, within_days, most)
    assert {tuple(sorted(chosen)) for chosen in found.unite} == united
    assert found.rivals == rivals


@given(st.lists(ITEMS, max_size=9), st.randoms())
def test_the_order_of_items_changes_nothing(items, random):
    order = list(range(len(items)))
    random.shuffle(order)
    found = find_sums([items[at] for at in order], 2, 9)
    assert {frozenset(order[at] for at in chosen) for chosen in found.unite} == {
        frozenset(chosen) for chosen in find_sums(items, 2, 9).unite
    }


def item(amount, outside, day=0, left=True):
    return Item(amount, day, outside, left, keyless=not outside)


def test_two_payouts_and_three_deposits_that_add_up_in_one_way_only():
    items = [item(700, True), item(411, True), item(-500, False), item(-350, False), item(-261, False)]
    assert find_sums(items, 3, 12).unite == ((0, 1, 2, 3, 4),)


def test_two_solutions_are_never_chosen_between():
    items = [item(100, True), item(60, True), item(40, True), item(-100, False)]
    found = find_sums(items, 3, 12)
    assert found.unite == ()
    assert found.rivals == {0: 2, 1: 2, 2: 2, 3: 2}


def test_a_window_with_more_than_most_is_left_alone_and_its_neighbours_choose_nothing_of_it():
    crowd = [item(1_000 + n, True, day=3) for n in range(12)]
    near = [item(77, True), item(-77, False, day=3)]
    assert find_sums([*crowd, *near], 3, 12).unite == ()
    assert find_sums([*crowd[:5], *near], 3, 12).unite == ((5, 6),)


def test_amounts_past_any_machine_word_add_up():
    huge = 9_000_000_000_000_000_000
    assert find_sums([item(huge, True), item(huge - 1, True), item(1 - 2 * huge, False)], 0, 4).unite == ((0, 1, 2),)


@pytest.mark.parametrize("amount", [lambda n: 100, lambda n: 2**n + 1])
def test_the_largest_window_takes_no_time(amount):
    """Equal amounts make the most sums of zero, powers of two none."""
    items = [item(amount(n), n % 2 == 0) for n in range(MOST)]
    items = [each if each.outside else Item(-abs(each.amount), 0, False, True, True) for each in items]
    start = time.process_time()
    find_sums(items, 0, MOST)
    assert time.process_time() - start < 2
