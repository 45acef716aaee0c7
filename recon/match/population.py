"""Population: the records that a reconciliation looks at tonight, new ones and open items brought forward.

Reads   the relations that ingest left (one a file or query), earlier nights' records, the last night's open items
Writes  new_<record>       tonight's rows less replays, with the flag `restated`
        <recon>_<side>     a view per side: its rows, new and brought, with the group's key hashed
        <recon>_unclaimed  rows that no side and no exclude of any reconciliation takes
Never   drops a row: what is left out is in `replayed_rows`, `superseded_rows` or counted as excluded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from recon.domain.records import RECORD_TYPES, RecordType
from recon.domain.rulebook import Expr, Moves, Reconciliation, Side
from recon.engine.duck import Engine, text
from recon.engine.expressions import to_sql
from recon.engine.fees import derived_sql
from recon.engine.plan import CARRIED, Plan, no_money, record_columns
from recon.errors import Exit, ReconError

_ROW = "source, record_id, file, line"


@dataclass(frozen=True, slots=True)
class Loaded:
    """One relation that ingest left: canonical rows of one file or query, in the order it was read."""

    source: str
    record: str
    relation: str
    order: int


def bare(name: str) -> str:
    """Names in `where` and `claims` are the record's own columns."""
    return name


def new_records(
    engine: Engine, loaded: Sequence[Loaded], moves: Mapping[str, Moves], earlier: Mapping[str, Sequence[str]]
) -> None:
    """Leave `all_<record>` and `new_<record>` for every record type, and the table `replayed_rows`.

    earlier   record type -> SQL relations (canonical columns and `night`) of earlier nights' records within the look-back
              and of what is still open (`open_records`)
    """
    engine.step(
        "replayed_rows",
        "create table replayed_rows (record VARCHAR, source VARCHAR, record_id VARCHAR, file VARCHAR, line BIGINT, restated BOOLEAN)",
    )
    for record in RECORD_TYPES.values():
        columns = ", ".join(column for column, _ in record_columns(record))
        read_view(engine, record, loaded)
        if moves.get(record.name) is Moves.EVENTS:
            _find_replays(engine, record.name, earlier.get(record.name, ()))
        _new_view(engine, record.name, columns)


def read_view(engine: Engine, record: RecordType, loaded: Sequence[Loaded]) -> None:
    """Leave `all_<record>`: every row that was read tonight; again, where a file is left out after all."""
    columns = ", ".join(column for column, _ in record_columns(record))
    parts = [
        f"select {columns}, {each.order} as input from ({each.relation})"
        for each in loaded
        if each.record == record.name
    ]
    empty = ", ".join(f"CAST(NULL AS {kind}) as {column}" for column, kind in record_columns(record))
    parts = parts or [f"select {empty}, 0 as input where false"]
    engine.step(f"all_{record.name}", f"create or replace view all_{record.name} as\n" + "\nunion all\n".join(parts))


def open_records(rules: Sequence[Reconciliation], opened: Path) -> dict[str, list[str]]:
    """Record type -> SQL relations of what the last night left open: a row is known as long as it is, past the look-back too.

    opened   the folder `open` of the last night
    """
    found: dict[str, list[str]] = {}
    for rule in rules:
        files = [(side.record, f"{side.name}.parquet") for side in rule.sides]
        files += [(record, f"unclaimed_{record}.parquet") for record in reads(rule)]
        for record, name in files:
            path = opened / rule.name / name
            if path.exists():
                rows = f"select {', '.join(_columns(record))}, since as night from read_parquet({text(path)})"
                found.setdefault(record, []).append(rows)
    return found


def _find_replays(engine: Engine, record: str, earlier: Sequence[str]) -> None:
    """Rows whose identity was seen before: same content, a replay; other content, restated.

    Identities are first compared as 64-bit hashes, which is cheap; only suspects are compared as text.
    """
    history = "\nunion all\n".join(earlier)
    suspects = (
        f"select id from (select hash(source, record_id) as id from all_{record}) group by id having count(*) > 1"
        + (
            f"\nunion\nselect distinct hash(source, record_id) from all_{record} where hash(source, record_id) in "
            f"(select hash(source, record_id) from ({history}))"
            if earlier
            else ""
        )
    )
    engine.step(f"suspects_{record}", f"create table suspects_{record} as\n{suspects}")
    if not engine.one(f"select count(*) from suspects_{record}"):
        return
    names = [column for column, _ in record_columns(RECORD_TYPES[record])]
    content = [name for name in names if name not in ("file", "sha256", "line")]
    # Every field's text behind its length, so that no two different rows have the same content text.
    joined = " || ".join(
        f"coalesce(CAST(length(CAST({name} AS VARCHAR)) AS VARCHAR) || ':' || CAST({name} AS VARCHAR), '-')"
        for name in content
    )
    versions = f"select {_ROW}, {joined} as content, DATE '9999-12-31' as night, input from all_{record} where hash(source, record_id) in (select id from suspects_{record})"
    if earlier:
        versions += (
            f"\nunion all\nselect {_ROW}, {joined} as content, night, 0 as input from ({history}) "
            f"where hash(source, record_id) in (select id from suspects_{record})"
        )
    engine.step(
        f"versions_{record}",
        f"""insert into replayed_rows
with versions as ({versions}),
ranked as (
  select *, row_number() over (partition by source, record_id order by night, input, line) as n from versions
),
compared as (
  select *, min(n) over (partition by source, record_id, content) as first_same from ranked
)
select {text(record)}, {_ROW}, first_same = n from compared where n > 1 and night = DATE '9999-12-31'""",
    )


def _new_view(engine: Engine, record: str, columns: str) -> None:
    """`new_<record>`: everything read tonight less replays; restated rows flagged."""
    found = engine.rows(
        f"select count(*), count(*) filter (where restated) from replayed_rows where record = {text(record)}"
    )
    [(seen, _)] = found
    if not seen:
        body = f"select {columns}, false as restated from all_{record}"
    else:
        flagged = ", ".join(f"a.{column.strip()}" for column in columns.split(","))
        body = (
            f"select {flagged}, coalesce(r.restated, false) as restated from all_{record} a left join "
            f"(select * from replayed_rows where record = {text(record)}) r "
            "on a.source = r.source and a.record_id = r.record_id and a.file = r.file and a.line = r.line\n"
            "where r.source is null or r.restated"
        )
    engine.relation(f"new_{record}", f"new_{record}", body)


def reads(rule: Reconciliation) -> list[str]:
    """The record types that a reconciliation's sides and excludes read, in order."""
    return list(dict.fromkeys([*(side.record for side in rule.sides), *(exclude.record for exclude in rule.excludes)]))


def taken_sql(rules: Sequence[Reconciliation], record: str) -> str:
    """True for rows of a record type that some side or exclude of some reconciliation takes."""
    taken = [(side.record, side.where) for rule in rules for side in rule.sides if not side.onlooker]
    taken += [(exclude.record, exclude.where) for rule in rules for exclude in rule.excludes]
    conditions = [to_sql(where, bare) if where else "true" for reads_, where in taken if reads_ == record]
    return " or ".join(f"coalesce({condition}, false)" for condition in conditions) or "false"


def side_filter(side: Side) -> str:
    """True for rows of the side's record type that belong to the side."""
    condition = to_sql(side.where, bare) if side.where else "true"
    record = RECORD_TYPES[side.record]
    if side.kinds and record.field("kind"):
        condition = f"({condition}) and kind in ({', '.join(text(kind) for kind in side.kinds)})"
    return f"coalesce({condition}, false)"


def side_views(engine: Engine, plan: Plan, rules: Sequence[Reconciliation], opened: Path | None) -> None:
    """Leave a view per side and the table of unclaimed rows.

    opened   the folder of the last night's open items of this reconciliation, or None on a first night
    """
    for record in reads(plan.rule):
        _arrivals(engine, plan, record, opened)
    _refuse_overlap(engine, plan)
    for number, side in enumerate(plan.rule.sides):
        _side_rows(engine, plan, side, opened)
        engine.step(
            f"{plan.prefix}_{side.name}", f"create view {plan.table(side.name)} as\n{_keyed(plan, side, number)}"
        )
    _unclaimed(engine, plan, rules)


def _columns(record: str) -> list[str]:
    return [column for column, _ in record_columns(RECORD_TYPES[record])]


def _row_columns(record: str) -> list[str]:
    """The columns of a record's rows in every view of this module: its own, and money columns where it has none."""
    return [*_columns(record), *(column.rpartition(" ")[2] for column in no_money(RECORD_TYPES[record]))]


def _refuse_overlap(engine: Engine, plan: Plan) -> None:
    """A record that two sides took would be counted twice: refused, with the first one found."""
    for first, second in combinations(plan.rule.sides, 2):
        if first.record != second.record:
            continue
        both = f"from {plan.table('arrivals_' + first.record)} where {side_filter(first)} and {side_filter(second)}"
        found = engine.rows(f"select source, record_id {both} order by all limit 1")
        if found:
            message = f"{plan.rule.name}: the sides {first.name} and {second.name} both take {'/'.join(found[0])}"
            raise ReconError("sides-overlap", message, "let one `where` leave out what the other takes", Exit.USAGE)


def _arrivals(engine: Engine, plan: Plan, record: str, opened: Path | None) -> None:
    """New rows, and rows that were unclaimed last night: the rules may take them now."""
    columns = ", ".join([*_columns(record), *no_money(RECORD_TYPES[record])])
    body = f"select {columns}, restated, CAST(NULL AS VARCHAR) as previous_status, DATE '{plan.night}' as since, false as brought from new_{record}"
    left = opened / f"unclaimed_{record}.parquet" if opened and not plan.is_state(record) else None
    if left and left.exists():
        body += f"\nunion all\nselect {columns}, restated, previous_status, since, true from read_parquet({text(left)})"
    engine.relation(f"{plan.prefix}_arrivals_{record}", plan.table(f"arrivals_{record}"), body)


def _side_rows(engine: Engine, plan: Plan, side: Side, opened: Path | None) -> None:
    """`<recon>_<side>_rows`: arrivals that the side takes and its open items; superseded versions taken out."""
    carried = ", ".join(column for column, _ in CARRIED)
    arrivals, filled = plan.table("arrivals_" + side.record), side_filter(side)
    columns = f"{', '.join(_row_columns(side.record))}, {carried}, brought"
    body = f"select {columns}, true as takes from {arrivals} where {filled}"
    brought = opened / f"{side.name}.parquet" if opened and side in plan.lasting else None
    if brought and brought.exists():
        kept = ", ".join([*_columns(side.record), *no_money(plan.record(side))])
        body += f"\nunion all\nselect {kept}, {carried}, true, true from read_parquet({text(brought)})"
    if plan.replaces(side) and filled != "coalesce(true, false)":
        # A version that this side does not take any more replaces the one that it has.
        body += f"\nunion all\nselect {columns}, false from {arrivals} where not {filled}"
    rows = plan.table(f"{side.name}_rows")
    if not plan.replaces(side):
        engine.relation(f"{plan.prefix}_{side.name}_rows", rows, body)
        return
    _newest_versions(engine, plan, side, body)


def _newest_versions(engine: Engine, plan: Plan, side: Side, body: str) -> None:
    """For a side whose source moves by changes: the newest version of each record, which knows its previous status."""
    versions, twice = plan.table(f"{side.name}_versions"), plan.table(f"{side.name}_twice")
    record = plan.record(side)
    engine.relation(f"{plan.prefix}_{side.name}_versions", versions, body)
    engine.step(
        f"{plan.prefix}_{side.name}_twice",
        f"create table {twice} as\nselect id from (select hash(source, record_id) as id from {versions}) group by id having count(*) > 1",
    )
    if not engine.one(f"select count(*) from {twice}"):
        # Nobody has two versions: nothing to leave out, and nothing to look up row by row.
        engine.step(
            f"{plan.prefix}_{side.name}_newest",
            f"create table {plan.table(side.name + '_newest')} as\nselect *, 1 as age from {versions} where false",
        )
        engine.relation(
            f"{plan.prefix}_{side.name}_rows",
            plan.table(f"{side.name}_rows"),
            f"select * from {versions} where takes",
        )
        return
    status = "status" if record.field("status") else "CAST(NULL AS VARCHAR)"
    names = [*_row_columns(side.record), "restated"]
    engine.step(
        f"{plan.prefix}_{side.name}_newest",
        f"""create table {plan.table(side.name + "_newest")} as
with ranked as (
  select {", ".join(names)}, since, brought, takes, previous_status as known_status,
    lag({status}) over (partition by source, record_id order by {record.instant} nulls first, not brought, line) as older_status,
    row_number() over (partition by source, record_id order by {record.instant} desc nulls last, brought, line desc) as age
  from {versions} where hash(source, record_id) in (select id from {twice})
)
select {", ".join(names)}, coalesce(older_status, known_status) as previous_status, since, brought, takes, age from ranked""",
    )
    kept = ", ".join([*names, *(column for column, _ in CARRIED if column != "restated"), "brought, takes"])
    engine.relation(
        f"{plan.prefix}_{side.name}_rows",
        plan.table(f"{side.name}_rows"),
        f"""select {kept} from {versions} where takes and hash(source, record_id) not in (select id from {twice})
union all
select {kept} from {plan.table(side.name + "_newest")} where age = 1 and takes""",
    )


def _keyed(plan: Plan, side: Side, number: int) -> str:
    """A side's rows with the hash of the group's key: two 64-bit hashes of different texts, so no collision can hide a break."""
    keys = plan.key_fields
    kind = plan.kind_sql(side)
    # Each part behind its length, so that no two different keys have the same text.
    parts = [f"CAST(length({key}) AS VARCHAR) || ':' || {key}" for key in keys]
    whole = " || ".join(parts) if len(keys) > 1 else keys[0]
    own = f"coalesce({whole}, chr(1) || source || '/' || record_id)"
    others = ["CAST(NULL AS VARCHAR) as psp"] if not plan.record(side).field("psp") else []
    kinds = [] if plan.record(side).field("kind") else [f"{kind} as kind"]
    # Worked out each night, also for what was carried: terms that were mended judge it anew.
    derived = [f"{derived_sql(field, plan.terms)} as {field}" for field in plan.derived(side)]
    extra = "".join(f", {column}" for column in (*others, *kinds, *derived))
    return f"""select *{extra}, {number} as side,
  hash({own}, {kind}) as k1, hash({own} || '~', {kind} || '~') as k2,
  {whole} is null as keyless
from {plan.table(side.name + "_rows")}"""


def _unclaimed(engine: Engine, plan: Plan, rules: Sequence[Reconciliation]) -> None:
    """Arrivals that nobody takes, for the record types whose first reader this reconciliation is."""
    for record in reads(plan.rule):
        first = next(rule.name for rule in rules if record in reads(rule))
        condition = f"not ({taken_sql(rules, record)})" if first == plan.rule.name else "false"
        engine.step(
            f"{plan.prefix}_unclaimed_{record}",
            f"create table {plan.table('unclaimed_' + record)} as\nselect * from {plan.table('arrivals_' + record)} where {condition}",
        )


def expression(expr: Expr, column: Callable[[str], str]) -> str:
    """A rule's expression as SQL in parentheses."""
    return f"({to_sql(expr, column)})"
