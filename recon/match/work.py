"""Work: the groups that are looked at in full, and their facts.

Reads   <recon>_groups, <recon>_<side>, <recon>_memory, <recon>_rejoins
Writes  <recon>_work          one row a group: gid, key, kind, keyless, root (the group it was united with), found_by ...
        <recon>_work_<side>   their records, all columns
        <recon>_facts         one row a root: everything that rules read, but for names of kinds
"""

from __future__ import annotations

from recon.domain.rulebook import Side
from recon.engine.duck import Engine
from recon.engine.plan import WIDE, Plan, within
from recon.match.full import add_in_full
from recon.match.memory import kept_facts


def start_work(engine: Engine, plan: Plan) -> None:
    """Leave `<recon>_work` and its records with the groups that are left over, rejoin, or have a row in quarantine."""
    quarantined = plan.table("quarantined_groups")
    engine.step(
        f"{plan.prefix}_work",
        f"""create table {plan.table("work")} as
select row_number() over (order by {_order(plan)}) as gid, k1, k2, {", ".join(plan.key_fields)}, kind, keyless, keyless_key, first_side, outcome,
  {within(plan.table("rejoins"), "g")} as rejoined,
  {within(quarantined, "g")} as quarantined,
  CAST(NULL AS VARCHAR) as found_by, CAST(0 AS BIGINT) as candidates, CAST(NULL AS INTEGER) as must,
  CAST(NULL AS INTEGER) as taken_by, CAST(0 AS BIGINT) as root
from {plan.table("groups")} g
where outcome = 'left' or {within(plan.table("rejoins"), "g")} or outcome <> 'cleared' and {within(quarantined, "g")}""",
    )
    engine.step(f"{plan.prefix}_work_roots", f"update {plan.table('work')} set root = gid")
    add_in_full(engine, plan, "work", f"select k1, k2 from {plan.table('work')}")
    for side in plan.rule.sides:
        engine.step(
            f"{plan.prefix}_work_{side.name}",
            f"create table {plan.table('work_' + side.name)} as\n{_records(plan, side, 'true')}",
        )


def add_work(engine: Engine, plan: Plan, why: str, keys: str, must: int | None = None) -> int:
    """Take more groups into work, with their records: those whose (k1, k2) the query `keys` gives. Returns how many.

    must   the number of the lifecycle's must that takes them, if one does
    """
    last = engine.one(f"select coalesce(max(gid), 0) from {plan.table('work')}")
    engine.step(
        f"{plan.prefix}_work_{why}",
        f"""insert into {plan.table("work")}
select {last} + row_number() over (order by {_order(plan)}), k1, k2, {", ".join(plan.key_fields)}, kind, keyless, keyless_key, first_side, outcome,
  false, {within(plan.table("quarantined_groups"), "g")}, NULL, 0, {"NULL" if must is None else must}, {"NULL" if must is None else must}, {last} + row_number() over (order by {_order(plan)})
from {plan.table("groups")} g join (select distinct k1, k2 from ({keys})) using (k1, k2)
where not {within(plan.table("work"), "g")}""",
    )
    added = int(engine.one(f"select count(*) from {plan.table('work')} where gid > {last}"))
    if added:
        add_in_full(engine, plan, why, f"select k1, k2 from {plan.table('work')} where gid > {last}")
        for side in plan.rule.sides:
            engine.step(
                f"{plan.prefix}_work_{why}_{side.name}",
                f"insert into {plan.table('work_' + side.name)}\n{_records(plan, side, f'w.gid > {last}')}",
            )
    return added


def add_same_key(engine: Engine, plan: Plan) -> None:
    """Take in pending groups whose key a group bears that rejoined under it: they are one rejoined group."""
    work = plan.table("work")
    same = " and ".join(f"r.{field} = g.{field}" for field in [*plan.key_fields, "kind"])
    borne = f"exists (select 1 from {work} r where r.rejoined and {same})"
    pending = f"select k1, k2 from {plan.table('rest')} g where outcome = 'pending' and not keyless and {borne}"
    if add_work(engine, plan, "same_key", pending):
        engine.step(
            f"{plan.prefix}_work_same_key_rejoined",
            f"update {work} as g set rejoined = true where not rejoined and not keyless and {borne}",
        )


def _order(plan: Plan) -> str:
    return ", ".join([*plan.key_fields, "kind", "keyless_key"])


def _records(plan: Plan, side: Side, condition: str) -> str:
    return f"select w.gid, s.* from {plan.table(side.name + '_full')} s join {plan.table('work')} w on s.k1 = w.k1 and s.k2 = w.k2 where {condition}"


def build_facts(engine: Engine, plan: Plan) -> None:
    """Leave `<recon>_facts`, one row a root, from its groups' records and from what is remembered of its keys."""
    work = plan.table("work")
    key_text = plan.key_sql()
    smallest = ", ".join(f"arg_min({field}, key) as {field}" for field in plan.key_fields)
    sides = "\n".join(_side_join(plan, side) for side in plan.rule.sides)
    columns = ",\n  ".join(column for side in plan.rule.sides for column in _side_columns(plan, side))
    psp = f"least({', '.join(f'o_{side.name}.psp, m_{side.name}.psp' for side in plan.rule.sides)}) as psp," * len(
        plan.psp_column
    )
    engine.step(
        f"{plan.prefix}_remembered",
        f"""create or replace table {plan.table("remembered")} as
select w.root, m.* from (select distinct root, {", ".join(plan.key_fields)}, kind from {work} where rejoined) w
join {plan.table("memory")} m on {" and ".join(f"w.{field} = m.{field}" for field in plan.key_fields)} and w.kind = m.kind""",
    )
    engine.step(
        f"{plan.prefix}_facts",
        f"""create or replace table {plan.table("facts")} as
with keyed as (
  select *, case when not keyless or rejoined then {key_text} end as key from {work}
),
roots as (
  select root, {smallest}, min(key) as key, substr(min(CAST(first_side AS VARCHAR) || keyless_key), 2) as keyless_key, min(kind) as kind, bool_and(keyless and not rejoined) as keyless,
    bool_or(rejoined) as cleared_before, bool_or(quarantined) as quarantined, max(found_by) as found_by, max(candidates) as candidates,
    min(must) as must, min(taken_by) as taken_by
  from keyed group by root
)
select r.root as gid, {", ".join(f"r.{field}" for field in plan.key_fields)}, coalesce(r.key, r.keyless_key) as key, r.kind, r.keyless,
  r.cleared_before, r.quarantined, false as unclaimed, r.found_by, r.candidates, r.must, r.taken_by,
  {" or ".join(f"coalesce(o_{side.name}.restated, false)" for side in plan.rule.sides)} as restated,
  {psp}
  least({", ".join(f"o_{side.name}.since" for side in plan.rule.sides)}) as since,
  {columns}
from roots r
{sides}""",
    )


def _side_join(plan: Plan, side: Side) -> str:
    """A side's own records (o_) and what is remembered of it (m_), each summed to one row a root."""
    name = side.name

    def of(code: str) -> str:
        return f"s.{code}" if code else "CAST(NULL AS VARCHAR)"

    own = "".join(
        f", min(s.{field}) as {field}__low, max(s.{field}) as {field}__high"
        for field in plan.used(side)
        if field != "psp"
    )
    own += "".join(
        f", sum(s.{field}) as {field}__sum, min({of(code)}) as {field}__of_low, max({of(code)}) as {field}__of_high"
        for field, code in plan.totals(side)
    )
    kept = kept_facts(plan, side) if plan.replaces(side) else []
    old = "".join(f", min({field}) as {field}__low, max({field}) as {field}__high" for field in kept)
    old += "".join(
        f", sum({field}__total) as {field}__sum, min({field}__of) as {field}__of_low, max({field}__of) as {field}__of_high"
        for field, _ in plan.totals(side)
    )
    return f"""left join (
  select w.root, count(*) as n, sum(s.amount) as amount, min(s.amount) as low, max(s.amount) as high, min(s.currency) as first_currency,
    max(s.currency) as last_currency, min(s.business_date) as day, bool_or(s.restated) as restated, min(s.psp) as psp, min(s.since) as since{own}
  from {plan.table("work_" + name)} s join {plan.table("work")} w on s.gid = w.gid group by w.root
) o_{name} on o_{name}.root = r.root
left join (
  select root, sum(n) as n, sum(amount) as amount, min(low) as low, max(high) as high,
    min(currency) as first_currency, max(currency) as last_currency, min(psp) as psp{old}
  from ({_remembered_side(plan, side)}) group by root
) m_{name} on m_{name}.root = r.root""" + (_before_join(plan, side) if "status" in kept else "")


def _remembered_side(plan: Plan, side: Side) -> str:
    """What earlier nights cleared of a side. For a side whose newest version replaces the older one: the newest night's, and
    none where tonight has a newer version of that key."""
    name = side.name
    if side not in plan.lasting:
        return _nothing_remembered(plan, side)
    facts = f"{name}__count as n, {name}__amount as amount, coalesce({name}__amount_min, {name}__amount) as low, coalesce({name}__amount_max, {name}__amount) as high, {name}__currency as currency, psp"
    facts += "".join(
        f", {name}__{field}__total as {field}__total, {name}__{field}__of as {field}__of"
        for field, _ in plan.totals(side)
    )
    if not plan.replaces(side):
        return f"select root, {facts} from {plan.table('remembered')} where {name}__count > 0"
    kept = "".join(f", {name}__{field} as {field}" for field in kept_facts(plan, side))
    keys = ", ".join([*plan.key_fields, "kind"])
    # A newer version may be another side's: the status that makes the side has changed.
    newer = " union all ".join(
        f"select (w.root, {', '.join('s.' + field for field in plan.key_fields)}, {plan.kind_sql(other, 's.')}) "
        f"from {plan.table('work_' + other.name)} s join {plan.table('work')} w on s.gid = w.gid where not s.keyless"
        for other in plan.rule.sides
        if other.record == side.record
    )
    return f"""select root, {facts}{kept} from {plan.table("remembered")}
where {name}__count > 0 and (root, {keys}) not in ({newer})
qualify row_number() over (partition by root, {keys} order by night desc) = 1"""


def _nothing_remembered(plan: Plan, side: Side) -> str:
    """Of a side that is read whole each night: no row, with the columns of the others."""
    money = ", ".join(f"CAST(NULL AS BIGINT) as {each}" for each in ("root", "n", "amount", "low", "high"))
    totals = "".join(
        f", CAST(NULL AS BIGINT) as {field}__total, CAST(NULL AS VARCHAR) as {field}__of"
        for field, _ in plan.totals(side)
    )
    return f"select {money}, CAST(NULL AS VARCHAR) as currency, CAST(NULL AS VARCHAR) as psp{totals} where false"


def _before_join(plan: Plan, side: Side) -> str:
    """The status that cleared on an earlier night, where tonight has a newer version."""
    name = side.name
    return f"""
left join (
  select root, arg_max({name}__status, night) as status from {plan.table("remembered")} where {name}__count > 0 group by root
) b_{name} on b_{name}.root = r.root"""


def _side_columns(plan: Plan, side: Side) -> list[str]:
    name, own, old = side.name, f"o_{side.name}", f"m_{side.name}"
    first = f"least({own}.first_currency, {old}.first_currency)"
    last = f"greatest({own}.last_currency, {old}.last_currency)"
    columns = [
        # Of sums of counts, which are wider: a file would hold those as floats.
        f"CAST(coalesce({own}.n, 0) + coalesce({old}.n, 0) AS BIGINT) as {name}__count",
        f"case when {first} = {last} then CAST(coalesce({own}.amount, 0) AS {WIDE}) + coalesce({old}.amount, 0) end as {name}__amount",
        f"least({own}.low, {old}.low) as {name}__amount_min",
        f"greatest({own}.high, {old}.high) as {name}__amount_max",
        f"case when {first} = {last} then {first} when {first} is not null then 'mixed' end as {name}__currency",
        f"CAST(coalesce({old}.n, 0) AS BIGINT) as {name}__cleared_count",
        f"CAST(coalesce({old}.amount, 0) AS {WIDE}) as {name}__cleared_amount",
        f"{own}.day as {name}__date",
        f"coalesce({own}.psp, {old}.psp) as {name}__psp",
    ]
    for field, code in plan.totals(side):
        sums = [f"{each}.{field}__sum" for each in (own, old)]
        total = f"case when {sums[0]} is null and {sums[1]} is null then NULL else CAST(coalesce({sums[0]}, 0) AS {WIDE}) + coalesce({sums[1]}, 0) end"
        low = f"least({own}.{field}__of_low, {old}.{field}__of_low)"
        high = f"greatest({own}.{field}__of_high, {old}.{field}__of_high)"
        columns.append(
            (f"case when {low} = {high} then {total} end" if code else total) + f" as {name}__{field}__total, "
            f"CAST({low} AS VARCHAR) as {name}__{field}__of, CAST(coalesce({old}.{field}__sum, 0) AS {WIDE}) as {name}__{field}__cleared"
        )
    kept = kept_facts(plan, side) if plan.replaces(side) else []
    for field in plan.used(side):
        if field == "psp":
            continue
        low, high = f"{own}.{field}__low", f"{own}.{field}__high"
        if field in kept:
            low, high = f"least({low}, {old}.{field}__low)", f"greatest({high}, {old}.{field}__high)"
        value = f"case when {low} = {high} then {low} end"
        if field == "previous_status" and "status" in kept:
            # The version before may be one that cleared on an earlier night.
            value = f"coalesce({value}, case when {own}.n > 0 then b_{name}.status end)"
        columns.append(f"{value} as {name}__{field}")
    return columns
