"""Days, decisions, crashes, retries and reruns in any order: what the ledger holds was approved by another person, once."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from fix_queue import NIGHT, POLICY, database, proposed
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from recon.domain.queue import Status
from recon.errors import ReconError
from recon.fixes import queue
from recon.store.audit import read_records, writing
from recon.store.state import engine_for
from recon.store.trail import verify_trail

NUMBERS = st.integers(1, 3)
PEOPLE = st.sampled_from(["jane", "kim", "lee"])
TOKENS = st.sampled_from(["one", "two"])


class KilledError(Exception):
    """The process died: nothing of its transaction is left."""


@pytest.fixture(scope="module")
def empty(tmp_path_factory) -> Iterator[Path]:
    """A migrated database with an empty ledger beside the queue, to copy."""
    with database(None, tmp_path_factory.mktemp("machine")) as base:
        with base.engine.begin() as connection:
            connection.exec_driver_sql(
                "create table ledger (key text, account text, amount integer, primary key (key, account))"
            )
        yield base.root / "state.sqlite"


def machine(empty: Path) -> type[RuleBasedStateMachine]:
    class Queue(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.root = Path(tempfile.mkdtemp())
            shutil.copy(empty, self.root / "state.sqlite")
            self.engine = engine_for("sqlite:///state.sqlite", self.root)
            self.now = datetime(2026, 11, 20, tzinfo=UTC)
            self.seen = dict.fromkeys((1, 2, 3), 1000)

        def teardown(self) -> None:
            self.engine.dispose()
            shutil.rmtree(self.root)

        @contextmanager
        def trying(self, dies: bool = False) -> Iterator[sa.Connection]:
            """A transaction whose process may be killed before its end; what is refused is refused."""
            try:
                with writing(self.engine) as connection:
                    yield connection
                    if dies:
                        raise KilledError
            except (ReconError, KilledError):
                pass

        @rule(wanted=st.sets(NUMBERS), changes=st.sets(NUMBERS), who=PEOPLE, dies=st.booleans())
        def night(self, wanted, changes, who, dies):
            """A night, or a rerun of one: it proposes some, and of some it sees other records."""
            self.seen |= {number: self.seen[number] + 1 for number in changes}
            made = [replace(proposed(n), seen={"psp.amount": self.seen[n]}) for n in sorted(wanted)]
            with self.trying(dies) as connection:
                queue.propose(connection, NIGHT, made, who, ["payin"])

        @rule(number=NUMBERS, who=PEOPLE, dies=st.booleans())
        def approve(self, number, who, dies):
            with self.trying(dies) as connection:
                queue.approve(connection, f"FIX-{number}", who, "seen", POLICY)

        @rule(number=NUMBERS, who=PEOPLE)
        def reject(self, number, who):
            with self.trying() as connection:
                queue.reject(connection, f"FIX-{number}", who, "no")

        @rule(number=NUMBERS, who=PEOPLE)
        def retry(self, number, who):
            with self.trying() as connection:
                queue.retry(connection, f"FIX-{number}", who, "again")

        @rule(token=TOKENS, who=PEOPLE, dies=st.booleans())
        def claim(self, token, who, dies):
            with self.trying(dies) as connection:
                queue.claim(connection, token, who, POLICY, self.now, self.now + timedelta(minutes=5))

        @rule(minutes=st.integers(1, 20))
        def time_passes(self, minutes):
            self.now += timedelta(minutes=minutes)

        @rule(number=NUMBERS, token=TOKENS, who=PEOPLE, dies=st.booleans())
        def apply(self, number, token, who, dies):
            """Key, effect and state in one transaction; where the key is there already, only the state is brought up to it."""
            with self.trying(dies) as connection:
                fix = queue.get(connection, f"FIX-{number}")
                if fix.claimed_by == token and fix.approved_by != who:
                    self.post(connection, fix)
                    queue.applied(connection, fix.fix_id, token, who, {"key": fix.idempotency_key})

        @rule(number=NUMBERS, token=TOKENS, dead=st.booleans())
        def fail(self, number, token, dead):
            with self.trying() as connection:
                if dead:
                    queue.dead_letter(connection, f"FIX-{number}", token, "robot", "closed")
                else:
                    queue.failed(
                        connection, f"FIX-{number}", token, "robot", "timeout", self.now + timedelta(minutes=1)
                    )

        @staticmethod
        def post(connection: sa.Connection, fix: queue.QueuedFix) -> None:
            for each in fix.content["postings"]:
                connection.execute(
                    sa.text("insert into ledger values (:key, :account, :amount)"),
                    {"key": fix.idempotency_key, "account": each["account"], "amount": int(each["amount"])},
                )

        @invariant()
        def the_ledger_holds_what_another_person_approved_once(self):
            with self.engine.connect() as connection:
                rows = connection.execute(sa.text("select key, sum(amount), count(*) from ledger group by key")).all()
                assert all((total, count) == (0, 2) for _, total, count in rows)
                applied = {fix.idempotency_key: fix for fix in queue.find(connection, statuses=[Status.APPLIED])}
                assert set(applied) == {row[0] for row in rows}
                for fix in applied.values():
                    records = read_records(connection, [fix.fix_id])
                    approved = [each for each in records if each.to_state == "approved"][-1]
                    done = [each for each in records if each.to_state == "applied"]
                    assert len(done) == 1 and done[0].who != approved.who
                    assert approved.who not in queue.makers(connection, fix.fix_id)
                    assert json.loads(approved.details)["content_sha256"] == fix.content_sha256
                assert verify_trail(connection) == []

    return Queue


def test_any_order_of_days_decisions_crashes_and_retries(empty):
    few = settings(
        max_examples=8, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    run_state_machine_as_test(machine(empty), settings=few)


@pytest.mark.soak
def test_any_order_of_days_decisions_crashes_and_retries_at_length(empty):
    many = settings(
        max_examples=1500, stateful_step_count=80, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    run_state_machine_as_test(machine(empty), settings=many)
