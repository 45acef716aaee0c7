"""Memory: keys that earlier nights cleared, and the groups that rejoin them.

Reads   earlier nights' cleared.parquet, the remembered facts that open items carry, <recon>_groups
Writes  <recon>_memory    key, kind, night, per side what was cleared, facts of `changes` sides
        <recon>_rejoins   k1, k2 of the groups of tonight that are judged together with what is remembered
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from recon.domain.rulebook import Side
from recon.engine.duck import Engine, text
from recon.engine.plan import SQL_TYPES, Plan


def cleared_columns(plan: Plan) -> list[tuple[str, str]]:
    """(column, SQL type) of what a night remembers of a group that it cleared."""
    columns = [
        *((field, "VARCHAR") for field in plan.key_fields),
        ("kind", "VARCHAR"),
        ("psp", "VARCHAR"),
        ("night", "DATE"),
    ]
    for side in plan.rule.sides:
        columns += [(f"{side.name}__count", "BIGINT"), (f"{side.name}__amount", "BIGINT")]
        columns += [
            (f"{side.name}__amount_min", "BIGINT"),
            (f"{side.name}__amount_max", "BIGINT"),
            (f"{side.name}__currency", "VARCHAR"),
        ]
        if plan.replaces(side):
            columns += [(f"{side.name}__{field}", _type(plan, side, field)) for field in kept_facts(plan, side)]
    return columns


def kept_facts(plan: Plan, side: Side) -> list[str]:
    """Facts of a `changes` side that are remembered, so that a later version is judged against them."""
    return [field for field in plan.agreed(side) if field != "previous_status"]


def _type(plan: Plan, side: Side, field: str) -> str:
    found = plan.record(side).field(field)
    return SQL_TYPES[found.type] if found else "VARCHAR"


def remember(engine: Engine, plan: Plan, cleared: Sequence[Path], opened: Path | None) -> None:
    """Leave `<recon>_memory`: one view over earlier nights, a row for each night that cleared something of a key.

    cleared   the cleared.parquet files of this reconciliation of the nights within the look-back
    """
    columns = ", ".join(column for column, _ in cleared_columns(plan))
    carried = opened / "remembered.parquet" if opened else None
    parts = [f"select {columns} from read_parquet([{', '.join(text(file) for file in cleared)}])"] if cleared else []
    if carried and carried.exists():
        # What a night within the look-back knows is not read twice.
        oldest = plan.night - timedelta(days=plan.look_back_days)
        parts.append(f"select {columns} from read_parquet({text(carried)}) where night < DATE '{oldest}'")
    nothing = ", ".join(f"CAST(NULL AS {kind}) as {column}" for column, kind in cleared_columns(plan))
    body = "\nunion all\n".join(parts) or f"select {nothing} where false"
    engine.step(f"{plan.prefix}_memory", f"create view {plan.table('memory')} as\n{body}")


def find_rejoins(engine: Engine, plan: Plan) -> None:
    """Leave `<recon>_rejoins`: tonight's groups whose key is remembered and that are not settled by themselves.

    A group with a record of a `changes` side rejoins whatever its own outcome: the record is a new version of what cleared.
    """
    keys = plan.key_fields
    same = " and ".join(f"g.{field} = m.{field}" for field in keys)
    versions = " or ".join(f"g.{side.name}__count > 0" for side in plan.rule.sides if plan.replaces(side)) or "false"
    engine.step(
        f"{plan.prefix}_rejoins",
        f"""create table {plan.table("rejoins")} as
select distinct g.k1, g.k2 from {plan.table("groups")} g
join {plan.table("memory")} m on {same} and g.kind = m.kind
where not g.keyless and (g.outcome = 'left' or {versions})""",
    )


def rejoin_keyless(engine: Engine, plan: Plan, earlier: Mapping[str, Sequence[str]]) -> None:
    """Give left-over groups without our key the key of a remembered group that bore the same (psp_reference, kind).

    earlier   record type -> SQL relations of earlier nights' records
    """
    keys = plan.key_fields
    wanted = "\nunion\n".join(
        f"select w.gid, s.psp_reference, w.kind from {plan.table('work')} w join {plan.table('work_' + side.name)} s on s.gid = w.gid "
        f"where w.keyless and s.psp_reference is not null"
        for side in plan.rule.sides
        if plan.record(side).field("psp_reference")
    )
    engine.step(
        f"{plan.prefix}_keyless", f"create table {plan.table('keyless')} as\n{wanted or 'select 1 as gid where false'}"
    )
    known = [
        f"select psp_reference, {plan.kind_sql(side)} as kind, {', '.join(keys)} from ({relation})"
        for side in plan.rule.sides
        if plan.record(side).field("psp_reference")
        for relation in earlier.get(side.record, ())
    ]
    if not known or not engine.one(f"select count(*) from {plan.table('keyless')}"):
        return
    same = " and ".join(f"h.{field} = m.{field}" for field in keys)
    engine.step(
        f"{plan.prefix}_keyless_rejoin",
        f"""update {plan.table("work")} as w set rejoined = true, {", ".join(f"{field} = f.{field}" for field in keys)}
from (
  select k.gid, {", ".join(f"min(h.{field}) as {field}" for field in keys)}
  from {plan.table("keyless")} k
  join ({" union all ".join(known)}) h on h.psp_reference = k.psp_reference and h.kind = k.kind
  join {plan.table("memory")} m on {same} and m.kind = k.kind
  group by k.gid
) f where w.gid = f.gid""",
    )
