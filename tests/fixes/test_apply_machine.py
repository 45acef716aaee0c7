"""Days, decisions, kills, refusals, retries and reruns in any order through the real applier: booked once, or not at all.

The queue and the ledger are SQLite, in one database and in two. An applier dies at a statement that is drawn, commits
included (`Killer` of tests/races.py). After the last step everything is let run to its end, and has one.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from apply_world import Clock, World, break_row, journal, world
from fix_queue import NIGHT, POLICY, Database
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from races import Engines, Killed, Killer

from recon.domain.queue import Status
from recon.errors import ReconError
from recon.fixes import queue
from recon.fixes.apply import Limits
from recon.fixes.targets.database import engine as target_engine
from recon.store.audit import read_records, writing
from recon.store.state import breaks, engine_for
from recon.store.trail import verify_trail
from recon.workspace import Secret

NUMBERS = st.integers(1, 4)
ALL = frozenset({1, 2, 3, 4})
FEW, MANY = st.sets(NUMBERS, max_size=2), st.sets(NUMBERS, min_size=2)
#: Makers, reviewers and appliers overlap, so that now and then they are the same.
MAKERS, REVIEWERS = st.sampled_from(["jane", "jane", "kim"]), st.sampled_from(["kim", "kim", "lee", "jane"])
APPLIERS = st.sampled_from(["robot", "robot", "lee", "kim"])
SELDOM = st.sampled_from([False, False, False, False, True])
LIMITS = Limits(tries=3, first_wait=timedelta(seconds=30), lease=timedelta(minutes=5), batch=3)
#: Where an applier has no more to do, after dead letters were sent again: nobody decided on what is proposed.
FINAL = {Status.APPLIED, Status.REJECTED, Status.SUPERSEDED, Status.PROPOSED}


class KilledAt(Killer):
    """Kills once, at the statement with that number from now on; never where there is none."""

    def __init__(self, at: int | None, seed: int) -> None:
        super().__init__(seed, 1)
        self.at = at

    def _dies(self) -> bool:
        if self.at is None:
            return False
        self.at -= 1
        return self.at == 0


def machine(empty: World, together: bool) -> type[RuleBasedStateMachine]:
    """The machine over copies of an empty world's files."""

    class Shop(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.root = Path(tempfile.mkdtemp())
            for file in empty.base.root.glob("*.sqlite"):
                shutil.copy(file, self.root / file.name)
            self.engine = engine_for("sqlite:///state.sqlite", self.root)
            ledger = f"sqlite:///{self.root / ('state.sqlite' if together else 'ledger.sqlite')}"
            base = Database("sqlite", str(self.engine.url), self.root, self.engine)
            targets = {"ledger": replace(empty.settings["ledger"], url=Secret("env:LEDGER", ledger))}
            self.world = World(base, ledger, "sqlite", targets, target_engine(ledger))
            self.clock = Clock()
            self.amounts = dict.fromkeys((1, 2, 3, 4), 1000)
            self.rules = 0

        def teardown(self) -> None:
            try:
                self.everything_runs_to_its_end()
                self.booked_once_and_only_what_another_person_approved()
            finally:
                self.engine.dispose()
                self.world.engine.dispose()
                shutil.rmtree(self.root)

        # --- nights ---

        @initialize()
        def first_night(self) -> None:
            self.night(set(), set(), False, "jane")

        @rule(gone=FEW, other_amount=FEW, other_rule=SELDOM, who=MAKERS)
        def night(self, gone: set[int], other_amount: set[int], other_rule: bool, who: str) -> None:
            """A night, or a rerun of one: it takes back some, proposes the rest, and sees other amounts or another rule file.

            Another amount of one break is another fix with another key; the rule file changes what is signed and no key. A
            break whose correction is in the ledger is none any more: the night reads the ledger.
            """
            booked = {
                name for (name,) in self.world.rows("select distinct memo from ledger where recon_key is not null")
            }
            self.amounts |= {number: self.amounts[number] + 1 for number in other_amount if str(number) not in booked}
            self.rules += other_rule
            made = [self.fix(number) for number in sorted(ALL - gone) if str(number) not in booked]
            with writing(self.engine) as connection:
                connection.execute(breaks.update().values(state="resolved"))
                for each in made:
                    connection.execute(breaks.delete().where(breaks.c.break_id == each.break_id))
                    connection.execute(breaks.insert(), [break_row(each)])
                queue.propose(connection, NIGHT, made, who, ["payin"])

        def fix(self, number: int) -> queue.Proposed:
            amount = self.amounts[number]
            made = journal(f"{number}-{amount}", amount, break_id=f"BRK-{number}", rule_sha256=f"{self.rules:064}")
            return replace(made, content={**made.content, "memo": str(number), "break_id": made.break_id})

        # --- people ---

        @rule(numbers=MANY, who=REVIEWERS)
        def approve(self, numbers: set[int], who: str) -> None:
            for fix_id in self.ids(numbers):
                with suppress(ReconError), writing(self.engine) as connection:
                    queue.approve(connection, fix_id, who, "seen", POLICY)

        @rule(number=NUMBERS, who=REVIEWERS)
        def reject(self, number: int, who: str) -> None:
            for fix_id in self.ids({number}):
                with suppress(ReconError), writing(self.engine) as connection:
                    queue.reject(connection, fix_id, who, "no")

        @rule(numbers=MANY, who=REVIEWERS)
        def retry(self, numbers: set[int], who: str) -> None:
            for fix_id in self.ids(numbers):
                with suppress(ReconError), writing(self.engine) as connection:
                    queue.retry(connection, fix_id, who, "again")

        @rule(number=NUMBERS)
        def a_person_closes_the_break(self, number: int) -> None:
            self.world.close_break(f"BRK-{number}")

        def ids(self, numbers: set[int]) -> list[str]:
            with self.engine.connect() as connection:
                return [each.fix_id for each in queue.find(connection) if int(each.break_id[4:]) in numbers]

        # --- the world ---

        @rule(minutes=st.sampled_from([1, 6, 45]))
        def time_passes(self, minutes: int) -> None:
            self.clock.on(minutes=minutes)

        @rule(number=NUMBERS)
        def the_ledger_refuses_one_for_good(self, number: int) -> None:
            self.world.run("drop trigger if exists no_poison")
            self.world.run(
                f"create trigger no_poison before insert on ledger when new.memo = '{number}' begin select raise(abort, 'closed'); end"
            )

        @rule()
        def the_ledger_takes_everything_again(self) -> None:
            self.world.run("drop trigger if exists no_poison")

        # --- appliers ---

        @rule(who=APPLIERS, at=st.none() | st.integers(1, 300), seed=st.integers(0, 9), limit=st.none() | NUMBERS)
        def apply(self, who: str, at: int | None, seed: int, limit: int | None) -> None:
            """One run of an applier: to its end, or until it is killed."""
            self.applier(who, KilledAt(at, seed), limit=limit)

        @rule(at=st.integers(1, 60), seed=st.integers(0, 9), runs=st.integers(1, 4))
        def kills_in_a_row(self, at: int, seed: int, runs: int) -> None:
            """A poison item, or a machine that is short of memory: each applier dies at the same place."""
            for _ in range(runs):
                self.applier("robot", KilledAt(at, seed))
                self.clock.on(minutes=6)

        @rule(runs=st.integers(1, 4))
        def apply_while_the_ledger_does_not_answer(self, runs: int) -> None:
            for _ in range(runs):
                self.applier("robot", KilledAt(None, 0), away=True)
                self.clock.on(minutes=20)

        def applier(self, who: str, killer: Killer, away: bool = False, limit: int | None = None) -> None:
            given = dict(self.world.settings)
            if away:
                nowhere = Secret("env:LEDGER", "sqlite:////nowhere/at/all.sqlite")
                self.world.settings["ledger"] = replace(self.world.settings["ledger"], url=nowhere)
            engines = Engines(killer)
            try:
                applier = self.world.applier(
                    state=engines(self.world.state_url), engine_of=engines, limits=LIMITS, who=who, clock=self.clock
                )
                applier.run(limit=limit)
            except Killed:
                pass
            finally:
                engines.close()
                self.world.settings.update(given)

        # --- what always holds ---

        @invariant()
        def booked_once_and_only_what_another_person_approved(self) -> None:
            rows = self.world.rows(
                "select recon_key, currency, count(*), sum(amount_minor) from ledger where recon_key is not null group by 1, 2"
            )
            assert all((count, total) == (2, 0) for _, _, count, total in rows), rows
            keys = [key for key, *_ in rows]
            assert len(set(keys)) == len(keys)
            assert set(keys) == {key for (key,) in self.world.rows("select idempotency_key from recon_journals")}
            per_break = self.world.rows("select memo, count(*) from ledger where recon_key is not null group by memo")
            assert all(count == 2 for _, count in per_break), f"a break was corrected twice: {per_break}"
            with self.engine.connect() as connection:
                known = {fix.idempotency_key: fix for fix in queue.find(connection)}
                for key in keys:
                    self.deserved(connection, known[key])
                applied = {key for key, fix in known.items() if fix.status is Status.APPLIED}
                assert applied <= set(keys), "applied, and not in the ledger"

        @staticmethod
        def deserved(connection: sa.Connection, fix: queue.QueuedFix) -> None:
            """What is in the ledger was approved by neither its maker nor its applier, and is not done with in another state.

            But for a dead letter: it says that it may be there, and the night that sees it there takes the fix back.
            """
            records = read_records(connection, [fix.fix_id])
            dead = any(each.to_state == "dead_letter" for each in records)
            assert fix.status is Status.APPLIED or fix.claimed_by is not None or dead, fix
            approved = [each for each in records if each.to_state == "approved"][-1]
            assert approved.who not in queue.makers(connection, fix.fix_id)
            done = [each for each in records if each.to_state == "applied"]
            assert len(done) == (fix.status is Status.APPLIED)
            assert all(each.who != approved.who for each in done)

        def everything_runs_to_its_end(self) -> None:
            """The ledger answers, nobody is killed: appliers come until nothing is ready, and dead letters are sent again."""
            self.world.run("drop trigger if exists no_poison")
            for who in ("robot", "robot", "robot"):
                self.clock.on(hours=2)
                self.applier(who, KilledAt(None, 0))
            for fix_id in self.ids({1, 2, 3, 4}):
                with suppress(ReconError), writing(self.engine) as connection:
                    queue.retry(connection, fix_id, "lee", "again")
            self.applier("robot", KilledAt(None, 0))
            with self.engine.connect() as connection:
                found, wrong = queue.find(connection), verify_trail(connection)
            assert wrong == [], wrong
            assert all(fix.status in FINAL and fix.claimed_by is None for fix in found), found

    return Shop


@pytest.fixture(scope="module", params=[True, False], ids=["one database", "two databases"])
def empty(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, bool]]:
    with world(None, tmp_path_factory.mktemp("machine"), together=request.param) as made:
        yield made, request.param


def run(empty: tuple[World, bool], examples: int, steps: int) -> None:
    limits = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    run_state_machine_as_test(machine(*empty), settings=limits)


def test_any_order_of_days_decisions_kills_and_retries_books_once(empty: tuple[World, bool]) -> None:
    run(empty, 20, 30)


@pytest.mark.soak
def test_any_order_books_once_at_length(empty: tuple[World, bool]) -> None:
    run(empty, 1000, 60)
