"""Outcomes: what became of a key that was a break last night and is none tonight, in words."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from recon.engine.duck import Engine
from recon.engine.plan import Plan

_WORDS = {
    "cleared": "cleared: all sides are there and agree",
    "pending": "not due yet: the missing side has until its due date",
    "silent": "its records assert no money any more",
    "lapsed": "left out: silent for the whole look-back",
    "broken": "joined another break",
}


def what_became(engine: Engine, plan: Plan, keys: Mapping[str, str]) -> dict[str, str]:
    """break id -> why it is no break tonight; keys: break id -> key."""
    engine.register("gone", pa.table({"break_id": list(keys), "key": list(keys.values())}))
    key = plan.key_sql("g.")
    rows = engine.rows(
        f"""select gone.break_id, min(coalesce(o.outcome, g.outcome)) from {plan.table("groups")} g
left join {plan.table("outcomes")} o on o.k1 = g.k1 and o.k2 = g.k2
join gone on gone.key = coalesce({key}, g.keyless_key) group by all"""
    )
    engine.unregister("gone")
    found = {str(each): _WORDS[outcome] for each, outcome in rows}
    gone = "its records were claimed, excluded or read anew"
    if len(plan.lasting) < len(plan.rule.sides):
        gone = "what was read tonight does not have it any more"
    return {each: found.get(each, gone) for each in keys}
