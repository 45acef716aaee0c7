"""People: what people decided, and what became of fixes, as one night takes it into account. Kept in its decided.json.

A night that others continue from reads what it kept; the newest asks the state database.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from recon.domain.casework import Case, FixWord, Word, fold
from recon.store.audit import EMPTY, Head
from recon.store.casework import read_casework
from recon.store.folder import published, write_json
from recon.workspace import Workspace

FILE = "decided.json"


@dataclass(frozen=True)
class People:
    """Decisions on breaks, the state of fixes, and the head of the audit trail before this night's own records."""

    head: Head = EMPTY
    words: tuple[Word, ...] = ()
    fixes: tuple[FixWord, ...] = ()
    cases: Mapping[str, Case] = field(default_factory=dict)

    def corrections(self) -> dict[str, FixWord]:
        """break id -> the fix that was applied for it; of several the last."""
        applied = sorted((each for each in self.fixes if each.applied_at), key=lambda each: each.applied_at)
        return {each.break_id: each for each in applied}

    def write(self, folder: Path, break_ids: Iterable[str], used: Iterable[FixWord]) -> None:
        """decided.json: what was said of these breaks, and the states of fixes that the night went by."""
        known = set(break_ids)
        words = [each for each in self.words if known & {each.break_id, *each.details.get("members", ())}]
        kept = {each.fix_id: each for each in [*used, *self.corrections().values()] if each.break_id in known}
        write_json(
            folder / FILE,
            {
                "schema_version": 1,
                "audit": self.head.as_json(),
                "breaks": [each.as_json() for each in words],
                "fixes": [kept[fix_id].as_json() for fix_id in sorted(kept)],
            },
        )


def read_people(workspace: Workspace, night: date) -> People:
    """What a run of this night takes into account. Raises UnreachableError where the state database does not answer."""
    have = published(workspace.nights)
    kept = workspace.nights / str(night) / FILE
    if any(each > night for each in have):
        return _kept(kept) if kept.exists() else People()
    return _people(*read_casework(workspace.state_url.value, workspace.root, night))


def _kept(path: Path) -> People:
    data = json.loads(path.read_text("utf-8"))
    return _people(
        Head(data["audit"]["records"], data["audit"]["head"]),
        [Word(**each) for each in data["breaks"]],
        [_fix_word(each) for each in data["fixes"]],
    )


def _fix_word(data: Mapping[str, Any]) -> FixWord:
    dates = {name: date.fromisoformat(data[name]) for name in ("proposed_on", "applied_on") if data[name]}
    return FixWord(**{**data, **dates})


def _people(head: Head, words: list[Word], fixes: list[FixWord]) -> People:
    return People(head, tuple(words), tuple(fixes), fold(words))


__all__ = ["FILE", "People", "read_people"]
