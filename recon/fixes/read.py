"""Reading the queue from outside a transaction, for commands and reports."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from recon.fixes.queue import QueuedFix, find
from recon.store.state import engine_for


def read_queue(url: str, root: Path) -> list[QueuedFix]:
    """Every fix of the queue, by id; empty where the database does not exist yet."""
    engine = engine_for(url, root)
    try:
        if not sa.inspect(engine).has_table("audit"):
            return []
        with engine.connect() as connection:
            return find(connection)
    finally:
        engine.dispose()
