"""Carry: what becomes of every record tonight, what is remembered, what is carried, and the proof that it all ties.

Reads   <recon>_groups, <recon>_work, <recon>_judged, the sides' records, what is awaited
Writes  <recon>_outcomes                     k1, k2, outcome of every group: cleared, pending, silent, broken, lapsed
        open/<recon>/<side>.parquet ...      open items, rows still in quarantine, remembered facts of open groups
        cleared/<recon>.parquet              keys cleared tonight
        cleared/<recon>.names.parquet        what else those were called that a pass or memory had a part in: the keys of
                                             their parts, and psp_references
        pending.csv                          what waits for what, until when
        <recon>_forward, <recon>_tie         the roll-forward and the tie-out, in records and in minor units
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from recon.domain.records import RECORD_TYPES
from recon.domain.rulebook import Side
from recon.engine.duck import Engine, text
from recon.engine.plan import CARRIED, WIDE, Plan, record_columns, within
from recon.match.memory import cleared_columns, kept_facts, names_file
from recon.match.population import reads, side_filter
from recon.match.quarantined import QUARANTINED
from recon.match.sieve import pending_sql

#: Most columns are ids and amounts: a dictionary for them costs more than the rest of the writing, and is thrown away.
_PARQUET = "(format parquet, compression zstd, dictionary_size_limit 200)"


def carry_forward(engine: Engine, plan: Plan, folder: Path, awaited: list[int]) -> None:
    """Write the night's open items and cleared keys of one reconciliation into `folder`.

    awaited   gids of left-over groups that wait for an incomplete source: pending, not broken
    """
    opened, cleared = folder / "open" / plan.rule.name, folder / "cleared"
    opened.mkdir(parents=True, exist_ok=True)
    cleared.mkdir(parents=True, exist_ok=True)
    _outcomes(engine, plan, awaited)
    for side in plan.lasting:
        _open_items(engine, plan, side, opened / f"{side.name}.parquet")
    for record in reads(plan.rule):
        if not plan.is_state(record):
            _open_unclaimed(engine, plan, record, opened / f"unclaimed_{record}.parquet")
    _open_quarantined(engine, plan, opened / "quarantined.parquet")
    _open_remembered(engine, plan, opened / "remembered.parquet")
    _cleared(engine, plan, cleared / f"{plan.rule.name}.parquet")
    _names(engine, plan, names_file(folder, plan))
    _forward(engine, plan)
    _tie(engine, plan)


def _outcomes(engine: Engine, plan: Plan, awaited: list[int]) -> None:
    engine.register(f"{plan.prefix}_awaited", pa.table({"gid": pa.array(awaited, pa.int64())}))
    currency = f"coalesce({', '.join(f'{side.name}__currency' for side in plan.rule.sides)})"
    engine.step(
        f"{plan.prefix}_outcomes",
        f"""create table {plan.table("outcomes")} as
select k1, k2, psp, {currency} as currency, outcome, false as awaited, true as is_root from {plan.table("rest")} g where not {within(plan.table("work"), "g")}
union all
select w.k1, w.k2, j.psp, {currency},
  case when j.outcome = 'cleared' then 'cleared' when a.gid is not null then 'pending' else 'broken' end, a.gid is not null, w.gid = w.root
from {plan.table("work")} w join {plan.table("judged")} j on j.gid = w.root left join {plan.table("awaited")} a on a.gid = w.root""",
    )
    engine.unregister(f"{plan.prefix}_awaited")
    _swift_sums(engine, plan)


def _swift_sums(engine: Engine, plan: Plan) -> None:
    """`<recon>_swift_sums`: what met one to one and cleared, summed by provider and currencies in one scan."""
    currencies = ", ".join(f"{side.name}__currency" for side in plan.rule.sides)
    sums = ", ".join(
        f"sum({side.name}__count) as {side.name}__count, sum({side.name}__amount) as {side.name}__amount"
        for side in plan.rule.sides
    )
    engine.step(
        f"{plan.prefix}_swift_sums",
        f"""create table {plan.table("swift_sums")} as
select psp, {currencies}, count(*) as n, {sums} from {plan.table("swift")} g
where not {within(plan.table("work"), "g")} group by psp, {currencies}""",
    )


def group_counts(plan: Plan) -> str:
    """SQL: outcome and number of groups, united ones counted once, those without a side among the broken ones."""
    return f"""select outcome, sum(n) from (
  select outcome, count(*) as n from {plan.table("outcomes")} where is_root group by outcome
  union all
  select 'broken', count(distinct gid) from {plan.table("extra")}
  union all
  select 'cleared', n from {plan.table("swift_sums")}
) group by outcome having sum(n) > 0 order by outcome"""


def _open_items(engine: Engine, plan: Plan, side: Side, path: Path) -> None:
    columns = ", ".join(f"s.{column}" for column, _ in record_columns(plan.record(side)))
    carried = ", ".join(f"s.{column}" for column, _ in CARRIED)
    engine.step(
        f"{plan.prefix}_open_{side.name}",
        f"""copy (
select {columns}, {carried}, o.outcome as state from {plan.table(side.name + "_full")} s join {plan.table("outcomes")} o on s.k1 = o.k1 and s.k2 = o.k2
where o.outcome in ('pending', 'silent', 'broken')
order by s.source, s.record_id, s.file, s.line, s.since
) to {text(path)} {_PARQUET}""",
    )


def _open_unclaimed(engine: Engine, plan: Plan, record: str, path: Path) -> None:
    columns = ", ".join(column for column, _ in (*record_columns(RECORD_TYPES[record]), *CARRIED))
    engine.step(
        f"{plan.prefix}_open_unclaimed_{record}",
        f"copy (select {columns} from {plan.table('unclaimed_' + record)} order by source, record_id, file, line) to {text(path)} {_PARQUET}",
    )


def _open_quarantined(engine: Engine, plan: Plan, path: Path) -> None:
    columns = ", ".join(f"q.{column}" for column, _ in QUARANTINED)
    engine.step(
        f"{plan.prefix}_open_quarantined",
        f"copy (select {columns} from {plan.table('quarantined')} q where q.number in (select number from {plan.table('still_quarantined')}) "
        f"order by q.number) to {text(path)} {_PARQUET}",
    )


def _open_remembered(engine: Engine, plan: Plan, path: Path) -> None:
    """What is remembered of groups that are open again outlives the look-back with them."""
    columns = ", ".join(f"m.{column}" for column, _ in cleared_columns(plan))
    engine.step(
        f"{plan.prefix}_open_remembered",
        f"copy (select distinct {columns} from {plan.table('remembered')} m join {plan.table('judged')} j on j.gid = m.root and j.outcome = 'left' "
        f"order by all) to {text(path)} {_PARQUET}",
    )


def _cleared(engine: Engine, plan: Plan, path: Path) -> None:
    """What tonight added to each key that cleared: sums of its own records only, so that nights add up; of sides that are
    read whole each night, nothing."""
    keys = ", ".join(plan.key_fields)
    columns = ", ".join(["kind", *plan.psp_column])
    sieved = " or ".join(f"{side.name}__count > 0" for side in plan.lasting) or "false"
    added = " or ".join(f"{side.name}__count > {side.name}__cleared_count" for side in plan.lasting) or "false"
    every = len(plan.lasting) == len(plan.rule.sides)
    engine.step_beside(
        f"{plan.prefix}_cleared",
        f"""copy (
select {", ".join([keys, columns, f"DATE '{plan.night}' as night", *(_own(plan, side, from_sieve=True) for side in plan.lasting)])}
from {plan.table("groups")} g where outcome = 'cleared' and not keyless and not {within(plan.table("work"), "g")}{"" if every else f" and ({sieved})"}
union all
select {", ".join([keys, columns, f"DATE '{plan.night}'", *(_own(plan, side, from_sieve=False) for side in plan.lasting)])}
from {plan.table("judged")} where outcome = 'cleared' and not keyless{"" if every else f" and ({added})"}
order by {", ".join([keys, columns, *(f"{side.name}__count" for side in plan.lasting)])}
) to {text(path)} {_PARQUET}""",
    )


def _names(engine: Engine, plan: Plan, path: Path) -> None:
    """Keys and references of the records of groups that cleared in work. What the sieve cleared has one key only, and its
    references are looked up in the night's records when they are asked for."""
    keys = [*plan.key_fields]
    parts = "\nunion\n".join(
        f"select {', '.join('j.' + field for field in keys)}, j.kind, {', '.join(f's.{field} as part_{field}' for field in keys)}, "
        f"{'s.psp_reference' if plan.record(side).field('psp_reference') else 'CAST(NULL AS VARCHAR) as psp_reference'}, "
        f"DATE '{plan.night}' as night "
        f"from {plan.table('judged')} j join {plan.table('work')} w on w.root = j.gid join {plan.table('work_' + side.name)} s on s.gid = w.gid "
        "where j.outcome = 'cleared' and not j.keyless"
        for side in plan.rule.sides
    )
    engine.step(
        f"{plan.prefix}_cleared_names", f"copy (select * from ({parts}) order by all) to {text(path)} {_PARQUET}"
    )


def _own(plan: Plan, side: Side, from_sieve: bool) -> str:
    name = side.name
    count, amount = f"{name}__count", f"{name}__amount"
    if not from_sieve:
        count, amount = f"{count} - {name}__cleared_count", f"{amount} - {name}__cleared_amount"
    columns = [
        f"{count} as {name}__count",
        f"CAST({amount} AS BIGINT) as {name}__amount",
        # One record's smallest and largest amount is its amount.
        f"case when {name}__count > 1 then {name}__amount_min end as {name}__amount_min",
        f"case when {name}__count > 1 then {name}__amount_max end as {name}__amount_max",
        f"{name}__currency",
    ]
    for field, _ in plan.totals(side):
        total = f"{name}__{field}__total"
        if not from_sieve:
            total = f"{total} - {name}__{field}__cleared"
        columns.append(f"CAST({total} AS BIGINT) as {name}__{field}__total, {name}__{field}__of")
    # Facts of a `changes` side as they now stand, whether they came tonight or are remembered.
    columns += [f"{name}__{field}" for field in (kept_facts(plan, side) if plan.replaces(side) else [])]
    return ", ".join(columns)


def pending_rows(engine: Engine, plan: Plan) -> str:
    """SQL of the pending groups: reconciliation, key, psp, reason, since (first day of the side that waits), business days."""
    reason, since, days = pending_sql(plan)
    return f"""select {text(plan.rule.name)} as reconciliation, coalesce({plan.key_sql()}, keyless_key) as key, psp, {reason} as reason,
  {since} as since, {days} as days
from {plan.table("groups")} g where outcome = 'pending' and not {within(plan.table("work"), "g")}
union all
select {text(plan.rule.name)}, j.key, j.psp, 'awaits an incomplete source', NULL, NULL from {plan.table("judged")} j
where j.gid in (select root from {plan.table("work")} w join {plan.table("outcomes")} o on o.k1 = w.k1 and o.k2 = w.k2 where o.awaited)"""


def write_pending(engine: Engine, plans: list[Plan], path: Path) -> None:
    """pending.csv: reconciliation, key, psp, reason, due: the last night on which the missing side is not yet overdue."""
    parts = []
    for plan in plans:
        rows = pending_rows(engine, plan)
        parts.append(
            f"select p.reconciliation, p.key, p.psp, p.reason, case when p.reason = 'grace' then DATE '{plan.night}' else d.due end as due from ({rows}) p left join ({_due_dates(engine, plan, rows)}) d on d.psp is not distinct from p.psp and d.since = p.since and d.days = p.days"
        )
    body = "\nunion all\n".join(parts) or "select NULL as reconciliation where false"
    engine.step(
        "pending_csv",
        f"copy (\n{body}\norder by reconciliation, key, psp, reason, due\n) to {text(path)} (format csv, header true)",
    )


def _due_dates(engine: Engine, plan: Plan, rows: str) -> str:
    """Business days are counted here, in Python, for the few distinct (provider, first day, days) there are."""
    found = engine.rows(f"select distinct psp, since, days from ({rows}) where since is not null order by all")
    listed = [
        f"({'NULL' if psp is None else text(psp)}, DATE '{since}', {days}, "
        f"DATE '{plan.calendars.get(psp or '', plan.calendar).add(since, days)}')"
        for psp, since, days in found
    ]
    values = ", ".join(listed) or "(CAST(NULL AS VARCHAR), CAST(NULL AS DATE), 0, CAST(NULL AS DATE))"
    return f"select * from (values {values}) as v(psp, since, days, due)"


def _forward(engine: Engine, plan: Plan) -> None:
    """`<recon>_forward`: what became of every record of tonight's population: side, source, currency, brought?, the group's
    psp and outcome, records and money. A record of no group in `<recon>_outcomes` met one to one and cleared: all records less
    those of such groups. That these are the ones that the groups hold is proved in recon/totals.py."""
    parts = []
    for side in plan.rule.sides:
        known = (
            f"from {plan.table(side.name + '_full')} s join {plan.table('outcomes')} o on s.k1 = o.k1 and s.k2 = o.k2"
        )
        parts += [
            f"select {text(side.name)} as side, source, currency, brought, NULL as psp, 'met' as outcome, 1 as n, amount from {plan.table(side.name)}",
            f"select {text(side.name)}, s.source, s.currency, s.brought, NULL, 'met', -1, -s.amount {known}",
            f"select {text(side.name)}, s.source, s.currency, s.brought, o.psp, o.outcome, 1, s.amount {known}",
        ]
        if plan.replaces(side):
            newest = plan.table(side.name + "_newest")
            parts.append(
                f"select '', source, currency, brought, NULL, 'superseded', 1, amount from {newest} where age > 1 and takes"
            )
    for record in reads(plan.rule):
        unclaimed = plan.table("unclaimed_" + record)
        parts.append(f"select '', source, currency, brought, NULL, 'unclaimed', 1, amount from {unclaimed}")
        sides = " or ".join(side_filter(side) for side in plan.rule.sides if side.record == record) or "false"
        parts.append(
            f"select '', source, currency, brought, NULL, 'excluded', 1, amount from {plan.table('arrivals_' + record)} a where not ({sides}) "
            f"and (source, record_id, file, line) not in (select (source, record_id, file, line) from {unclaimed})"
        )
    engine.step(
        f"{plan.prefix}_forward",
        f"""create table {plan.table("forward")} as
select side, source, coalesce(currency, '') as currency, brought, coalesce(psp, '') as psp, outcome,
  CAST(sum(n) AS BIGINT) as records, CAST(coalesce(sum(amount), 0) AS {WIDE}) as amount
from (
{" union all ".join(parts)}
) group by all having sum(n) <> 0""",
    )


def _tie(engine: Engine, plan: Plan) -> None:
    """`<recon>_tie`: psp, currency, side, outcome, records and money; own records only."""
    met = " union all ".join(
        f"select coalesce(psp, '') as psp, {side.name}__currency as currency, {text(side.name)} as side, 'cleared' as outcome, "
        f"{side.name}__count as records, coalesce({side.name}__amount, 0) as amount from {plan.table('swift_sums')} where {side.name}__count > 0"
        for side in plan.rule.sides
    )
    engine.step(
        f"{plan.prefix}_tie",
        f"""create table {plan.table("tie")} as
select psp, coalesce(currency, '') as currency, side, outcome, CAST(sum(records) AS BIGINT) as records, CAST(coalesce(sum(amount), 0) AS {WIDE}) as amount
from (
  {met}
  union all
  select psp, currency, side, outcome, records, amount from {plan.table("forward")}
  where outcome in ('cleared', 'pending', 'silent', 'broken', 'lapsed')
) group by all""",
    )
