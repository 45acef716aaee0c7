"""Hands: what is approved, for a company that applies by hand: handed out as a CSV file, and what was done handed in.

What was handed out is in somebody's hands: neither a night nor another hand-out touches it until it is handed in, or until
`LEASE` is over and it is handed out again, marked as in doubt.
"""

from __future__ import annotations

import csv
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from recon.domain.queue import READY, Policy, Status
from recon.errors import ReconError
from recon.fixes import queue
from recon.fixes.queue import Passed, QueuedFix
from recon.store.audit import writing

LEASE = timedelta(days=14)
COLUMNS = ("fix_id", "content_sha256", "handed_out", "in_doubt", "what", "currency", "amount", "done", "reference")


@dataclass(frozen=True, slots=True)
class HandedIn:
    """What became of one line: applied, given back, or refused with why."""

    fix_id: str
    outcome: str  # applied | given_back | open | refused
    why: str = ""


def hand_out(
    engine: sa.Engine,
    file: Path,
    is_by_hand: Callable[[QueuedFix], bool],
    policy: Policy,
    who: str,
    now: datetime | None = None,
) -> tuple[list[QueuedFix], list[Passed]]:
    """Write what is approved and done by hand into a new file; what was written, and what `who` was not given with why.

    Raises ReconError `file-exists`: what is done in a file must not be written over.
    """
    if file.exists():
        raise ReconError("file-exists", f"{file} is there already", "give another name")
    token, moment = f"hand:{uuid.uuid4().hex}", now or datetime.now(UTC)
    with writing(engine) as connection:
        ready = queue.find(connection, statuses=READY)
        ids = [each.fix_id for each in ready if is_by_hand(each)]
        claims = queue.claim(connection, token, who, policy, moment, moment + LEASE, max(len(ids), 1), ids)
        rows = [_row(each.fix, token, each.in_doubt) for each in claims.given]
        # Written before it is committed: a file without its lines in hand is refused when it is handed in.
        with file.open("x", encoding="utf-8", newline="") as made:
            writer = csv.DictWriter(made, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    return [each.fix for each in claims.given], claims.passed


def _row(fix: QueuedFix, token: str, in_doubt: bool) -> dict[str, str]:
    return {
        "fix_id": fix.fix_id,
        "content_sha256": fix.content_sha256,
        "handed_out": token,
        "in_doubt": "it was handed out before: look whether it was done" if in_doubt else "",
        "what": _inert(what(fix.content)),
        "currency": fix.currency,
        "amount": fix.amount,
        "done": "",
        "reference": "",
    }


def _inert(text: str) -> str:
    return "'" + text if text[:1] in ("=", "+", "-", "@") else text


def what(content: Mapping[str, Any]) -> str:
    """What a fix does, on one line."""
    if content["kind"] == "journal":
        lines = "; ".join(f"{each['account']} {each['amount']} {each['currency']}" for each in content["postings"])
        return f"book {lines} ({content.get('memo', '')})"
    if content["kind"] == "update":
        change = content["change"]
        sets = ", ".join(f"{name} = {value}" for name, value in change["set"].items())
        seen = ", ".join(f"{name} = {value}" for name, value in change["seen"].items())
        return f"set {sets} on {change['record']} {change['record_id']} if {seen}"
    told = content.get("message", {})
    return f"send {told.get('key', '')} to {told.get('channel', '')}"


def hand_in(engine: sa.Engine, file: Path, who: str) -> list[HandedIn]:
    """Take what was done, line by line: `done` is yes (with a reference to find it by), no, or empty for not yet."""
    with file.open(encoding="utf-8-sig", newline="") as opened:
        reader = csv.DictReader(opened)
        if reader.fieldnames is None or not set(COLUMNS) <= set(reader.fieldnames):
            raise ReconError(
                "not-handed-out", f"{file} is not a file that was handed out", "recon fixes hand-out FILE makes one"
            )
        rows = list(reader)
    return [_taken(engine, row, who) for row in rows]


def _taken(engine: sa.Engine, row: Mapping[str, str], who: str) -> HandedIn:
    fix_id, done = row["fix_id"], (row["done"] or "").strip().lower()
    if done == "":
        return HandedIn(fix_id, "open")
    if done not in ("yes", "no"):
        return HandedIn(fix_id, "refused", f"done is {row['done']!r}, expected yes or no")
    reference = (row["reference"] or "").strip()
    if done == "yes" and not reference:
        return HandedIn(fix_id, "refused", "done, and no reference to find it by")
    try:
        with writing(engine) as connection:
            fix = queue.get(connection, fix_id)
            if fix.status is Status.APPLIED:
                return HandedIn(fix_id, "refused", "it is applied already")
            if fix.content_sha256 != row["content_sha256"]:
                return HandedIn(fix_id, "refused", "it is not what was handed out: it changed since")
            if done == "no":
                queue.release(connection, fix_id, row["handed_out"])
                return HandedIn(fix_id, "given_back")
            receipt = {"target": "by_hand", "reference": reference}
            queue.applied(connection, fix_id, row["handed_out"], who, receipt, "done by hand")
    except ReconError as refused:
        return HandedIn(fix_id, "refused", refused.message)
    return HandedIn(fix_id, "applied", reference)
