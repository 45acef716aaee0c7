"""Passes: what the sieve left over is united by looser keys, strictest first; ambiguity is surfaced, never guessed.

Reads   <recon>_work and its records, <recon>_groups (pending ones may be partners), <recon>_facts
Writes  `root`, `found_by` and `candidates` of <recon>_work
Never   lets a suggesting pass clear anything; never picks one of several equal candidates.
"""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from recon.domain.rulebook import Pass, Side
from recon.engine.duck import Engine, text
from recon.engine.plan import Plan, within
from recon.match.sieve import agrees_sql
from recon.match.sums import unite_by_sums
from recon.match.work import add_work, build_facts


def unite_by_reference(engine: Engine, plan: Plan, each: Pass) -> bool:
    """Unite groups that share every field of `each.on`, transitively. Returns whether any were united."""
    fields = [field for field in each.on if field != "kind"]
    sides = [side for side in plan.rule.sides if all(plan.record(side).field(field) for field in fields)]
    listed = ", ".join(fields)
    filled = " and ".join(f"s.{field} is not null" for field in fields)
    links = plan.table(f"links_{each.name}")
    # A group that rejoined what is remembered and now agrees is settled: it draws nobody in.
    settled = f"select gid from {plan.table('facts')} where not restated and {agrees_sql(plan, kinds_known=False)}"
    same_key = "\nunion\n".join(
        f"select w.gid, w.kind, {', '.join(f's.{field}' for field in fields)} from {plan.table('work')} w join {plan.table('work_' + side.name)} s on s.gid = w.gid "
        f"where {filled} and w.root not in ({settled})"
        for side in sides
    )
    if each.texts and sides:
        same_key = f"{same_key}\nunion\n{_in_texts(plan, each, sides, settled)}"
    by_key = f"select gid, kind, 'key' as {fields[0]} from {plan.table('work')} where false"
    engine.step(f"{plan.prefix}_links_{each.name}", f"create table {links} as\n{same_key or by_key}")
    if not engine.one(f"select count(*) from {links}"):
        return _unite(engine, plan, each, [])
    waiting = engine.one(f"select count(*) from {plan.table('rest')} where outcome = 'pending'")
    partners = "\nunion\n".join(
        f"select s.k1, s.k2 from {plan.table(side.name + '_full')} s join (select distinct kind, {listed} from {links}) l "
        f"on l.kind = {plan.kind_sql(side, 's.')} and {' and '.join(f's.{field} = l.{field}' for field in fields)}"
        for side in sides
    )
    pending = (
        f"select k1, k2 from {plan.table('groups')} g where outcome = 'pending' and {within(f'({partners})', 'g')}"
    )
    if waiting and add_work(engine, plan, f"partners_{each.name}", pending):
        engine.step(f"{plan.prefix}_links_{each.name}_again", f"create or replace table {links} as\n{same_key}")
    shared = engine.rows(
        f"select list(distinct gid order by gid) from {links} group by kind, {listed} having count(distinct gid) > 1 order by 1"
    )
    return _unite(engine, plan, each, [list(gids) for (gids,) in shared])


def _in_texts(plan: Plan, each: Pass, sides: list[Side], settled: str) -> str:
    """Groups in whose texts a reference of another group stands as a word. Case and what is no letter or digit do not count."""
    field = each.on[0]
    known = "\nunion\n".join(
        f"select distinct {field} from {plan.table(side.name + '_full')} where length({_word(field)}) >= 8"
        for side in sides
    )
    return "\nunion\n".join(
        f"""select w.gid, w.kind, p.{field} from {plan.table("work")} w join {plan.table("work_" + side)} s on s.gid = w.gid
join ({known}) p on contains({_word(f"s.{text_field}")}, {_word(f"p.{field}")}) where w.root not in ({settled})"""
        for side, text_field in each.texts
    )


def _word(column: str) -> str:
    """The column's words in lower case, with one space around each."""
    return f"(' ' || trim(regexp_replace(lower({column}), '[^\\p{{L}}\\p{{N}}]+', ' ', 'g')) || ' ')"


def _unite(engine: Engine, plan: Plan, each: Pass, shared: list[list[int]]) -> bool:
    """Give every group of a connected set the smallest gid as its root; groups that rejoined one key are connected too."""
    keys = ", ".join([*plan.key_fields, "kind"])
    rejoined = engine.rows(
        f"select list(gid order by gid) from {plan.table('work')} where rejoined group by {keys} having count(*) > 1 order by 1"
    )
    roots = connected([*shared, *(list(gids) for (gids,) in rejoined)])
    moved = {gid: root for gid, root in roots.items() if gid != root}
    if not moved:
        return False
    engine.register(f"{plan.prefix}_roots", pa.table({"gid": list(roots), "root": list(roots.values())}))
    engine.step(
        f"{plan.prefix}_{each.name}",
        f"update {plan.table('work')} as w set root = r.root, found_by = {text(each.name)} from {plan.table('roots')} r where w.gid = r.gid",
    )
    engine.unregister(f"{plan.prefix}_roots")
    return True


def connected(sets: Iterable[list[int]]) -> dict[int, int]:
    """Union-find: sets of ids that belong together -> each id's smallest connected id."""
    parent: dict[int, int] = {}

    def find(node: int) -> int:
        parent.setdefault(node, node)
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for members in sets:
        for member in members[1:]:
            low, high = sorted((find(members[0]), find(member)))
            parent[high] = low
        if members:
            find(members[0])
    return {node: find(node) for node in sorted(parent)}


def suggest(engine: Engine, plan: Plan, each: Pass) -> None:
    """Pair groups without our key with the only partner of the same kind, currency and amount around the same day.

    Counting is done on buckets of equal candidates, so ten thousand equal amounts cost no more than one.
    """
    candidates = plan.table(f"candidates_{each.name}")
    engine.step(f"{plan.prefix}_candidates_{each.name}", f"create table {candidates} as\n{_candidates(plan, each)}")
    if not engine.one(f"select count(*) from {candidates} where keyless"):
        return
    buckets, degrees = plan.table(f"buckets_{each.name}"), plan.table(f"degrees_{each.name}")
    fields = "kind, currency, amount, day, sides, keyless, is_left"
    engine.step(
        f"{plan.prefix}_buckets_{each.name}",
        f"""create table {buckets} as
select row_number() over (order by {fields}) as bucket, {fields}, count(*) as n from {candidates} c
where amount is not null and exists (
  select 1 from {candidates} k where k.keyless and k.kind = c.kind and k.currency = c.currency and k.amount = c.amount)
group by {fields}""",
    )
    pair = f"""x.kind = y.kind and x.currency = y.currency and x.amount = y.amount and abs(x.day - y.day) <= {each.within_days or 0}
  and (x.sides & y.sides) = 0 and (x.keyless or y.keyless) and (x.is_left or y.is_left)"""
    engine.step(
        f"{plan.prefix}_degrees_{each.name}",
        f"""create table {degrees} as
select x.bucket, x.n, x.keyless, x.is_left, sum(y.n) as degree from {buckets} x join {buckets} y on {pair} group by all""",
    )
    engine.step(
        f"{plan.prefix}_pairs_{each.name}",
        f"""create table {plan.table(f"pairs_{each.name}")} as
select x.bucket as a, y.bucket as b, dx.degree = 1 and dy.degree = 1 and dx.n = 1 and dy.n = 1 as only_one, greatest(dx.degree, dy.degree) as degree
from {buckets} x join {buckets} y on {pair} join {degrees} dx on dx.bucket = x.bucket join {degrees} dy on dy.bucket = y.bucket""",
    )
    _take_suggestions(engine, plan, each, f"{candidates} c join {buckets} b using ({fields})")


def _candidates(plan: Plan, each: Pass) -> str:
    """Left-over groups that have not been cleared or rejoined, and pending ones: with the first present side's amount."""
    first = {
        what: "case "
        + " ".join(
            f"when {side.name}__count > 0 then {'-' if what == 'amount' and side.name in each.opposite else ''}{side.name}__{what}"
            for side in plan.rule.sides
        )
        + " end"
        for what in ("amount", "currency")
    }
    sides = " + ".join(
        f"case when {side.name}__count > 0 then {2**n} else 0 end" for n, side in enumerate(plan.rule.sides)
    )
    day = f"least({', '.join(f'{side.name}__date' for side in plan.rule.sides)})"
    columns = f"kind, {first['currency']} as currency, {first['amount']} as amount, {day} as day, CAST({sides} AS INTEGER) as sides, keyless"
    return f"""select gid, CAST(NULL AS UBIGINT) as k1, CAST(NULL AS UBIGINT) as k2, {columns}, true as is_left from {plan.table("facts")}
where not cleared_before and not ({agrees_sql(plan, kinds_known=False)})
union all
select NULL, k1, k2, {columns}, false from {plan.table("groups")} g
where outcome = 'pending' and not {within(plan.table("work"), "g")}"""


def _take_suggestions(engine: Engine, plan: Plan, each: Pass, bucketed: str) -> None:
    pairs = plan.table(f"pairs_{each.name}")
    pulled = f"select k1, k2 from {bucketed} where gid is null and bucket in (select a from {pairs} where only_one)"
    add_work(engine, plan, f"suggested_{each.name}", pulled)
    ids = f"select bucket, coalesce(c.gid, w.gid) as gid from {bucketed} left join {plan.table('work')} w on w.k1 = c.k1 and w.k2 = c.k2"
    engine.step(
        f"{plan.prefix}_{each.name}",
        f"""update {plan.table("work")} as w set root = p.root, found_by = {text(each.name)}
from (
  select i.gid, least(i.gid, j.gid) as root from ({ids}) i join {pairs} on only_one and a = i.bucket join ({ids}) j on j.bucket = b
) p where w.root = p.gid""",
    )
    engine.step(
        f"{plan.prefix}_{each.name}_ambiguous",
        f"""update {plan.table("work")} as w set candidates = p.degree
from (
  select c.gid, max(p.degree) as degree from {bucketed} join {pairs} p on p.a = b.bucket
  where c.is_left and c.keyless and not p.only_one group by c.gid
) p where w.root = p.gid""",
    )


def run_passes(engine: Engine, plan: Plan) -> None:
    """Every pass after the first, strictest first, and the facts of what they made."""
    build_facts(engine, plan)
    for each in plan.rule.passes[1:]:
        if each.sums:
            unite_by_sums(engine, plan, each)
        elif each.unique:
            suggest(engine, plan, each)
        elif not unite_by_reference(engine, plan, each):
            continue
        build_facts(engine, plan)
