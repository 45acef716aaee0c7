"""Scale: providers of which many payments are exactly 100 or 1000 times off: whole and minor units were mixed up.

Reads   <recon>_judged, <recon>_groups, the breaks known last night
Writes  <recon>_scaled   gids of the left-over groups that are off by such a factor and of a suspected provider
Never   judges from one payment: a suspicion needs several, and a share of all that were compared.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

from recon.domain.breaks import Break
from recon.engine.duck import Engine, text
from recon.engine.plan import Plan, within

#: The name that a rule reads; where no rule does, nothing is looked for.
FLAG = "scale_suspected"
#: KRW, USD and KWD have 0, 2 and 3 decimals.
_FACTORS = (100, 1000)
#: A price edit may well be off by 100 once; so many, and so large a part, come from one cause.
_LEAST, _SHARE_PERCENT = 3, 10

Suspect = tuple[str, str]  # provider ("" where the records name none), currency


def suspected_before(plan: Plan, known: Iterable[Break]) -> set[Suspect]:
    """Providers under suspicion after the last night. They stay so while enough of it is open: on the next night the
    provider's good files would make the share small."""
    codes = {rule.code for rule in plan.rule.breaks if FLAG in rule.when.names}
    return {(each.psp, each.currency) for each in known if each.is_open and each.code in codes and each.currency}


def find_scaled(engine: Engine, plan: Plan, before: Iterable[Suspect]) -> str:
    """Leave `<recon>_scaled` where something is suspected; gives SQL that is true for its groups, as `j`."""
    if not any(FLAG in rule.when.names for rule in plan.rule.breaks):
        return "false"
    off = {
        (psp, currency): int(count)
        for psp, currency, count in engine.rows(
            f"select {_suspect(plan)}, count(*) from {plan.table('judged')} where {_is_off(plan)} group by all"
        )
    }
    off = {suspect: count for suspect, count in off.items() if count >= _LEAST}
    compared = _compared(engine, plan) if off else {}
    suspected = {each for each in off if off[each] * 100 >= compared[each] * _SHARE_PERCENT} | (
        off.keys() & set(before)
    )
    if not suspected:
        return "false"
    listed = ", ".join(f"({text(psp)}, {text(currency)})" for psp, currency in sorted(suspected))
    engine.step(
        f"{plan.prefix}_scaled",
        f"""create table {plan.table("scaled")} as
select gid from {plan.table("judged")} where {_is_off(plan)} and ({_suspect(plan)}) in ({listed})""",
    )
    return f"j.gid in (select gid from {plan.table('scaled')})"


def _suspect(plan: Plan) -> str:
    currencies = ", ".join(f"{side.name}__currency" for side in plan.rule.sides)
    return f"coalesce(psp, ''), coalesce({currencies}, '')"


def _is_off(plan: Plan) -> str:
    """True for a left-over group in which two sides name one currency and amounts that differ by such a factor."""
    pairs = []
    for one, other in combinations((side.name for side in plan.rule.sides), 2):
        factors = " or ".join(
            f"{one}__amount = {factor} * {other}__amount or {factor} * {one}__amount = {other}__amount"
            for factor in _FACTORS
        )
        pairs.append(f"{one}__currency = {other}__currency and {one}__amount <> 0 and ({factors})")
    return f"outcome = 'left' and coalesce({' or '.join(f'({pair})' for pair in pairs) or 'false'}, false)"


def _compared(engine: Engine, plan: Plan) -> dict[Suspect, int]:
    """How many groups of tonight have two sides or more, by provider and currency; what is not left over has cleared."""
    sides = " + ".join(f"CAST({side.name}__count > 0 AS INTEGER)" for side in plan.rule.sides)
    rows = engine.rows(
        f"""select psp, currency, sum(n) from (
  select {_suspect(plan)}, count(*) from {plan.table("judged")} where {sides} > 1 group by all
  union all
  select {_suspect(plan)}, count(*) from {plan.table("groups")} g
  where outcome = 'cleared' and not {within(plan.table("work"), "g")} group by all
) as compared(psp, currency, n) group by all"""
    )
    return {(psp, currency): int(count) for psp, currency, count in rows}
