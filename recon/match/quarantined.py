"""Quarantined rows: what could be read of them stays attached to the payment that they speak of.

Reads   new_quarantined (tonight's rows in quarantine), the last night's open ones, <recon>_groups
Writes  <recon>_quarantined          rows of this reconciliation's records, with a number
        <recon>_quarantined_groups   row number, k1, k2 of the groups of tonight that bear its references
"""

from __future__ import annotations

from pathlib import Path

from recon.domain.rulebook import Expr
from recon.engine.duck import Engine, text
from recon.engine.expressions import to_sql
from recon.engine.plan import Plan, within

#: (column, SQL type) of a row in quarantine, as the night carries it.
QUARANTINED: tuple[tuple[str, str], ...] = (
    ("source", "VARCHAR"),
    ("record", "VARCHAR"),
    ("file", "VARCHAR"),
    ("sha256", "VARCHAR"),
    ("line", "BIGINT"),
    ("column_name", "VARCHAR"),
    ("found", "VARCHAR"),
    ("expected", "VARCHAR"),
    ("raw", "VARCHAR"),
    ("psp", "VARCHAR"),
    ("account", "VARCHAR"),
    ("kind", "VARCHAR"),
    ("psp_reference", "VARCHAR"),
    ("payment_order_id", "VARCHAR"),
    ("order_id", "VARCHAR"),
    ("payout_id", "VARCHAR"),
    ("seller_payout_id", "VARCHAR"),
    ("business_date", "DATE"),
    ("since", "DATE"),
)


def read_quarantined(engine: Engine, plan: Plan, opened: Path | None) -> None:
    """Leave `<recon>_quarantined`: tonight's rows and those still open, of the records that this reconciliation reads."""
    columns = ", ".join(column for column, _ in QUARANTINED)
    carried = opened / "quarantined.parquet" if opened else None
    rows = f"select {columns} from new_quarantined where {_ours(plan)}"
    if carried and carried.exists():
        rows += f"\nunion all\nselect {columns} from read_parquet({text(carried)})"
    engine.step(
        f"{plan.prefix}_quarantined",
        f"create table {plan.table('quarantined')} as\nselect row_number() over (order by since, source, file, line) as number, * from ({rows})",
    )


def _ours(plan: Plan) -> str:
    """Rows whose record a side reads and that, as far as they could be read, a side may take and the rule file does not
    exclude."""
    parts = []
    for record in dict.fromkeys(side.record for side in plan.rule.sides):
        excluded = [
            to_sql(exclude.where, lambda name: name)
            for exclude in plan.rule.excludes
            if exclude.record == record and _readable(exclude.where)
        ]
        condition = " or ".join(f"coalesce({each}, false)" for each in excluded)
        # What could not be read may be anything, and so may a kind that the mapping does not know.
        taken = [
            f"coalesce({to_sql(side.where, lambda name: name if name != 'kind' else _KIND)}, true)"
            if side.where and _readable(side.where)
            else "true"
            for side in plan.rule.sides
            if side.record == record
        ]
        parts.append(
            f"record = {text(record)} and ({' or '.join(taken)})" + (f" and not ({condition})" if condition else "")
        )
    return " or ".join(f"({part})" for part in parts)


_KIND = "nullif(kind, 'unknown')"


def _readable(where: Expr) -> bool:
    """Whether the expression reads nothing but what a row in quarantine keeps."""
    return {column for column, _ in QUARANTINED} >= set(where.names)


def find_quarantined_groups(engine: Engine, plan: Plan) -> None:
    """Leave `<recon>_quarantined_groups`."""
    rows, groups = plan.table("quarantined"), plan.table("groups")
    table = f"create table {plan.table('quarantined_groups')} as"
    if not engine.one(f"select count(*) from {rows}"):
        nothing = f"{table}\nselect q.number, g.k1, g.k2 from {rows} q, {groups} g where false"
        engine.step(f"{plan.prefix}_quarantined_groups", nothing)
        return
    key, kind = plan.quarantine_key, "q.kind is null or q.kind = g.kind" if plan.by_kind else "true"
    has_key = key in plan.key_fields
    same = f"g.{key} = q.{key}" if has_key else "false"
    found = [f"select q.number, g.k1, g.k2 from {rows} q join {groups} g on {same} where {kind}"]
    for side in plan.rule.sides:
        if plan.record(side).field("psp_reference"):
            found.append(
                f"select q.number, s.k1, s.k2 from {plan.table(side.name)} s join {rows} q on s.psp_reference = q.psp_reference "
                f"where {f'q.{key} is null' if has_key else 'true'} and ({kind.replace('g.kind', plan.kind_sql(side, 's.'))})"
            )
    engine.step(
        f"{plan.prefix}_quarantined_groups",
        f"{table}\n" + "\nunion\n".join(found),
    )


def find_still_quarantined(engine: Engine, plan: Plan) -> None:
    """Leave `<recon>_still_quarantined`: rows whose payment did not clear tonight, and whether a group of tonight has them."""
    table = f"create table {plan.table('still_quarantined')} as"
    if not engine.one(f"select count(*) from {plan.table('quarantined')}"):
        engine.step(
            f"{plan.prefix}_still_quarantined",
            f"{table}\nselect number, false as attached from {plan.table('quarantined')}",
        )
        return
    cleared = f"""select k1, k2 from {plan.table("groups")} g where outcome = 'cleared' and not {within(plan.table("work"), "g")}
union all
select w.k1, w.k2 from {plan.table("work")} w join {plan.table("judged")} j on j.gid = w.root where j.outcome = 'cleared'"""
    engine.step(
        f"{plan.prefix}_still_quarantined",
        f"""{table}
select q.number, count(g.k1) > 0 as attached from {plan.table("quarantined")} q
left join {plan.table("quarantined_groups")} g on g.number = q.number
group by q.number having count(g.k1) = 0 or not bool_or({within(f"({cleared})", "g")})""",
    )
