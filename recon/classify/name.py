"""Name: the first rule whose `when` holds names the break; its fix's amounts are worked out in the same pass.

Reads   <recon>_judged
Writes  <recon>_named: the left-over groups with the number of their rule, whether it is proven, and their fix's postings
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from recon.classify.scale import FLAG, find_scaled, suspected_before
from recon.domain.breaks import Break
from recon.domain.rulebook import FixTemplate
from recon.engine.duck import Engine
from recon.engine.expressions import to_sql
from recon.engine.plan import WIDE, Plan


@dataclass(frozen=True, slots=True)
class Named:
    """A left-over group: its facts by column name, and the number of the rule that names it (None: unexplained)."""

    gid: int
    key: str
    kind: str | None
    psp: str | None
    rule: int | None
    must: int | None
    must_names: bool  # the group would have cleared or waited, but for the must
    proven: bool
    facts: dict[str, Any]
    provenance: str
    postings: tuple[tuple[int | None, str | None], ...]  # (minor units, currency) by posting of the rule's fix


def name_breaks(engine: Engine, plan: Plan, known: Iterable[Break] = ()) -> Iterator[list[Named]]:
    """Leave `<recon>_named` and yield the left-over groups in the order of their keys, in batches.

    known   the breaks of this reconciliation after the last night
    """
    scaled = find_scaled(engine, plan, suspected_before(plan, known))
    column = plan.fact_column(kinds_known=True)
    whens = " ".join(f"when {to_sql(rule.when, column)} then {n}" for n, rule in enumerate(plan.rule.breaks))
    proven = " ".join(
        f"when {n} then coalesce({to_sql(rule.proven, column)}, false)"
        for n, rule in enumerate(plan.rule.breaks)
        if rule.proven
    )
    most = max((len(template.postings) for template in plan.rule.fixes.values()), default=0)
    postings = "".join(f",\n  {_posting(plan, n)}" for n in range(most))
    engine.step(
        f"{plan.prefix}_named",
        f"""create table {plan.table("named")} as
with ruled as (
  select *, case {whens} else NULL end as rule
  from (select j.*, {scaled} as {FLAG} from {plan.table("judged")} j where outcome = 'left')
)
select *, {_difference(plan)}, {f"case rule {proven} else true end" if proven else "true"} as proven{postings}
from ruled""",
    )
    names = [name for name, *_ in engine.rows(f"describe {plan.table('named')}")]
    provenance = _provenance(plan)
    sql = f"select n.*, p.provenance from {plan.table('named')} n left join ({provenance}) p on p.gid = n.gid order by n.key, n.gid"
    for rows in engine.batches(sql):
        yield [_named(dict(zip([*names, "provenance"], row, strict=True)), most) for row in rows]


def _named(facts: dict[str, Any], most: int) -> Named:
    return Named(
        gid=facts["gid"],
        key=facts["key"],
        kind=facts["kind"],
        psp=facts["psp"],
        rule=facts["rule"],
        must=facts["must"],
        must_names=bool(facts["must_names"]),
        proven=facts["proven"],
        facts=facts,
        provenance=facts["provenance"] or "",
        postings=tuple((_int(facts[f"posting_{n}_amount"]), facts[f"posting_{n}_currency"]) for n in range(most)),
    )


def _difference(plan: Plan) -> str:
    """What the break is off by, where the rule file says it; else the columns are empty and nobody reads them."""
    given, column = plan.rule.difference, plan.fact_column(kinds_known=True)
    amount, currency = (to_sql(given.amount, column), to_sql(given.currency, column)) if given else ("NULL", "NULL")
    return f"CAST({amount} AS {WIDE}) as off_by, CAST({currency} AS VARCHAR) as off_currency"


def _int(value: Any) -> int | None:
    return None if value is None else int(value)


def _posting(plan: Plan, number: int) -> str:
    """The amount and currency of the fix's n-th posting, by rule."""
    column = plan.fact_column(kinds_known=True)
    amounts, currencies = [], []
    for n, rule in enumerate(plan.rule.breaks):
        template: FixTemplate | None = plan.rule.fixes.get(rule.fix) if rule.fix else None
        if template and number < len(template.postings):
            posting = template.postings[number]
            amounts.append(f"when {n} then CAST({to_sql(posting.amount, column)} AS {WIDE})")
            currencies.append(f"when {n} then {to_sql(posting.currency, column)}")
    if not amounts:
        return f"CAST(NULL AS {WIDE}) as posting_{number}_amount, CAST(NULL AS VARCHAR) as posting_{number}_currency"
    return f"case rule {' '.join(amounts)} end as posting_{number}_amount, case rule {' '.join(currencies)} end as posting_{number}_currency"


def _provenance(plan: Plan) -> str:
    """Where each group's records come from: file and line, or query and primary key."""
    place = "case when line > 0 then file || ':' || line else file || '#' || record_id end"
    parts = [
        f"select w.root as gid, {n} as side, file, line, record_id, {place} as place from {plan.table('work_' + side.name)} s "
        f"join {plan.table('work')} w on w.gid = s.gid"
        for n, side in enumerate(plan.rule.sides)
    ]
    parts.append(
        f"select e.gid, 0, q.file, q.line, NULL, q.file || ':' || q.line from {plan.table('extra')} e "
        f"join {plan.table('quarantined')} q on q.number = e.number"
    )
    for record in dict.fromkeys(side.record for side in plan.rule.sides):
        parts.append(
            f"select e.gid, 0, file, line, u.record_id, {place.replace('record_id', 'u.record_id')} from {plan.table('extra')} e "
            f"join {plan.table('unclaimed_' + record)} u on e.what = 'unclaimed' and u.source = e.source and u.record_id = e.record_id"
        )
    return f"select gid, string_agg(place, '; ' order by side, file, line, record_id) as provenance from ({' union all '.join(parts)}) group by gid"
