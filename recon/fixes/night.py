"""What a night does to the queue by itself: it proposes, takes back what is gone, and approves where a rule says that nobody has to."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta

import sqlalchemy as sa

from recon.domain.queue import AUTOMATIC, MACHINE, Policy, Status
from recon.errors import ReconError
from recon.fixes.queue import Proposed, approve, find, propose
from recon.store.audit import person


def maker(given: str = "") -> str:
    """Who runs the night: the name given, or RECON_AS; `recon` without either.

    Raises ReconError `bad-signer` for one that is none.
    """
    asked = given or os.environ.get("RECON_AS", "")
    name = person(asked) if asked else MACHINE
    if name == AUTOMATIC:
        raise ReconError("bad-signer", f"{name} is the program's own name", "run the night in your own, or in none")
    return name


def queue_night(
    night: date,
    proposed: Sequence[Proposed],
    who: str,
    reconciliations: Iterable[str],
    held: Iterable[str],
    gone: Mapping[str, str],
    policy: Policy,
) -> Callable[[sa.Connection], None]:
    """What has to happen in the transaction that takes the night into the state database (recon.fixes.queue.propose)."""
    name = maker(who)
    # Not the clock: the same inputs leave the same trail, whose head the next report prints.
    at = datetime.combine(night + timedelta(days=1), time(), UTC)

    def work(connection: sa.Connection) -> None:
        propose(connection, night, proposed, name, reconciliations, held, gone, at)
        automatic = [each.fix_id for each in proposed if each.auto_approve]
        for fix in find(connection, automatic, [Status.PROPOSED]) if automatic else ():
            try:
                approve(connection, fix.fix_id, AUTOMATIC, f"the rule {fix.code} approves by itself", policy, at=at)
            except ReconError as refused:
                # A ceiling holds for the machine too; the fix waits for a person, who will be told the same.
                if refused.name != "above-ceiling":
                    raise

    return work


__all__ = ["maker", "queue_night"]
