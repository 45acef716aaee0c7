"""The maker of a fix never approves it, by whatever path: the commands' own, and raw SQL on all three databases."""

from __future__ import annotations

import itertools

import pytest
import sqlalchemy as sa
from fix_queue import Database, approve, propose, proposed

from recon.domain.queue import Status
from recon.errors import ReconError
from recon.fixes import queue
from recon.store.audit import Entry, append, lock, writing
from recon.store.state import fix_approvals, fixes

_numbers = itertools.count(1)


@pytest.fixture
def fix_id(base: Database) -> str:
    """A fix that jane made."""
    number = f"S{next(_numbers)}"
    with writing(base.engine) as connection:
        known = [proposed(each.fix_id.removeprefix("FIX-")) for each in queue.find(connection)]
    propose(base, *known, proposed(number))
    return f"FIX-{number}"


def record(connection: sa.Connection, who: str, fix_id: str, of: str = "proposed", to: str = "approved") -> int:
    """A record in the trail, as raw SQL could write it: well-formed, and about what is being tried."""
    [seq] = append(connection, [Entry(who, "approve", fix_id, "because", of, to)])
    return seq


def signature(connection: sa.Connection, fix_id: str, who: str, seq: int) -> dict[str, object]:
    fix = queue.get(connection, fix_id)
    return {
        "audit_seq": seq,
        "fix_id": fix_id,
        "approved_by": who,
        "content_sha256": fix.content_sha256,
        "rule_sha256": fix.rule_sha256,
        "seen_sha256": fix.seen_sha256,
        "approved_on": fix.seen_on,
    }


def refused(base: Database, what: str, *, said: str) -> None:
    """Raw SQL that the database refuses with a guard's own words."""
    with pytest.raises(sa.exc.DBAPIError) as caught, base.engine.begin() as connection:
        connection.exec_driver_sql(what)
    assert said in str(caught.value.orig), caught.value.orig


def test_by_the_queue(base, fix_id):
    for name in ("jane", "Jane", " JANE "):
        with pytest.raises(ReconError) as caught:
            approve(base, fix_id, name)
        assert caught.value.name == "own-fix"
    for name in (
        "ｊａｎｅ",
        "jаne",
        "jane doe",
        "",
        "recon",
        "recon-auto",
    ):  # full width; the second letter Cyrillic; two words
        with pytest.raises(ReconError) as caught:
            approve(base, fix_id, name)
        assert caught.value.name in ("bad-signer", "unsigned", "not-automatic")
    assert base.fix(fix_id).status is Status.PROPOSED


def test_by_raw_sql_that_moves_the_state(base, fix_id):
    for state in ("approved", "applied", "failed", "retrying", "dead_letter"):
        refused(base, f"update fixes set status = '{state}' where fix_id = '{fix_id}'", said="fixes:")
    with pytest.raises(sa.exc.DBAPIError, match="no approval by another person"), writing(base.engine) as connection:
        seq = record(connection, "jane", fix_id)
        connection.execute(
            fixes.update().where(fixes.c.fix_id == fix_id).values(status="approved", audit_seq=seq, approved_by="kim")
        )
    assert base.fix(fix_id).status is Status.PROPOSED


@pytest.mark.parametrize("name", ["jane", "JANE", "Jane", "jane ", " jane", "ｊａｎｅ", "", "recon"])
def test_by_raw_sql_that_signs(base, fix_id, name):
    with pytest.raises(sa.exc.DBAPIError) as caught, writing(base.engine) as connection:
        seq = record(connection, name.strip().lower().replace("ｊａｎｅ", "kim") or "kim", fix_id)
        connection.execute(fix_approvals.insert(), [signature(connection, fix_id, name, seq)])
    assert "never approves it" in str(caught.value.orig)


def test_by_raw_sql_that_signs_as_the_rule(base, fix_id):
    with pytest.raises(sa.exc.DBAPIError, match="does not approve by itself"), writing(base.engine) as connection:
        seq = record(connection, "recon-auto", fix_id)
        connection.execute(fix_approvals.insert(), [signature(connection, fix_id, "recon-auto", seq)])


def test_by_raw_sql_that_signs_without_the_trail(base, fix_id):
    """An approval by kim of which the trail knows nothing, or of which it says that jane gave it."""
    for who, seq in (("kim", None), ("jane", None), ("kim", "jane's")):
        with pytest.raises(sa.exc.DBAPIError), writing(base.engine) as connection:
            place = record(connection, "jane", fix_id) if seq else lock(connection).seq + 1
            connection.execute(fix_approvals.insert(), [signature(connection, fix_id, who, place)])


def test_by_raw_sql_that_changes_the_maker(base, fix_id):
    """Who made a fix has made it: another maker beside the first frees nobody."""
    refused(base, f"update fixes set maker = 'bob' where fix_id = '{fix_id}'", said="fixes:")
    refused(base, f"delete from fix_makers where fix_id = '{fix_id}'", said="who made a fix has made it")
    refused(base, f"update fix_makers set name = 'bob' where fix_id = '{fix_id}'", said="who made a fix has made it")
    with writing(base.engine) as connection:
        [seq] = append(connection, [Entry("bob", "propose_again", fix_id, "mine now", "proposed", "proposed")])
        connection.execute(
            fixes.update().where(fixes.c.fix_id == fix_id).values(maker="bob", audit_seq=seq, proposed_seq=seq)
        )
    with pytest.raises(sa.exc.DBAPIError, match="never approves it"), writing(base.engine) as connection:
        seq = record(connection, "jane", fix_id)
        connection.execute(fix_approvals.insert(), [signature(connection, fix_id, "jane", seq)])
    with pytest.raises(ReconError, match="made"):
        approve(base, fix_id, "bob")


def test_by_raw_sql_that_makes_it_anew(base, fix_id):
    """Deleting and inserting, replacing, or inserting it as approved: none of them gets rid of its maker."""
    columns = ", ".join(column.name for column in fixes.columns)
    other = ", ".join("'bob'" if column.name == "maker" else column.name for column in fixes.columns)
    ready = ", ".join("'approved'" if column.name == "status" else column.name for column in fixes.columns)
    refused(base, f"delete from fixes where fix_id = '{fix_id}'", said="a fix is never deleted")
    with pytest.raises(sa.exc.DBAPIError), base.engine.begin() as connection:
        connection.exec_driver_sql(f"insert into fixes ({columns}) select {ready} from fixes where fix_id = '{fix_id}'")
    if base.kind != "postgresql":
        verb = "insert or replace" if base.kind == "sqlite" else "replace"
        refused(
            base, f"{verb} into fixes ({columns}) select {other} from fixes where fix_id = '{fix_id}'", said="fixes:"
        )
        refused(base, f"{verb} into fix_makers (fix_id, name) values ('{fix_id}', 'jane')", said="fix_makers:")
    if base.kind == "sqlite":
        ignored = f"update or ignore fixes set status = 'approved' where fix_id = '{fix_id}'"
        refused(base, ignored, said="fixes:")
        refused(base, f"update or replace fixes set fix_id = 'FIX-X' where fix_id = '{fix_id}'", said="fixes:")
    else:
        conflict = (
            "on conflict (fix_id) do update set status = 'approved'"
            if base.kind == "postgresql"
            else "on duplicate key update status = 'approved'"
        )
        refused(
            base,
            f"insert into fixes ({columns}) select {columns} from fixes where fix_id = '{fix_id}' {conflict}",
            said="fixes:",
        )
    if base.kind == "postgresql":
        refused(base, "truncate fix_makers", said="rows are never deleted")
        refused(base, "truncate fixes cascade", said="rows are never deleted")


def test_by_raw_sql_with_what_sqlite_lets_be_switched_off(sqlite_base):
    """Foreign keys, checks and recursive triggers are settings of a connection; the guards are none."""
    propose(sqlite_base, proposed("P1"))
    for setting in ("foreign_keys = off", "ignore_check_constraints = on", "recursive_triggers = off"):
        with pytest.raises(sa.exc.DBAPIError, match="never approves it"), sqlite_base.engine.connect() as connection:
            connection.exec_driver_sql(f"pragma {setting}")
            with connection.begin() if not connection.in_transaction() else connection.begin_nested():
                seq = record(connection, "jane", "FIX-P1")
                connection.execute(fix_approvals.insert(), [signature(connection, "FIX-P1", "JANE", seq)])


def test_by_raw_sql_that_signs_another_content(base, fix_id):
    """kim signed 1,000; what is there now is 1,000,000."""
    approve(base, fix_id, "kim")
    changed = "content = replace(content, '1000', '1000000'), amount_minor = 1000000"
    refused(base, f"update fixes set {changed} where fix_id = '{fix_id}'", said="fixes: what changed is proposed again")
    with pytest.raises(sa.exc.DBAPIError), writing(base.engine) as connection:
        seq = record(connection, "jane", fix_id, "approved", "proposed")
        connection.exec_driver_sql(
            f"update fixes set {changed}, content_sha256 = '{'9' * 64}', status = 'proposed', audit_seq = {seq}, proposed_seq = {seq} where fix_id = '{fix_id}'"
        )
        seq = record(connection, "jane", fix_id)
        connection.exec_driver_sql(f"update fixes set status = 'approved', audit_seq = {seq} where fix_id = '{fix_id}'")
    assert base.fix(fix_id).amount_minor == 1000


def test_another_person_may(base, fix_id):
    fix = approve(base, fix_id, "kim")
    assert (fix.status, fix.approved_by, fix.maker) == (Status.APPROVED, "kim", "jane")
