"""Sieve: one union of all sides, one group by on a fixed-width key; every group cleared, pending, silent or left over.

Reads   <recon>_<side> views
Writes  <recon>_groups   one row a group: k1, k2, key fields, kind, facts that `agree` reads, outcome
Never   clears a group that `agree` does not prove: an expression that is NULL is not true.
"""

from __future__ import annotations

from recon.domain.rulebook import Expr, Side
from recon.engine.duck import Engine, text
from recon.engine.expressions import to_sql
from recon.engine.plan import SQL_TYPES, WIDE, Plan


def sieve(engine: Engine, plan: Plan) -> None:
    """Leave `<recon>_groups` with the outcome of each group judged by itself."""
    union = "\nunion all\n".join(_slice(plan, side) for side in plan.rule.sides)
    aggregates = ",\n  ".join(column for side in range(len(plan.rule.sides)) for column in _aggregates(plan, side))
    keys = ", ".join(f"any_value({field}) as {field}" for field in plan.key_fields)
    engine.step(
        f"{plan.prefix}_sums",
        f"""create table {plan.table("sums")} as
select k1, k2, {keys}, any_value(kind) as kind, bool_or(keyless) as keyless, min(psp) as psp, min(keyless_key) as keyless_key, min(side) as first_side,
  bool_or(restated) as restated, bool_and(near_end) as near_end, bool_and(not brought) as all_new,
  bool_or(claims) as claims,
  {aggregates}
from (
{union}
) group by k1, k2""",
    )
    engine.step(
        f"{plan.prefix}_groups",
        f"create table {plan.table('groups')} as\nselect *, {outcome_sql(plan)} as outcome from {plan.table('sums')}",
    )
    engine.step(f"{plan.prefix}_sums_done", f"drop table {plan.table('sums')}")


def _slice(plan: Plan, side: Side) -> str:
    """A side's rows cut down to what the sieve needs; facts of the other sides are NULL."""
    record = plan.record(side)
    claims = f"coalesce({to_sql(side.claims, lambda name: name)}, false)" if side.claims else "true"
    facts = []
    for other in plan.rule.sides:
        for field in plan.agreed(other):
            facts.append(f"{field if other is side else _null(plan, other, field)} as {other.name}__{field}")
    keyless_key = "case when keyless then source || '/' || record_id end"
    near_end = f"coalesce({record.instant} >= TIMESTAMP '{plan.grace_from:%Y-%m-%d %H:%M:%S}', false)"
    columns = [
        "side, k1, k2",
        *plan.key_fields,
        "kind, keyless, psp, currency, amount, business_date, restated, brought",
        f"{keyless_key} as keyless_key",
        f"{near_end} as near_end",
        f"{claims} as claims",
        *facts,
    ]
    return f"select {', '.join(columns)} from {plan.table(side.name)}"


def _null(plan: Plan, side: Side, field: str) -> str:
    found = plan.record(side).field(field)

    return f"CAST(NULL AS {SQL_TYPES[found.type] if found else 'VARCHAR'})"


def _aggregates(plan: Plan, number: int) -> list[str]:
    """One side's facts of a group. A sum exists only within one currency."""
    side = plan.rule.sides[number]
    mine = f"filter (where side = {number})"
    prefix = side.name
    columns = [
        f"count(*) {mine} as {prefix}__count",
        f"case when min(currency) {mine} = max(currency) {mine} then sum(amount) {mine} end as {prefix}__amount",
        f"min(amount) {mine} as {prefix}__amount_min",
        f"max(amount) {mine} as {prefix}__amount_max",
        f"case when min(currency) {mine} = max(currency) {mine} then min(currency) {mine} "
        f"when min(currency) {mine} is not null then 'mixed' end as {prefix}__currency",
        f"min(business_date) {mine} as {prefix}__date",
        f"CAST(0 AS BIGINT) as {prefix}__cleared_count, CAST(0 AS {WIDE}) as {prefix}__cleared_amount",
    ]
    for field in plan.agreed(side):
        # Only this side's slice fills these columns, so they need no filter.
        column = f"{prefix}__{field}"
        columns.append(f"case when min({column}) = max({column}) then min({column}) end as {column}")
    return columns


def agrees_sql(plan: Plan, kinds_known: bool) -> str:
    """True where all required sides are present and every `agree` expression holds."""
    column = plan.fact_column(kinds_known)
    present = [f"(not ({plan.is_required_sql(side)}) or {side.name}__count > 0)" for side in plan.rule.sides]
    holds = [f"coalesce({to_sql(expr, column)}, false)" for expr in plan.rule.agree]
    return " and ".join([*present, *holds])


def outcome_sql(plan: Plan) -> str:
    """The outcome of a group judged by itself (docs/matching.md, Groups)."""
    return f"""case
    when restated then 'left'
    when {agrees_sql(plan, kinds_known=False)} then 'cleared'
    when ({_present_agree(plan)}) and (({_not_due(plan)}) or ({_in_grace(plan)})) then 'pending'
    when {_silent(plan)} then case when {_first_day(plan)} + {plan.look_back_days} < DATE '{plan.night}' then 'lapsed' else 'silent' end
    else 'left' end"""


def _present_agree(plan: Plan) -> str:
    """Every `agree` expression that reads no missing side is true; those that read names of kinds count as true here."""
    column = plan.fact_column(kinds_known=False)
    sides = {side.name for side in plan.rule.sides}
    conditions = []
    for expr in plan.rule.agree:
        read = sorted(expr.scopes & sides)
        if _reads_kinds(plan, expr):
            continue
        missing = " or ".join(f"{side}__count = 0" for side in read)
        conditions.append(f"({missing} or coalesce({to_sql(expr, column)}, false))" if read else f"coalesce({to_sql(expr, column)}, false)")
    return " and ".join(conditions) or "true"


def _reads_kinds(plan: Plan, expr: Expr) -> bool:
    return bool(expr.scopes & set(plan.kinds_named))


def _not_due(plan: Plan) -> str:
    """Some missing side is not due yet tonight."""
    parts = []
    for due in plan.rule.due:
        side = plan.rule.side(due.side)
        first = f"coalesce({', '.join(f'{after}__date' for after in due.after)})"
        parts.append(f"(({plan.is_required_sql(side)}) and {due.side}__count = 0 and {first} >= {plan.threshold_sql(due.business_days)})")
    return " or ".join(parts) or "false"


def _in_grace(plan: Plan) -> str:
    missing = " or ".join(f"(({plan.is_required_sql(side)}) and {side.name}__count = 0)" for side in plan.rule.sides)
    return f"near_end and all_new and ({missing})" if plan.rule.grace_minutes else "false"


def _first_day(plan: Plan) -> str:
    return f"least({', '.join(f'{side.name}__date' for side in plan.rule.sides)})"


def _silent(plan: Plan) -> str:
    """Only sides with `claims` are present, and no record claims."""
    speaking = [f"{side.name}__count = 0" for side in plan.rule.sides if not side.claims]
    return " and ".join(["not claims", *speaking])


def pending_reason_sql(plan: Plan) -> str:
    """Which side a pending group waits for: the first missing one that is not due, else grace."""
    cases = []
    for due in plan.rule.due:
        first = f"coalesce({', '.join(f'{after}__date' for after in due.after)})"
        cases.append(
            f"when {due.side}__count = 0 and {first} >= {plan.threshold_sql(due.business_days)} then {text('waits for ' + due.side)}"
        )
    return f"case {' '.join(cases)} else 'grace' end"
