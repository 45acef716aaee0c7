"""Sums: groups of two sides that share no reference, united where exactly one choice of them adds up (docs/matching.md, The passes).

Reads   <recon>_facts, pending groups of <recon>_groups
Writes  `root`, `found_by` and `candidates` of <recon>_work
Never   reads more than the windows that are looked into hold.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import pyarrow as pa

from recon.domain.rulebook import Pass
from recon.engine.duck import Engine, text
from recon.engine.plan import Plan, within
from recon.match.sieve import agrees_sql
from recon.match.subsets import Found, Item, find_sums
from recon.match.work import add_work


def unite_by_sums(engine: Engine, plan: Plan, each: Pass) -> bool:
    """Unite groups of the pass's two sides by the only choice that adds up. Returns whether any were united."""
    candidates = plan.table(f"candidates_{each.name}")
    engine.step(f"{plan.prefix}_candidates_{each.name}", f"create table {candidates} as\n{_candidates(plan, each)}")
    if not engine.one(f"select count(*) from {candidates} where keyless"):
        return False
    united: list[list[int]] = []
    rivals: list[tuple[int, int]] = []
    for numbers, found in _solve(engine, each, candidates):
        united += [[numbers[at] for at in chosen] for chosen in found.unite]
        rivals += [(numbers[at], count) for at, count in sorted(found.rivals.items())]
    _mark(engine, plan, each, rivals)
    return _unite(engine, plan, each, united)


def _candidates(plan: Plan, each: Pass) -> str:
    """Groups with one of the two sides: left over and never cleared, or pending. The second side's amounts are turned round,
    unless the two sides have opposite signs by themselves."""
    outside, inside = each.sums
    turn = "" if outside in each.opposite or inside in each.opposite else "-"
    is_outside = f"{outside}__count > 0"
    columns = f"""case when {is_outside} then {outside}__currency else {inside}__currency end as currency,
  case when {is_outside} then {outside}__amount else {turn}{inside}__amount end as amount,
  case when {is_outside} then {outside}__date else {inside}__date end as day, {is_outside} as outside, keyless"""
    one = f"({outside}__count > 0) <> ({inside}__count > 0)"
    rows = f"""select gid, CAST(NULL AS UBIGINT) as k1, CAST(NULL AS UBIGINT) as k2, key as name, {columns}, true as is_left from {plan.table("facts")}
where {one} and not cleared_before and not restated and not quarantined and not ({agrees_sql(plan, kinds_known=False)})
union all
select NULL, k1, k2, coalesce({plan.key_sql("g.")}, keyless_key), {columns}, false from {plan.table("groups")} g
where outcome = 'pending' and {one} and not {within(plan.table("work"), "g")}"""
    return f"""select row_number() over (order by currency, day, outside, name) as number, * from ({rows})
where amount <> 0 and currency <> 'mixed' and day is not null"""


def _solve(engine: Engine, each: Pass, candidates: str) -> list[tuple[list[int], Found]]:
    """By currency: the numbers of the candidates that were looked at, and what was found among them."""
    days = each.within_days or 0
    # A day with more than `most` candidates is in no window that is looked into: its own are told by their number alone.
    rows = engine.rows(
        f"""select currency, number, CAST(amount AS VARCHAR), CAST(day - DATE '1970-01-01' AS BIGINT), outside, is_left, keyless from {candidates}
qualify row_number() over (partition by currency, day order by number) <= {each.most + 1} order by number"""
    )
    by_currency: dict[str, list[tuple[int, Item]]] = defaultdict(list)
    for currency, number, amount, day, outside, is_left, keyless in rows:
        by_currency[currency].append((int(number), Item(int(amount), int(day), outside, is_left, keyless)))
    return [
        ([number for number, _ in found], find_sums([item for _, item in found], days, each.most))
        for _, found in sorted(by_currency.items())
    ]


def _mark(engine: Engine, plan: Plan, each: Pass, rivals: list[tuple[int, int]]) -> None:
    """How many choices compete for a group that is left over without a key."""
    if not rivals:
        return
    table = f"{plan.prefix}_rivals_{each.name}"
    engine.register(table, pa.table({"number": [n for n, _ in rivals], "rivals": [count for _, count in rivals]}))
    engine.step(
        f"{plan.prefix}_{each.name}_ambiguous",
        f"""update {plan.table("work")} as w set candidates = greatest(candidates, r.rivals)
from {table} r join {plan.table(f"candidates_{each.name}")} c on c.number = r.number where w.root = c.gid and c.is_left and c.keyless""",
    )
    engine.unregister(table)


def _unite(engine: Engine, plan: Plan, each: Pass, united: list[list[int]]) -> bool:
    if not united:
        return False
    table, candidates = f"{plan.prefix}_united_{each.name}", plan.table(f"candidates_{each.name}")
    members: Mapping[str, list[int]] = {
        "choice": [choice for choice, numbers in enumerate(united) for _ in numbers],
        "number": [number for numbers in united for number in numbers],
    }
    engine.register(table, pa.table(dict(members)))
    pulled = f"select c.k1, c.k2 from {candidates} c join {table} u on u.number = c.number where c.gid is null"
    add_work(engine, plan, f"partners_{each.name}", pulled)
    engine.step(
        f"{plan.prefix}_{each.name}",
        f"""update {plan.table("work")} as w set root = p.root, found_by = {text(each.name)}
from (
  select coalesce(c.gid, o.gid) as gid, min(coalesce(c.gid, o.gid)) over (partition by u.choice) as root
  from {table} u join {candidates} c on c.number = u.number left join {plan.table("work")} o on o.k1 = c.k1 and o.k2 = c.k2
) p where w.root = p.gid""",
    )
    engine.unregister(table)
    return True
