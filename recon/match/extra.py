"""Extra groups: breaks that no side's records make: unclaimed records, and rows in quarantine that no group of tonight bears.

Reads   <recon>_unclaimed_<record>, <recon>_quarantined
Writes  <recon>_extra   gid, what, record, source, record_id, number: what speaks of one key has one gid, so that it is one
                        break; and a row a gid in <recon>_judged
"""

from __future__ import annotations

from recon.domain.records import RECORD_TYPES
from recon.engine.duck import Engine, text
from recon.engine.plan import Plan
from recon.match.population import reads
from recon.match.quarantined import find_still_quarantined


def add_extra_groups(engine: Engine, plan: Plan) -> None:
    """Leave `<recon>_extra`, mark groups with a row in quarantine, and give the extra groups their row in `<recon>_judged`."""
    find_still_quarantined(engine, plan)
    judged, extra = plan.table("judged"), plan.table("extra")
    key = plan.quarantine_key
    # A row that bears no payment of ours is told of by the reconciliations that are keyed by payment, not by every one.
    named = f"coalesce({key}, psp_reference)" if key in ("payment_order_id", "order_id") else key
    parts = [
        # A restated row is there twice.
        f"select 'unclaimed' as what, {text(record)} as record, source, record_id, CAST(NULL AS BIGINT) as number, "
        f"source || '/' || record_id as key, min({_kind(record)}) as kind, min({_psp(record)}) as psp, min(since) as since "
        f"from {plan.table('unclaimed_' + record)} group by source, record_id"
        for record in reads(plan.rule)
    ]
    parts.append(
        f"""select 'quarantined', record, source, CAST(NULL AS VARCHAR), q.number,
  concat_ws('/', {named}{", kind" if plan.by_kind else ""}), kind, psp, since
from {plan.table("quarantined")} q join {plan.table("still_quarantined")} s on s.number = q.number
where not s.attached and {named} is not null"""
    )
    engine.step(
        f"{plan.prefix}_extra",
        f"""create table {extra} as
select (select coalesce(max(gid), 0) from {judged}) + dense_rank() over (order by what, key) as gid, * from ({" union all ".join(parts)})""",
    )
    zero = [f"{side.name}__{what}" for side in plan.rule.sides for what in ("count", "cleared_count", "cleared_amount")]
    engine.step(
        f"{plan.prefix}_extra_judged",
        f"""insert into {judged} (gid, key, kind, keyless, cleared_before, quarantined, unclaimed, restated, candidates, psp, since, outcome, {", ".join(zero)})
select gid, key, min(kind), true, false, what = 'quarantined', what = 'unclaimed', false, 0, min(psp), min(since), 'left', {", ".join("0" for _ in zero)}
from {extra} group by gid, key, what""",
    )


def _kind(record: str) -> str:
    return "kind" if RECORD_TYPES[record].field("kind") else "CAST(NULL AS VARCHAR)"


def _psp(record: str) -> str:
    return "psp" if RECORD_TYPES[record].field("psp") else "CAST(NULL AS VARCHAR)"
