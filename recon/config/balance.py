"""Balance: whether a journal's postings sum to zero per currency, tried on sample amounts before any night is run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

from recon.domain.rulebook import Posting
from recon.engine.expressions import to_sql

if TYPE_CHECKING:
    import duckdb


def unbalanced(postings: Sequence[Posting]) -> str:
    """A sample for which the postings of one currency do not sum to zero, as text; empty where they balance.

    Tried with all amounts known, and with each one unknown in turn. A sum that is unknown proves nothing: that night's
    fix is refused when it is proposed.
    """
    if len(postings) < 2:
        return "a journal has at least two postings"
    names = sorted({name for posting in postings for name in _amounts(posting)})
    full = {name: (at + 2) ** 3 * 1_001 + at for at, name in enumerate(names)}
    samples: list[dict[str, int]] = [full, *({n: v for n, v in full.items() if n != gone} for gone in names)]
    currencies = sorted({posting.currency.text for posting in postings})
    sums = [
        " + ".join(_sql(posting, sample) for posting in postings if posting.currency.text == currency)
        for sample in samples
        for currency in currencies
    ]
    row = _calculator().cursor().execute(f"SELECT {', '.join(sums)}").fetchone() or ()
    for at, total in enumerate(row):
        if total:
            sample = samples[at // len(currencies)]
            given = ", ".join(f"{name} = {sample.get(name, 'unknown')}" for name in names)
            return f"with {given} they sum to {total}"
    return ""


@cache
def _calculator() -> duckdb.DuckDBPyConnection:
    """One for all journals of all rule files: opening a database takes longer than the sums."""
    import duckdb

    return duckdb.connect(config={"threads": 1})


def _amounts(posting: Posting) -> set[str]:
    """What the amount reads: names, and sums by their call."""
    sums = {f"total({argument})" for function, argument in posting.amount.calls if function == "total"}
    return {*posting.amount.names, *sums}


def _sql(posting: Posting, sample: Mapping[str, int]) -> str:
    """The amount as SQL, with sample values for its names; conditions inside it (present, fresh) are taken as true."""

    def value(name: str) -> str:
        if name.endswith(")") and not name.startswith("total("):
            return "TRUE"
        return f"CAST({sample[name]} AS BIGINT)" if name in sample else "CAST(NULL AS BIGINT)"

    return f"({to_sql(posting.amount, value)})"
