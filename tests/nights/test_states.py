"""What rules may say beyond payments that meet: one side, states read whole, sums, waits, and what reconciliations say of each other."""

from __future__ import annotations

import csv
import sqlite3
from datetime import date
from pathlib import Path

import pytest

import recon.api
from recon.errors import ReconError

FIRST = date(2026, 10, 12)
HEAD = """\
version: 1
name: books
time_zone: UTC
opening: {empty_from: 2026-10-12}
databases: {books: {url: "sqlite:///books.sqlite"}}
sources:
  entries:
    record: ledger_entry
    moves: %s
    database: books
    query: select entry_id, journal_id, account, kind, payment_order_id, order_id, currency, amount, posted_at from entries %s
reconciliations: [%s]
"""
JOURNALS = """\
reconciliation: journals
title: Journals
sides:
  entry: {record: ledger_entry}
match: [{name: journal, on: [journal_id, currency]}]
agree: [entry.amount = 0]
breaks:
  - {code: unbalanced, when: entry.amount <> 0, class: investigate, why: It is not zero., next_step: Look at it., stops_fixes: true}
"""


class Books:
    """A workspace over one table of entries, and rule files of its own."""

    def __init__(self, root: Path, moves: str = "events", **rules: str) -> None:
        self.root = root
        span = "where posted_at >= :from and posted_at < :to" if moves == "events" else ""
        (root / "rules").mkdir(parents=True)
        (root / "recon.yaml").write_text(HEAD % (moves, span, ", ".join(rules)))
        for name, text in rules.items():
            (root / "rules" / f"{name}.yaml").write_text(text)
        self.db = sqlite3.connect(root / "books.sqlite", isolation_level=None)
        columns = "journal_id, account, kind, payment_order_id, order_id, currency, amount integer, posted_at"
        self.db.execute(f"create table entries (entry_id text primary key, {columns})")

    def post(
        self, entry: str, journal: str, account: str, amount: int, night: int = 0, currency: str = "USD", **more: str
    ) -> None:
        at = f"2026-10-{12 + night} 09:00:00"
        row = (
            entry,
            journal,
            account,
            more.get("kind", "capture"),
            more.get("payment"),
            more.get("order"),
            currency,
            amount,
            at,
        )
        self.db.execute("insert into entries values (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)

    def run(self, night: int = 0) -> dict[str, dict[str, str]]:
        """The night's breaks by key."""
        done = recon.api.run(self.root, date(2026, 10, 12 + night))
        with (done.folder / "breaks.csv").open(newline="") as file:
            return {row["key"]: row for row in csv.DictReader(file)}

    def pending(self, night: int) -> dict[str, tuple[str, str]]:
        with (self.root / "nights" / f"2026-10-{12 + night}" / "pending.csv").open(newline="") as file:
            return {row["key"]: (row["reason"], row["due"]) for row in csv.DictReader(file)}


def standing(breaks: dict[str, dict[str, str]]) -> dict[str, tuple[str, str]]:
    return {key: (row["code"], row["state"]) for key, row in breaks.items()}


def test_one_side_has_to_come_to_zero_per_journal_and_currency(tmp_path):
    books = Books(tmp_path / "w", journals=JOURNALS)
    for entry, journal, amount, currency in (
        ("1", "J1", 500, "USD"), ("2", "J1", -500, "USD"),
        ("3", "J2", 500, "USD"), ("4", "J2", -499, "USD"), ("5", "J2", 7, "EUR"), ("6", "J2", -7, "EUR"),
        ("7", "J/3", 1, "USD"), ("8", "J%2F3", 2, "USD"),
    ):  # fmt: skip
        books.post(entry, journal, "cash", amount, currency=currency)
    found = books.run()
    assert standing(found) == {
        "J2/USD": ("unbalanced", "new"), "J%2F3/USD": ("unbalanced", "new"), "J%252F3/USD": ("unbalanced", "new"),
    }  # fmt: skip
    assert found["J2/USD"]["difference"] == "0.01"
    books.post("9", "J2", "cash", -1, night=1)
    books.post("10", "J1", "cash", 3, night=1)
    assert standing(books.run(1)) == {
        "J1/USD": ("unbalanced", "new"), "J2/USD": ("unbalanced", "resolved"),
        "J%2F3/USD": ("unbalanced", "persisting"), "J%252F3/USD": ("unbalanced", "persisting"),
    }  # fmt: skip


def test_a_state_is_read_whole_each_night_and_nothing_of_it_is_carried(tmp_path):
    books = Books(tmp_path / "w", moves="state", journals=JOURNALS)
    books.post("1", "J1", "cash", 500)
    books.post("2", "J2", "cash", 500)
    books.post("3", "J2", "cash", -500)
    first = recon.api.run(books.root, FIRST)
    assert standing(books.run()) == {"J1/USD": ("unbalanced", "new")}
    assert not (first.folder / "open" / "journals" / "entry.parquet").exists()
    [line] = first.facts.roll_forward
    assert (line.counts["new"], line.counts["cleared"], line.counts["read_again"], line.counts["carried"]) == (
        3,
        2,
        1,
        0,
    )
    assert standing(books.run(1)) == {"J1/USD": ("unbalanced", "persisting")}
    books.db.execute("update entries set amount = 0 where entry_id = '1'")
    books.db.execute("update entries set amount = -501 where entry_id = '3'")
    assert standing(books.run(2)) == {"J1/USD": ("unbalanced", "resolved"), "J2/USD": ("unbalanced", "new")}
    books.db.execute("delete from entries where journal_id = 'J2'")
    [gone] = [row for row in books.run(3).values() if row["key"] == "J2/USD"]
    assert (gone["state"], gone["reason"]) == ("resolved", "what was read tonight does not have it any more")


WAITING = """\
reconciliation: clearing
title: Clearing
sides:
  payout: {record: ledger_entry, where: account = 'clearing', kinds: [payout, refund]}
match: [{name: order, on: [order_id, currency]}]
agree: [payout.amount = 0]
waits:
  - {why: clears later, while: payout.amount > 0, business_days: 1, after: payout}
excludes: [{record: ledger_entry, where: "account <> 'clearing' or kind not in ('payout', 'refund')", why: not this}]
breaks:
  - {code: late, when: total(payout.amount) <> 0 and days_since(payout.posted_at) >= 1, class: investigate, why: Late., next_step: Look.}
  - {code: at_once, when: payout.amount <> 0 and payout.posted_at <= night_end, class: investigate, why: Wrong., next_step: Look.}
"""


def test_a_group_may_wait_until_its_business_days_are_over(tmp_path):
    """The side has the name of a kind, which is its own here; -5 waits for nothing."""
    books = Books(tmp_path / "w", clearing=WAITING)
    books.post("1", "J1", "clearing", 5, order="O1", kind="payout")
    books.post("2", "J2", "clearing", -5, order="O2", kind="refund")
    books.post("3", "J3", "clearing", 9, order="O3", kind="payout")
    books.post("4", "J4", "cash", 9, order="O3", kind="payout")
    assert standing(books.run()) == {"O2/USD": ("at_once", "new")}
    assert books.pending(0) == {"O1/USD": ("clears later", "2026-10-13"), "O3/USD": ("clears later", "2026-10-13")}
    books.post("5", "J5", "clearing", -9, night=1, order="O3", kind="refund")
    assert set(books.run(1)) == {"O2/USD"}
    assert set(books.pending(1)) == {"O1/USD"}
    assert standing(books.run(2)) == {"O1/USD": ("late", "new"), "O2/USD": ("late", "persisting")}


TWICE = """\
reconciliation: {name}
title: Two sides of one record
sides:
  asked: {{record: ledger_entry, where: account = 'asked'}}
  paid:  {{record: ledger_entry, where: account = '{other}', optional: true}}
match: [{{name: payment, on: [payment_order_id]}}]
agree: ["asked.amount = coalesce(paid.amount, 0)"]
excludes: [{{record: ledger_entry, where: "account not in ('asked', '{other}')", why: not this}}]
breaks:
  - code: {name}_short
    when: asked.amount > coalesce(paid.amount, 0)
    class: auto_fix
    why: Too little.
    next_step: Pay it.
    fix: pay
    limit: {{USD: 100}}
fixes:
  pay:
    journal:
      kind: adjustment
      postings:
        - {{account: paid, amount: "asked.amount - coalesce(paid.amount, 0)", currency: asked.currency}}
        - {{account: asked, amount: "coalesce(paid.amount, 0) - asked.amount", currency: asked.currency}}
"""


def test_a_payment_in_two_breaks_shows_both_and_one_fix_closes_both(tmp_path):
    rules = {name: TWICE.format(name=name, other="paid") for name in ("first", "second")}
    books = Books(tmp_path / "w", **rules)
    books.post("1", "J1", "asked", 500, payment="P1")
    books.post("2", "J2", "asked", 700, payment="P2")
    books.post("3", "J2", "paid", 700, payment="P2")
    done = recon.api.run(books.root, FIRST)
    one, two = done.breaks
    assert {one.code, two.code} == {"first_short", "second_short"}
    assert (one.related, two.related) == ((two.break_id,), (one.break_id,))
    [fix] = done.fixes
    assert {one.fix_id, two.fix_id} == {fix.fix_id}
    books.post("4", "J3", "paid", 500, night=1, payment="P1")
    again = recon.api.run(books.root, date(2026, 10, 13))
    assert {each.state for each in again.breaks} == {"resolved"}


def test_an_unbalanced_ledger_stops_automatic_fixes_everywhere(tmp_path):
    excluded = JOURNALS.replace("sides:", "excludes: []\nsides:")
    books = Books(tmp_path / "w", first=TWICE.format(name="first", other="paid"), journals=excluded)
    books.post("1", "J1", "asked", 500, payment="P1")
    books.post("2", "J1", "cash", -500)
    found = books.run()
    assert (found["P1"]["class"], found["P1"]["reason"]) == ("auto_fix", "")
    books.post("3", "J9", "cash", 1, night=1)
    found = books.run(1)
    assert found["P1"]["class"] == "manual_review"
    assert found["P1"]["reason"].startswith("no automatic fixes tonight: unbalanced in journals (BRK-")
    only = recon.api.run(books.root, date(2026, 10, 14), only=("first",))
    assert [str(each.class_) for each in only.breaks if each.reconciliation == "first"] == ["manual_review"]


def test_a_record_that_two_sides_take_is_refused(tmp_path):
    overlapping = TWICE.format(name="first", other="paid").replace("account = 'paid'", "account >= 'asked'")
    books = Books(tmp_path / "w", first=overlapping)
    books.post("1", "J1", "asked", 500, payment="P1")
    with pytest.raises(ReconError, match="asked and paid both take entries/1") as refused:
        books.run()
    assert refused.value.name == "sides-overlap"
    assert not (books.root / "nights" / str(FIRST)).exists()
