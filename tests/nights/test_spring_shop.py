"""docs/spring-shop: an order system as Spring and JPA make it, in a real PostgreSQL, read by queries and YAML alone."""

from __future__ import annotations

import csv
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from click.testing import CliRunner

from recon.api import run
from recon.cli.main import cli

SHOP = Path(__file__).parents[2] / "docs" / "spring-shop"
#: Monday to Thursday: what was asked on the Monday is overdue on the Thursday.
NIGHTS = ("2026-11-16", "2026-11-17", "2026-11-18", "2026-11-19")
MONDAY, TUESDAY, WEDNESDAY, DONE = (f"{night} 11:00:00" for night in NIGHTS)
#: order number, order status, price, points used, payment status, PSP settled, booked, delivery started, when
PAYMENTS = (
    ("O-1", "COMPLETE", 15_000, 0, "SUCCESS", 15_000, True, None, MONDAY),  # agrees
    ("O-2", "COMPLETE", 30_000, 5_000, "SUCCESS", 25_000, True, None, TUESDAY),  # agrees, with points
    ("O-3", "PAYING", 18_000, 0, "UNKNOWN", 18_000, False, None, DONE),  # the answer was lost
    ("O-4", "COMPLETE", 22_000, 0, "SUCCESS", 22_000, False, None, DONE),  # the posting was lost
    ("O-5", "FAIL", 9_900, 0, "FAILURE", 9_900, False, None, DONE),  # marked failed, captured
    ("O-6", "FAIL", 41_000, 0, "FAILURE", None, False, MONDAY, MONDAY),  # shipped, never paid
    ("O-7", "PAYING", 52_000, 0, "EXECUTING", None, False, None, MONDAY),  # never answered, never settled
    ("O-8", "CART", 3_000, 0, "NOT_STARTED", None, False, None, DONE),  # a cart
    ("O-9", "COMPLETE", 7_000, 0, "SUCCESS", 7_000, True, None, WEDNESDAY),  # agrees
)


@pytest.fixture(scope="module")
def database(postgres) -> Iterator[str]:
    """A database of its own, with the shop's tables and rows. Its sessions are in New York: no zone of a host matters."""
    name = f"spring_{uuid.uuid4().hex[:12]}"
    plain = postgres.replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f'create database "{name}"')
        connection.execute(f"alter database \"{name}\" set timezone to 'America/New_York'")
    url = urlunsplit(urlsplit(plain)._replace(path=f"/{name}"))
    with psycopg.connect(url) as connection:
        connection.execute((SHOP / "schema.sql").read_text("utf-8"))
        fill(connection)
    yield url
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f'drop database "{name}" with (force)')


def fill(connection: psycopg.Connection) -> None:
    """The rows: a payment event and a payment order for each order, all with the order's number."""
    connection.execute("insert into account (id, name) values (1, 'psp_receivable'), (2, 'customer_payments')")
    for n, (order, status, price, points, paid, _, booked, shipped, at) in enumerate(PAYMENTS, 1):
        connection.execute(
            "insert into shop_order values (%s, %s, %s, %s, %s, %s, %s, %s, 3)",
            (n, order, status, price, points, shipped, at, at),
        )
        connection.execute(
            "insert into payment_event values (%s, %s, %s, 'CARD', %s, %s)", (n, n, f"key-{n}", booked, at)
        )
        connection.execute(
            "insert into payment_order values (%s, %s, 7, %s, %s, null, %s, true, %s, %s)",
            (n, n, price - points, paid, booked, at, at),
        )
        if booked:
            connection.execute("insert into ledger_transaction values (%s, %s, %s, %s)", (n, n, f"po-{n}", at))
            for account, side in ((1, "DEBIT"), (2, "CREDIT")):
                connection.execute(
                    "insert into ledger_entry (transaction_id, account_id, amount, type) values (%s, %s, %s, %s)",
                    (n, account, price - points, side),
                )
    event = "insert into outbox (idempotency_key, status, type, payload, try_count, created_date, last_modified_date) "
    payload = '{"paymentOrderId": 1, "orderNo": "O-1", "amount": 15000}'
    for key, status in (("ev-1", "SUCCESS"), ("ev-2", "INIT"), ("ev-3", "SUCCESS"), ("ev-4", "FAILURE")):
        values = (key, status, "PAYMENT_CONFIRMATION_SUCCESS", payload, 1, DONE, DONE)
        connection.execute(event + "values (%s, %s, %s, %s, %s, %s, %s)", values)
    connection.execute(
        "insert into processed_message (message_key, consumer, processed_date) values ('ev-1', 'ledger', %s)", (DONE,)
    )


@pytest.fixture(scope="module")
def night(database, tmp_path_factory):
    """The workspace of the docs, the PSP's files, what `recon check` says, and the last of the nights."""
    root = tmp_path_factory.mktemp("spring") / "shop"
    shutil.copytree(SHOP, root)
    (root / "in").mkdir()
    head = "natural_id,kind,payment_order_id,psp_reference,currency,amount,occurred_at"
    for each in NIGHTS:
        lines = [
            f"T-{n},capture,PO-{n},key-{n},KRW,{settled},{each} 02:00:00"
            for n, (*_, settled, _booked, _shipped, at) in enumerate(PAYMENTS, 1)
            if settled and at.startswith(each)
        ]
        (root / "in" / f"toss_{each}.csv").write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPRING_SHOP_URL", database)
        checked = CliRunner().invoke(cli, ["check", "-w", str(root)])
        yield checked, [run(root, each) for each in NIGHTS][-1]


def found(result) -> set[tuple[str, str, str, str]]:
    with (result.folder / "breaks.csv").open(encoding="utf-8", newline="") as file:
        return {(row["reconciliation"], row["key"], row["code"], row["class"]) for row in csv.DictReader(file)}


def test_the_workspace_is_sound_and_its_queries_fit_their_records(night):
    checked, _ = night
    assert checked.exit_code == 0, checked.output


def test_the_night_finds_what_is_wrong_and_nothing_else(night):
    _, result = night
    assert found(result) == {
        ("payin", "PO-3/capture", "psp_not_in_ledger", "auto_fix"),
        ("payin", "PO-4/capture", "psp_not_in_ledger", "auto_fix"),
        ("payin", "PO-5/capture", "psp_not_in_ledger", "auto_fix"),
        ("order_payment", "PO-3/capture", "uncertain_payment_settled", "auto_fix"),
        ("order_payment", "PO-5/capture", "failed_payment_captured", "manual_review"),
        ("order_payment", "PO-6/capture", "fulfilled_unpaid", "investigate"),
        ("order_payment", "PO-7/capture", "uncertain_payment_not_settled", "auto_fix"),
        ("outbox", "ev-2", "outbox_stuck", "auto_fix"),
        ("outbox", "ev-3", "outbox_lost", "auto_fix"),
        ("outbox", "ev-4", "dead_letter", "manual_review"),
    }
