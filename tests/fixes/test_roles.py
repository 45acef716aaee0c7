"""The roles that docs/fix-queue.md gives, as it gives them, on PostgreSQL and MariaDB: each can do its work, and none another's."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from apply_world import Clock, journal, update, world
from desk_shop import Shop
from fix_queue import POLICY, Database, database

from recon.domain.queue import Status
from recon.fixes.apply import Applier
from recon.fixes.targets import Receipt, TemporaryError, open_target
from recon.fixes.targets.database import engine as target_engine
from recon.fixes.targets.database import transaction
from recon.store.state import engine_for
from recon.workspace import Secret

PAGE = Path(__file__).parents[2] / "docs" / "fix-queue.md"
ROLES = ("recon_run", "recon_approve", "recon_apply", "recon_read")
A, B = "2026-10-13", "2026-10-14"


class Away:
    """A receiver that may not answer."""

    name, looks, deduplicates = "ledger", False, True

    def __init__(self) -> None:
        self.answers, self.sent = True, 0

    def send(self, _effect: object) -> Receipt:
        if not self.answers:
            raise TemporaryError("nobody answers")
        self.sent += 1
        return Receipt("sent")

    def look(self, _effect: object) -> None:
        return None

    def close(self) -> None:
        pass


#: What the two say to somebody who may not.
DENIED = r"permission denied|must be owner|command denied|[Aa]ccess denied"


def block(title: str) -> str:
    """The statements of the page that begin with this comment."""
    [found] = re.findall(rf"```sql\n-- {title}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return str(found)


def given(title: str, database: str, suffix: str, roles: tuple[str, ...]) -> list[str]:
    """The statements, for roles with this suffix; on MariaDB for that database."""
    text = re.sub(r"--.*", "", block(title))
    for role in roles:
        text = re.sub(rf"\b{role}\b", role + suffix, text)
    text = re.sub(r"\bon (recon|shop)\.", f"on {database}.", text)
    return [each.strip() for each in text.split(";") if each.strip()]


@contextmanager
def accounts(engine: sa.Engine, names: list[str], statements: list[str]) -> Iterator[None]:
    """Accounts with no more than these statements give them."""
    postgresql = engine.dialect.name == "postgresql"
    try:
        with engine.begin() as owner:
            for name in names:
                owner.execute(sa.text(f"create role {name} login" if postgresql else f"create user '{name}'@'%'"))
            for statement in statements:
                owner.execute(sa.text(statement))
        yield
    finally:
        with engine.begin() as owner:
            for name in names:
                if postgresql:
                    owner.execute(sa.text(f"drop owned by {name}"))
                owner.execute(sa.text(f"drop role {name}" if postgresql else f"drop user if exists '{name}'@'%'"))


def refused(engine: sa.Engine, statement: str) -> None:
    with pytest.raises(sa.exc.DBAPIError, match=DENIED), engine.begin() as connection:
        connection.exec_driver_sql(statement)


@dataclass(frozen=True)
class Roles:
    base: Database
    suffix: str

    def url(self, role: str) -> str:
        return sa.make_url(self.base.url).set(username=role + self.suffix).render_as_string(hide_password=False)

    def engine(self, role: str) -> sa.Engine:
        return engine_for(self.url(role), self.base.root)

    def refused(self, role: str, statement: str) -> None:
        engine = self.engine(role)
        refused(engine, statement)
        engine.dispose()


@pytest.fixture(scope="module", params=["PostgreSQL", "MariaDB"])
def roles(request, tmp_path_factory) -> Iterator[Roles]:
    server = request.getfixturevalue("postgres" if request.param == "PostgreSQL" else "mariadb")
    with database(server, tmp_path_factory.mktemp("roles")) as base:
        made = Roles(base, f"_{uuid.uuid4().hex[:8]}")
        name = str(sa.make_url(base.url).database)
        statements = given(f"{request.param}, the state database", name, made.suffix, ROLES)
        with base.engine.begin() as owner:
            owner.exec_driver_sql("delete from nights")
        with accounts(base.engine, [role + made.suffix for role in ROLES], statements):
            yield made


def test_each_role_can_do_its_work_and_no_other(roles, tmp_path):
    run = Shop.make(tmp_path / "shop", roles.url("recon_run"))
    run.settled(A, ("T1", "PO-1", 45000), ("T2", "PO-2", 900))
    run.ordered(A, ("PO-1", 45000), ("PO-2", 900))
    run.run(A)
    fix_id = str(run.fix_of(A, "PO-1/capture")["fix_id"])

    # The night cannot approve, nor the reviewer change what is approved.
    assert run.refused("fixes", "approve", fix_id, "--as", "kim", "--why", "ok") == "not-permitted"
    (run.root / "state.url").write_text(roles.url("recon_approve"))
    run.do("fixes", "approve", fix_id, "--as", "kim", "--why", "ok")
    run.do("breaks", "resolve", "PO-2/capture", "--reason", "timing", "--as", "kim", "--why", "tomorrow")
    for column in ("amount_minor = 1", "content = '{}'", "maker = 'kim'", "receipt = '{}'"):
        roles.refused("recon_approve", f"update fixes set {column}")
    roles.refused("recon_approve", "insert into nights (night) values ('2026-10-13')")
    roles.refused("recon_approve", "insert into fixes (fix_id) values ('FIX-1')")

    # The applier applies, and approves nothing; what it says of a target that is not there, all appliers hear.
    clock, target, away = Clock(), Away(), Away()
    away.answers = False
    for sender in (away, target):
        applier = Applier(
            roles.engine("recon_apply"), roles.url("recon_apply"), {"ledger": sender}, lambda *_: "ledger", POLICY, "robot",
            lambda night: datetime(2026, 10, 14, tzinfo=UTC), clock=clock,
        )  # fmt: skip
        applier.run()
        applier.state.dispose()
        clock.on(minutes=5)
    assert (away.sent, target.sent) == (0, 1)
    roles.refused("recon_apply", "insert into fix_approvals (fix_id) values ('FIX-1')")
    roles.refused("recon_apply", "update fixes set amount_minor = 1")
    assert roles.base.fix(fix_id).status is Status.APPLIED

    # The next night goes by all of it.
    (run.root / "state.url").write_text(roles.url("recon_run"))
    run.booked(B, ("recon-1", "PO-1", 45000))
    run.run(B)
    assert run.breaks(B)["PO-1/capture"]["reason"].startswith(f"corrected by fix {fix_id}, approved by kim")
    assert run.breaks(B)["PO-2/capture"]["state"] == "resolved"
    (run.root / "state.url").write_text(roles.url("recon_read"))
    if roles.base.kind == "mysql":
        # MariaDB shows no trigger to one who could not drop it: what cannot be seen is not called whole.
        [told] = run.do("verify", B, exit=5).splitlines()
        assert "can't be seen by this login" in told and "as the owner" in told
        (run.root / "state.url").write_text(roles.base.url)
    assert "so is the audit trail" in run.do("verify", B)


@pytest.mark.parametrize("role", ROLES)
def test_no_role_touches_the_trail_the_makers_or_the_guards(roles, role):
    for statement in (
        "update audit set who = 'x'",
        "delete from audit",
        "truncate audit",
        "insert into fix_makers (fix_id, name) values ('FIX-1', 'x')",
        "delete from fix_makers",
        "update fix_approvals set approved_by = 'x'",
        "delete from fixes",
        "drop table audit",
    ):
        roles.refused(role, statement)
    if roles.base.kind == "postgresql":
        roles.refused(role, "alter table audit disable trigger audit_update_guard")
        roles.refused(role, "drop trigger audit_update_guard on audit")
        roles.refused(role, "set session_replication_role = replica")
    else:
        roles.refused(role, "drop trigger audit_update_guard")
        roles.refused(role, "replace into audit_head (id, seq, sha256) values (1, 0, 'x')")


# --- the company's database ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PostgreSQL", "MariaDB"])
def test_the_reading_account_writes_nothing_and_the_other_only_corrects(request, tmp_path, kind):
    server = request.getfixturevalue("postgres" if kind == "PostgreSQL" else "mariadb")
    names = ("recon_reads", "recon_corrects")
    with world(server, tmp_path, together=False) as shop:
        suffix = f"_{uuid.uuid4().hex[:8]}"
        statements = given(f"{kind}, the company's database", str(shop.engine.url.database), suffix, names)
        # The page's names of columns are not those of this ledger.
        renamed = {"ledger_entries": "ledger", "status, amount, updated_at": "state, amount_minor, changed_at"}
        for there, here in renamed.items():
            statements = [each.replace(there, here) for each in statements]
        with accounts(shop.engine, [name + suffix for name in names], statements):
            reads, corrects = (shop.engine.url.set(username=name + suffix) for name in names)
            reading, correcting = sa.create_engine(reads), sa.create_engine(corrects)
            try:
                _corrects(shop, corrects.render_as_string(hide_password=False))
                _only(reading, correcting, shop)
            finally:
                reading.dispose()
                correcting.dispose()


def _corrects(shop, url: str) -> None:
    """With that account a journal and an update are applied, tried before, looked for after, and checked."""
    shop.run("insert into payment_orders (id, state, amount_minor) values (1, 'PENDING', 1000)")
    shop.settings.update({name: replace(each, url=Secret("env:APP", url)) for name, each in shop.settings.items()})
    fixes = [journal("granted"), update("granted-u", 1, {"status": "PENDING", "amount": "1000"}, {"status": "SUCCESS"})]
    shop.approved(*fixes)
    assert {each.outcome for each in shop.applier().would().done} == {"applied"}
    assert {each.outcome for each in shop.applier().run().done} == {"applied"}
    engine = target_engine(url)
    with transaction(engine) as connection:
        for name, settings in shop.settings.items():
            target = open_target(name, settings)
            assert target.check(connection) == []
            fix = shop.base.fix(fixes[0 if name == "ledger" else 1].fix_id)
            assert target.look(connection, shop.applier()._effect(fix)).found
    engine.dispose()


def _only(reading: sa.Engine, correcting: sa.Engine, shop) -> None:
    before = shop.rows("select * from ledger"), shop.rows("select * from payment_orders")
    with reading.connect() as connection:
        assert len(connection.exec_driver_sql("select * from ledger").all()) == 2
        assert len(connection.exec_driver_sql("select * from payment_orders").all()) == 1
    postgresql = shop.kind == "postgresql"
    both = [
        "insert into ledger select * from ledger",
        "update ledger set amount_minor = 1",
        "delete from ledger",
        "truncate table ledger",
        "drop table ledger",
        "alter table ledger drop column memo",
        "delete from payment_orders",
        "update payment_orders set note = 'x'",
        "update payment_orders set id = 2",
        "insert into payment_orders (id, state, amount_minor) values (2, 'X', 1)",
        "update recon_journals set fix_id = 'x'",
        "delete from recon_journals",
        "truncate table recon_journals",
        "drop table recon_journals",
        "update recon_updates set fix_id = 'x'",
        "delete from recon_updates",
        "truncate table recon_updates",
        f"drop trigger ledger_recon_update{' on ledger' if postgresql else ''}",
        "create table more (id int)",
    ]
    if not postgresql:
        both += [
            "replace into recon_journals select * from recon_journals",
            "rename table ledger to gone",
            "create trigger mine before insert on ledger for each row set new.memo = ''",
        ]
    for statement in both:
        refused(correcting, statement)
        refused(reading, statement)
    refused(reading, "update payment_orders set state = 'PAID'")
    refused(reading, "insert into recon_journals select * from recon_journals")
    # What it may insert, the guard still reads: no journal off balance, and none a second time.
    with pytest.raises(sa.exc.DBAPIError), correcting.begin() as connection:
        connection.exec_driver_sql("insert into recon_journals select * from recon_journals")
    assert (shop.rows("select * from ledger"), shop.rows("select * from payment_orders")) == before
