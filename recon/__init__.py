"""recon: nightly reconciliation of settlement files with ledger, payment orders and more."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from recon.api import run as run

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    # Lazy, so that `recon --help` does not import pandas, DuckDB or SQLAlchemy.
    if name == "run":
        from recon.api import run

        return run
    raise AttributeError(name)
