"""Journals and guarded updates on the three databases: what is booked, what the database itself refuses, what moved."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from apply_world import Clock, World, install, journal, update, world

from recon.fixes.targets import RefusedError, effect_of, open_target
from recon.fixes.targets.database import transaction
from recon.fixes.targets.install import missing


@pytest.fixture(scope="module", params=["sqlite", "postgresql", "mariadb"])
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    kind = request.param
    server = None if kind == "sqlite" else request.getfixturevalue("postgres" if kind == "postgresql" else "mariadb")
    with world(server, tmp_path_factory.mktemp(kind), together=True) as made:
        yield made


def booked(shop: World, key: str) -> list[tuple]:
    return shop.rows("select account, amount_minor from ledger where recon_key = :key order by account", key=key)


def test_a_journal_is_booked_once_with_its_references(shop: World) -> None:
    fix = journal("once", 123_456)
    shop.approved(fix)
    for expected in (["applied"], []):
        done = shop.applier().run().done
        assert [each.outcome for each in done] == expected, done
    assert booked(shop, fix.idempotency_key) == [("customer_payments", -123_456), ("psp_receivable", 123_456)]
    assert shop.rows(
        "select distinct kind, payment_order_id from ledger where recon_key = :key", key=fix.idempotency_key
    ) == [("capture", "PO-once")]
    found = shop.base.fix(fix.fix_id)
    assert (found.status, found.receipt["target"]) == ("applied", "ledger")


def refused(shop: World, sql: str, **values: object) -> str:
    with pytest.raises(sa.exc.DBAPIError) as raised:
        shop.run(sql, **values)
    return str(raised.value.orig)


def lines(*amounts: object) -> str:
    rows = [
        {
            "entry_id": at,
            "journal_id": 1,
            "account": f"a{at}",
            "currency": "KRW",
            "amount_minor": amount,
            "recorded_at": "2026-11-20 09:00:00",
        }
        for at, amount in enumerate(amounts, 900_000)
    ]
    return json.dumps(rows)


INSERT = """insert into recon_journals (idempotency_key, fix_id, break_id, content_sha256, approved_by, applied_by, postings)
values (:key, 'FIX', 'BRK', 'x', 'kim', 'recon', :postings)"""


@pytest.mark.parametrize("amounts", [(5, -4), (5,), (), (5, -5, 1), ("5", "-5.5"), (None, 5)])
def test_the_database_refuses_a_journal_that_does_not_sum_to_zero(shop: World, amounts: tuple) -> None:
    before = shop.rows("select count(*) from ledger")
    insert = INSERT if shop.kind != "postgresql" else INSERT.replace(":postings", "cast(:postings as jsonb)")
    assert "recon" in refused(shop, insert, key="f" * 64, postings=lines(*amounts)) or "amount" in str(amounts)
    assert shop.rows("select count(*) from ledger") == before


def test_sums_of_two_currencies_do_not_make_up_for_each_other(shop: World) -> None:
    insert = INSERT if shop.kind != "postgresql" else INSERT.replace(":postings", "cast(:postings as jsonb)")
    postings = lines(5, -5).replace("KRW", "USD", 1)
    assert "sum to zero" in refused(shop, insert, key="e" * 64, postings=postings)


def test_raw_sql_cannot_change_delete_forge_or_double_a_correction(shop: World) -> None:
    fix = journal("raw")
    shop.approved(fix)
    shop.applier().run()
    key = fix.idempotency_key
    kept = "only ever added"
    assert kept in refused(shop, "update ledger set amount_minor = 1 where recon_key = :key", key=key)
    assert kept in refused(shop, "update ledger set recon_key = null where recon_key = :key", key=key)
    assert kept in refused(shop, "delete from ledger where recon_key = :key", key=key)
    assert kept in refused(shop, "update recon_journals set fix_id = 'x' where idempotency_key = :key", key=key)
    assert kept in refused(shop, "delete from recon_journals where idempotency_key = :key", key=key)
    row = """insert into ledger (entry_id, journal_id, account, currency, amount_minor, recorded_at, recon_key)
values (77, 1, 'cash', 'KRW', 5, '2026-11-20 09:00:00', :key)"""
    assert "is booked through" in refused(shop, row, key=key)
    assert "is booked through" in refused(shop, row, key="d" * 64)
    again = INSERT if shop.kind != "postgresql" else INSERT.replace(":postings", "cast(:postings as jsonb)")
    refused(shop, again, key=key, postings=lines(5, -5))
    if shop.kind != "postgresql":
        refused(
            shop,
            again.replace("insert", "replace" if shop.kind == "mysql" else "insert or replace"),
            key=key,
            postings=lines(5, -5),
        )
    else:
        assert kept in refused(shop, "truncate ledger")
    assert booked(shop, key) == [("customer_payments", -1000), ("psp_receivable", 1000)]


def test_the_ledgers_own_rows_stay_the_companys(shop: World) -> None:
    shop.run(
        """insert into ledger (entry_id, journal_id, account, currency, amount_minor, recorded_at)
values (1, 1, 'cash', 'KRW', 5, '2026-11-01 09:00:00')"""
    )
    shop.run("update ledger set amount_minor = 6 where entry_id = 1")
    shop.run("delete from ledger where entry_id = 1")


def test_installing_again_changes_nothing(shop: World) -> None:
    # PostgreSQL's functions are written anew each time.
    assert not [each for each in install(shop.engine, shop.settings) if "create or replace function" not in each]


def test_an_unbalanced_fix_is_refused_before_any_database_is_asked() -> None:
    content = dict(journal(1).content)
    content["postings"] = [
        {"account": "a", "currency": "KRW", "amount": "5"},
        {"account": "b", "currency": "KRW", "amount": "-4"},
    ]
    with pytest.raises(RefusedError, match="does not sum to zero"):
        effect_of(
            content, fix_id="", break_id="", reconciliation="", template="", idempotency_key="", content_sha256=""
        )


def test_a_ledger_without_its_guard_books_nothing(shop: World) -> None:
    """Somebody dropped the trigger that writes the postings: the key alone is no correction."""
    fix = journal("bare")
    shop.approved(fix)
    on = " on recon_journals" if shop.kind == "postgresql" else ""
    shop.run(f"drop trigger recon_journals_post{on}")
    [done] = shop.applier().run().done
    assert done.outcome == "dead_letter" and "install-target" in done.why
    assert shop.rows("select count(*) from recon_journals where idempotency_key = :key", key=fix.idempotency_key) == [
        (0,)
    ]
    install(shop.engine, shop.settings)
    with shop.engine.connect() as connection:
        assert missing(connection, shop.settings["ledger"]) == []


def test_what_came_into_the_ledger_since_the_night_supersedes_the_fix(shop: World) -> None:
    """The webhook that was late: somebody booked the payment after the night and before the approval."""
    fix = journal("late")
    shop.approved(fix)
    shop.run(
        """insert into ledger (entry_id, journal_id, account, currency, amount_minor, kind, payment_order_id, recorded_at)
values (2, 2, 'psp_receivable', 'KRW', 1000, 'capture', 'PO-late', '2026-11-20 07:00:00')"""
    )
    [done] = shop.applier().run().done
    assert (done.outcome, booked(shop, fix.idempotency_key)) == ("superseded", [])
    assert "after the night" in done.why


def row(shop: World, number: int, state: str = "PENDING", amount: int = 1000, note: str | None = None) -> None:
    shop.run(
        "insert into payment_orders (id, state, amount_minor, note) values (:id, :state, :amount, :note)",
        id=number, state=state, amount=amount, note=note,
    )  # fmt: skip


def test_a_guarded_update_sets_the_row_that_is_as_seen(shop: World) -> None:
    row(shop, 1)
    shop.approved(
        update("u1", 1, {"status": "PENDING", "amount": "1000", "psp_reference": None}, {"status": "SUCCESS"})
    )
    assert [each.outcome for each in shop.applier().run().done] == ["applied"]
    assert shop.rows("select state, amount_minor from payment_orders where id = 1") == [("SUCCESS", 1000)]
    assert shop.rows("select changed_at is not null from payment_orders where id = 1") in ([(1,)], [(True,)])


@pytest.mark.parametrize(
    ("number", "change", "why"),
    [
        (11, "update payment_orders set state = 'CANCELLED' where id = 11", "status is CANCELLED, PENDING was seen"),
        (12, "update payment_orders set amount_minor = 999 where id = 12", "amount is 999, 1000 was seen"),
        (13, "update payment_orders set note = 'x' where id = 13", "psp_reference is x, None was seen"),
        (14, "delete from payment_orders where id = 14", "has no row 14 any more"),
    ],
)
def test_a_guarded_update_is_refused_because_the_row_moved(shop: World, number: int, change: str, why: str) -> None:
    row(shop, number)
    seen = {"status": "PENDING", "amount": "1000", "psp_reference": None}
    shop.approved(update(f"u{number}", number, seen, {"status": "SUCCESS"}))
    shop.run(change)
    before = shop.rows("select * from payment_orders order by id")
    [done] = shop.applier().run().done
    assert done.outcome == "superseded" and why in done.why
    assert shop.rows("select * from payment_orders order by id") == before
    assert shop.rows("select count(*) from recon_updates where record_id = :id", id=str(number)) == [(0,)]


def test_a_row_that_came_back_to_what_was_seen_is_not_changed_twice(shop: World) -> None:
    """Applied, then set back by the shop, and the queue's own note of it lost: the key still knows."""
    row(shop, 21)
    fix = update("u21", 21, {"status": "PENDING"}, {"status": "SUCCESS"})
    shop.approved(fix)
    target = open_target("orders", shop.settings["orders"])
    effect = shop.applier()._effect(shop.base.fix(fix.fix_id))
    with transaction(shop.engine) as connection:
        target.put(connection, effect)  # an applier that was killed before it told the queue
    shop.run("update payment_orders set state = 'PENDING' where id = 21")
    assert [each.outcome for each in shop.applier().run().done] == ["found"]
    assert shop.rows("select state from payment_orders where id = 21") == [("PENDING",)]


def test_two_corrections_under_one_key_are_refused(shop: World) -> None:
    fix = journal("key")
    shop.approved(fix)
    shop.applier().run()
    other = journal("other", idempotency_key=fix.idempotency_key)
    target = open_target("ledger", shop.settings["ledger"])
    effect = effect_of(
        other.content, fix_id="FIX-other", break_id="", reconciliation="", template="",
        idempotency_key=fix.idempotency_key, content_sha256="",
    )  # fmt: skip
    with pytest.raises(RefusedError, match="another correction under this key"), transaction(shop.engine) as connection:
        target.look(connection, effect)


def test_the_clock_of_the_books_can_be_given(shop: World) -> None:
    fix = journal("dated")
    shop.approved(fix)
    clock = Clock()
    shop.applier(booked_at=clock().replace(day=21), clock=clock).run()
    [(when,)] = shop.rows("select min(recorded_at) from ledger where recon_key = :key", key=fix.idempotency_key)
    assert str(when).startswith("2026-11-21 09:00:00")
