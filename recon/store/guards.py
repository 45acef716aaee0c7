"""Guards: what the state database itself refuses, raw SQL included, on SQLite, PostgreSQL and MariaDB.

Each guard is a condition over NEW and OLD that must never be true, written once in SQL that all three speak; here it
becomes triggers of each. They need no setting of the connection (SQLite's foreign keys and checks can be switched off, its
triggers cannot) and no trust in the program. What they can't hold back is the owner of the schema: see docs/fix-queue.md
for roles that are not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from recon.domain.queue import AUTOMATIC, MACHINE, MOVES, SIGNED


@dataclass(frozen=True, slots=True)
class Guard:
    """One thing that never happens. `when`: true where it is about to; {bad_name:X} is true where X is no person's name."""

    table: str
    event: str  # insert | update | delete
    message: str
    when: str = "1 = 1"


def _listed(names: object) -> str:
    return ", ".join(f"'{each}'" for each in names)  # type: ignore[attr-defined]


_MOVES = " or ".join(
    f"old.status = '{one}' and new.status in ({_listed(sorted(to for of, to in MOVES if of == one))})"
    for one in sorted({of for of, _ in MOVES})
)
_OF_FIX = ("content", "content_sha256", "rule_sha256", "seen", "seen_sha256", "amount_minor", "currency", "maker")
_CHANGED = " or ".join([*(f"new.{name} <> old.{name}" for name in _OF_FIX), "new.auto_approve <> old.auto_approve"])
_APPROVAL = """select 1 from fix_approvals a where a.fix_id = new.fix_id and a.content_sha256 = new.content_sha256
 and a.rule_sha256 = new.rule_sha256 and a.seen_sha256 = new.seen_sha256 and a.audit_seq > new.proposed_seq
 and a.approved_by not in (select m.name from fix_makers m where m.fix_id = new.fix_id)"""
_RECORD = "select 1 from audit t where t.seq = new.audit_seq and t.subject = new.fix_id"

GUARDS: tuple[Guard, ...] = (
    # The audit trail only grows, one record after the other.
    Guard("audit", "update", "audit: records are only ever added"),
    Guard("audit", "delete", "audit: records are only ever added"),
    Guard(
        "audit",
        "insert",
        "audit: a record follows the last one",
        """new.seq <> coalesce((select max(t.seq) from audit t), 0) + 1 or new.previous_sha256 <>
 coalesce((select t.sha256 from audit t where t.seq = new.seq - 1), '0000000000000000000000000000000000000000000000000000000000000000')""",
    ),
    Guard("audit", "insert", "audit: who or why is missing", "{bad_name:new.who} or length(trim(new.why)) = 0"),
    Guard("audit_head", "delete", "audit_head: it stays"),
    Guard("audit_head", "insert", "audit_head: there is one", "new.id <> 1 or exists (select 1 from audit_head)"),
    Guard(
        "audit_head",
        "update",
        "audit_head: it names the last record",
        "new.id <> 1 or new.seq < old.seq or not exists (select 1 from audit t where t.seq = new.seq and t.sha256 = new.sha256)",
    ),
    # Everybody who ever made a fix is one of its makers for good.
    Guard("fix_makers", "update", "fix_makers: who made a fix has made it"),
    Guard("fix_makers", "delete", "fix_makers: who made a fix has made it"),
    Guard("fix_makers", "insert", "fix_makers: not a name", "{bad_name:new.name}"),
    Guard(
        "fix_makers",
        "insert",
        "fix_makers: who made a fix has made it",
        "exists (select 1 from fix_makers m where m.fix_id = new.fix_id and m.name = new.name)",
    ),
    # An approval is of another person, over what the fix is now, and in the trail.
    Guard("fix_approvals", "update", "fix_approvals: approvals are only ever added"),
    Guard("fix_approvals", "delete", "fix_approvals: approvals are only ever added"),
    Guard(
        "fix_approvals",
        "insert",
        "fix_approvals: approvals are only ever added",
        "exists (select 1 from fix_approvals a where a.audit_seq = new.audit_seq)",
    ),
    Guard(
        "fix_approvals",
        "insert",
        "fix_approvals: the maker of a fix never approves it",
        f"{{bad_name:new.approved_by}} or new.approved_by = '{MACHINE}' or exists (select 1 from fix_makers m where m.fix_id = new.fix_id and m.name = new.approved_by)",
    ),
    Guard(
        "fix_approvals",
        "insert",
        "fix_approvals: the rule does not approve by itself",
        f"new.approved_by = '{AUTOMATIC}' and not exists (select 1 from fixes f where f.fix_id = new.fix_id and f.auto_approve = 1)",
    ),
    Guard(
        "fix_approvals",
        "insert",
        "fix_approvals: an approval signs what the fix is now",
        """not exists (select 1 from fixes f where f.fix_id = new.fix_id and f.status = 'proposed' and f.content_sha256 = new.content_sha256
 and f.rule_sha256 = new.rule_sha256 and f.seen_sha256 = new.seen_sha256 and f.proposed_seq < new.audit_seq)""",
    ),
    Guard(
        "fix_approvals",
        "insert",
        "fix_approvals: the audit trail has no such approval",
        f"not exists ({_RECORD} and t.who = new.approved_by and t.to_state = 'approved')",
    ),
    # A fix begins as proposed, moves as the moves say, and each move is in the trail.
    Guard("fixes", "delete", "fixes: a fix is never deleted"),
    Guard(
        "fixes",
        "insert",
        "fixes: a fix begins as proposed",
        "new.status <> 'proposed' or new.proposed_seq <> new.audit_seq or new.claimed_by is not null",
    ),
    Guard(
        "fixes",
        "insert",
        "fixes: there is such a fix",
        "exists (select 1 from fixes f where f.fix_id = new.fix_id or f.idempotency_key = new.idempotency_key)",
    ),
    Guard(
        "fixes",
        "insert",
        "fixes: the audit trail has no such proposal",
        f"{{bad_name:new.maker}} or not exists ({_RECORD} and t.who = new.maker and t.to_state = 'proposed')",
    ),
    Guard(
        "fixes",
        "update",
        "fixes: a fix keeps its identity",
        "new.fix_id <> old.fix_id or new.idempotency_key <> old.idempotency_key or new.break_id <> old.break_id or new.proposed_on > old.proposed_on",
    ),
    Guard("fixes", "update", "fixes: there is no such move", f"new.status <> old.status and not ({_MOVES})"),
    Guard(
        "fixes",
        "update",
        "fixes: what changed is proposed again",
        f"({_CHANGED}) and new.status <> 'proposed'",
    ),
    Guard(
        "fixes",
        "update",
        "fixes: an approval is younger than the proposal it signs",
        f"""new.proposed_seq <> old.proposed_seq and (new.status <> 'proposed' or new.proposed_seq <> new.audit_seq)
 or new.proposed_seq = old.proposed_seq and new.status = 'proposed' and (old.status <> 'proposed' or {_CHANGED})""",
    ),
    Guard(
        "fixes",
        "update",
        "fixes: the audit trail has no such move",
        f"""(new.status <> old.status or {_CHANGED} or new.audit_seq <> old.audit_seq) and (new.audit_seq <= old.audit_seq
 or {{bad_name:new.maker}} or not exists ({_RECORD} and t.from_state = old.status and t.to_state = new.status))""",
    ),
    Guard(
        "fixes",
        "update",
        "fixes: who proposes a change is its maker",
        f"({_CHANGED}) and not exists ({_RECORD} and t.who = new.maker)",
    ),
    Guard(
        "fixes",
        "update",
        "fixes: no approval by another person signs what the fix is now",
        f"new.status in ({_listed(SIGNED)}) and not exists ({_APPROVAL})",
    ),
    Guard(
        "fixes",
        "update",
        "fixes: who approves a fix does not apply it",
        f"new.status = 'applied' and old.status <> 'applied' and not exists ({_APPROVAL} and a.approved_by <> (select t.who from audit t where t.seq = new.audit_seq))",
    ),
    Guard(
        "fixes",
        "update",
        "fixes: what is applied stays as it is",
        "old.status = 'applied' and new.status = 'applied' and (new.audit_seq <> old.audit_seq or new.proposed_seq <> old.proposed_seq)",
    ),
)
#: What the database does by itself: whoever makes a fix is noted as its maker.
_NOTE_MAKER = """insert into fix_makers (fix_id, name) select f.fix_id, f.maker from fixes f where f.fix_id = new.fix_id
 and not exists (select 1 from fix_makers m where m.fix_id = new.fix_id and m.name = new.maker)"""
TABLES = ("audit", "audit_head", "fix_makers", "fix_approvals", "fixes")
_BAD_NAME = {
    "sqlite": "({0} is null or {0} glob '*[^a-z0-9._@+-]*' or {0} not glob '[a-z0-9]*' or length({0}) > 64)",
    "postgresql": "({0} is null or {0} !~ '^[a-z0-9][a-z0-9._@+-]{{0,63}}$')",
    "mysql": "({0} is null or binary {0} not regexp '^[a-z0-9][a-z0-9._@+-]{{0,63}}$')",
}


def family(dialect: str) -> str:
    """sqlite, postgresql or mysql."""
    return "mysql" if dialect == "mariadb" else dialect


def triggers(dialect: str) -> dict[str, str]:
    """Trigger name -> the table that it is on."""
    names = {f"{each.table}_{each.event}_guard": each.table for each in GUARDS}
    names |= {"fixes_insert_maker": "fixes", "fixes_update_maker": "fixes"}
    if family(dialect) == "postgresql":
        names |= {f"{table}_truncate_guard": table for table in TABLES}
    return names


def statements(dialect: str) -> Iterator[str]:
    """The statements that put every guard in place."""
    kind = family(dialect)
    yield from {"sqlite": _sqlite, "postgresql": _postgresql, "mysql": _mysql}[kind]()


def _when(guard: Guard, kind: str) -> str:
    text = guard.when
    while "{bad_name:" in text:
        before, _, rest = text.partition("{bad_name:")
        column, _, after = rest.partition("}")
        text = before + _BAD_NAME[kind].format(column) + after
    return text


def _grouped() -> dict[tuple[str, str], list[Guard]]:
    found: dict[tuple[str, str], list[Guard]] = {}
    for guard in GUARDS:
        found.setdefault((guard.table, guard.event), []).append(guard)
    return found


def _sqlite() -> Iterator[str]:
    for (table, event), guards in _grouped().items():
        checks = "\n".join(f"  select raise(abort, '{each.message}') where {_when(each, 'sqlite')};" for each in guards)
        yield f"create trigger {table}_{event}_guard before {event} on {table} for each row begin\n{checks}\nend"
    for event in ("insert", "update"):
        yield f"create trigger fixes_{event}_maker after {event} on fixes for each row begin {_NOTE_MAKER}; end"


def _postgresql() -> Iterator[str]:
    for (table, event), guards in _grouped().items():
        name = f"{table}_{event}_guard"
        checks = "\n".join(
            f"  if {_when(each, 'postgresql')} then raise exception '{each.message}'; end if;" for each in guards
        )
        back = "old" if event == "delete" else "new"
        yield f"create or replace function {name}() returns trigger language plpgsql as $$ begin\n{checks}\n  return {back}; end $$"
        yield f"create trigger {name} before {event} on {table} for each row execute function {name}()"
        yield f"alter table {table} enable always trigger {name}"
    # As the owner of the tables: who proposes needs no right to write fix_makers by hand.
    yield f"""create or replace function fixes_maker() returns trigger language plpgsql security definer set search_path from current as
$$ begin {_NOTE_MAKER}; return null; end $$"""
    for event in ("insert", "update"):
        yield f"create trigger fixes_{event}_maker after {event} on fixes for each row execute function fixes_maker()"
        yield f"alter table fixes enable always trigger fixes_{event}_maker"
    yield "create or replace function recon_kept() returns trigger language plpgsql as $$ begin raise exception 'recon: rows are never deleted'; end $$"
    for table in TABLES:
        yield f"create trigger {table}_truncate_guard before truncate on {table} for each statement execute function recon_kept()"
        yield f"alter table {table} enable always trigger {table}_truncate_guard"


def _mysql() -> Iterator[str]:
    for (table, event), guards in _grouped().items():
        checks = "\n".join(
            f"  if {_when(each, 'mysql')} then signal sqlstate '45000' set message_text = '{each.message}'; end if;"
            for each in guards
        )
        yield f"create trigger {table}_{event}_guard before {event} on {table} for each row begin\n{checks}\nend"
    for event in ("insert", "update"):
        yield f"create trigger fixes_{event}_maker after {event} on fixes for each row begin {_NOTE_MAKER}; end"
