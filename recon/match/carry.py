"""Carry: what becomes of every record tonight, what is remembered, what is carried, and the proof that it all ties.

Reads   <recon>_groups, <recon>_work, <recon>_judged, the sides' records, what is awaited
Writes  <recon>_outcomes                     k1, k2, outcome of every group: cleared, pending, silent, broken, lapsed
        open/<recon>/<side>.parquet ...      open items, rows still in quarantine, remembered facts of open groups
        cleared/<recon>.parquet              keys cleared tonight
        pending.csv                          what waits for what, until when
        <recon>_forward, <recon>_tie         the roll-forward and the tie-out, in records and in minor units
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from recon.domain.calendar import Calendar
from recon.domain.records import RECORD_TYPES
from recon.domain.rulebook import Side
from recon.engine.duck import Engine, text
from recon.engine.plan import CARRIED, WIDE, Plan, record_columns
from recon.match.memory import cleared_columns, kept_facts
from recon.match.population import reads, side_filter
from recon.match.quarantined import QUARANTINED, still_quarantined
from recon.match.sieve import pending_reason_sql

_PARQUET = "(format parquet, compression zstd)"


def carry_forward(engine: Engine, plan: Plan, folder: Path, awaited: list[int]) -> None:
    """Write the night's open items and cleared keys of one reconciliation into `folder`.

    awaited   gids of left-over groups that wait for an incomplete source: pending, not broken
    """
    opened, cleared = folder / "open" / plan.rule.name, folder / "cleared"
    opened.mkdir(parents=True, exist_ok=True)
    cleared.mkdir(parents=True, exist_ok=True)
    _outcomes(engine, plan, awaited)
    for side in plan.rule.sides:
        _open_items(engine, plan, side, opened / f"{side.name}.parquet")
    for record in reads(plan.rule):
        _open_unclaimed(engine, plan, record, opened / f"unclaimed_{record}.parquet")
    _open_quarantined(engine, plan, opened / "quarantined.parquet")
    _open_remembered(engine, plan, opened / "remembered.parquet")
    _cleared(engine, plan, cleared / f"{plan.rule.name}.parquet")
    _forward(engine, plan)
    _tie(engine, plan)


def _outcomes(engine: Engine, plan: Plan, awaited: list[int]) -> None:
    engine.register(f"{plan.prefix}_awaited", pa.table({"gid": pa.array(awaited, pa.int64())}))
    engine.step(
        f"{plan.prefix}_outcomes",
        f"""create table {plan.table("outcomes")} as
select k1, k2, psp, outcome, false as awaited from {plan.table("rest")} where (k1, k2) not in (select (k1, k2) from {plan.table("work")})
union all
select w.k1, w.k2, j.psp, case when j.outcome = 'cleared' then 'cleared' when a.gid is not null then 'pending' else 'broken' end, a.gid is not null
from {plan.table("work")} w join {plan.table("judged")} j on j.gid = w.root left join {plan.table("awaited")} a on a.gid = w.root""",
    )
    engine.step(
        f"{plan.prefix}_uncleared",
        f"create view {plan.table('uncleared')} as\nselect * from {plan.table('outcomes')} where outcome <> 'cleared'",
    )
    engine.unregister(f"{plan.prefix}_awaited")


def group_counts(plan: Plan) -> str:
    """SQL: outcome and number of groups; those that met one to one and cleared are in no table of outcomes."""
    return f"""select outcome, sum(n) from (
  select outcome, count(*) as n from {plan.table("outcomes")} group by outcome
  union all
  select 'cleared', count(*) from {plan.table("swift")} where (k1, k2) not in (select (k1, k2) from {plan.table("work")})
) group by outcome having sum(n) > 0 order by outcome"""


def _open_items(engine: Engine, plan: Plan, side: Side, path: Path) -> None:
    columns = ", ".join(f"s.{column}" for column, _ in record_columns(plan.record(side)))
    carried = ", ".join(f"s.{column}" for column, _ in CARRIED)
    engine.step(
        f"{plan.prefix}_open_{side.name}",
        f"""copy (
select {columns}, {carried}, o.outcome as state from {plan.table(side.name)} s join {plan.table("outcomes")} o on s.k1 = o.k1 and s.k2 = o.k2
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
        f"copy (select {columns} from {plan.table('quarantined')} q where q.number in (select number from ({still_quarantined(plan)})) "
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
    """What tonight added to each key that cleared: sums of its own records only, so that nights add up."""
    keys = ", ".join(plan.key_fields)
    engine.step(
        f"{plan.prefix}_cleared",
        f"""copy (
select {keys}, kind, psp, DATE '{plan.night}' as night, {", ".join(_own(plan, side, from_sieve=True) for side in plan.rule.sides)}
from {plan.table("groups")} where outcome = 'cleared' and not keyless and (k1, k2) not in (select (k1, k2) from {plan.table("work")})
union all
select {keys}, kind, psp, DATE '{plan.night}', {", ".join(_own(plan, side, from_sieve=False) for side in plan.rule.sides)}
from {plan.table("judged")} where outcome = 'cleared' and not keyless
) to {text(path)} {_PARQUET}""",
    )


def _own(plan: Plan, side: Side, from_sieve: bool) -> str:
    name = side.name
    count, amount = f"{name}__count", f"{name}__amount"
    if not from_sieve:
        count, amount = f"{count} - {name}__cleared_count", f"{amount} - {name}__cleared_amount"
    columns = [
        f"{count} as {name}__count",
        f"CAST({amount} AS {WIDE}) as {name}__amount",
        f"{name}__amount_min, {name}__amount_max, {name}__currency",
    ]
    # Facts of a `changes` side as they now stand, whether they came tonight or are remembered.
    columns += [f"{name}__{field}" for field in (kept_facts(plan, side) if plan.replaces(side) else [])]
    return ", ".join(columns)


def pending_rows(engine: Engine, plan: Plan) -> str:
    """SQL of the pending groups: reconciliation, key, psp, reason, since (first day of the side that waits), side, business days."""
    key = " || '/' || ".join([*plan.key_fields, "kind"])
    due = plan.rule.due[0] if plan.rule.due else None
    first = f"coalesce({', '.join(f'{after}__date' for after in due.after)})" if due else "CAST(NULL AS DATE)"
    return f"""select {text(plan.rule.name)} as reconciliation, coalesce({key}, keyless_key) as key, psp, {pending_reason_sql(plan)} as reason, {first} as since
from {plan.table("groups")} where outcome = 'pending' and (k1, k2) not in (select (k1, k2) from {plan.table("work")})
union all
select {text(plan.rule.name)}, j.key, j.psp, 'awaits an incomplete source', NULL from {plan.table("judged")} j
where j.gid in (select root from {plan.table("work")} w join {plan.table("outcomes")} o on o.k1 = w.k1 and o.k2 = w.k2 where o.awaited)"""


def write_pending(engine: Engine, plans: list[Plan], path: Path) -> None:
    """pending.csv: reconciliation, key, psp, reason, due: the last night on which the missing side is not yet overdue."""
    parts = []
    for plan in plans:
        rows = pending_rows(engine, plan)
        parts.append(f"select p.reconciliation, p.key, p.psp, p.reason, d.due from ({rows}) p left join ({_due_dates(engine, plan, rows)}) d on d.psp is not distinct from p.psp and d.since = p.since")
    body = "\nunion all\n".join(parts) or "select NULL as reconciliation where false"
    engine.step("pending_csv", f"copy (\n{body}\norder by reconciliation, key, psp, reason, due\n) to {text(path)} (format csv, header true)")


def _due_dates(engine: Engine, plan: Plan, rows: str) -> str:
    """Business days are counted here, in Python, for the few distinct (provider, first day) there are."""
    if not plan.rule.due:
        return "select CAST(NULL AS VARCHAR) as psp, CAST(NULL AS DATE) as since, CAST(NULL AS DATE) as due where false"
    found = engine.rows(f"select distinct psp, since from ({rows}) where since is not null order by all")
    calendars: dict[str | None, Calendar] = dict(plan.calendars)
    listed = [
        f"({'NULL' if psp is None else text(psp)}, DATE '{since}', "
        f"DATE '{calendars.get(psp, plan.calendar).add(since, plan.rule.due[0].business_days)}')"
        for psp, since in found
    ]
    values = ", ".join(listed) or "(NULL, CAST(NULL AS DATE), CAST(NULL AS DATE))"
    return f"select * from (values {values}) as v(psp, since, due)"


def _forward(engine: Engine, plan: Plan) -> None:
    """`<recon>_forward`: source, currency, brought?, bucket, records and money of every record of tonight's population.

    Every record is joined to what did not clear; that the others are those that cleared is proved against the groups' own
    counts (`<recon>_cleared_counts`, recon/totals.py).
    """
    parts = []
    for side in plan.rule.sides:
        parts.append(
            f"select {text(side.name)} as side, s.source, s.currency, s.brought, case when o.outcome is null then 'cleared' "
            f"when o.outcome = 'lapsed' then 'excluded' else 'carried' end as bucket, s.amount "
            f"from {plan.table(side.name)} s left join {plan.table('uncleared')} o on s.k1 = o.k1 and s.k2 = o.k2"
        )
        if plan.replaces(side):
            parts.append(f"select '', source, currency, brought, 'excluded', amount from {plan.table(side.name + '_newest')} where age > 1")
    for record in reads(plan.rule):
        parts.append(f"select '', source, currency, brought, 'carried', amount from {plan.table('unclaimed_' + record)}")
        sides = " or ".join(side_filter(side) for side in plan.rule.sides if side.record == record) or "false"
        parts.append(
            f"select '', source, currency, brought, 'excluded', amount from {plan.table('arrivals_' + record)} a where not ({sides}) "
            f"and (source, record_id, file, line) not in (select (source, record_id, file, line) from {plan.table('unclaimed_' + record)})"
        )
    engine.step(
        f"{plan.prefix}_forward",
        f"""create table {plan.table("forward")} as
select side, source, coalesce(currency, '') as currency, brought, bucket, count(*) as records, CAST(coalesce(sum(amount), 0) AS {WIDE}) as amount
from (
{" union all ".join(parts)}
) group by all""",
    )


def _tie(engine: Engine, plan: Plan) -> None:
    """`<recon>_tie`: psp, currency, side, outcome, records and money; own records only."""
    parts = []
    for side in plan.rule.sides:
        name = side.name
        parts.append(
            f"select coalesce(psp, '') as psp, {name}__currency as currency, {text(name)} as side, 'cleared' as outcome, {name}__count as records, "
            f"{name}__amount as amount from {plan.table('swift')} where (k1, k2) not in (select (k1, k2) from {plan.table('work')}) and {name}__count > 0"
        )
        parts.append(
            f"select coalesce(o.psp, ''), s.currency, {text(name)}, o.outcome, 1, s.amount "
            f"from {plan.table(name)} s join {plan.table('outcomes')} o on s.k1 = o.k1 and s.k2 = o.k2"
        )
    engine.step(
        f"{plan.prefix}_tie",
        f"""create table {plan.table("tie")} as
select psp, currency, side, outcome, CAST(sum(records) AS BIGINT) as records, CAST(coalesce(sum(amount), 0) AS {WIDE}) as amount
from ({" union all ".join(parts)}) group by all""",
    )
