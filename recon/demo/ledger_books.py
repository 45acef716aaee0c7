"""The ledger beside payments: journals that are wrong in themselves, and clearing accounts.

One journal is unbalanced for one night: on that night nothing is fixed automatically, whatever found it.
"""

from __future__ import annotations

from recon.demo.desk import CLEARED, INVESTIGATE, MANUAL, PENDING, Desk
from recon.demo.shop import CURRENCIES, HOUR, instant
from recon.demo.systems import Making, System

#: Ten days before the first night: past every due date, and read on the first night, when it was written.
LONG_AGO = -10


def make(making: Making) -> None:
    """Journals for every code of ledger and ledger_clearing; `making.seed` turns the currencies."""
    desk, currency = making.desk, list(CURRENCIES.values())[making.seed % len(CURRENCIES)]
    _unbalanced(desk, currency)
    _wrong_account(desk, currency)
    _backdated(desk, currency)
    _unkeyed(desk, currency)
    _clearing(desk, currency)
    for number in range(max(6, making.payments // 100)):
        at, order = instant(number % 5, 10 * HOUR + number % HOUR), f"ORD-L{number:06d}"
        desk.till.journal("adjustment", currency, [("suspense", 500 + number), ("fees_expense", -500 - number)], at)
        desk.till.journal(
            "refund", currency, [("refund_clearing", 900), ("customer_payments", -900)], at, order_id=order
        )
        desk.till.journal(
            "refund", currency, [("refund_clearing", -900), ("bank_transit", 900)], at + 60, order_id=order
        )


def _unbalanced(desk: Desk, currency: str) -> None:
    """A leg is missing for one night; the correction is a new leg of the same journal."""
    number = desk.till.journal(
        "adjustment", currency, [("suspense", 1_000), ("fees_expense", -900)], instant(2, 9 * HOUR)
    )
    desk.till.journal("adjustment", currency, [("fees_expense", -100)], instant(3, 9 * HOUR), of=number)
    desk.note("ledger", f"{number}/{currency}", "ledger_unbalanced", INVESTIGATE, first=2, last=2)
    desk.note("ledger", f"{number}/{currency}", "corrected", "", CLEARED, first=3, last=3)
    desk.stopped.add(2)


def _wrong_account(desk: Desk, currency: str) -> None:
    legs = [("bank", 2_000), ("customer_payments", -2_000)]
    number = desk.till.journal("capture", currency, legs, instant(1, 9 * HOUR), order_id="ORD-WRONG")
    desk.note("ledger", f"{number}/{currency}", "wrong_account", MANUAL, first=1)


def _backdated(desk: Desk, currency: str) -> None:
    """Posted on the second night into September, which was closed on the fifth of October."""
    legs = [("fees_expense", 700), ("suspense", -700)]
    closed = instant(-3, 18 * HOUR)
    number = desk.till.journal("adjustment", currency, legs, instant(1, 11 * HOUR), closed_at=closed)
    desk.note("ledger", f"{number}/{currency}", "backdated_closed_period", MANUAL, first=1)
    fine = desk.till.journal("adjustment", currency, legs, closed - HOUR, recorded=instant(0, HOUR), closed_at=closed)
    desk.note("ledger", f"{fine}/{currency}", "in_time", "", CLEARED, last=0)


def _unkeyed(desk: Desk, currency: str) -> None:
    legs = [("suspense", 3_000), ("customer_payments", -3_000)]
    number = desk.till.journal("capture", currency, legs, instant(0, 13 * HOUR))
    desk.note("ledger", f"{number}/{currency}", "unkeyed_movement", INVESTIGATE)


def _clearing(desk: Desk, currency: str) -> None:
    """One that never clears, one that clears late, one that waits, and one that names no order."""

    def into(order: str | None, at: int, amount: int = 1_000, recorded: int | None = None) -> int:
        legs = [("refund_clearing", amount), ("customer_payments", -amount)]
        desk.till.journal("adjustment", currency, legs, at, recorded=recorded, order_id=order)
        return desk.till.postings - 1

    into("ORD-NEVER", instant(LONG_AGO, HOUR), recorded=instant(0, HOUR))
    desk.note("ledger_clearing", f"refund_clearing/ORD-NEVER/{currency}", "clearing_nonzero", INVESTIGATE)
    into("ORD-LATE", instant(LONG_AGO, HOUR), recorded=instant(0, HOUR))
    into("ORD-LATE", instant(2, HOUR), amount=-1_000)
    late = f"refund_clearing/ORD-LATE/{currency}"
    desk.note("ledger_clearing", late, "clearing_nonzero", INVESTIGATE, last=1)
    desk.note("ledger_clearing", late, "cleared_late", "", CLEARED, first=2, last=2)
    into("ORD-WAITS", instant(1, 15 * HOUR))
    desk.note("ledger_clearing", f"refund_clearing/ORD-WAITS/{currency}", "timing", "", PENDING, first=1)
    entry = into(None, instant(3, 15 * HOUR), amount=40)
    desk.note("ledger_clearing", f"ledger/{entry}", "unkeyed_movement", INVESTIGATE, first=3)


SYSTEM = System(reconciliations=("ledger", "ledger_clearing"), make=make)
