"""The roles that docs/fix-queue.md gives, as it gives them, on PostgreSQL: each can do its work, and none another's."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from desk_shop import Shop
from fix_queue import POLICY, Database, database

from recon.domain.queue import Status
from recon.fixes import queue
from recon.store.audit import writing
from recon.store.state import engine_for

PAGE = Path(__file__).parents[2] / "docs" / "fix-queue.md"
ROLES = ("recon_run", "recon_approve", "recon_apply", "recon_read")
A, B = "2026-10-13", "2026-10-14"


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
        with (
            pytest.raises(sa.exc.ProgrammingError, match=r"permission denied|must be owner"),
            engine.begin() as connection,
        ):
            connection.exec_driver_sql(statement)
        engine.dispose()


@pytest.fixture(scope="module")
def roles(postgres, tmp_path_factory) -> Iterator[Roles]:
    with database(postgres, tmp_path_factory.mktemp("roles")) as base:
        made = Roles(base, f"_{uuid.uuid4().hex[:8]}")
        [given] = re.findall(r"```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
        for role in ROLES:
            given = re.sub(rf"\b{role}\b", role + made.suffix, given)
        try:
            with base.engine.begin() as owner:
                owner.exec_driver_sql("delete from nights")
                for role in ROLES:
                    owner.exec_driver_sql(f"create role {role}{made.suffix} login")
                owner.exec_driver_sql(given)
            yield made
        finally:
            with base.engine.begin() as owner:
                for role in ROLES:
                    owner.exec_driver_sql(f"drop owned by {role}{made.suffix}")
                    owner.exec_driver_sql(f"drop role {role}{made.suffix}")


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

    # The applier applies, and approves nothing.
    engine = roles.engine("recon_apply")
    now = datetime(2026, 10, 14, tzinfo=UTC)
    with writing(engine) as connection:
        [claim] = queue.claim(connection, "t", "robot", POLICY, now, now + timedelta(minutes=1)).given
        queue.applied(connection, claim.fix.fix_id, "t", "robot", {"journal_id": "J-1"})
    engine.dispose()
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
        "alter table audit disable trigger audit_update_guard",
        "drop trigger audit_update_guard on audit",
        "drop table audit",
    ):
        roles.refused(role, statement)
    engine = roles.engine(role)
    with engine.begin() as connection, pytest.raises(sa.exc.ProgrammingError, match="permission denied"):
        connection.exec_driver_sql("set session_replication_role = replica")
    engine.dispose()
