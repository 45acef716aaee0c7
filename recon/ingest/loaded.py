"""Loaded: what ingest leaves of one file or one query: typed Parquet, what was refused, totals and control totals."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from recon.errors import SetAside

#: Columns of a quarantined row: where it stands, what is wrong with it, and what of it could be read.
QUARANTINE_COLUMNS: dict[str, str] = {
    "file": "VARCHAR",
    "sha256": "VARCHAR",
    "line": "BIGINT",
    "column_name": "VARCHAR",
    "found": "VARCHAR",
    "expected": "VARCHAR",
    "raw": "VARCHAR",
    "psp": "VARCHAR",
    "account": "VARCHAR",
    "kind": "VARCHAR",
    "psp_reference": "VARCHAR",
    "payment_order_id": "VARCHAR",
    "order_id": "VARCHAR",
    "payout_id": "VARCHAR",
    "seller_payout_id": "VARCHAR",
    "business_date": "DATE",
}
NO_QUARANTINE = (
    "SELECT " + ", ".join(f"CAST(NULL AS {t}) AS {c}" for c, t in QUARANTINE_COLUMNS.items()) + " WHERE false"
)


@dataclass(frozen=True, slots=True)
class Limits:
    """Past both, the whole file is set aside."""

    percent: int
    rows: int


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account statement says stood on the account before and after its lines; minor units, None: not said."""

    account: str
    currency: str
    opening: int | None
    closing: int | None
    opened_on: str | None
    closed_on: str | None
    sequence: str


@dataclass(frozen=True, slots=True)
class FileMarks:
    """What a file says about itself: its numbers in the provider's series (one as a rule), and its date."""

    numbers: tuple[int, ...] = ()
    day: date | None = None


@dataclass(frozen=True, slots=True)
class LoadedFile:
    """One file as read. Money in minor units.

    rows         records counted without the help of the reader; rows = read + quarantined
    relation     SQL SELECT of the canonical columns (COMMON, then the record's fields); empty when set aside
    quarantine   SQL SELECT with QUARANTINE_COLUMNS
    totals       (kind, currency, rows, minor units) of the records read; currency '' where a record has none
    controls     (name, 'proved' | 'failed' | 'unproven', detail)
    balances     of each account statement in the file, in its order
    """

    source: str
    name: str
    sha256: str
    size: int
    rows: int
    read: int
    quarantined: int
    relation: str
    quarantine: str
    totals: tuple[tuple[str, str, int, int], ...]
    controls: tuple[tuple[str, str, str], ...]
    warnings: tuple[str, ...]
    set_aside: SetAside | None
    balances: tuple[Balance, ...] = ()
    marks: FileMarks = FileMarks()
