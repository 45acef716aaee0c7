"""The applier: poison items, the breaker, dead letters sent again, what is superseded, leases, lost answers to COMMIT."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from apply_world import START, Clock, World, journal, world
from races import Killed, prove, proxy

from recon.errors import ReconError
from recon.fixes import breaker, queue
from recon.fixes.apply import Applier, Limits
from recon.fixes.targets import TemporaryError, UnknownError
from recon.fixes.targets.database import engine as target_engine
from recon.fixes.targets.journal import Journals
from recon.store.audit import writing
from recon.workspace import Secret


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[World]:
    """On SQLite, queue and ledger in two databases."""
    with world(None, tmp_path, together=False) as made:
        yield made


def outcomes(applier: Applier, **more: object) -> dict[str, str]:
    done = {each.fix_id: each.outcome for each in applier.run(**more).done}
    applier.close()
    return done


def keys(shop: World) -> int:
    return shop.rows("select count(*) from recon_journals")[0][0]


def test_a_poison_item_holds_up_no_other(shop: World) -> None:
    """Its memo does not fit what the ledger takes: the database refuses it, the others are booked in the same run."""
    shop.run(
        "create trigger no_poison before insert on ledger when new.memo like '%poison%' begin select raise(abort, 'poison'); end"
    )
    shop.approved(*[journal(f"{n}-poison" if n == 3 else n) for n in range(8)])
    done = outcomes(shop.applier())
    assert done.pop("FIX-3-poison") == "dead_letter"
    assert set(done.values()) == {"applied"} and len(done) == 7
    assert "poison" in shop.base.fix("FIX-3-poison").error
    assert shop.base.rows("select count(*) from breakers") == [(0,)], "a poison item is not the target's fault"


def test_an_item_that_trips_over_our_own_fault_holds_up_no_other(shop: World, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.approved(*[journal(n) for n in range(4)])
    effect = Applier._effect

    def stumbles(self: Applier, fix: queue.QueuedFix) -> object:
        if fix.fix_id == "FIX-2":
            raise KeyError("a bug")
        return effect(self, fix)

    monkeypatch.setattr(Applier, "_effect", stumbles)
    limits = Limits(tries=2, first_wait=timedelta(0), longest_wait=timedelta(0))
    came = shop.applier(limits=limits).run().done
    assert [each.outcome for each in came if each.fix_id == "FIX-2"] == ["failed", "dead_letter"]
    assert sum(each.outcome == "applied" for each in came) == 3


def far(shop: World) -> str:
    """The ledger's URL, and a target whose server is not there."""
    good = shop.settings["ledger"].url.value
    shop.settings["ledger"] = replace(shop.settings["ledger"], url=Secret("env:X", "sqlite:////nowhere/at/all.sqlite"))
    return good


def test_the_breaker_opens_and_the_queue_waits_instead_of_using_up_its_tries(shop: World) -> None:
    clock = Clock()
    shop.approved(*[journal(n) for n in range(30)])
    good = far(shop)
    limits = Limits(first_wait=timedelta(seconds=30))
    for _ in range(20):  # twenty runs within one opening
        shop.applier(clock=clock, limits=limits).run()
        clock.on(seconds=1)
    attempts = shop.base.rows("select sum(attempts), max(attempts) from fixes")
    assert attempts == [(breaker.FAILURES, 1)], attempts
    # Half open: one fix is tried, and the target is left alone for longer.
    clock.on(seconds=30)
    came = shop.applier(clock=clock, limits=limits).run()
    assert [each.outcome for each in came.done] == ["failed"] and "ledger" in came.waiting
    [(state, openings)] = shop.base.rows("select state, openings from breakers")
    assert (state, openings) == ("open", 2)
    # The target is back: one success closes it, and all the others go.
    shop.settings["ledger"] = replace(shop.settings["ledger"], url=Secret("env:X", good))
    clock.on(minutes=5)
    assert set(outcomes(shop.applier(clock=clock, limits=limits)).values()) == {"applied"}
    assert shop.statuses() == {"applied": 30} and keys(shop) == 30
    assert shop.base.rows("select count(*) from breakers") == [(0,)]


def test_only_one_applier_tries_a_target_that_is_half_open(shop: World) -> None:
    clock = Clock()
    with writing(shop.base.engine) as connection:
        for _ in range(breaker.FAILURES):
            breaker.failed(connection, "ledger", "gone", clock())
        assert breaker.room(connection, "ledger", clock()) == 0
        clock.on(seconds=31)
        assert breaker.room(connection, "ledger", clock()) == 1
        assert breaker.room(connection, "ledger", clock()) == 0
        clock.on(minutes=3)  # the one that tried was killed
        assert breaker.room(connection, "ledger", clock()) == 1
        breaker.failed(connection, "ledger", "gone", clock())
        clock.on(seconds=31)
        assert breaker.room(connection, "ledger", clock()) == 0, "each opening is longer"
        breaker.succeeded(connection, "ledger")
        assert breaker.room(connection, "ledger", clock()) is None


def test_tries_are_bounded_and_wait_longer_each_time(shop: World) -> None:
    clock = Clock()
    shop.approved(journal(1))
    far(shop)
    limits = Limits(tries=4)
    waits = []
    for _ in range(60):
        came = shop.applier(clock=clock, limits=limits).run().done
        if came and came[0].outcome == "failed":
            waits.append(shop.base.fix("FIX-1").not_before)
        clock.on(minutes=7)
    fix = shop.base.fix("FIX-1")
    assert (fix.status, fix.attempts, len(waits)) == ("dead_letter", 4, 3)
    assert "tried 4 times" in fix.error
    steps = [Limits().wait(attempt).total_seconds() for attempt in (1, 2, 3, 4, 12)]
    assert 30 <= steps[0] <= 60 and 60 <= steps[1] <= 90 and 240 <= steps[3] <= 270 and steps[4] <= 3600


def test_a_dead_letter_sent_again_weeks_later_is_not_doubled(shop: World) -> None:
    """It was booked all along: the answer was lost, the tries ran out, and weeks later somebody sends it again."""
    clock = Clock()
    fix = journal("weeks")
    shop.approved(fix)
    # Booked by an applier that was killed before it told the queue.
    shop.applier(clock=clock)
    applier = shop.applier(clock=clock)
    effect = applier._effect(shop.base.fix(fix.fix_id))
    with shop.engine.begin() as connection:
        applier.targets["ledger"].put(connection, effect)
    good = far(shop)
    for _ in range(40):
        shop.applier(clock=clock, limits=Limits(tries=3)).run()
        clock.on(minutes=40)
    assert shop.base.fix(fix.fix_id).status == "dead_letter"
    clock.on(weeks=6)
    shop.settings["ledger"] = replace(shop.settings["ledger"], url=Secret("env:X", good))
    with writing(shop.base.engine) as connection:
        queue.retry(connection, fix.fix_id, "lee", "the ledger is back")
    assert outcomes(shop.applier(clock=clock)) == {fix.fix_id: "found"}
    prove(shop, {fix.idempotency_key: 1000})


def test_a_fix_whose_break_is_gone_is_superseded(shop: World) -> None:
    shop.approved(journal(1), journal(2))
    shop.close_break("BRK-1")
    assert outcomes(shop.applier()) == {"FIX-1": "superseded", "FIX-2": "applied"}
    assert keys(shop) == 1


def test_who_approved_a_fix_does_not_apply_it(shop: World) -> None:
    shop.approved(journal(1), who="kim")
    shop.approved(journal(2), who="lee")
    assert outcomes(shop.applier(who="kim")) == {"FIX-1": "passed", "FIX-2": "applied"}


def test_what_was_in_a_killed_appliers_hands_is_free_again(shop: World) -> None:
    clock = Clock()
    shop.approved(*[journal(n) for n in range(5)])
    first = shop.applier(clock=clock)
    with writing(shop.base.engine) as connection:  # it takes them, and is gone
        queue.claim(connection, first.token, "recon", first.policy, clock(), clock() + timedelta(minutes=5))
    assert outcomes(shop.applier(clock=clock)) == {}
    clock.on(minutes=6)
    assert set(outcomes(shop.applier(clock=clock)).values()) == {"applied"} and keys(shop) == 5


def test_a_slow_applier_whose_lease_ran_out_doubles_nothing(shop: World) -> None:
    """It wakes up after another has applied the fix: the key is there, and the fix is no longer in its hands."""
    clock = Clock()
    shop.approved(journal(1))
    slow = shop.applier(clock=clock)
    [claim] = slow._claim(__import__("recon.fixes.apply", fromlist=["Applied"]).Applied(), None, None)
    clock.on(minutes=6)
    assert outcomes(shop.applier(clock=clock)) == {"FIX-1": "applied"}
    assert slow._one(claim, {}) is None or slow._one(claim, {}).outcome in ("applied", "found")
    prove(shop, {journal(1).idempotency_key: 1000})


# --- an applier that is killed each time ---------------------------------------------------------------------------------


@pytest.fixture(params=[True, False], ids=["one database", "two databases"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with world(None, tmp_path, together=request.param) as made:
        yield made


def deadly(shop: World, monkeypatch: pytest.MonkeyPatch, fix_id: str, booked: bool) -> None:
    """Whoever applies that fix is killed: before it books anything, or after it booked and before the queue hears of it."""
    method = "_finish" if booked else "_effect"
    original = getattr(Applier, method)

    def dies(self: Applier, fix: queue.QueuedFix, *rest: object) -> object:
        if fix.fix_id == fix_id:
            raise Killed
        return original(self, fix, *rest)

    monkeypatch.setattr(Applier, method, dies)


def day_after_day(shop: World, clock: Clock, runs: int) -> int:
    """An applier every six minutes, a new one after each that was killed; how many were killed."""
    killed = 0
    for _ in range(runs):
        applier = shop.applier(clock=clock)
        try:
            applier.run()
        except Killed:
            killed += 1
        finally:
            applier.close()
            applier.state.dispose()
        clock.on(minutes=6)
    return killed


def test_a_fix_that_kills_its_applier_each_time_ends_as_a_dead_letter_and_holds_up_no_other(
    either: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one that it kills has a whole batch in hand: the others are none the worse for it."""
    clock = Clock()
    fixes = [journal(n) for n in range(12)]
    either.approved(*fixes)
    with monkeypatch.context() as patched:
        deadly(either, patched, "FIX-3", booked=False)
        killed = day_after_day(either, clock, 20)
    assert killed == Limits().tries
    assert either.statuses() == {"applied": 11, "dead_letter": 1}
    fix = either.base.fix("FIX-3")
    assert fix.claimed_by is None and keys(either) == 11
    assert all(part in fix.error for part in ("8 appliers", "ledger", fix.idempotency_key, "recon fixes retry"))
    with writing(either.base.engine) as connection:
        queue.retry(connection, "FIX-3", "lee", "the cause is mended")
    assert outcomes(either.applier(clock=clock)) == {"FIX-3": "applied"}
    prove(either, {each.idempotency_key: 1000 for each in fixes})


def test_one_that_kills_it_after_each_booking_is_booked_once_and_found(
    shop: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    fix = journal(1)
    shop.approved(fix)
    with monkeypatch.context() as patched:
        deadly(shop, patched, "FIX-1", booked=True)
        assert day_after_day(shop, clock, 20) == Limits().tries
    assert shop.base.fix("FIX-1").status == "dead_letter" and keys(shop) == 1
    with writing(shop.base.engine) as connection:
        queue.retry(connection, "FIX-1", "lee", "the key is there")
    assert outcomes(shop.applier(clock=clock)) == {"FIX-1": "found"}
    prove(shop, {fix.idempotency_key: 1000})


def test_what_may_be_booked_stays_in_hand_until_somebody_could_look(
    shop: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer to COMMIT was lost and then the ledger was gone: a night must not take the fix back, nor a person reject it."""
    clock = Clock()
    shop.approved(journal(1))
    put = Journals.put

    def lost(self: Journals, connection: sa.Connection, effect: object) -> object:
        put(self, connection, effect)
        connection.exec_driver_sql("commit")
        far(shop)
        raise UnknownError("the answer to COMMIT did not come")

    good = shop.settings["ledger"].url.value
    with monkeypatch.context() as patched:
        patched.setattr(Journals, "put", lost)
        patched.setattr(Applier, "_looked", gone)
        assert outcomes(shop.applier(clock=clock)) == {"FIX-1": "failed"}
    assert keys(shop) == 1
    with pytest.raises(ReconError) as caught, writing(shop.base.engine) as connection:
        queue.reject(connection, "FIX-1", "lee", "it did not work")
    assert caught.value.name == "in-hand"
    clock.on(seconds=10)
    assert outcomes(shop.applier(clock=clock)) == {}
    clock.on(minutes=6)
    assert outcomes(shop.applier(clock=clock)) == {"FIX-1": "failed"}, "it can't be looked for yet"
    assert shop.base.fix("FIX-1").claimed_by is not None
    shop.settings["ledger"] = replace(shop.settings["ledger"], url=Secret("env:X", good))
    clock.on(minutes=6)
    assert outcomes(shop.applier(clock=clock)) == {"FIX-1": "found"}
    prove(shop, {journal(1).idempotency_key: 1000})


def gone(_self: Applier, _look: object) -> None:
    raise TemporaryError("nobody answers")


@pytest.mark.parametrize("booked", [False, True], ids=["killed before", "killed after it booked"])
def test_a_break_whose_fix_another_night_replaced_is_corrected_once(
    either: World, monkeypatch: pytest.MonkeyPatch, booked: bool
) -> None:
    """An applier is killed with the first in hand, so the night leaves it alone and proposes another; both are approved."""
    clock = Clock()
    first = journal("first", 1000, break_id="BRK-1")
    second = journal("second", 900, break_id="BRK-1")
    either.approved(first)
    with monkeypatch.context() as patched:
        deadly(either, patched, "FIX-first", booked)
        day_after_day(either, clock, 1)
    done_already = either.statuses().get("applied", 0)  # in one database it is booked and told at once
    if not done_already:
        either.approved(second)
        assert outcomes(either.applier(clock=Clock(START + timedelta(seconds=5)))) == {}, "the first is in hand"
        clock.on(minutes=6)
        left = outcomes(either.applier(clock=clock))
        assert left == (
            {"FIX-first": "found", "FIX-second": "superseded"}
            if booked
            else {"FIX-first": "superseded", "FIX-second": "applied"}
        )
    assert keys(either) == 1


def test_two_fixes_of_one_break_are_never_in_hand_at_once(shop: World) -> None:
    shop.approved(journal("first", break_id="BRK-1"), journal("second", break_id="BRK-1"))
    with writing(shop.base.engine) as connection:
        now = START
        given = queue.claim(connection, "a", "robot", shop.applier().policy, now, now + timedelta(minutes=5)).given
        assert [each.fix.fix_id for each in given] == ["FIX-first"]
        assert queue.claim(connection, "b", "robot", shop.applier().policy, now, now + timedelta(minutes=5)).given == []


def test_a_dry_run_writes_nothing(shop: World) -> None:
    shop.approved(journal(1), journal(2))
    shop.close_break("BRK-2")
    before = shop.base.rows("select * from fixes order by fix_id"), shop.base.rows("select count(*) from audit")
    came = shop.applier().would()
    assert {each.fix_id: each.outcome for each in came.done} == {"FIX-1": "applied", "FIX-2": "superseded"}
    assert (
        shop.base.rows("select * from fixes order by fix_id"),
        shop.base.rows("select count(*) from audit"),
    ) == before
    assert keys(shop) == 0 and shop.rows("select count(*) from ledger") == [(0,)]


def lost_answers(shop: World, count: int) -> int:
    """Apply that many fixes through a network that drops the answer to about every second COMMIT; how many it dropped."""
    fixes = [journal(f"{n:05}", 1000 + n) for n in range(count)]
    shop.approved(*fixes)
    limits = Limits(
        tries=100,
        first_wait=timedelta(0),
        longest_wait=timedelta(0),
        lease=timedelta(seconds=1),
        batch=5,
        state_tries=50,
    )
    with proxy(shop.ledger_url) as between:
        state_url, ledger_url = between.url(shop.state_url), between.url(shop.ledger_url)
        shop.settings["ledger"] = replace(shop.settings["ledger"], url=Secret("env:X", ledger_url))
        for _ in range(1_000):
            between.drop = 5
            applier = shop.applier(state=target_engine(state_url), state_url=state_url, limits=limits)
            try:
                applier.run(limit=7)
            finally:
                applier.close()
                applier.state.dispose()
            if shop.statuses().get("applied") == count:
                break
    prove(shop, {each.idempotency_key: each.amount_minor for each in fixes})
    return between.dropped


@pytest.mark.parametrize("together", [True, False], ids=["one database", "two databases"])
@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_lost_answer_to_commit_is_resolved_by_looking(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, together: bool
) -> None:
    server = request.getfixturevalue("postgres" if kind == "postgresql" else "mariadb")
    with world(server, tmp_path, together=together) as shop:
        assert lost_answers(shop, 20) >= 12


@pytest.mark.soak
@pytest.mark.parametrize("together", [True, False], ids=["one database", "two databases"])
@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_thousand_lost_answers(request: pytest.FixtureRequest, tmp_path: Path, kind: str, together: bool) -> None:
    server = request.getfixturevalue("postgres" if kind == "postgresql" else "mariadb")
    with world(server, tmp_path, together=together) as shop:
        assert lost_answers(shop, 500) >= 250


def test_the_database_keeps_keys_apart(shop: World) -> None:
    """A timestamp or a random part in a key would book twice: the same fix has the same key, whenever it is made."""
    assert journal(1).idempotency_key == journal(1).idempotency_key != journal(2).idempotency_key
    fix = journal(1)
    shop.approved(fix)
    shop.applier().run()
    with pytest.raises(sa.exc.DBAPIError, match="booked already"):
        shop.run(
            "insert into recon_journals (idempotency_key, fix_id, break_id, content_sha256, approved_by, applied_by, postings) "
            "select idempotency_key, fix_id, break_id, content_sha256, approved_by, applied_by, postings from recon_journals"
        )
