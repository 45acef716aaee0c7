"""Decisions of people on inputs: who, when, why. Rows are added and never changed; of two on one thing the later holds.

They live in the state database. Those that a night used stand in its inputs.json too, so that a rerun of the night needs
no database and gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from recon.store.audit import refuse_unsigned
from recon.store.state import engine_for, input_decisions, migrate, unanswered


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided on one thing that a night waited for.

    target      what it is about (recon.domain.completeness: `Awaited.target`)
    decision    accept: take it as it is, or wait no longer; reject: leave it out for good
    decided_at  UTC
    """

    target: str
    decision: str
    decided_by: str
    why: str
    decided_at: str

    def as_json(self) -> dict[str, str]:
        return asdict(self)


class Decisions:
    """Decisions by target. `kept` are those of the night's own inputs.json; the database is asked when one is looked for.

    url   of the state database; None for a night that others continue from: what it decided is settled
    """

    def __init__(self, kept: Iterable[Mapping[str, str]], url: str | None, root: Path) -> None:
        self._kept = [Decision(**each) for each in kept]
        self._url, self._root = url, root
        self._known: dict[str, Decision] | None = None
        self.used: dict[str, Decision] = {}

    def on(self, target: str) -> Decision | None:
        """The decision that holds for a target, noted as used."""
        if self._known is None:
            read = read_decisions(self._url, self._root) if self._url is not None else []
            self._known = {each.target: each for each in [*self._kept, *read]}
        found = self._known.get(target)
        if found is not None:
            self.used[target] = found
        return found


def read_decisions(url: str, root: Path) -> list[Decision]:
    """Every decision, in the order in which they were made; none where the database does not exist yet."""
    engine = engine_for(url, root)
    try:
        if not sa.inspect(engine).has_table("input_decisions"):
            return []
        columns = [input_decisions.c[name] for name in Decision.__dataclass_fields__]
        with closing(engine.connect()) as connection:
            return [Decision(*row) for row in connection.execute(sa.select(*columns).order_by(input_decisions.c.id))]
    except (sa.exc.OperationalError, sa.exc.InterfaceError) as error:
        raise unanswered(error) from error
    finally:
        engine.dispose()


def decide(
    url: str, root: Path, night: date, target: str, decision: str, name: str, why: str, shown: str
) -> tuple[Decision, bool]:
    """Add a decision in one transaction. Gives the one that holds now, and False where it was there already.

    shown   the reason that the person was shown
    Raises ReconError where the name or the reason is empty.
    """
    refuse_unsigned(name, why)
    engine = engine_for(url, root)
    try:
        migrate(engine)
        made = Decision(target, decision, name.strip(), why.strip(), f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")
        before = {each.target: each for each in read_decisions(url, root)}.get(target)
        if before is not None and before.decision == decision:
            return before, False
        with engine.begin() as connection:
            connection.execute(input_decisions.insert(), [{**made.as_json(), "night": night, "shown": shown}])
        return made, True
    except (sa.exc.OperationalError, sa.exc.InterfaceError) as error:
        raise unanswered(error) from error
    finally:
        engine.dispose()


def frozen(decisions: Decisions) -> list[dict[str, Any]]:
    """The decisions that a night used, for its inputs.json."""
    return [decisions.used[target].as_json() for target in sorted(decisions.used)]
