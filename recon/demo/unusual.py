"""Planted payments that are not paid at once, not by one means or not in one currency: one function a case."""

from __future__ import annotations

from dataclasses import replace

from recon.demo.captures import RECORDED, evening_before, overdue_from
from recon.demo.desk import AUTO, INVESTIGATE, MANUAL, Desk
from recon.demo.shop import LAST, Payment, instant

UNDONE = {
    "capture": {"adyen": "SettledReversed"},
    "refund": {"adyen": "RefundedReversed", "stripe": "refund_failure"},
}

# --- not final, or undone ---


def capture_taken_back(desk: Desk, psp: str) -> None:
    """The bank returns a payment a night after it was captured and booked."""
    night = desk.second_file(psp)
    p = desk.agreed(psp)
    line = replace(desk.line(p), amount=-p.amount, at=desk.on(p, night), occurrence=1)
    desk.till.files.write(night, replace(line, type_text=UNDONE["capture"][psp]))
    desk.clears(p, "capture", "agreed", 0)
    desk.stands(p, "capture", "reversed_after_application", MANUAL, night)


def refund_sent_back(desk: Desk, psp: str) -> None:
    """The customer's card is closed: a refund that both sides have comes back."""
    night = desk.second_file(psp)
    p = desk.agreed(psp)
    amount, at = -(p.amount // 4), desk.on(p, 0) + 900
    desk.till.book(p, kind="refund", amount=amount, at=at)
    desk.till.settle(p, 0, kind="refund", amount=amount, at=at)
    line = replace(desk.line(p, "refund"), amount=-amount, at=desk.on(p, night), occurrence=1)
    desk.till.files.write(night, replace(line, type_text=UNDONE["refund"][psp]))
    desk.clears(p, "refund", "agreed", 0)
    desk.stands(p, "refund", "refund_returned", MANUAL, night)


def disputed_again(desk: Desk, psp: str) -> None:
    """A dispute that is booked comes a second time, which nobody books."""
    night = desk.second_file(psp)
    p = desk.payment(psp, size="low")
    desk.till.book(p, kind="chargeback", amount=-p.amount)
    desk.till.settle(p, 0, kind="chargeback", amount=-p.amount)
    desk.till.settle(p, night, kind="chargeback", amount=-p.amount, at=desk.on(p, night), occurrence=1)
    desk.clears(p, "chargeback", "agreed", 0)
    desk.stands(p, "chargeback", "second_chargeback", MANUAL, night)


def void_missed(desk: Desk, psp: str) -> None:
    """The provider let the authorisation go; the ledger missed the event, which shows when the settlement's time is over."""
    _booked_for_nothing(desk, psp, "VOIDED", "void_not_recorded", AUTO)


def authorisation_expired(desk: Desk, psp: str) -> None:
    """The authorisation ran out, and the ledger had booked on it."""
    _booked_for_nothing(desk, psp, "EXPIRED", "auth_expired", MANUAL)


def _booked_for_nothing(desk: Desk, psp: str, status: str, code: str, class_: str) -> None:
    p = desk.payment(psp, at=evening_before(psp))
    desk.till.order(p, status, at=RECORDED + 5)
    desk.till.book(p, recorded=RECORDED)
    first = overdue_from(psp)
    desk.waits(p, "capture", 0, first - 1)
    desk.stands(p, "capture", code, class_, first)


def booked_under_review(desk: Desk, psp: str) -> None:
    """Booked while the provider still looked into it, and that for 25 days."""
    p = desk.payment(psp, at=desk.long_ago())
    desk.till.order(p, "IN_REVIEW", recorded=RECORDED, reason="fraud review")
    desk.till.book(p, recorded=RECORDED)
    desk.stands(p, "capture", "applied_before_final", INVESTIGATE, 0)


def forgotten_review(desk: Desk, psp: str) -> None:
    """The provider has looked into it for 25 days."""
    _forgotten(desk, psp, "IN_REVIEW", "review_overdue", "fraud review")


def forgotten_authorisation(desk: Desk, psp: str) -> None:
    """Authorised 25 days ago; the job that captures never came by."""
    _forgotten(desk, psp, "AUTHORIZED", "never_captured")


def forgotten_deposit(desk: Desk, psp: str) -> None:
    """A virtual account that the customer never paid into, nor closed anybody."""
    _forgotten(desk, psp, "WAITING_DEPOSIT", "deposit_overdue", method="virtual_account")


def _forgotten(desk: Desk, psp: str, status: str, code: str, reason: str | None = None, method: str = "") -> None:
    p = desk.payment(psp, at=desk.long_ago())
    desk.till.order(p, status, recorded=RECORDED, reason=reason, method=method)
    desk.stands(p, "capture", code, MANUAL, 0)


# --- several means, several currencies ---


def parts_do_not_add_up(desk: Desk, psp: str) -> None:
    """Card, points and a gift card: together 500 less than the customer owes."""
    p = desk.payment(psp)
    desk.till.order(p, "SUCCESS", parts=(1_500, 2_000, p.amount + 4_000))
    desk.till.book(p)
    desk.till.settle(p, 0)
    desk.stands(p, "capture", "split_mismatch", MANUAL, 0)


def captured_with_tip(desk: Desk, psp: str) -> None:
    """Captured, booked and settled 900 over what the customer had authorised."""
    p = desk.payment(psp)
    desk.till.order(p, "SUCCESS", captured=p.amount + 900)
    desk.till.book(p, amount=p.amount + 900)
    desk.till.settle(p, 0, amount=p.amount + 900)
    desk.stands(p, "capture", "over_capture", MANUAL, 0)


def other_rate(desk: Desk, psp: str) -> None:
    """Paid in dollars, settled in euros: the provider's rate is a little under the ledger's."""
    p = _in_dollars(desk, psp, 918, 920)
    desk.stands(p, "capture", "fx_difference", AUTO, 0)


def far_other_rate(desk: Desk, psp: str) -> None:
    """The same at a rate that is far off."""
    p = _in_dollars(desk, psp, 850, 920)
    desk.stands(p, "capture", "fx_rate_out_of_bounds", MANUAL, 0)


def no_rate(desk: Desk, psp: str) -> None:
    """The ledger's feed of rates had a gap that day."""
    p = _in_dollars(desk, psp, 918, None)
    desk.stands(p, "capture", "fx_rate_missing", MANUAL, 0)


def _in_dollars(desk: Desk, psp: str, rate: int, expected: int | None) -> Payment:
    """A payment in dollars at a provider that settles euros. Rates in thousandths; None where the ledger has none."""
    p = desk.payment(psp, size="low")
    desk.till.order(p, "SUCCESS", currency="USD")
    desk.till.book(p, currency="USD", settled=("EUR", None if expected is None else p.amount * expected // 1000))
    line = replace(desk.line(p), currency="USD", settled=p.amount * rate // 1000, rate=f"0.{rate}")
    desk.till.files.write(0, line)
    return p


# --- traps ---


def same_rate(desk: Desk, psp: str) -> None:
    """Dollars and euros, and both sides have the same rate."""
    p = _in_dollars(desk, psp, 920, 920)
    desk.clears(p, "capture", "same_rate", 0)


def parts_add_up(desk: Desk, psp: str) -> None:
    """Card, points and a gift card that come to what the customer owes."""
    p = desk.payment(psp)
    desk.till.order(p, "SUCCESS", parts=(1_500, 2_500, p.amount + 4_000))
    desk.till.book(p)
    desk.till.settle(p, 0)
    desk.clears(p, "capture", "split_tender", 0)


def under_review(desk: Desk, psp: str) -> None:
    """The provider looks into a payment of today: it waits, and the list of what waits says why."""
    p = desk.payment(psp)
    desk.till.order(p, "IN_REVIEW", reason="fraud review")
    desk.waits(p, "capture", 0, LAST)


def paid_in_later(desk: Desk, psp: str) -> None:
    """A virtual account that the customer pays into on the last night."""
    p = desk.payment(psp)
    paid = replace(p, at=instant(LAST, 10 * 3_600))
    desk.till.order(p, "WAITING_DEPOSIT", method="virtual_account")
    desk.till.order(p, "SUCCESS", version=2, at=paid.at + 20, method="virtual_account")
    desk.till.book(paid)
    desk.till.settle(paid, LAST)
    desk.waits(p, "capture", 0, LAST - 1)
    desk.clears(p, "capture", "paid_in_later", LAST)
