"""The made-up shop: its five nights, its providers and what one payment leaves behind.

Everything is a function of (seed, payments): no clock, no host zone, no global random state. Instants are whole seconds
since 1970 in UTC; nights are numbered 0 to 4; money is minor units, positive when it comes to us.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

#: Thursday to Monday: Hangul Day (Korea) on the Friday, a weekend, Columbus Day (US) on the Monday. Each provider's
#: calendar differs: Toss works on nights 0 and 4, Stripe on 0 and 1, Adyen (ECB) on 0, 1 and 4.
FIRST_NIGHT = date(2026, 10, 8)
NIGHTS = tuple(FIRST_NIGHT + timedelta(days=n) for n in range(5))
LAST = len(NIGHTS) - 1
FILE_NIGHTS: dict[str, tuple[int, ...]] = {"stripe": (0, 1), "adyen": (0, 1, 4), "toss": (0, 4)}
CALENDARS = {"stripe": "US", "adyen": "TARGET", "toss": "KR"}
CURRENCIES = {"stripe": "USD", "adyen": "EUR", "toss": "KRW", "nova": "USD"}
PSPS = tuple(FILE_NIGHTS)

DAY = 86_400
HOUR = 3_600
#: Midnight of the first night in Seoul (UTC+9, no summer time), as seconds since 1970.
OPENING = int(datetime(2026, 10, 7, 15, tzinfo=UTC).timestamp())
#: What a provider captures before this hour of a business day is in that day's file; the rest is in its next file.
PROVIDER_CUT_OFF = 14 * HOUR


def instant(night: int, second: int) -> int:
    """The instant `second` seconds into business date `night` (negative: the day before)."""
    return OPENING + night * DAY + second


def file_night(psp: str, night: int, second: int) -> int | None:
    """The night whose file holds a movement, or None where that file comes after the last night."""
    first = night if second < PROVIDER_CUT_OFF else night + 1
    return next((n for n in FILE_NIGHTS[psp] if n >= first), None)


def night_of(at: int) -> int:
    """The business date, as a night's number, that an instant belongs to."""
    return (at - OPENING) // DAY


_DATES = {n: (date(1970, 1, 1) + timedelta(days=n)).isoformat() for n in range(20_700, 20_760)}


def clock(at: int) -> str:
    """An instant as `YYYY-MM-DD HH:MM:SS` in UTC. By hand: this runs several times per payment."""
    day, second = divmod(at, DAY)
    return f"{_DATES[day]} {second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"


@dataclass(frozen=True, slots=True)
class Payment:
    """One payment that a customer made: its number, provider, amount and the instant of its capture."""

    number: int
    psp: str
    amount: int
    at: int

    @property
    def id(self) -> str:
        return f"PO-{self.number:08d}"

    @property
    def order_id(self) -> str:
        return f"ORD-{self.number:08d}"

    @property
    def currency(self) -> str:
        return CURRENCIES[self.psp]


@dataclass(frozen=True, slots=True)
class Line:
    """One movement as a provider settles it. `occurrence` tells movements of one kind and payment apart.

    payment_order_id   our reference as the provider echoes it; empty where it was lost
    type_text          the row type as the file writes it, where it is none of the usual
    broken             the amount is written so that no reader can take it
    extra_fee          minor units added to the provider's fee (a restated row)
    again              another row of the provider about the same reference: only the row's own id is new
    settled            what the amount comes to in the provider's own currency at `rate`, where the customer paid in another
    first_file         night of the file that held the line first, where another file repeats it; else -1
    """

    psp: str
    kind: str
    number: int
    payment_order_id: str
    order_id: str
    currency: str
    amount: int
    at: int
    occurrence: int = 0
    captured_at: int = 0
    type_text: str = ""
    broken: bool = False
    extra_fee: int = 0
    again: bool = False
    settled: int | None = None
    rate: str = "1"
    first_file: int = -1


@dataclass(frozen=True, slots=True)
class Shop:
    """What `make_shop` made.

    ledger_reference   how recon.yaml names the database (`sqlite:///...` or `env:NAME`)
    """

    directory: Path
    nights: tuple[date, ...]
    truth: Path
    payments: int
    seed: int
    postings: int
    lines: int
    ledger_reference: str
