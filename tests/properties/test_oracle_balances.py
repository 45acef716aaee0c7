"""Nights of states, sums, optional sides and waits, one to many and many to many, against the oracle in plain Python."""

from __future__ import annotations

import csv
import shutil
import sqlite3
import tempfile
from datetime import date, timedelta
from pathlib import Path

import oracle_balances as oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import recon.api

FIRST = date(2026, 10, 15)  # a Thursday: a weekend lies in the nights that follow
RULES = """\
reconciliation: sums
title: Sums
sides:
  need: {record: balance, where: basis = 'need'}
  have: {record: balance, where: basis = 'have'}
  more: {record: balance, where: basis = 'more', optional: true}
match: [{name: owner, on: [account, unit]}]
agree:
  - need.amount = have.amount + coalesce(more.amount, 0)
  - total(need.quantity) = total(have.quantity) + coalesce(total(more.quantity), 0)
  - not present(more) or more.amount is not null
waits:
  - why: short
    while: >-
      need.amount > coalesce(have.amount, 0) + coalesce(more.amount, 0)
      and (not present(have) or have.amount is not null) and (not present(more) or more.amount is not null)
    business_days: 1
    after: need
breaks:
  - {code: different, when: night_end is not null, class: investigate, why: It differs., next_step: Look.}
"""
YAML = """\
version: 1
name: sums
time_zone: UTC
opening: {empty_from: 2026-10-15}
databases: {books: {url: "sqlite:///books.sqlite"}}
sources:
  rows:
    record: balance
    moves: MOVES
    database: books
    query: select id as balance_id, 'book' as book, side as basis, owner as account, unit, currency, amount, points as quantity, day as as_of from rows
reconciliations: [sums]
"""
ROW = st.fixed_dictionaries(
    {
        "side": st.sampled_from(oracle.SIDES),
        "owner": st.sampled_from(["a", "b", "a/b"]),
        "unit": st.sampled_from(["x", "b/x"]),
        "currency": st.sampled_from(["USD", "USD", "USD", "EUR"]),
        "amount": st.integers(-2, 4),
        "points": st.integers(0, 1),
    }
)
NIGHTS = st.lists(st.lists(ROW, max_size=9), min_size=1, max_size=3)


def scenario(nights: list[list[dict]], moves: str) -> list[tuple[date, list[dict]]]:
    """Nights with dates, and rows with ids and days: of a state the same rows stay until another night replaces them."""
    made, number = [], 0
    for n, rows in enumerate(nights):
        night = FIRST + timedelta(days=n)
        for row in rows:
            number += 1
            row |= {"id": f"R{number:04d}", "day": night}
        made.append((night, rows))
    return made


def play(root: Path, nights: list[tuple[date, list[dict]]], moves: str) -> list[tuple]:
    (root / "rules").mkdir(parents=True)
    (root / "rules" / "sums.yaml").write_text(RULES)
    where = "" if moves == "state" else " where day >= :from and day < :to"
    (root / "recon.yaml").write_text(YAML.replace("MOVES", moves).replace(" from rows", f" from rows{where}"))
    answers = []
    for night, rows in nights:
        with sqlite3.connect(root / "books.sqlite") as books:
            books.execute("create table if not exists rows (id, side, owner, unit, currency, amount, points, day)")
            if moves == "state":
                books.execute("delete from rows")
            books.executemany(
                "insert into rows values (?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (*(row[name] for name in ("id", "side", "owner", "unit", "currency", "amount", "points")), f"{row['day']} 09:00:00")
                    for row in rows
                ],
            )  # fmt: skip
        books.close()
        done = recon.api.run(root, night)
        with (done.folder / "pending.csv").open(newline="") as file:
            pending = {row["key"] for row in csv.DictReader(file)}
        broken = {each.key for each in done.breaks if each.is_open}
        counts = dict.fromkeys(("brought", "new", "cleared", "carried", "read_again"), 0)
        for line in done.facts.roll_forward:
            for name in counts:
                counts[name] += line.counts[name]
        answers.append((broken, pending, counts))
    return answers


def check(nights: list[list[dict]], moves: str) -> None:
    made = scenario(nights, moves)
    root = Path(tempfile.mkdtemp(prefix="recon-sums-"))
    try:
        found = play(root / "w", made, moves)
    finally:
        shutil.rmtree(root)
    state_sides = oracle.SIDES if moves == "state" else ()
    for (broken, pending, counts), (b, p, c) in zip(oracle.run(made, state_sides), found, strict=True):
        escaped = {"/".join(part.replace("/", "%2F") for part in key) for key in broken}
        assert escaped == b
        assert {"/".join(part.replace("/", "%2F") for part in key) for key in pending} == p
        assert {name: sum(each[name] for each in counts.values()) for name in c} == c


@pytest.mark.parametrize("moves", ["state", "events"])
@settings(max_examples=5, deadline=None, derandomize=True)
@given(nights=NIGHTS)
def test_nights_of_sums_find_what_the_oracle_finds(moves, nights):
    check(nights, moves)


@pytest.mark.soak
@pytest.mark.parametrize("moves", ["state", "events"])
@settings(max_examples=300, deadline=None)
@given(nights=NIGHTS)
def test_many_nights_of_sums_find_what_the_oracle_finds(moves, nights):
    check(nights, moves)
