"""Planted breaks of captures: each function plants one case at one provider and writes down its truth."""

from __future__ import annotations

from dataclasses import replace

from recon.demo.desk import AUTO, INVESTIGATE, MANUAL, Desk
from recon.demo.shop import LAST, Payment, instant

#: A movement of the evening before the first night, which the ledger recorded just after midnight. The provider's two
#: business days from then end on night 1 for Stripe and Adyen; for Toss it is a day older, and they end on night 0.
RECORDED = instant(0, 90)


def overdue_from(psp: str) -> int:
    """The first night on which a movement of `evening_before` is no longer pending."""
    return 1 if psp == "toss" else 2


def evening_before(psp: str) -> int:
    """Five minutes before the first night's start; for Toss a day earlier."""
    return instant(-1 if psp == "toss" else 0, -300)


def lost_posting(desk: Desk, psp: str) -> None:
    """The provider captured and the order is paid; the webhook that books it was lost."""
    p = desk.payment(psp)
    desk.till.order(p, "SUCCESS")
    desk.till.settle(p, 0)
    desk.stands(p, "capture", "psp_not_in_ledger", AUTO, 0)


def lost_large_posting(desk: Desk, psp: str) -> None:
    """The same above the rule's limit: a person decides."""
    night = desk.second_file(psp)
    p = desk.payment(psp, night, "huge")
    desk.till.order(p, "SUCCESS")
    desk.till.settle(p, night)
    desk.stands(p, "capture", "psp_not_in_ledger", MANUAL, night)


def late_posting(desk: Desk, psp: str) -> None:
    """The posting comes two nights later and closes the break."""
    p = desk.payment(psp)
    desk.till.order(p, "SUCCESS")
    desk.till.settle(p, 0)
    desk.till.book(p, at=desk.on(p, 2))
    desk.stands(p, "capture", "psp_not_in_ledger", AUTO, 0, 1)
    desk.clears(p, "capture", "late_posting", 2)


def late_posting_then_cancelled(desk: Desk, psp: str) -> None:
    """The late posting closes the break; the night after, the order is cancelled: the same break, opened again."""
    p = desk.payment(psp)
    desk.till.order(p, "SUCCESS")
    desk.till.settle(p, 0)
    desk.till.book(p, at=desk.on(p, 2))
    desk.till.order(p, "CANCELLED", version=2, at=desk.on(p, 3))
    desk.stands(p, "capture", "psp_not_in_ledger", AUTO, 0, 1)
    desk.clears(p, "capture", "late_posting", 2)
    desk.stands(p, "capture", "order_cancelled_after_clearing", MANUAL, 3)


def unknown_order(desk: Desk, psp: str) -> None:
    """Money for a payment order that the shop does not have; even numbers are booked, odd ones are not."""
    p = desk.payment(psp)
    if p.number % 2 == 0:
        desk.till.book(p)
    desk.till.settle(p, 0)
    desk.stands(p, "capture", "psp_no_order", INVESTIGATE, 0)


def false_success(desk: Desk, psp: str) -> None:
    """Books and order say paid, the provider never has it: pending until its time is over, then a break."""
    p = desk.payment(psp, at=evening_before(psp))
    desk.till.order(p, "SUCCESS", at=RECORDED + 5)
    desk.till.book(p, recorded=RECORDED)
    first = overdue_from(psp)
    desk.waits(p, "capture", 0, first - 1)
    desk.stands(p, "capture", "ledger_not_in_psp", INVESTIGATE, first)


def settled_too_late(desk: Desk, psp: str) -> None:
    """As `false_success`, but the provider settles it on the last night after all."""
    p = desk.payment(psp, at=evening_before(psp))
    desk.till.order(p, "SUCCESS", at=RECORDED + 5)
    desk.till.book(p, recorded=RECORDED)
    desk.till.settle(p, LAST)
    first = overdue_from(psp)
    desk.waits(p, "capture", 0, first - 1)
    desk.stands(p, "capture", "ledger_not_in_psp", INVESTIGATE, first, LAST - 1)
    desk.clears(p, "capture", "settled_late", LAST)


def waiting_order(desk: Desk, psp: str) -> None:
    """Provider and ledger agree; the order never heard of it."""
    night = desk.second_file(psp)
    p = desk.payment(psp, night)
    desk.till.order(p, ("PENDING", "EXECUTING", "UNKNOWN")[p.number % 3])
    desk.till.book(p)
    desk.till.settle(p, night)
    desk.stands(p, "capture", "order_status_lag", AUTO, night)


def waiting_order_told(desk: Desk, psp: str) -> None:
    """The order hears of it two nights later, and the break is closed."""
    p = desk.payment(psp)
    desk.till.order(p, "EXECUTING")
    desk.till.order(p, "SUCCESS", version=2, at=desk.on(p, 2))
    desk.till.book(p)
    desk.till.settle(p, 0)
    desk.stands(p, "capture", "order_status_lag", AUTO, 0, 1)
    desk.clears(p, "capture", "order_told", 2)


def settled_more(desk: Desk, psp: str) -> None:
    """The provider settles more than books and order have."""
    _different(desk, psp, 700, "amount_over")


def settled_less(desk: Desk, psp: str) -> None:
    """The provider settles less than books and order have."""
    _different(desk, psp, -900, "amount_under")


def _different(desk: Desk, psp: str, by: int, code: str) -> None:
    p = desk.payment(psp)
    desk.till.order(p, "SUCCESS")
    desk.till.book(p)
    desk.till.settle(p, 0, amount=p.amount + by)
    desk.stands(p, "capture", code, MANUAL, 0)


def order_repriced(desk: Desk, psp: str) -> None:
    """Provider and ledger agree on more than the order says."""
    night = desk.second_file(psp)
    p = desk.payment(psp, night)
    desk.till.order(p, "SUCCESS", amount=p.amount - 1_300)
    desk.till.book(p)
    desk.till.settle(p, night)
    desk.stands(p, "capture", "amount_over", MANUAL, night)


def one_unit_off(desk: Desk, psp: str) -> None:
    """One minor unit between provider and ledger."""
    p = desk.payment(psp)
    desk.till.order(p, "SUCCESS")
    desk.till.book(p, amount=p.amount + (1 if p.number % 2 else -1))
    desk.till.settle(p, 0)
    desk.stands(p, "capture", "rounding", AUTO, 0)


def other_currency(desk: Desk, psp: str) -> None:
    """The ledger booked the right digits in the wrong currency."""
    p = desk.payment(psp)
    desk.till.order(p, "SUCCESS")
    desk.till.book(p, currency={"USD": "EUR", "EUR": "USD", "KRW": "JPY"}[p.currency])
    desk.till.settle(p, 0)
    desk.stands(p, "capture", "currency_mismatch", INVESTIGATE, 0)


def paid_but_failed(desk: Desk, psp: str) -> None:
    """Provider and ledger have the money, the order says it failed: no rule knows why."""
    p = desk.payment(psp)
    desk.till.order(p, "FAILED")
    desk.till.book(p)
    desk.till.settle(p, 0)
    desk.stands(p, "capture", "unexplained", INVESTIGATE, 0)


def captured_twice(desk: Desk, psp: str) -> None:
    """Two captures of one payment in one file."""
    p = desk.agreed(psp)
    desk.till.settle(p, 0, at=p.at + 3, occurrence=1)
    desk.stands(p, "capture", "dup_capture", MANUAL, 0)


def captured_again_later(desk: Desk, psp: str) -> None:
    """The second capture comes with the next file, when the payment had cleared."""
    night = desk.second_file(psp)
    p = desk.agreed(psp)
    desk.till.settle(p, night, at=desk.on(p, night), occurrence=1)
    desk.clears(p, "capture", "agreed", 0)
    desk.stands(p, "capture", "dup_capture", MANUAL, night)


def captured_again_without_reference(desk: Desk, psp: str) -> None:
    """As above, but the second line lacks our reference: the provider's leads it to the payment that cleared."""
    night = desk.second_file(psp)
    p = desk.agreed(psp)
    again = replace(desk.line(p, keyed=False), at=desk.on(p, night), again=True)
    desk.till.files.write(night, again)
    desk.stands(p, "capture", "dup_capture", MANUAL, night)


def booked_twice(desk: Desk, psp: str) -> None:
    """A consumer read one event twice."""
    night = desk.second_file(psp)
    p = desk.payment(psp, night)
    desk.till.order(p, "SUCCESS")
    desk.till.book(p)
    desk.till.book(p, recorded=p.at + 40)
    desk.till.settle(p, night)
    desk.stands(p, "capture", "dup_ledger_posting", AUTO, night)


def booked_again_later(desk: Desk, psp: str) -> None:
    """A consumer reads the event again a night later, when the payment had cleared: alone, the posting first waits."""
    p = desk.payment(psp, at=evening_before(psp))
    desk.till.order(p, "SUCCESS", at=RECORDED + 5)
    desk.till.book(p, recorded=RECORDED)
    desk.till.settle(p, 0)
    desk.till.book(p, recorded=instant(1, 7_200))
    first = overdue_from(psp)
    desk.clears(p, "capture", "agreed", 0)
    if first > 1:
        desk.waits(p, "capture", 1, first - 1)
    desk.stands(p, "capture", "dup_ledger_posting", AUTO, first)


def booked_whole(desk: Desk, psp: str) -> None:
    """Part of the order was shipped and captured; the ledger holds the whole."""
    p = desk.payment(psp)
    part = p.amount * 3 // 5
    desk.till.order(p, "SUCCESS", captured=part)
    desk.till.book(p)
    desk.till.settle(p, 0, amount=part)
    desk.stands(p, "capture", "partial_capture", AUTO, 0)


def reference_lost(desk: Desk, psp: str) -> None:
    """The provider's line has no reference of ours; one payment of the books has the same amount on the same day."""
    p = desk.payment(psp)
    desk.till.order(p, "SUCCESS")
    desk.till.book(p)
    desk.till.files.write(0, desk.strange(p))
    desk.stands(p, "capture", "key_missing", MANUAL, 0)


def two_candidates(desk: Desk, psp: str) -> None:
    """The provider's line has no reference of ours; two payments of the books have the same amount on the same day."""
    one = desk.payment(psp)
    other = Payment(desk.number(), psp, one.amount, one.at + 600)
    for p in (one, other):
        desk.till.order(p, "SUCCESS")
        desk.till.book(p)
        desk.waits(p, "capture", 0, LAST)
    line = replace(desk.strange(one), at=one.at + 60)
    desk.till.files.write(0, line)
    desk.stands_alone(line, 0, "ambiguous_match", MANUAL)


def cancelled_after_clearing(desk: Desk, psp: str) -> None:
    """The payment cleared; the night after, its order is cancelled and nobody refunds."""
    p = desk.agreed(psp)
    desk.till.order(p, "CANCELLED", version=2, at=desk.on(p, 1))
    desk.clears(p, "capture", "agreed", 0)
    desk.stands(p, "capture", "order_cancelled_after_clearing", MANUAL, 1)


def cancelled_then_refunded(desk: Desk, psp: str) -> None:
    """As above, but the refund follows two nights later: the books know of it, so the capture is explained."""
    p = desk.agreed(psp)
    desk.till.order(p, "CANCELLED", version=2, at=desk.on(p, 1))
    desk.till.book(p, kind="refund", amount=-p.amount, at=desk.on(p, 3))
    desk.stands(p, "capture", "order_cancelled_after_clearing", MANUAL, 1, 2)
    desk.clears(p, "capture", "refunded_after_all", 3)
    if psp == "stripe":
        desk.waits(p, "refund", 3, LAST)
    else:
        desk.till.settle(p, LAST, kind="refund", amount=-p.amount, at=desk.on(p, 3))
        desk.waits(p, "refund", 3, 3)
        desk.clears(p, "refund", "agreed", LAST)


def paid_again_after_refund(desk: Desk, psp: str) -> None:
    """A refunded order turns SUCCESS again: a late webhook wrote over the newer state."""
    night = desk.second_file(psp)
    p = desk.agreed(psp)
    desk.till.book(p, kind="refund", amount=-p.amount, at=desk.on(p, 1))
    desk.till.order(p, "REFUNDED", version=2, at=desk.on(p, 1) + 20)
    desk.till.settle(p, night, kind="refund", amount=-p.amount, at=desk.on(p, 1))
    desk.till.order(p, "SUCCESS", version=3, at=desk.on(p, 2))
    desk.clears(p, "refund", "agreed", night)
    desk.stands(p, "capture", "status_regression", MANUAL, 2)
