"""Install: what a target's database needs, as statements that its owner runs once (SQLite, PostgreSQL, MariaDB).

For a ledger: a table (`recon_journals`, or as the target names it) whose primary key is the idempotency key, and triggers that

* refuse a journal that does not sum to zero in each currency, or has fewer than two postings,
* write its postings into the ledger's own table in the same statement,
* refuse a row of the ledger that bears a correction's key and is not of such a journal,
* refuse any change or deletion of journals, and of ledger rows that are corrections.

On PostgreSQL and MariaDB the postings are written with the rights of whoever installed this, so the account that applies
needs no right to write the ledger's table. For updates: a table `recon_updates` with the same key, append-only.
"""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from recon.workspace import JournalTarget, UpdateTarget

UPDATES = "recon_updates"
_KEPT = "corrections are only ever added"


def family(dialect: str) -> str:
    """sqlite, postgresql or mysql."""
    return "mysql" if dialect == "mariadb" else dialect


def statements(connection: sa.Connection, settings: JournalTarget | UpdateTarget) -> list[str]:
    """What is still to be run on this database, in order; nothing where all of it is there."""
    kind = family(connection.dialect.name)
    made = _Made(kind, settings.schema)
    if isinstance(settings, JournalTarget):
        has_key = settings.key_column in _columns(connection, settings)
        return [text for name, text in made.journals(settings, has_key) if not _has(connection, settings, name)]
    return [text for name, text in made.updates() if not _has(connection, settings, name)]


def missing(connection: sa.Connection, settings: JournalTarget | UpdateTarget) -> list[str]:
    """What the database lacks for the target to work, in words."""
    try:
        columns = _columns(connection, settings)
    except sa.exc.NoSuchTableError:
        return [f"there is no table {settings.table}"]
    if isinstance(settings, JournalTarget):
        wanted = {*settings.columns, settings.key_column, *settings.constants, settings.recorded_at} - {""}
        table = settings.journals
    else:
        wanted = {settings.key, *settings.columns.values(), settings.stamp} - {""}
        table = UPDATES
    lacks = [f"{settings.table} has no column {name}" for name in sorted(wanted - columns)]
    if not sa.inspect(connection).has_table(table, schema=settings.schema or None):
        lacks.append(f"there is no table {table}")
    return lacks


def _columns(connection: sa.Connection, settings: JournalTarget | UpdateTarget) -> set[str]:
    found = sa.inspect(connection).get_columns(settings.table, schema=settings.schema or None)
    return {str(column["name"]) for column in found}


def _has(connection: sa.Connection, settings: JournalTarget | UpdateTarget, name: str) -> bool:
    """Whether a table, column, index or trigger of ours is there. `name` is as `table:NAME`, `trigger:NAME`, `column:NAME`."""
    what, _, name = name.partition(":")
    kind, schema = family(connection.dialect.name), settings.schema or None
    if what == "table":
        return sa.inspect(connection).has_table(name, schema=schema)
    if what == "column":
        return name in _columns(connection, settings)
    if what == "index":
        return name in {each["name"] for each in sa.inspect(connection).get_indexes(settings.table, schema=schema)}
    if what == "function":
        return False  # written anew each time: create or replace
    query = {
        "sqlite": "select count(*) from sqlite_master where type = 'trigger' and name = :name",
        "postgresql": "select count(*) from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n "
        "on n.oid = c.relnamespace where t.tgname = :name and n.nspname = coalesce(:schema, current_schema())",
        "mysql": "select count(*) from information_schema.triggers where trigger_schema = database() and trigger_name = :name",
    }[kind]
    values = {"name": name} | ({"schema": schema} if kind == "postgresql" else {})
    return bool(connection.execute(sa.text(query), values).scalar_one())


class _Made:
    """The statements of one kind of database. Names were checked when recon.yaml was read: they need no more than quotes."""

    def __init__(self, kind: str, schema: str) -> None:
        self.kind, self.mark = kind, "`" if kind == "mysql" else '"'
        self.schema = schema

    def q(self, name: str) -> str:
        return f"{self.mark}{name}{self.mark}"

    def at(self, table: str) -> str:
        return f"{self.q(self.schema)}.{self.q(table)}" if self.schema else self.q(table)

    # --- tables ---

    def _table(self, name: str, more: str) -> str:
        key = "varchar(64) character set ascii collate ascii_bin" if self.kind == "mysql" else "varchar(64)"
        text = "varchar(191)" if self.kind == "mysql" else "text"
        now = {"sqlite": "text", "postgresql": "timestamptz", "mysql": "timestamp(6)"}[self.kind]
        default = "current_timestamp(6)" if self.kind == "mysql" else "current_timestamp"
        tail = " engine=InnoDB default charset=utf8mb4 collate=utf8mb4_bin" if self.kind == "mysql" else ""
        return (
            f"create table {self.at(name)} (idempotency_key {key} not null primary key check (length(idempotency_key) = 64), "
            f"fix_id {text} not null, break_id {text} not null, content_sha256 {text} not null, approved_by {text} not null, "
            f"applied_by {text} not null, {more}, recorded_at {now} not null default {default}){tail}"
        )

    def updates(self) -> Iterator[tuple[str, str]]:
        long = "longtext" if self.kind == "mysql" else "text"
        yield (
            f"table:{UPDATES}",
            self._table(
                UPDATES,
                f"table_name {long} not null, record_id {long} not null, seen {long} not null, changed {long} not null",
            ),
        )
        yield from self._kept(UPDATES, "")

    def journals(self, settings: JournalTarget, has_key: bool) -> Iterator[tuple[str, str]]:
        json = {"sqlite": "text", "postgresql": "jsonb", "mysql": "longtext"}[self.kind]
        check = "" if self.kind == "postgresql" else " check (json_valid(postings))"
        yield f"table:{settings.journals}", self._table(settings.journals, f"postings {json} not null{check}")
        ledger, key = settings.table, settings.key_column
        if not has_key:
            kind = "varchar(64) character set ascii collate ascii_bin" if self.kind == "mysql" else "varchar(64)"
            yield f"column:{key}", f"alter table {self.at(ledger)} add column {self.q(key)} {kind}"
        where = "" if self.kind == "mysql" else f" where {self.q(key)} is not null"
        index = f"{ledger}_{key}"
        yield f"index:{index}", f"create index {self.q(index)} on {self.at(ledger)} ({self.q(key)}){where}"
        yield from {"sqlite": self._sqlite, "postgresql": self._postgresql, "mysql": self._mysql}[self.kind](settings)
        yield from self._kept(settings.journals, "")
        yield from self._kept(ledger, key)

    # --- what books a journal ---

    def _sqlite(self, settings: JournalTarget) -> Iterator[tuple[str, str]]:
        account, currency, amount = (f"json_extract(e.value, '$.{each}')" for each in _money(settings))
        money = _money(settings)[2]
        columns = _written(settings)
        key = self.q(settings.key_column)
        yield (
            f"trigger:{settings.journals}_check",
            f"""create trigger {settings.journals}_check before insert on {settings.journals} for each row begin
  select raise(abort, 'recon: this correction is booked already') where exists (select 1 from {settings.journals} j where j.idempotency_key = new.idempotency_key);
  select raise(abort, 'recon: a journal has two postings or more') where json_array_length(new.postings) < 2;
  select raise(abort, 'recon: a posting has an account, a currency and a whole amount') where exists (select 1 from json_each(new.postings) e
    where {account} is null or {currency} is null or coalesce(json_type(e.value, '$.{money}'), '') <> 'integer');
  select raise(abort, 'recon: the journal does not sum to zero') where exists (select 1 from json_each(new.postings) e
    group by {currency} having sum({amount}) <> 0);
end""",
        )
        yield (
            f"trigger:{settings.journals}_post",
            f"""create trigger {settings.journals}_post after insert on {settings.journals} for each row begin
  insert into {self.q(settings.table)} ({", ".join(self.q(each) for each in columns)}, {key})
  select {", ".join(f"json_extract(e.value, '$.{each}')" for each in columns)}, new.idempotency_key from json_each(new.postings) e order by e.key;
end""",
        )
        booked = f"(select count(*) from {self.q(settings.table)} l where l.{key} = new.{key})"
        asked = f"coalesce((select json_array_length(j.postings) from {settings.journals} j where j.idempotency_key = new.{key}), 0)"
        yield (
            f"trigger:{settings.table}_recon_insert",
            f"""create trigger {settings.table}_recon_insert before insert on {self.q(settings.table)} for each row when new.{key} is not null begin
  select raise(abort, 'recon: a correction is booked through {settings.journals}') where {booked} >= {asked};
end""",
        )

    def _postgresql(self, settings: JournalTarget) -> Iterator[tuple[str, str]]:
        account, currency, amount = (f"e ->> '{each}'" for each in _money(settings))
        columns = _written(settings)
        ledger, journals, key = self.at(settings.table), self.at(settings.journals), self.q(settings.key_column)
        post, guard = self.at(f"{settings.journals}_post"), self.at(f"{settings.table}_recon_insert")
        yield (
            "function:",
            f"""create or replace function {post}() returns trigger language plpgsql security definer set search_path from current as $$
declare off text;
begin
  if jsonb_typeof(new.postings) <> 'array' or jsonb_array_length(new.postings) < 2 then
    raise exception 'recon: a journal has two postings or more'; end if;
  if exists (select 1 from jsonb_array_elements(new.postings) e
      where {account} is null or {currency} is null or coalesce({amount}, '') !~ '^-?[0-9]+$') then
    raise exception 'recon: a posting has an account, a currency and a whole amount'; end if;
  select string_agg(c || ' ' || s, ', ') into off from (select {currency} as c, sum(({amount})::numeric) as s
    from jsonb_array_elements(new.postings) e group by 1) t where s <> 0;
  if off is not null then raise exception using message = 'recon: the journal does not sum to zero: ' || off; end if;
  insert into {ledger} ({", ".join(self.q(each) for each in columns)}, {key})
  select {", ".join(f"r.{self.q(each)}" for each in columns)}, new.idempotency_key
  from jsonb_array_elements(new.postings) with ordinality as p(line, at), jsonb_populate_record(null::{ledger}, p.line) r order by p.at;
  return null;
end $$""",
        )
        yield (
            f"trigger:{settings.journals}_post",
            f"create trigger {settings.journals}_post after insert on {journals} for each row execute function {post}()",
        )
        yield (
            "function:",
            f"""create or replace function {guard}() returns trigger language plpgsql security definer set search_path from current as $$ begin
  if (select count(*) from {ledger} l where l.{key} = new.{key}) >= coalesce((select jsonb_array_length(j.postings) from {journals} j
      where j.idempotency_key = new.{key}), 0) then
    raise exception 'recon: a correction is booked through {settings.journals}'; end if;
  return new;
end $$""",
        )
        yield (
            f"trigger:{settings.table}_recon_insert",
            f"create trigger {self.q(settings.table + '_recon_insert')} before insert on {ledger} for each row when (new.{key} is not null) execute function {guard}()",
        )

    def _mysql(self, settings: JournalTarget) -> Iterator[tuple[str, str]]:
        account, currency, amount = _money(settings)
        columns = _written(settings)
        ledger, key = self.q(settings.table), self.q(settings.key_column)
        wide = ", ".join(
            f"{self.q(each)} {'bigint' if each == amount else 'text'} path '$.{each}' error on error"
            if each == amount
            else f"{self.q(each)} text path '$.{each}'"
            for each in columns
        )
        rows = f"json_table(new.postings, '$[*]' columns (recon_at for ordinality, {wide})) p"
        a, c, m = (f"p.{self.q(each)}" for each in (account, currency, amount))
        yield (
            f"trigger:{settings.journals}_post",
            f"""create trigger {settings.journals}_post after insert on {settings.journals} for each row begin
  if coalesce(json_length(new.postings), 0) < 2 then
    signal sqlstate '45000' set message_text = 'recon: a journal has two postings or more'; end if;
  if exists (select 1 from {rows} where {a} is null or {c} is null or {m} is null) then
    signal sqlstate '45000' set message_text = 'recon: a posting has an account, a currency and a whole amount'; end if;
  if exists (select 1 from {rows} group by {c} having sum({m}) <> 0) then
    signal sqlstate '45000' set message_text = 'recon: the journal does not sum to zero'; end if;
  insert into {ledger} ({", ".join(self.q(each) for each in columns)}, {key})
  select {", ".join(f"p.{self.q(each)}" for each in columns)}, new.idempotency_key from {rows} order by p.recon_at;
end""",
        )
        yield (
            f"trigger:{settings.table}_recon_insert",
            f"""create trigger {self.q(settings.table + "_recon_insert")} before insert on {ledger} for each row begin
  if new.{key} is not null and (select count(*) from {ledger} l where l.{key} = new.{key}) >=
      coalesce((select json_length(j.postings) from {settings.journals} j where j.idempotency_key = new.{key}), 0) then
    signal sqlstate '45000' set message_text = 'recon: a correction is booked through {settings.journals}'; end if;
end""",
        )

    # --- nothing is changed or deleted ---

    def _kept(self, table: str, key: str) -> Iterator[tuple[str, str]]:
        """`key`: only rows that have one are kept so; empty: all of them."""
        function = self.at(f"{table}_recon_kept")
        if self.kind == "postgresql":
            yield (
                "function:",
                f"""create or replace function {function}() returns trigger language plpgsql as $$ begin
  raise exception using message = 'recon: ' || tg_table_name || ': {_KEPT}'; end $$""",
            )
        for event in ("update", "delete"):
            name = f"{table}_recon_{event}"
            both = f"old.{self.q(key)} is not null" + (
                f" or new.{self.q(key)} is not null" if event == "update" else ""
            )
            if self.kind == "sqlite":
                when = f" when {both}" if key else ""
                text = f"create trigger {name} before {event} on {self.q(table)} for each row{when} begin select raise(abort, 'recon: {table}: {_KEPT}'); end"
            elif self.kind == "postgresql":
                when = f" when ({both})" if key else ""
                text = f"create trigger {self.q(name)} before {event} on {self.at(table)} for each row{when} execute function {function}()"
            else:
                signal = f"signal sqlstate '45000' set message_text = 'recon: {table}: {_KEPT}'"
                body = f"if {both} then {signal}; end if" if key else signal
                text = f"create trigger {self.q(name)} before {event} on {self.q(table)} for each row begin {body}; end"
            yield f"trigger:{name}", text
        if self.kind == "postgresql":
            name = f"{table}_recon_truncate"
            yield (
                f"trigger:{name}",
                f"create trigger {self.q(name)} before truncate on {self.at(table)} for each statement execute function {function}()",
            )


def _money(settings: JournalTarget) -> tuple[str, str, str]:
    """The ledger's columns of account, currency and amount."""
    of = {word: column for column, word in settings.columns.items()}
    return of["account"], of["currency"], of["amount"]


def _written(settings: JournalTarget) -> list[str]:
    return sorted({*settings.columns, *settings.constants} - {settings.key_column})
