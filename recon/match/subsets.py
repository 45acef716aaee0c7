"""Subsets: which records of two sides add up to the same amount, when exactly one choice does. Pure; no SQL, no names.

Comes in   items with an amount and a day; the items of the second side have their amounts turned round
Goes out   the choices that nothing competes with, and for every other item of a choice how many compete
Never      picks one of several, or looks into a window that holds more than `most` items: what lies in one is left alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

#: 2 ** MOST sums are held at once; a window of more items has too many sums by chance anyway.
MOST = 16
#: So many sums of zero in one window (equal amounts, as a rule) say nothing: it is left alone like one with too many items.
ZEROS = 2_000


@dataclass(frozen=True, slots=True)
class Item:
    """One group. `amount`: minor units, above zero on one side and below it on the other, for money of one direction.

    day      a day's number
    outside  it has the first of the two sides
    left     it is left over, not pending; `keyless`: it bears no key
    """

    amount: int
    day: int
    outside: bool
    left: bool
    keyless: bool


@dataclass(frozen=True, slots=True)
class Found:
    """Positions of items: those to unite, and how many choices compete for the others."""

    unite: tuple[tuple[int, ...], ...]
    rivals: dict[int, int]


def find_sums(items: Sequence[Item], within_days: int, most: int) -> Found:
    """The choices that are the only ones for each of their items.

    A choice is a smallest set of items (no part of it adds up by itself) of both sides, all within `within_days`, that sums to zero, one of
    which at least is left over and one keyless.
    """
    choices: list[tuple[int, ...]] = []
    blocked: set[int] = set()
    for first, window in _windows(items, within_days):
        zeros = _zeros([items[at].amount for at in window]) if len(window) <= most else None
        if zeros is None:
            blocked.update(window)
            continue
        for mask in _smallest(zeros):
            chosen = tuple(at for bit, at in enumerate(window) if mask >> bit & 1)
            if any(items[at].day == first for at in chosen) and _is_choice([items[at] for at in chosen]):
                choices.append(chosen)
    counts = Counter(at for chosen in choices for at in chosen)
    rivals: dict[int, int] = {}
    unite = []
    for chosen in choices:
        competing = max(counts[at] for at in chosen)
        if competing == 1 and not blocked.intersection(chosen):
            unite.append(chosen)
        elif competing > 1:
            for at in chosen:
                rivals[at] = max(rivals.get(at, 0), competing)
    return Found(tuple(sorted(unite)), rivals)


def _windows(items: Sequence[Item], within_days: int) -> Iterator[tuple[int, list[int]]]:
    """For each day that has items: the day, and the positions of all items from it to `within_days` later."""
    order = sorted(range(len(items)), key=lambda at: (items[at].day, at))
    for first in sorted({item.day for item in items}):
        yield first, [at for at in order if first <= items[at].day <= first + within_days]


def _zeros(amounts: Sequence[int]) -> list[int] | None:
    """Bit masks of the non-empty sets that sum to zero; None where there are too many of them."""
    sums = [0]
    for amount in amounts:
        sums += [each + amount for each in sums]
    found = [mask for mask, total in enumerate(sums) if total == 0 and mask]
    return found if len(found) <= ZEROS else None


def _smallest(masks: Sequence[int]) -> list[int]:
    """Those that hold no other."""
    kept: list[int] = []
    for mask in sorted(masks, key=lambda mask: (mask.bit_count(), mask)):
        if not any(each & mask == each for each in kept):
            kept.append(mask)
    return kept


def _is_choice(chosen: Sequence[Item]) -> bool:
    return (
        {item.outside for item in chosen} == {True, False}
        and any(item.left for item in chosen)
        and any(item.keyless for item in chosen)
    )
