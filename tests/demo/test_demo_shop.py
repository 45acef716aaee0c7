"""The demo shop: the same seed makes the same bytes, everything is planted, any number of payments streams through."""

import csv
import hashlib
import json
import sqlite3
import tracemalloc
from collections import Counter, defaultdict
from pathlib import Path

import demo_files
import holidays
import pytest

from recon.config.rule_file import load_reconciliation
from recon.config.shipped import shipped_rules
from recon.demo.make import make_shop
from recon.demo.shop import CALENDARS, FILE_NIGHTS, NIGHTS
from recon.demo.systems import systems
from recon.errors import ReconError


def codes(reconciliation: str) -> set[str]:
    """Every code that the shipped rule file may give, but for doubts about all of a provider's amounts."""
    rule = load_reconciliation(shipped_rules() / f"{reconciliation}.yaml")
    named = [each.code for each in rule.breaks if "scale_suspected" not in each.when.names]
    return {*named, *(must.code for must in rule.musts)}


def digest(directory: Path) -> dict[str, str]:
    """SHA-256 of every file of a shop; of its database, of the rows."""
    found = {
        str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.suffix != ".sqlite"
    }
    shop = sqlite3.connect(directory / "shop.sqlite")
    found["shop"] = hashlib.sha256("\n".join(shop.iterdump()).encode()).hexdigest()
    shop.close()
    return found


def truth(directory: Path) -> list[dict[str, str]]:
    with (directory / "truth.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A shop big enough to have every case at every provider."""
    directory = tmp_path_factory.mktemp("demo") / "shop"
    make_shop(directory, 1_500, seed=1)
    return directory


def test_the_same_seed_makes_the_same_shop(shop, tmp_path):
    make_shop(tmp_path / "again", 1_500, seed=1)
    assert digest(tmp_path / "again") == digest(shop)


def test_another_seed_makes_another_shop(shop, tmp_path):
    make_shop(tmp_path / "other", 1_500, seed=2)
    assert digest(tmp_path / "other")["shop"] != digest(shop)["shop"]


def test_making_it_again_replaces_what_an_earlier_demo_left(tmp_path):
    make_shop(tmp_path / "d", 400, seed=5)
    (tmp_path / "d" / "nights" / "2026-10-08").mkdir(parents=True)
    make_shop(tmp_path / "d", 300, seed=1)
    make_shop(tmp_path / "fresh", 300, seed=1)
    assert digest(tmp_path / "d") == digest(tmp_path / "fresh")


def test_a_directory_with_other_things_in_it_is_left_alone(tmp_path):
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(ReconError, match="not empty"):
        make_shop(tmp_path, 300)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["letter.txt"]


@pytest.mark.parametrize("seed", range(3))
def test_every_code_is_planted_even_in_the_smallest_shop(tmp_path, seed):
    make_shop(tmp_path / "small", 300, seed=seed)
    planted = defaultdict(set)
    for row in truth(tmp_path / "small"):
        if row["state"] == "break":
            planted[row["reconciliation"]].add(row["code"])
    assert "unexplained" in planted["payin"]
    names = ["payin", *(name for system in systems() for name in system.reconciliations)]
    assert {name: found - {"unexplained"} for name, found in planted.items()} == {name: codes(name) for name in names}


def test_the_truth_has_breaks_that_close_open_again_and_wait(shop):
    """Of one key: a break, then cleared, then a break again."""
    states = defaultdict(list)
    for row in truth(shop):
        states[row["reconciliation"], row["key"]].append((row["night"], row["code"], row["state"]))
    histories = {tuple(code for _, code, _ in sorted(found)) for found in states.values()}
    reopened = ("psp_not_in_ledger",) * 2 + ("late_posting",) + ("order_cancelled_after_clearing",) * 2
    assert reopened in histories
    assert {row["class"] for row in truth(shop) if row["state"] == "break"} == {
        "auto_fix",
        "manual_review",
        "investigate",
    }
    assert {row["code"] for row in truth(shop) if row["state"] == "pending"} == {"timing"}


def test_nothing_is_planted_twice_under_one_night_and_key(shop):
    places = Counter((row["night"], row["reconciliation"], row["key"]) for row in truth(shop))
    assert [place for place, count in places.items() if count > 1] == []


def test_files_come_on_the_business_days_of_their_provider(shop):
    """Hangul Day in Korea, Columbus Day in the US, a weekend for all: every calendar is another."""
    closed = {
        "US": set(holidays.country_holidays("US", years=2026)),
        "KR": set(holidays.country_holidays("KR", years=2026)),
        "TARGET": set(holidays.financial_holidays("ECB", years=2026)),
    }
    for psp, calendar in CALENDARS.items():
        open_days = [day for day in NIGHTS if day.weekday() < 5 and day not in closed[calendar]]
        assert [NIGHTS[night] for night in FILE_NIGHTS[psp]] == open_days
        there = {path.name.removeprefix(f"{psp}_")[:10] for path in (shop / "in").glob(f"{psp}_*")}
        assert there == {day.isoformat() for day in open_days}
    assert len(set(FILE_NIGHTS.values())) == 3


def test_every_file_arrives_on_the_morning_after_its_night(shop):
    for path in (shop / "in").iterdir():
        night = path.stem.partition("_")[2][:10]
        assert path.stat().st_mtime == demo_files.seoul_midnight(night).timestamp() + 26 * 3600


def test_adyen_batches_sum_to_zero(shop):
    """Every batch is closed by its payout; a row that repeats an earlier batch's is not part of this one."""
    for path in sorted((shop / "in").glob("adyen_*.csv")):
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        sums, closed = Counter(), set()
        for row in rows:
            net = (demo_files.cents(row["Net Credit (NC)"] or "0.00") or 0) - (
                demo_files.cents(row["Net Debit (NC)"] or "0.00") or 0
            )
            sums[row["Batch Number"]] += net
            if row["Type"] == "MerchantPayout":
                closed.add(row["Batch Number"])
        assert len(closed) == 1
        assert [sums[batch] for batch in closed] == [0]


def test_stripe_and_toss_rows_add_up(shop):
    for path in sorted((shop / "in").glob("stripe_*.csv")):
        with path.open(newline="") as file:
            for row in csv.DictReader(file):
                gross = demo_files.cents(row["gross"])
                if gross is not None:
                    assert demo_files.cents(row["net"]) == gross - demo_files.cents(row["fee"])
    for path in sorted((shop / "in").glob("toss_*.json")):
        for row in json.loads(path.read_text(encoding="utf-8")):
            assert row["supplyAmount"] + row["vat"] == row["fee"] == sum(each["fee"] for each in row["fees"])
            assert row["payOutAmount"] == (row["amount"] if isinstance(row["amount"], int) else 0) - row[
                "fee"
            ] or isinstance(row["amount"], str)


def test_only_a_few_rows_are_unreadable(shop):
    """At most one in a hundred of each file, so that no file is set aside."""
    for night in demo_files.NIGHTS:
        rows = demo_files.settled(shop / "in", night)
        broken = Counter(row["source"] for row in rows if row["amount"] is None)
        assert all(count <= 3 for count in broken.values())
    assert (
        sum(row["amount"] is None for night in demo_files.NIGHTS for row in demo_files.settled(shop / "in", night)) == 5
    )


def test_journals_balance_and_orders_keep_their_history(shop):
    books = sqlite3.connect(shop / "shop.sqlite")
    unbalanced = books.execute(
        "select journal_id from ledger_entries where payment_order_id is not null group by journal_id, currency "
        "having sum(amount_minor) <> 0 or count(*) <> 2 and min(kind) <> 'fee' or count(*) > 3"
    ).fetchall()
    assert unbalanced == []
    everyday = books.execute(
        "select count(distinct payment_order_id) from payment_order_versions where payment_order_id <= 'PO-00001500'"
    ).fetchone()
    assert everyday == (1_500,)
    assert (
        books.execute("select count(*) from payment_orders").fetchone()
        == books.execute("select count(distinct payment_order_id) from payment_order_versions").fetchone()
    )
    gaps = books.execute(
        "select payment_order_id from payment_order_versions group by payment_order_id having max(version) <> count(*)"
    ).fetchall()
    assert gaps == []
    books.close()


def test_everyday_captures_of_the_books_are_in_a_file_or_still_to_come(shop):
    """The ledger's everyday captures and the files' are the same money, but for what the next files hold."""
    lines = defaultdict(int)
    for night in demo_files.NIGHTS:
        for row in demo_files.settled(shop / "in", night):
            if row["kind"] == "capture" and row["payment_order_id"] and row["payment_order_id"] <= "PO-00001500":
                lines[row["payment_order_id"]] += row["amount"]
    books = sqlite3.connect(shop / "shop.sqlite")
    booked = dict(
        books.execute(
            "select payment_order_id, sum(amount_minor) from ledger_entries where account = 'psp_receivable' "
            "and kind = 'capture' and payment_order_id <= 'PO-00001500' group by payment_order_id"
        )
    )
    books.close()
    assert lines.keys() <= booked.keys()
    assert {key: booked[key] for key in lines} == lines
    assert 0 < len(booked) - len(lines) < len(booked) // 2


def peak(directory: Path, payments: int) -> int:
    tracemalloc.start()
    make_shop(directory, payments, seed=1)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


def test_memory_does_not_grow_with_the_number_of_payments(tmp_path):
    """Three times the payments, the same memory (SQLite's own cache is not Python's and is bounded by SQLite)."""
    small = peak(tmp_path / "small", 8_000)
    large = peak(tmp_path / "large", 24_000 - 1)
    assert large < small * 1.3, f"{small:,} bytes became {large:,}"
