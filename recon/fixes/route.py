"""Route: which target a fix goes to, by its template where a target says so, else by what it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from recon.workspace import HandTarget, JournalTarget, TargetSettings, UpdateTarget, Workspace


class Routes:
    """`of` gives the name of a fix's target, or None where no target takes it."""

    def __init__(self, targets: Mapping[str, TargetSettings], records: Mapping[tuple[str, str], str]) -> None:
        """`records`: (reconciliation, side) -> the vocabulary of that side's records."""
        self._targets, self._records = targets, records

    def of(self, reconciliation: str, template: str, content: Mapping[str, Any]) -> str | None:
        """`content`: what the fix does (recon.domain.breaks.Fix.content)."""
        named = self._first(name for name, each in self._targets.items() if template in each.takes)
        if named is not None:
            return named
        open_ = {name: each for name, each in self._targets.items() if not each.takes}
        kind = content["kind"]
        if kind == "journal":
            found = self._first(name for name, each in open_.items() if isinstance(each, JournalTarget))
        elif kind == "update":
            side = content["change"]["record"]
            record = self._records.get((reconciliation, side), side)
            found = self._first(
                name for name, each in open_.items() if isinstance(each, UpdateTarget) and each.record == record
            )
        else:
            channel = (content.get("message") or {}).get("channel")
            senders = {
                name: each
                for name, each in open_.items()
                if not isinstance(each, (JournalTarget, UpdateTarget, HandTarget))
            }
            found = channel if channel in senders else self._first(senders)
        return found or self._first(name for name, each in open_.items() if isinstance(each, HandTarget))

    @staticmethod
    def _first(names: Iterable[str]) -> str | None:
        return next(iter(sorted(names)), None)


def routes(workspace: Workspace) -> Routes:
    """The routes of a workspace."""
    records = {(rule.name, side.name): side.record for rule in workspace.reconciliations for side in rule.sides}
    return Routes(workspace.targets, records)
