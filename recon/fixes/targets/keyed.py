"""Keyed: a table of a target's database whose primary key is the idempotency key of what was done."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from recon.fixes.targets.effect import Effect, Receipt, RefusedError

_OF_A_FIX = ("idempotency_key", "fix_id", "break_id", "content_sha256", "approved_by", "applied_by")


def key_table(name: str, schema: str, *more: sa.ColumnClause[Any]) -> sa.TableClause:
    """The table with the columns that tell which fix it was, and `more`."""
    return sa.table(name, *map(sa.column, _OF_A_FIX), *more, schema=schema or None)


def key_row(effect: Effect) -> dict[str, Any]:
    """The columns that tell which fix it is."""
    return {column: getattr(effect, column) for column in _OF_A_FIX}


def look_for_key(connection: sa.Connection, table: sa.TableClause, effect: Effect, other: str) -> Receipt | None:
    """Whether the effect is there, by its key. Raises RefusedError, with `other` said before its id, where another fix is."""
    of = table.c
    row = connection.execute(
        sa.select(of.fix_id, of.content_sha256).where(of.idempotency_key == effect.idempotency_key)
    ).first()
    if row is None:
        return None
    if (row.fix_id, row.content_sha256) != (effect.fix_id, effect.content_sha256):
        raise RefusedError(f"{other} under this key: {row.fix_id}")
    return receipt(table, effect, found=True)


def receipt(table: sa.TableClause, effect: Effect, found: bool = False) -> Receipt:
    """Where the effect is to be found."""
    return Receipt(f"{table.name} {effect.idempotency_key[:16]}", found)
