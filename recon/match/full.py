"""In full: the records of the keys that have to be looked at, all columns, read out of the night's files as seldom as possible.

Reads   <recon>_<side> views
Writes  <recon>_<side>_full   every record of a side whose key is in <recon>_in_full
        <recon>_in_full       k1, k2

Most of a night's records meet, agree and are never looked at again: only the few others are read with all their columns.
"""

from __future__ import annotations

from recon.engine.duck import Engine
from recon.engine.plan import Plan, within


def read_in_full(engine: Engine, plan: Plan, keys: str) -> None:
    """Start the tables with the records of the keys (k1, k2) that a query gives."""
    engine.step(f"{plan.prefix}_in_full", f"create table {plan.table('in_full')} as\n{keys}")
    for side in plan.rule.sides:
        engine.step(
            f"{plan.prefix}_{side.name}_full",
            f"create table {plan.table(side.name + '_full')} as\n"
            f"select * from {plan.table(side.name)} s where {within(plan.table('in_full'), 's')}",
        )


def add_in_full(engine: Engine, plan: Plan, why: str, keys: str) -> None:
    """See to it that the records of these keys, too, can be read in full. A key that is there already costs nothing."""
    new = plan.table("in_full_new")
    engine.step(
        f"{plan.prefix}_in_full_{why}",
        f"create or replace table {new} as\nselect distinct k1, k2 from ({keys}) n where not {within(plan.table('in_full'), 'n')}",
    )
    if not engine.one(f"select count(*) from {new}"):
        return
    for side in plan.rule.sides:
        engine.step(
            f"{plan.prefix}_{side.name}_full_{why}",
            f"insert into {plan.table(side.name + '_full')}\nselect * from {plan.table(side.name)} s where {within(new, 's')}",
        )
    engine.step(f"{plan.prefix}_in_full_{why}_done", f"insert into {plan.table('in_full')}\nselect k1, k2 from {new}")
