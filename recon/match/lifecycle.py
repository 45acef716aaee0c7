"""Lifecycle: names of kinds (`refund.amount`) for the payments that need them, and what must hold over all kinds.

Reads   <recon>_groups, <recon>_facts, <recon>_memory
Writes  <recon>_kinds    one row a payment: amount, count and cleared of every kind that is named
        <recon>_judged   <recon>_facts with the names of kinds, and the final outcome: cleared or left
"""

from __future__ import annotations

from recon.domain.records import KINDS
from recon.domain.rulebook import Side
from recon.engine.duck import Engine, text
from recon.engine.expressions import to_sql
from recon.engine.plan import WIDE, Plan, within
from recon.match.sieve import agrees_sql
from recon.match.work import add_work, build_facts

_NO_KIND = {"amount": f"CAST(NULL AS {WIDE})", "count": "CAST(NULL AS BIGINT)", "cleared": "CAST(NULL AS BOOLEAN)"}


def judge(engine: Engine, plan: Plan) -> None:
    """Leave `<recon>_judged`: every group in work with its final outcome."""
    if plan.rule.lifecycle_by and plan.kinds_named:
        _kinds(engine, plan)
        _recheck(engine, plan)
        _musts(engine, plan)
        build_facts(engine, plan)
    else:  # nothing has moved since the passes made the facts
        engine.step(
            f"{plan.prefix}_kinds",
            f"create table {plan.table('kinds')} as\nselect {_key(plan)} from {plan.table('groups')} where false",
        )
    named = plan.kinds_named if plan.rule.lifecycle_by else ()
    filled = "".join(f", k.{kind}__{what}" for kind in named for what in _NO_KIND)
    engine.step(
        f"{plan.prefix}_judged",
        f"""create table {plan.table("judged")} as
with known as (
  select f.*{filled} from {plan.table("facts")} f left join {plan.table("kinds")} k on k.{_key(plan)} = f.{_key(plan)}
)
select *, must is not null and (taken_by is not null or not restated and not {_suggested(plan)} and {agrees_sql(plan, kinds_known=True)}) as must_names,
  case when restated or must is not null or {_suggested(plan)} then 'left'
  when {agrees_sql(plan, kinds_known=True)} then 'cleared' else 'left' end as outcome
from known""",
    )


def _key(plan: Plan) -> str:
    return plan.rule.lifecycle_by or plan.key_fields[0]


def _suggested(plan: Plan) -> str:
    names = [text(each.name) for each in plan.rule.passes if each.suggest]
    return f"coalesce(found_by in ({', '.join(names)}), false)" if names else "false"


def _kinds(engine: Engine, plan: Plan) -> None:
    """Sums per payment and kind over tonight's population and everything remembered, for the payments that need them."""
    key, groups, memory, facts, work = (
        _key(plan),
        plan.table("groups"),
        plan.table("memory"),
        plan.table("facts"),
        plan.table("work"),
    )
    first = text(plan.first_kind)
    lasting = ", ".join(
        f"{side.name}__count, {side.name}__amount, {side.name}__currency" if side in plan.lasting else "0, NULL, NULL"
        for side in plan.rule.sides
    )
    engine.step(
        f"{plan.prefix}_payments",
        f"""create table {plan.table("payments")} as
select distinct {key} from (
  select {key} from {facts}
  union all select {key} from {groups} where kind <> {first}
  union all select {key} from {groups} where {key} in (select {key} from {memory} where kind <> {first})
) where {key} is not null""",
    )
    sums = ", ".join(f"{side.name}__count, {side.name}__amount, {side.name}__currency" for side in plan.rule.sides)
    own = ", ".join(
        f"{side.name}__count - {side.name}__cleared_count, {side.name}__amount - {side.name}__cleared_amount, {side.name}__currency"
        for side in plan.rule.sides
    )
    engine.step(
        f"{plan.prefix}_kind_rows",
        f"""create table {plan.table("kind_rows")} as
select {key}, kind, cleared, night, {sums} from (
  select {key}, kind, outcome = 'cleared' as cleared, DATE '{plan.night}' as night, {sums} from {groups} g where not {within(work, "g")}
  union all select {key}, kind, not restated and not {_suggested(plan)} and {agrees_sql(plan, kinds_known=False)}, DATE '{plan.night}', {own} from {facts}
  union all select {key}, kind, true, night, {lasting} from {memory}
) where {key} in (select {key} from {plan.table("payments")})""",
    )
    engine.step(f"{plan.prefix}_kinds", f"create table {plan.table('kinds')} as\n{_pivot(plan)}")


def _pivot(plan: Plan) -> str:
    """One row a payment. A kind's amount is that of the first side that knows it; none where currencies differ."""
    key = _key(plan)
    lows = ", ".join(
        f"min(nullif({side.name}__currency, '')) filter (where {side.name}__count > 0) as {side.name}__low"
        for side in plan.rule.sides
    )
    highs = ", ".join(
        f"max({side.name}__currency) filter (where {side.name}__count > 0) as {side.name}__high"
        for side in plan.rule.sides
    )
    counts = ", ".join(_side_sums(plan, side) for side in plan.rule.sides)
    amount = "case " + " ".join(f"when {side.name}__n > 0 then {side.name}__sum" for side in plan.rule.sides) + " end"
    count = "case " + " ".join(f"when {side.name}__n > 0 then {side.name}__n" for side in plan.rule.sides) + " end"
    low = f"least({', '.join(f'{side.name}__low' for side in plan.rule.sides)})"
    high = f"greatest({', '.join(f'{side.name}__high' for side in plan.rule.sides)})"
    columns = ",\n  ".join(
        f"case when one_currency then max(CAST(amount AS {WIDE})) filter (where kind = {text(kind)}) end as {kind}__amount, "
        f"CAST(max(n) filter (where kind = {text(kind)}) AS BIGINT) as {kind}__count, "
        f"bool_or(cleared) filter (where kind = {text(kind)}) as {kind}__cleared"
        for kind in plan.kinds_named
    )
    return f"""with by_kind as (
  select {key}, kind, bool_or(cleared) as cleared, {lows}, {highs}, {counts} from {plan.table("kind_rows")} group by {key}, kind
),
known as (
  select {key}, kind, cleared, {amount} as amount, {count} as n,
    min({low}) over (partition by {key}) = max({high}) over (partition by {key}) as one_currency
  from by_kind
)
select {key}, {columns} from known group by {key}, one_currency"""


def _side_sums(plan: Plan, side: Side) -> str:
    """A kind's records and money of one side; where the newest version replaces the older, those of the newest night."""
    n, amount, there = f"{side.name}__count", f"{side.name}__amount", f"filter (where {side.name}__count > 0)"
    if plan.replaces(side):
        return f"arg_max({n}, night) {there} as {side.name}__n, arg_max({amount}, night) {there} as {side.name}__sum"
    return f"sum({n}) as {side.name}__n, sum({amount}) {there} as {side.name}__sum"


def _recheck(engine: Engine, plan: Plan) -> None:
    """What the sieve cleared while names of kinds were unknown is judged again where they are known."""
    known = ", ".join(f"k.{kind}__{what}" for kind in plan.kinds_named for what in _NO_KIND)
    failing = f"""select k1, k2 from (
  select g.*, {known} from {plan.table("groups")} g join {plan.table("kinds")} k on k.{_key(plan)} = g.{_key(plan)} where g.outcome = 'cleared'
) where not ({agrees_sql(plan, kinds_known=True)})"""
    add_work(engine, plan, "recheck", failing)


def _musts(engine: Engine, plan: Plan) -> None:
    """A violated `must` goes to one group of tonight: that of the latest kind among those it names."""
    key = _key(plan)
    column = plan.fact_column(kinds_known=True)
    for number, must in reversed(list(enumerate(plan.rule.musts))):
        named = sorted(must.holds.scopes & set(KINDS), key=KINDS.index)
        rank = " ".join(f"when {text(kind)} then {KINDS.index(kind)}" for kind in named)
        engine.step(
            f"{plan.prefix}_must_{number}",
            f"""create table {plan.table(f"must_{number}")} as
with violated as (select {key} from {plan.table("kinds")} where ({to_sql(must.holds, column)}) is false),
tonight as (
  select {key}, kind, case kind {rank} end as rank, CAST(NULL AS BIGINT) as root, k1, k2 from {plan.table("groups")} g
  where not {within(plan.table("work"), "g")}
  union all
  select {key}, kind, case kind {rank} end, gid, NULL, NULL from {plan.table("facts")}
  union all
  select {key}, kind, case kind {rank} end, root, NULL, NULL from {plan.table("work")} w
  where not exists (select 1 from {plan.table("facts")} f where f.gid = w.root)
)
select root, k1, k2 from tonight semi join violated using ({key}) where rank is not null
qualify row_number() over (partition by {key} order by rank desc, root nulls last, k1, k2) = 1""",
        )
        add_work(
            engine,
            plan,
            f"must_{number}",
            f"select k1, k2 from {plan.table(f'must_{number}')} where root is null",
            must=number,
        )
        # Counted down, so that the first violated must of the rule file is the one that stays.
        engine.step(
            f"{plan.prefix}_must_{number}_roots",
            f"""update {plan.table("work")} as w set must = {number}
where root in (select root from {plan.table(f"must_{number}")} where root is not null)
  or {within(f"(select * from {plan.table(f'must_{number}')} where root is null)", "w")}""",
        )
