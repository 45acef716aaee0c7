"""Memory: keys that earlier nights cleared, and the groups that rejoin them.

Reads   earlier nights' cleared keys and records, the remembered facts that open items carry, <recon>_groups
Writes  <recon>_memory    key, kind, night, per side what was cleared, facts of `changes` sides
        <recon>_names     key, kind, night, and what else a group was called that a pass or memory had a part in: the key of
                          one of its parts (`part_...`) and a psp_reference
        <recon>_rejoins   k1, k2 of the groups of tonight that are judged together with what is remembered, and its key
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

from recon.domain.rulebook import Side
from recon.engine.duck import Engine, text
from recon.engine.plan import SQL_TYPES, Plan, record_columns
from recon.match.population import side_filter
from recon.store.history import earlier_records


def cleared_columns(plan: Plan) -> list[tuple[str, str]]:
    """(column, SQL type) of what a night remembers of a group that it cleared."""
    columns = [
        *((field, "VARCHAR") for field in plan.key_fields),
        ("kind", "VARCHAR"),
        *((psp, "VARCHAR") for psp in plan.psp_column),
        ("night", "DATE"),
    ]
    for side in plan.lasting:
        columns += [(f"{side.name}__count", "BIGINT"), (f"{side.name}__amount", "BIGINT")]
        columns += [
            (f"{side.name}__amount_min", "BIGINT"),
            (f"{side.name}__amount_max", "BIGINT"),
            (f"{side.name}__currency", "VARCHAR"),
        ]
        for field, _ in plan.totals(side):
            columns += [(f"{side.name}__{field}__total", "BIGINT"), (f"{side.name}__{field}__of", "VARCHAR")]
        if plan.replaces(side):
            columns += [(f"{side.name}__{field}", _type(plan, side, field)) for field in kept_facts(plan, side)]
    return columns


def kept_facts(plan: Plan, side: Side) -> list[str]:
    """Facts of a `changes` side that are remembered, so that a later version is judged against them."""
    return [field for field in plan.agreed(side) if field != "previous_status"]


def _type(plan: Plan, side: Side, field: str) -> str:
    found = plan.record(side).fact(field)
    return SQL_TYPES[found.type] if found else "VARCHAR"


def remember(engine: Engine, plan: Plan, cleared: Sequence[Path], opened: Path | None) -> None:
    """Leave `<recon>_memory`: one view over earlier nights, a row for each night that cleared something of a key.

    cleared   the cleared.parquet files of this reconciliation of the nights within the look-back
    """
    columns = ", ".join(column for column, _ in cleared_columns(plan))
    carried = opened / "remembered.parquet" if opened else None
    parts = [f"select {columns} from ({_kept(engine, plan, cleared)})"] if cleared else []
    if carried and carried.exists():
        # What a night within the look-back knows is not read twice.
        oldest = plan.night - timedelta(days=plan.look_back_days)
        parts.append(f"select {columns} from ({_kept(engine, plan, [carried])}) where night < DATE '{oldest}'")
    nothing = ", ".join(f"CAST(NULL AS {kind}) as {column}" for column, kind in cleared_columns(plan))
    body = "\nunion all\n".join(parts) or f"select {nothing} where false"
    engine.step(f"{plan.prefix}_memory", f"create view {plan.table('memory')} as\n{body}")
    _names(engine, plan, nights_remembered(engine, plan, cleared, opened), carried)


def _kept(engine: Engine, plan: Plan, files: Sequence[Path]) -> str:
    """What files of earlier nights hold, with tonight's columns: a night whose rules did not read a field has kept nothing of
    it, so it is unknown."""
    read = f"read_parquet([{', '.join(text(file) for file in files)}], union_by_name = true)"
    there = {name for name, *_ in engine.rows(f"describe select * from {read}")}
    columns = [
        column if column in there else f"CAST(NULL AS {kind}) as {column}" for column, kind in cleared_columns(plan)
    ]
    return f"select {', '.join(columns)} from {read}"


def nights_remembered(engine: Engine, plan: Plan, cleared: Sequence[Path], opened: Path | None) -> list[Path]:
    """The folders of the nights on which what is remembered cleared: those within the look-back, and older ones that an
    open item remembers."""
    folders = [file.parents[1] for file in cleared]
    carried = opened / "remembered.parquet" if opened else None
    if carried and carried.exists():
        nights = engine.rows(f"select distinct night from read_parquet({text(carried)}) order by night")
        older = [carried.parents[3] / str(night) for (night,) in nights]
        folders = [folder for folder in older if folder not in folders and folder.exists()] + folders
    return folders


def names_file(folder: Path, plan: Plan) -> Path:
    """Where a night keeps what else the groups were called that it cleared."""
    return folder / "cleared" / f"{plan.rule.name}.names.parquet"


def _names(engine: Engine, plan: Plan, folders: Sequence[Path], carried: Path | None) -> None:
    files = [file for file in (names_file(folder, plan) for folder in folders) if file.exists()]
    columns = [*plan.key_fields, "kind", *(f"part_{field}" for field in plan.key_fields), "psp_reference"]
    nothing = ", ".join(f"CAST(NULL AS VARCHAR) as {column}" for column in columns)
    body = f"select * from read_parquet([{', '.join(text(file) for file in files)}])"
    if carried and carried.exists():
        # Of a night before the look-back, what is still remembered.
        oldest = plan.night - timedelta(days=plan.look_back_days)
        same = ", ".join([*plan.key_fields, "kind", "night"])
        body += f" where night >= DATE '{oldest}' or ({same}) in (select ({same}) from read_parquet({text(carried)}))"
    engine.step(
        f"{plan.prefix}_names",
        f"create table {plan.table('names')} as\n"
        + (body if files else f"select {nothing}, CAST(NULL AS DATE) as night where false"),
    )


def find_rejoins(engine: Engine, plan: Plan) -> None:
    """Leave `<recon>_rejoins`: tonight's groups whose key is remembered and that are not settled by themselves.

    A group with a record of a `changes` side rejoins whatever its own outcome: the record is a new version of what cleared.
    """
    keys = plan.key_fields
    same = " and ".join(f"g.{field} = m.{field}" for field in keys)
    part = " and ".join(f"g.{field} = m.part_{field}" for field in keys)
    versions = " or ".join(f"g.{side.name}__count > 0" for side in plan.rule.sides if plan.replaces(side)) or "false"
    back = f"where not g.keyless and (g.outcome = 'left' or {versions})"
    engine.step(
        f"{plan.prefix}_rejoins",
        f"""create table {plan.table("rejoins")} as
select k1, k2, {", ".join(f"min({field}) as {field}" for field in keys)} from (
  select g.k1, g.k2, {", ".join(f"g.{field}" for field in keys)} from {plan.table("groups")} g
  join {plan.table("memory")} m on {same} and g.kind = m.kind {back}
  union all
  select g.k1, g.k2, {", ".join(f"m.{field}" for field in keys)} from {plan.table("groups")} g
  join {plan.table("names")} m on {part} and g.kind = m.kind {back}
) group by k1, k2""",
    )


def take_keys(engine: Engine, plan: Plan) -> None:
    """Give a group that rejoins a united one under the key of one of its parts the key of the whole."""
    keys = plan.key_fields
    other = " or ".join(f"w.{field} <> r.{field}" for field in keys)
    engine.step(
        f"{plan.prefix}_take_keys",
        f"""update {plan.table("work")} as w set {", ".join(f"{field} = r.{field}" for field in keys)}
from {plan.table("rejoins")} r where r.k1 = w.k1 and r.k2 = w.k2 and ({other})""",
    )


def rejoin_keyless(engine: Engine, plan: Plan, nights: Sequence[Path]) -> None:
    """Give left-over groups without our key the key of a remembered group that bore the same (psp_reference, kind).

    nights   the folders of the nights on which what is remembered cleared
    """
    keys = plan.key_fields
    referring = [side for side in plan.rule.sides if plan.record(side).field("psp_reference")]
    wanted = "\nunion\n".join(
        f"select w.gid, s.psp_reference, w.kind from {plan.table('work')} w join {plan.table('work_' + side.name)} s on s.gid = w.gid "
        f"where w.keyless and s.psp_reference is not null"
        for side in referring
    )
    engine.step(
        f"{plan.prefix}_keyless", f"create table {plan.table('keyless')} as\n{wanted or 'select 1 as gid where false'}"
    )
    if not nights or not engine.one(f"select count(*) from {plan.table('keyless')}"):
        return
    same = " and ".join(f"h.{field} = m.{field}" for field in keys)
    known = [
        f"select {', '.join(keys)}, kind, night, psp_reference from {plan.table('names')} where psp_reference is not null"
    ]
    known += [bearers for folder in nights for side in referring for bearers in _bearers(plan, side, folder)]
    engine.step(
        f"{plan.prefix}_keyless_rejoin",
        f"""update {plan.table("work")} as w set rejoined = true, {", ".join(f"{field} = f.{field}" for field in keys)}
from (
  select k.gid, {", ".join(f"min(h.{field}) as {field}" for field in keys)}
  from {plan.table("keyless")} k
  join ({" union all ".join(known)}) h on h.psp_reference = k.psp_reference and h.kind = k.kind
  join {plan.table("memory")} m on {same} and m.kind = k.kind and m.night = h.night
  group by k.gid
) f where w.gid = f.gid""",
    )


def _bearers(plan: Plan, side: Side, folder: Path) -> list[str]:
    """Keys and references of a side's records that took part in a night: those read on it, and those open the night before.

    What cleared on a night was among them. A version that a newer one replaced was not.
    """
    night = date.fromisoformat(folder.name)
    columns = ", ".join(column for column, _ in record_columns(plan.record(side)))
    rows = [
        f"select {columns}, false as brought from ({relation})"
        for relation in earlier_records([folder]).get(side.record, [])
    ]
    before = folder.parent / str(night - timedelta(days=1)) / "open" / plan.rule.name / f"{side.name}.parquet"
    if before.exists():
        rows.append(f"select {columns}, true as brought from read_parquet({text(before)})")
    if not rows:
        return []
    population = f"select * from ({' union all '.join(rows)}) where {side_filter(side)}"
    wanted = f"psp_reference in (select psp_reference from {plan.table('keyless')})"
    if plan.replaces(side):
        instant = plan.record(side).instant
        population = f"""select * from ({population}) where (source, record_id) in (select (source, record_id) from ({population}) where {wanted})
qualify row_number() over (partition by source, record_id order by {instant} desc nulls last, brought, line desc) = 1"""
    return [
        f"select {', '.join(plan.key_fields)}, {plan.kind_sql(side)} as kind, DATE '{night}' as night, psp_reference from ({population}) where {wanted}"
    ]
