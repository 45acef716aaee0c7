"""Match: sort every group of tonight's population into cleared, pending, silent and left over (docs/matching.md).

Reads   new_<record>, the last night's open items, earlier nights' cleared keys
Writes  <recon>_groups (the sieve), <recon>_work and its records, <recon>_judged (what was looked at in full)
Order   passes run strictest first; what one pass takes is gone for the next.
Never   compares across currencies; never sees an amount as a float.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from recon.domain.rulebook import Reconciliation
from recon.engine.duck import Engine
from recon.engine.plan import Plan
from recon.match.extra import add_extra_groups
from recon.match.lifecycle import judge
from recon.match.memory import find_rejoins, nights_remembered, rejoin_keyless, remember, take_keys
from recon.match.passes import run_passes
from recon.match.population import side_views
from recon.match.quarantined import find_quarantined_groups, read_quarantined
from recon.match.sieve import sieve
from recon.match.work import add_same_key, start_work


def match(
    engine: Engine,
    plan: Plan,
    rules: Sequence[Reconciliation],
    opened: Path | None,
    cleared: Sequence[Path],
) -> None:
    """Match one reconciliation on one night.

    opened    the folder of this reconciliation's open items of the last night; None on a first night
    cleared   cleared.parquet of the nights within the look-back
    """
    side_views(engine, plan, rules, opened)
    sieve(engine, plan)
    remember(engine, plan, cleared, opened)
    find_rejoins(engine, plan)
    read_quarantined(engine, plan, opened)
    find_quarantined_groups(engine, plan)
    start_work(engine, plan)
    take_keys(engine, plan)
    rejoin_keyless(engine, plan, nights_remembered(engine, plan, cleared, opened))
    add_same_key(engine, plan)
    run_passes(engine, plan)
    judge(engine, plan)
    add_extra_groups(engine, plan)
