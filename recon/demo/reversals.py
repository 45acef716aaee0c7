"""Planted breaks of refunds, chargebacks and won disputes: one function a case, as in recon/demo/captures.py."""

from __future__ import annotations

from recon.demo.captures import RECORDED, evening_before, overdue_from
from recon.demo.desk import AUTO, INVESTIGATE, MANUAL, Desk
from recon.demo.shop import Payment


def _both(desk: Desk, p: Payment, kind: str, amount: int, night: int, occurrence: int = 0) -> None:
    """A movement that the ledger books and the provider settles on the same night."""
    at = desk.on(p, night)
    desk.till.book(p, kind=kind, amount=amount, at=at, occurrence=occurrence)
    desk.till.settle(p, night, kind=kind, amount=amount, at=at, occurrence=occurrence)


def dashboard_refund(desk: Desk, psp: str) -> None:
    """Somebody refunded in the provider's dashboard and nothing was booked; the capture had cleared."""
    _unbooked(desk, desk.agreed(psp), "refund", -4, "refund_not_in_ledger", AUTO)


def large_dashboard_refund(desk: Desk, psp: str) -> None:
    """The same above the limit."""
    _unbooked(desk, desk.agreed(psp, "huge"), "refund", -2, "refund_not_in_ledger", MANUAL)


def refund_of_unknown_capture(desk: Desk, psp: str) -> None:
    """The same for a payment from before the opening: its capture is not known to have cleared."""
    _unbooked(desk, desk.payment(psp), "refund", -4, "refund_not_in_ledger", MANUAL)


def unbooked_chargeback(desk: Desk, psp: str) -> None:
    """A dispute took the money back and nothing was booked."""
    _unbooked(desk, desk.agreed(psp, "low"), "chargeback", -1, "chargeback_unbooked", AUTO)


def unbooked_large_chargeback(desk: Desk, psp: str) -> None:
    """The same above the limit."""
    _unbooked(desk, desk.agreed(psp), "chargeback", -1, "chargeback_unbooked", MANUAL)


def chargeback_of_unknown_capture(desk: Desk, psp: str) -> None:
    """The same for a payment from before the opening."""
    _unbooked(desk, desk.payment(psp, size="low"), "chargeback", -1, "chargeback_unbooked", MANUAL)


def unbooked_win(desk: Desk, psp: str) -> None:
    """A dispute that was booked is won, and nobody books the money that comes back."""
    p = desk.payment(psp, size="low")
    _both(desk, p, "chargeback", -p.amount, 0)
    desk.clears(p, "chargeback", "agreed", 0)
    _unbooked(desk, p, "chargeback_reversal", 1, "chargeback_won_unbooked", AUTO)


def win_of_unknown_dispute(desk: Desk, psp: str) -> None:
    """The same for a dispute from before the opening."""
    _unbooked(desk, desk.payment(psp, size="low"), "chargeback_reversal", 1, "chargeback_won_unbooked", MANUAL)


def _unbooked(desk: Desk, p: Payment, kind: str, share: int, code: str, class_: str) -> None:
    """The provider's second file holds a movement of amount / share that the ledger lacks."""
    night = desk.second_file(p.psp)
    amount = p.amount // abs(share) * (1 if share > 0 else -1)
    desk.till.settle(p, night, kind=kind, amount=amount, at=desk.on(p, night))
    desk.stands(p, kind, code, class_, night)


def refund_booked_late(desk: Desk, psp: str) -> None:
    """A refund of the same day is booked two nights later, and the break is closed."""
    p = desk.agreed(psp)
    amount = -(p.amount // 4)
    desk.till.settle(p, 0, kind="refund", amount=amount, at=p.at + 900)
    desk.till.book(p, kind="refund", amount=amount, at=desk.on(p, 2))
    desk.stands(p, "refund", "refund_not_in_ledger", AUTO, 0, 1)
    desk.clears(p, "refund", "late_posting", 2)


def refund_never_sent(desk: Desk, psp: str) -> None:
    """The ledger refunded and the provider did not: pending until its time is over, then a break."""
    p = desk.payment(psp, at=evening_before(psp))
    desk.till.book(p, kind="refund", amount=-(p.amount // 3), recorded=RECORDED)
    first = overdue_from(psp)
    desk.waits(p, "refund", 0, first - 1)
    desk.stands(p, "refund", "refund_not_at_psp", MANUAL, first)


def refunded_twice(desk: Desk, psp: str) -> None:
    """A blind retry: the provider paid the refund twice in one file, the ledger booked it once."""
    night = desk.second_file(psp)
    p = desk.agreed(psp)
    amount = -(p.amount // 4)
    _both(desk, p, "refund", amount, night)
    desk.till.settle(p, night, kind="refund", amount=amount, at=desk.on(p, night) + 30, occurrence=1)
    desk.stands(p, "refund", "double_refund", INVESTIGATE, night)


def refunded_again_later(desk: Desk, psp: str) -> None:
    """The second payment of the refund comes with the next file, when the refund had cleared."""
    night = desk.second_file(psp)
    p = desk.agreed(psp)
    amount = -(p.amount // 4)
    _both(desk, p, "refund", amount, 0)
    desk.till.settle(p, night, kind="refund", amount=amount, at=desk.on(p, night), occurrence=1)
    desk.clears(p, "refund", "agreed", 0)
    desk.stands(p, "refund", "double_refund", INVESTIGATE, night)


def refund_booked_twice(desk: Desk, psp: str) -> None:
    """The ledger booked one refund twice."""
    night = desk.second_file(psp)
    p = desk.agreed(psp)
    amount = -(p.amount // 4)
    _both(desk, p, "refund", amount, night)
    desk.till.book(p, kind="refund", amount=amount, at=desk.on(p, night))
    desk.stands(p, "refund", "dup_ledger_posting", AUTO, night)


def refunded_more_than_captured(desk: Desk, psp: str) -> None:
    """Two refunds that books and provider agree on come to more than the capture."""
    night = desk.second_file(psp)
    p = desk.agreed(psp)
    _both(desk, p, "refund", -(p.amount * 3 // 5), night)
    _both(desk, p, "refund", -(p.amount * 11 // 20), night, occurrence=1)
    desk.stands(p, "refund", "refund_exceeds_capture", INVESTIGATE, night)


def refunded_and_disputed(desk: Desk, psp: str) -> None:
    """Refund and chargeback of one payment: books and provider agree on each, and the customer has the money twice."""
    night = desk.second_file(psp)
    p = desk.agreed(psp)
    _both(desk, p, "refund", -p.amount // 2, 0)
    _both(desk, p, "chargeback", -p.amount, night)
    desk.clears(p, "refund", "agreed", 0)
    desk.stands(p, "chargeback", "refund_and_chargeback", INVESTIGATE, night)
