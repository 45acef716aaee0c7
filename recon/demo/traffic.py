"""The shop's everyday traffic: payments that agree everywhere, or will once the provider's next file is there.

Payment i is a function of (seed, i) alone, so any number of payments streams through in bounded memory. No payment
here ever has an amount that a planted one has (recon/demo/desk.py), so none can be taken for a planted one's partner.
"""

from __future__ import annotations

from recon.demo.shop import DAY, HOUR, LAST, NIGHTS, Payment, file_night, instant, night_of
from recon.demo.till import Till

_MASK = (1 << 64) - 1


def mix(seed: int, index: int) -> int:
    """64 well mixed bits of (seed, index): the finaliser of SplitMix64."""
    z = (seed * 0x9E3779B97F4A7C15 + (index + 1) * 0xD1342543DE82EF95) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


def payment(seed: int, index: int, payments: int) -> tuple[Payment, int]:
    """Payment `index` of `payments`, and bits left over to choose its fate by.

    The index decides the night and, in order, the time of day: from 00:30 to 23:30, clear of the night's end.
    """
    bits = mix(seed, index)
    night, place = divmod(index * len(NIGHTS), payments)
    at = instant(night, HOUR // 2 + place * 23 * HOUR // payments)
    choice = bits % 10
    psp = "stripe" if choice < 4 else "adyen" if choice < 7 else "toss"
    bits //= 10
    amount = 3_000 + bits % 1_971 * 100 if psp == "toss" else 500 + bits % 19_501
    return Payment(index + 1, psp, amount, at), bits >> 16


def run(till: Till, seed: int, payments: int) -> None:
    """Ring up every payment of the five nights."""
    for index in range(payments):
        p, bits = payment(seed, index, payments)
        _ring_up(till, p, bits % 1000, bits >> 10)


def _ring_up(till: Till, p: Payment, fate: int, bits: int) -> None:
    """One payment's whole life. `fate` in 0..999 chooses what becomes of it."""
    night = night_of(p.at)
    if fate < 20:
        _abandon(till, p, fate)
        return
    if 60 <= fate < 95 and p.psp == "adyen":
        _ship_in_parts(till, p, fate)
        return
    version = 1
    if fate >= 800:
        # Paid a while after checkout; near midnight the checkout belongs to the night before.
        started = p.at - 60 - (HOUR if fate >= 950 and night > 0 else 0)
        till.order(p, "PENDING", at=started)
        version = 2
    till.order(p, "SUCCESS", version=version)
    till.book(p)
    settled = file_night(p.psp, night, p.at - instant(night, 0))
    if settled is not None:
        till.settle(p, settled)
    if 20 <= fate < 55:
        _refund(till, p, night + 1 + bits % 2, p.amount if fate < 40 else 1 + bits % p.amount, version + 1)
    elif 55 <= fate < 60 and p.psp != "toss":
        _dispute(till, p, night + 1, won=bits % 4 == 0)


def _abandon(till: Till, p: Payment, fate: int) -> None:
    """A checkout that nobody paid: it asserts no money, so it waits in silence; some are cancelled."""
    till.order(p, "PENDING", at=p.at - 60)
    if fate < 8:
        till.order(p, "CANCELLED" if fate < 4 else "FAILED", version=2)


def _ship_in_parts(till: Till, p: Payment, fate: int) -> None:
    """Adyen captures in parts: less than ordered, in two captures booked one by one, or two booked as one."""
    night = night_of(p.at)
    settled = file_night(p.psp, night, p.at - instant(night, 0))
    first = p.amount * 3 // 5
    second = 0 if fate < 80 else p.amount - first
    till.order(p, "SUCCESS", captured=first if fate < 80 else None)
    if fate >= 90:
        till.book(p)
    else:
        till.book(p, amount=first)
        if second:
            till.book(p, amount=second, occurrence=1)
    if settled is not None:
        till.settle(p, settled, amount=first)
        if second:
            till.settle(p, settled, amount=second, occurrence=1)


def _refund(till: Till, p: Payment, night: int, amount: int, version: int) -> None:
    """A refund on `night` at the payment's time of day; a full one turns the order REFUNDED the same night."""
    if night > LAST:
        return
    second = (p.at - instant(0, 0)) % DAY
    at = instant(night, second)
    till.book(p, kind="refund", amount=-amount, at=at)
    if amount == p.amount:
        till.order(p, "REFUNDED", version=version, at=at + 20)
    settled = file_night(p.psp, night, second)
    if settled is not None:
        till.settle(p, settled, kind="refund", amount=-amount, at=at)


def _dispute(till: Till, p: Payment, night: int, *, won: bool) -> None:
    """A chargeback, booked on its night, and sometimes its reversal the night after."""
    second = (p.at - instant(0, 0)) % DAY
    for kind, amount in (("chargeback", -p.amount), ("chargeback_reversal", p.amount))[: 2 if won else 1]:
        if night > LAST:
            return
        at = instant(night, second)
        till.book(p, kind=kind, amount=amount, at=at)
        settled = file_night(p.psp, night, second)
        if settled is not None:
            till.settle(p, settled, kind=kind, amount=amount, at=at)
        night += 1
