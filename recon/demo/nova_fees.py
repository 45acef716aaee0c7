"""Fees of Nova's account `cards`: every way in which a fee can differ from its contract or from the books.

The contract is `nova_cards` of recon/demo/contracts.py: 2.9 % + 0.30 up to 100.00 and 2.4 % + 0.30 above, from the second
night on 2.25 %, and 10 % tax on it. Everything here is in no payout, and every payment is known on every side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recon.demo.desk import AUTO, BREAK, CLEARED, INVESTIGATE, MANUAL, PENDING
from recon.demo.shop import DAY, HOUR, LAST, Payment, instant

if TYPE_CHECKING:
    from recon.demo.nova import Nova

ACCOUNT = "cards"
#: Days before the first night: past every due date, and under the contract's older version.
LONG_AGO = instant(0, -20 * DAY)


def plant_fees(nova: Nova) -> None:
    """A payment or a journal for every code, and for what only looks like one."""
    fees = _Fees(nova)
    fees.clear()
    fees.wait()
    fees.differ_from_the_contract()
    fees.differ_from_the_books()


class _Fees:
    def __init__(self, nova: Nova) -> None:
        self.nova, self.till = nova, nova.desk.till

    def sale(self, amount: int, fee: int, tax: int, **more: Any) -> str:
        """A payment of the account; its reference."""
        return self.nova.sale("", amount, fee=fee, tax=tax, account=ACCOUNT, **more)["psp_reference"]

    def book(self, reference: str, fee: int, tax: int = 0, *, night: int = 0, **more: Any) -> None:
        at = more.pop("at", instant(night, 22 * HOUR))
        currency = more.pop("currency", "USD")
        self.till.book_fee("nova", reference, currency, fee, tax, at=at, recorded=instant(night, 22 * HOUR), **more)

    def stands(self, reference: str, code: str, class_: str, first: int = 0, last: int = LAST) -> None:
        self.nova.desk.note("fees", f"nova/{reference}", code, class_, BREAK, first, last)

    def clears(self, reference: str, what: str, night: int = 0) -> None:
        self.nova.desk.note("fees", f"nova/{reference}", what, "", CLEARED, night, night)

    def clear(self) -> None:
        """Both tiers, the bounds, the version of the day, and a minor unit more than the contract says."""
        self.clears(self.sale(100_00, 3_20, 32), "lower_tier")
        self.clears(self.sale(100_01, 2_70, 27), "upper_tier")
        self.clears(self.sale(1_00, 50, 5), "least_fee")
        self.clears(self.sale(500_00, 10_00, 1_00), "greatest_fee")
        self.clears(self.sale(100_00, 2_25, 23, night=1), "newer_version", 1)
        self.clears(self.sale(60_00, 2_05, 21), "rounded")

    def wait(self) -> None:
        """Booked the day after; found by our reference where the books have no other; and booked before it is charged."""
        late = self.sale(70_00, 2_33, 23, booked=False)
        self.book(late, 2_33, 23, night=1)
        self.nova.desk.note("fees", f"nova/{late}", "timing", "", PENDING, 0, 0)
        self.clears(late, "booked_late", 1)
        early = "nvr-early"
        self.book(early, 2_47, 25)
        self.nova.desk.note("fees", f"nova/{early}", "timing", "", PENDING, 0, 0)
        self.sale(110_00, 2_48, 25, night=1, booked=False, psp_reference=early)
        self.stands(early, "fee_booked_wrong", AUTO, 1, 1)
        self.book(early, 1, night=2)
        self.clears(early, "mended", 2)

    def differ_from_the_contract(self) -> None:
        old = self.sale(100_00, 2_70, 27, night=1)  # the price of the version before
        self.stands(old, "fee_variance", MANUAL, 1)
        claimed = self.sale(90_00, 4_00, 40)
        self.stands(claimed, "fee_variance", MANUAL, 0, 0)
        self.book(claimed, -1_09, night=1, claim=1_09)
        self.clears(claimed, "claimed", 1)
        self.stands(self.sale(80_00, 2_62, 0), "fee_tax_mismatch", MANUAL)
        row = self.nova.line("", "fee", -7_00, account=ACCOUNT)
        self.stands(row["psp_reference"], "fee_without_terms", MANUAL)

    def differ_from_the_books(self) -> None:
        self.stands(self.sale(50_00, 1_75, 18, booked=False, at=LONG_AGO), "fee_unbooked", AUTO)
        self._dispute()
        off = self.sale(40_00, 1_46, 15, booked=False)
        self.book(off, 1_46, 16)
        self.stands(off, "fee_booked_wrong", AUTO)
        twice = self.sale(30_00, 1_17, 12)
        self.book(twice, 1_17, 12)
        self.stands(twice, "fee_booked_wrong", MANUAL)
        euros = self.sale(20_00, 88, 9, booked=False)
        self.book(euros, 88, 9, currency="EUR")
        self.stands(euros, "currency_mismatch", INVESTIGATE)
        self.book("nvr-never", 99, 10, at=LONG_AGO)
        self.stands("nvr-never", "fee_booked_not_charged", INVESTIGATE)

    def _dispute(self) -> None:
        """A dispute that the ledger has and whose fee it has not."""
        p = Payment(self.nova.desk.number(), "nova", 65_00, instant(0, 9 * HOUR))
        self.till.order(p, "SUCCESS")
        self.till.book(p)
        self.till.book(p, kind="chargeback", amount=-p.amount)
        self.nova.line("", "capture", p.amount, fee=2_19, tax=22, account=ACCOUNT, payment_order_id=p.id)
        row = self.nova.line(
            "",
            "chargeback",
            -p.amount,
            fee=15_00,
            tax=1_50,
            account=ACCOUNT,
            payment_order_id=p.id,
            booked=False,
            at=LONG_AGO,
        )
        self.stands(row["psp_reference"], "dispute_fee_unbooked", AUTO)
