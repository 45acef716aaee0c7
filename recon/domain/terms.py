"""Terms: what a provider's contract lets it charge, in versions; the newest that had begun on a line's day holds.

Percentages are whole millionths of the settled amount (2.9 % is 29,000), money is minor units of the terms' currency: no
float, and one rounding a line. recon/config/terms_file.py reads them, recon/engine/fees.py is the same as SQL.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

#: What a percentage is kept in: 2.9 % of something is 29,000 millionths of it.
MILLIONTHS = 1_000_000


class Rounding(StrEnum):
    """How a fee becomes whole minor units; `half_up` and `up` away from zero, `down` towards it, whatever the sign."""

    HALF_UP = "half_up"
    HALF_EVEN = "half_even"
    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Price:
    """A share of the settled amount, without its sign, and a fixed part; either may be negative: the provider gives back.

    up_to   the greatest settled amount, without its sign, that it holds for; None: any
    """

    share: int  # millionths
    fixed: int  # minor units
    up_to: int | None = None


@dataclass(frozen=True, slots=True)
class Rate:
    """What lines of these kinds cost.

    kinds, kinds_raw   empty: any
    prices             by the settled amount: the first that reaches it
    least, most        bounds of the fee, minor units
    tax                on the fee, in millionths of it
    as_charged         why the contract can't say the amount; then what was charged is right, and only its tax is proved
    """

    kinds: tuple[str, ...] = ()
    kinds_raw: tuple[str, ...] = ()
    prices: tuple[Price, ...] = ()
    least: int | None = None
    most: int | None = None
    tax: int = 0
    as_charged: str = ""


@dataclass(frozen=True, slots=True)
class Version:
    """What holds from a day on, until a newer version begins. The first rate that fits a line is the line's."""

    starts: date
    rates: tuple[Rate, ...]
    rounding: Rounding = Rounding.HALF_UP


@dataclass(frozen=True, slots=True)
class Terms:
    """A provider's contract for what it settles in one currency, in all accounts or in one; versions newest first."""

    name: str
    psp: str
    currency: str
    versions: tuple[Version, ...]
    account: str = ""
    sha256: str = ""
