"""Sieve: every group of tonight's population cleared, pending, silent or left over.

Reads   <recon>_<side> views
Writes  <recon>_crowded  keys that some side has several records of
        <recon>_met      every other key, all sides side by side; what meets one to one and agrees is cleared here
        <recon>_loose    what does not, and the crowded ones
        <recon>_sums     their records: one union of all sides, one group by
        <recon>_groups   both as one view: k1, k2, key fields, kind, the facts that `agree` reads, outcome
Never   clears a group that `agree` does not prove: an expression that is NULL is not true.

Joining first is not another way to match: a crowded key, or one that does not agree, is summed like the rest. It only
spares the night's ordinary payments the sums (measured at 1 M payments: a tenth of the time of one group by of all), and
tells in one pass whose records have to be read in full. Crowded keys stay out of the join: a provider that writes one
reference on 20,000 lines would make 400 million pairs of them.
"""

from __future__ import annotations

from recon.domain.rulebook import Expr, Side, Wait
from recon.engine.duck import Engine, text
from recon.engine.expressions import to_sql
from recon.engine.plan import SQL_TYPES, WIDE, Plan, within
from recon.match.full import read_in_full

_SUM = "HUGEINT"


def sieve(engine: Engine, plan: Plan) -> None:
    """Leave `<recon>_groups` with the outcome of each group judged by itself."""
    crowded = "\nunion\n".join(
        f"select k1, k2 from {plan.table(side.name)} group by k1, k2 having count(*) > 1" for side in plan.rule.sides
    )
    engine.step(f"{plan.prefix}_crowded", f"create table {plan.table('crowded')} as\n{crowded}")
    engine.step(f"{plan.prefix}_met", f"create table {plan.table('met')} as\n{_meet(plan)}")
    engine.step(f"{plan.prefix}_swift", f"create view {plan.table('swift')} as\n{_swift(plan)}")
    engine.step(
        f"{plan.prefix}_loose",
        f"create table {plan.table('loose')} as\nselect k1, k2 from {plan.table('met')} where not clears\nunion all select k1, k2 from {plan.table('crowded')}",
    )
    read_in_full(engine, plan, _wanted(plan))
    engine.step(f"{plan.prefix}_sums", f"create table {plan.table('sums')} as\n{_sums(plan)}")
    names = ", ".join(name for name, *_ in engine.rows(f"describe {plan.table('sums')}"))
    engine.step(
        f"{plan.prefix}_rest",
        f"create table {plan.table('rest')} as\nselect *, {outcome_sql(plan)} as outcome from {plan.table('sums')}",
    )
    engine.step(f"{plan.prefix}_sums_done", f"drop table {plan.table('sums')}")
    engine.step(
        f"{plan.prefix}_groups",
        f"create view {plan.table('groups')} as\nselect {names}, 'cleared' as outcome from {plan.table('swift')}\n"
        f"union all\nselect {names}, outcome from {plan.table('rest')}",
    )


def _wanted(plan: Plan) -> str:
    """Keys whose records are read in full from the start: the loose ones, and all kinds of a payment that has several."""
    loose = f"select k1, k2 from {plan.table('loose')}"
    if not (plan.rule.lifecycle_by and plan.kinds_named):
        return loose
    met, key = plan.table("met"), plan.rule.lifecycle_by
    several = f"select {key} from {met} where kind <> {text(plan.first_kind)}"
    return f"{loose}\nunion select k1, k2 from {met} where {key} in ({several})"


def _meet(plan: Plan) -> str:
    """Records side by side where they bear one key, and whether they agree; a record whose key no other side bears too."""
    aliases = [f"s_{side.name}" for side in plan.rule.sides]
    joins = "\n".join(
        f"  full join {_single(plan, side)} {alias} on {alias}.k1 = {_first(aliases[:n], 'k1')} and {alias}.k2 = {_first(aliases[:n], 'k2')}"
        for n, (side, alias) in enumerate(zip(plan.rule.sides, aliases, strict=True))
        if n
    )
    facts = []
    for side, alias in zip(plan.rule.sides, aliases, strict=True):
        facts += [
            f"CAST({alias}.k1 is not null AS BIGINT) as {side.name}__count",
            f"{alias}.amount as {side.name}__amount, {alias}.currency as {side.name}__currency",
            *(f"{alias}.amount as {side.name}__{what}" for what in _spread(plan, side)),
            *(f"{alias}.{field} as {side.name}__{field}" for field in plan.agreed(side)),
            *_totals(plan, side, f"{alias}."),
        ]
    key = ", ".join(f"{_first(aliases, field)} as {field}" for field in ["k1", "k2", *plan.key_fields])
    key += f", {_first(aliases, 'kind') if plan.by_kind else plan.kind_sql(plan.rule.sides[0])} as kind"
    psp = f"least({', '.join(f'{alias}.psp' for alias in aliases)}) as psp, " if plan.psp_column else ""
    restated = " or ".join(f"coalesce({alias}.restated, false)" for alias in aliases)
    return f"""select *, not restated and {agrees_sql(plan, kinds_known=False)} as clears
from (
  select {key}, {psp}{restated} as restated,
    {", ".join(facts)}
  from {_single(plan, plan.rule.sides[0])} {aliases[0]}
{joins}
)"""


def _spread(plan: Plan, side: Side) -> list[str]:
    """Smallest and greatest amount, where `agree` reads them: of a record that stands alone, its amount."""
    names = {name for expr in plan.in_sieve for name in expr.names}
    return [what for what in ("amount_min", "amount_max") if f"{side.name}.{what}" in names]


def _single(plan: Plan, side: Side) -> str:
    """A side's records whose key no side has several of."""
    return f"(select * from {plan.table(side.name)} s where not {within(plan.table('crowded'), 's')})"


def _first(aliases: list[str], column: str) -> str:
    """The column of the first of these sides that is there."""
    return (
        f"coalesce({', '.join(f'{alias}.{column}' for alias in aliases)})"
        if len(aliases) > 1
        else f"{aliases[0]}.{column}"
    )


def _swift(plan: Plan) -> str:
    """What met and agrees, with the columns of the sums."""
    columns = []
    for side in plan.rule.sides:
        name = side.name
        columns += [
            f"{name}__count, CAST({name}__amount AS {_SUM}) as {name}__amount, {name}__amount as {name}__amount_min",
            f"{name}__amount as {name}__amount_max, {name}__currency, CAST(NULL AS DATE) as {name}__date",
            f"CAST(0 AS BIGINT) as {name}__cleared_count, CAST(0 AS {WIDE}) as {name}__cleared_amount",
            *(f"{name}__{field}" for field in plan.agreed(side)),
            *(
                f"CAST({name}__{field}__total AS {_SUM}) as {name}__{field}__total, {name}__{field}__of, "
                f"CAST(0 AS {WIDE}) as {name}__{field}__cleared"
                for field, _ in plan.totals(side)
            ),
        ]
    return f"""select k1, k2, {", ".join([*plan.key_fields, *plan.psp_column])}, kind, false as keyless, CAST(NULL AS VARCHAR) as keyless_key,
  CAST(NULL AS INTEGER) as first_side, false as restated, false as near_end, false as all_new, true as claims,
  {", ".join(columns)}
from {plan.table("met")} where clears"""


def _sums(plan: Plan) -> str:
    union = "\nunion all\n".join(_slice(plan, side) for side in plan.rule.sides)
    aggregates = ",\n  ".join(column for side in range(len(plan.rule.sides)) for column in _aggregates(plan, side))
    keys = ", ".join(f"any_value({field}) as {field}" for field in plan.key_fields)
    keys += "".join(f", min({psp}) as {psp}" for psp in plan.psp_column)
    return f"""select k1, k2, {keys}, any_value(kind) as kind, bool_or(keyless) as keyless, min(keyless_key) as keyless_key, min(side) as first_side,
  bool_or(restated) as restated, bool_and(near_end) as near_end, bool_and(not brought) as all_new,
  bool_or(claims) as claims,
  {aggregates}
from (
{union}
) r where {within(plan.table("loose"), "r")}
group by k1, k2"""


def _slice(plan: Plan, side: Side) -> str:
    """A side's rows cut down to what the sieve needs; facts of the other sides are NULL."""
    record = plan.record(side)
    claims = f"coalesce({to_sql(side.claims, lambda name: name)}, false)" if side.claims else "true"
    facts = []
    for other in plan.rule.sides:
        for field in plan.agreed(other):
            facts.append(f"{field if other is side else _null(plan, other, field)} as {other.name}__{field}")
        facts += _totals(plan, other, "" if other is side else None)
    keyless_key = "case when keyless then source || '/' || record_id end"
    near_end = f"coalesce({record.instant} >= TIMESTAMP '{plan.grace_from:%Y-%m-%d %H:%M:%S}', false)"
    columns = [
        "side, k1, k2",
        *(field for field in plan.key_fields if field not in ("psp", "currency")),
        f"{plan.kind_sql(side)} as kind, keyless, psp, currency, amount, business_date, restated, brought",
        f"{keyless_key} as keyless_key",
        f"{near_end} as near_end",
        f"{claims} as claims",
        *facts,
    ]
    return f"select {', '.join(columns)} from {plan.table(side.name + '_full')}"


def _totals(plan: Plan, side: Side, of: str | None) -> list[str]:
    """What a side's totals are summed from, with the currency of each; NULL in another side's rows (`of` is None)."""
    columns = []
    for field, currency in plan.totals(side):
        value = "CAST(NULL AS BIGINT)" if of is None else f"{of}{field}"
        code = "CAST(NULL AS VARCHAR)" if of is None or not currency else f"{of}{currency}"
        columns.append(f"{value} as {side.name}__{field}__total, {code} as {side.name}__{field}__of")
    return columns


def _null(plan: Plan, side: Side, field: str) -> str:
    found = plan.record(side).fact(field)

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
        (
            f"case when min(currency) {mine} = max(currency) {mine} then min(currency) {mine} "
            f"when min(currency) {mine} is not null then 'mixed' end as {prefix}__currency"
        ),
        f"min(business_date) {mine} as {prefix}__date",
        f"CAST(0 AS BIGINT) as {prefix}__cleared_count, CAST(0 AS {WIDE}) as {prefix}__cleared_amount",
    ]
    for field in plan.agreed(side):
        # Only this side's slice fills these columns, so they need no filter.
        column = f"{prefix}__{field}"
        columns.append(f"case when min({column}) = max({column}) then min({column}) end as {column}")
    for field, currency in plan.totals(side):
        column, code = f"{prefix}__{field}__total", f"{prefix}__{field}__of"
        total = f"case when min({code}) = max({code}) then sum({column}) end" if currency else f"sum({column})"
        columns.append(f"{total} as {column}, min({code}) as {code}, CAST(0 AS {WIDE}) as {prefix}__{field}__cleared")
    return columns


def agrees_sql(plan: Plan, kinds_known: bool) -> str:
    """True where all required sides are present and every `agree` expression holds."""
    column = plan.fact_column(kinds_known)
    present = [f"(not ({plan.is_required_sql(side)}) or {side.name}__count > 0)" for side in plan.rule.sides]
    # A sum past int64 is nobody's payment; what clears is remembered as int64.
    fits = [
        f"coalesce({sum_} between -9223372036854775807 and 9223372036854775807, true)"
        for side in plan.rule.sides
        for sum_ in (f"{side.name}__amount", *(f"{side.name}__{field}__total" for field, _ in plan.totals(side)))
    ]
    holds = [f"coalesce({to_sql(expr, column)}, false)" for expr in plan.rule.agree]
    return " and ".join([*present, *holds, *fits])


def outcome_sql(plan: Plan) -> str:
    """The outcome of a group judged by itself (docs/matching.md, Groups)."""
    return f"""case
    when restated then 'left'
    when {agrees_sql(plan, kinds_known=False)} then 'cleared'
    when {_silent(plan)} then case when {_first_day(plan)} + {plan.look_back_days} < DATE '{plan.night}' then 'lapsed' else 'silent' end
    when ({_present_agree(plan)}) and (({_not_due(plan)}) or ({_in_grace(plan)})) then 'pending'
    when {_waiting(plan)} then 'pending'
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
        conditions.append(
            f"({missing} or coalesce({to_sql(expr, column)}, false))"
            if read
            else f"coalesce({to_sql(expr, column)}, false)"
        )
    return " and ".join(conditions) or "true"


def _reads_kinds(plan: Plan, expr: Expr) -> bool:
    return bool(expr.scopes & set(plan.kinds_named))


def _not_due(plan: Plan) -> str:
    """Some missing side is not due yet tonight."""
    parts = []
    for due in plan.rule.due:
        side = plan.rule.side(due.side)
        first = f"coalesce({', '.join(f'{after}__date' for after in due.after)})"
        parts.append(
            f"(({plan.is_required_sql(side)}) and {due.side}__count = 0 and {first} >= {plan.threshold_sql(due.business_days)})"
        )
    return " or ".join(parts) or "false"


def _waiting(plan: Plan) -> str:
    """Some `waits` of the rule file holds, and its time is not over."""
    return " or ".join(f"({wait_sql(plan, wait)})" for wait in plan.rule.waits) or "false"


def wait_sql(plan: Plan, wait: Wait) -> str:
    """True for a group that waits for that reason tonight."""
    holds = f"coalesce({to_sql(wait.while_, plan.fact_column(kinds_known=False))}, false)"
    if wait.business_days is None:
        return holds
    first = f"coalesce({', '.join(f'{after}__date' for after in wait.after)})"
    return f"{holds} and {first} >= {plan.threshold_sql(wait.business_days)}"


def _in_grace(plan: Plan) -> str:
    missing = " or ".join(f"(({plan.is_required_sql(side)}) and {side.name}__count = 0)" for side in plan.rule.sides)
    return f"near_end and all_new and ({missing})" if plan.rule.grace_minutes else "false"


def _first_day(plan: Plan) -> str:
    return f"least({', '.join(f'{side.name}__date' for side in plan.rule.sides)})"


def _silent(plan: Plan) -> str:
    """Only sides with `claims` are present, and no record claims."""
    speaking = [f"{side.name}__count = 0" for side in plan.rule.sides if not side.claims]
    return " and ".join(["not claims", *speaking])


def pending_sql(plan: Plan) -> tuple[str, str, str]:
    """Why a pending group waits, since which day, and how many business days it may: the first of `waits` that holds (it
    says most), else the first missing side that is not due, else grace, which has no day."""
    cases = []
    for wait in plan.rule.waits:
        first = f"coalesce({', '.join(f'{after}__date' for after in wait.after)})" if wait.after else "NULL"
        days = "NULL" if wait.business_days is None else str(wait.business_days)
        cases.append((wait_sql(plan, wait), text(wait.why), first, days))
    for due in plan.rule.due:
        first = f"coalesce({', '.join(f'{after}__date' for after in due.after)})"
        when = f"{due.side}__count = 0 and {first} >= {plan.threshold_sql(due.business_days)}"
        cases.append((when, text("waits for " + due.side), first, str(due.business_days)))
    parts = [" ".join(f"when {each[0]} then {each[n]}" for each in cases) for n in (1, 2, 3)]
    if not cases:
        return "'grace'", "CAST(NULL AS DATE)", "CAST(NULL AS BIGINT)"
    return (
        f"case {parts[0]} else 'grace' end",
        f"CAST(case {parts[1]} end AS DATE)",
        f"CAST(case {parts[2]} end AS BIGINT)",
    )
