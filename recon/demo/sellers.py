"""Sellers: their contracts, what they sold through the shop, the payouts that were ordered for them and what became of these.

A sale is never changed: a refund or a correction is an entry of its own, and so is an item of a payout. The rate of the contract of
its day is joined in the query: a shop that keeps no copy of the terms with the sale has nothing else to hold it against.
"""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass, field

from recon.demo.books import Row
from recon.demo.desk import AUTO, BREAK, CLEARED, INVESTIGATE, MANUAL, PENDING, Desk
from recon.demo.shop import DAY, HOUR, LAST, NIGHTS, clock, instant
from recon.demo.systems import Making, System, Table

CURRENCY = "KRW"
COLUMNS = ("transfer_id", "seller_payout_id", "seller_id", "status", "reason", "currency", "amount", "paid_at")
CONTRACTS = "seller_id, from_on, commission_bps"
SALES = (
    "entry_id, sale_id, seller_id, order_id, kind, currency, amount_minor, commission_minor, payable_minor, terms_on, sold_at, "
    "recorded_at"
)
ITEMS = "item_id, seller_payout_id, sale_id, seller_id, order_id, kind, currency, amount_minor, created_at"
PAYOUTS = (
    "seller_payout_id, version, seller_id, period, status, currency, amount_minor, created_at, updated_at, recorded_at"
)
BANK = "line_id, account, kind, psp, payout_id, seller_payout_id, currency, amount_minor, booked_on, remittance, recorded_at"
ACCOUNT = "KR-001"
PERIOD = "2026-W40"
#: The rate of every contract until this day, and from it on: sales of the two days before the first night have the new one.
OLD_BPS, NEW_BPS, NEW_FROM = 1_000, 1_250, -2
LONG_AGO = -10


def commission_of(amount: int, bps: int) -> int:
    """Hundredths of a percent of an amount, to the nearest whole; halves away from zero, so that a refund mirrors its sale."""
    share = (abs(amount) * bps * 2 + 10_000) // 20_000
    return share if amount >= 0 else -share


def _day(night: int) -> str:
    return clock(instant(night, 12 * HOUR))[:10]


@dataclass(frozen=True, slots=True)
class Sale:
    """A sale as the shop wrote it. `number` makes its id and its order's."""

    number: int
    seller: str
    amount: int
    commission: int
    payable: int
    day: int

    @property
    def id(self) -> str:
        return f"SL-{self.number:06d}"

    @property
    def order_id(self) -> str:
        return f"ORD-S{self.number:06d}"

    @property
    def key(self) -> str:
        return f"{self.order_id}/{self.seller}"


@dataclass
class Sellers:
    """The shop's tables about sellers, and the payout files, as they are written."""

    desk: Desk
    contracts: list[Row] = field(default_factory=list)
    sales: list[Row] = field(default_factory=list)
    items: list[Row] = field(default_factory=list)
    payouts: list[Row] = field(default_factory=list)
    bank: list[Row] = field(default_factory=list)
    transfers: dict[int, list[dict[str, str]]] = field(default_factory=lambda: {night: [] for night in range(LAST + 1)})
    _made: int = 0

    def seller(self, *, contract: bool = True) -> str:
        """A new seller, with a contract whose rate changed two days before the first night."""
        self._made += 1
        name = f"S-{self._made:04d}"
        if contract:
            self.contracts += [(name, "2026-01-01", OLD_BPS), (name, _day(NEW_FROM), NEW_BPS)]
        return name

    def sale(
        self,
        seller: str,
        amount: int,
        payout: str | None = None,
        *,
        day: int = -3,
        night: int = 0,
        bps: int | None = None,
        payable: int | None = None,
        currency: str = CURRENCY,
    ) -> Sale:
        """A sale of business day `day` that the books have on `night`; its rate is that of the day unless `bps` says another."""
        self._made += 1
        rate = (NEW_BPS if day >= NEW_FROM else OLD_BPS) if bps is None else bps
        commission = commission_of(amount, rate)
        sale = Sale(self._made, seller, amount, commission, amount - commission if payable is None else payable, day)
        self.entry(sale.id, sale, "sale", (amount, commission, sale.payable), day=day, night=night, currency=currency)
        if payout:
            self.settle(payout, sale, sale.payable, night=night)
        return sale

    def entry(
        self,
        sale_id: str,
        of: Sale,
        kind: str,
        money: tuple[int, int, int],
        *,
        day: int,
        night: int,
        currency: str = CURRENCY,
    ) -> None:
        """An entry of the shop's sales: amount, commission and payable of business day `day`, by the terms of the sale's day."""
        self._made += 1
        happened, read = clock(instant(day, 12 * HOUR)), clock(instant(night, HOUR))
        head = (f"SE-{self._made:06d}", sale_id, of.seller, of.order_id, kind, currency)
        self.sales.append((*head, *money, _day(of.day), happened, read))

    def settle(self, payout: str, sale: Sale, amount: int, *, night: int, refund: bool = False) -> None:
        """An item of the payout; one below zero takes a sale out again, or a refund back."""
        self._made += 1
        head = (
            f"SI-{self._made:06d}",
            payout,
            f"RF-{sale.number:06d}" if refund else sale.id,
            sale.seller,
            sale.order_id,
        )
        kind = "refund" if refund else "sale"
        self.items.append((*head, kind, CURRENCY, amount, clock(instant(night, 3 * HOUR))))

    def booked(self, sale: Sale, *, night: int = 0, commission: int | None = None, payable: int | None = None) -> Sale:
        """The ledger has the sale: what the customer paid is the seller's, less our commission."""
        ours = sale.commission if commission is None else commission
        theirs = sale.payable if payable is None else payable
        self.journal(
            sale,
            [("seller_payable", -theirs), ("commission_income", -ours), ("customer_payments", ours + theirs)],
            night,
        )
        return sale

    def journal(self, sale: Sale, legs: list[tuple[str, int]], night: int) -> None:
        at = instant(night, 2 * HOUR)
        self.desk.till.journal("adjustment", CURRENCY, legs, at, order_id=sale.order_id, seller=sale.seller)

    def refund(self, sale: Sale, amount: int, *, night: int) -> int:
        """Part of the sale given back, with its commission by the sale's own terms, and booked; what the seller owes for it."""
        back = commission_of(-amount, NEW_BPS if sale.day >= NEW_FROM else OLD_BPS)
        owed = amount + back
        self.entry(f"RF-{sale.number:06d}", sale, "refund", (-amount, back, -owed), day=night, night=night)
        legs = [("seller_payable", owed), ("commission_income", -back), ("customer_payments", -amount)]
        self.journal(sale, legs, night)
        return owed

    def payout_id(self) -> str:
        self._made += 1
        return f"SP-{self._made:06d}"

    def order(
        self,
        payout: str,
        seller: str,
        amount: int,
        status: str = "PAID",
        *,
        night: int = 0,
        day: int | None = None,
        version: int = 1,
        period: str = PERIOD,
    ) -> None:
        """A version of the payout order, written on business day `day` and read on `night`."""
        written = clock(instant(night if day is None else day, 4 * HOUR + version))
        read = clock(instant(night, 4 * HOUR + version))
        self.payouts.append((payout, version, seller, period, status, CURRENCY, amount, written, written, read))

    def transfer(
        self, payout: str, amount: int, status: str = "PAID", *, night: int = 0, seller: str = "", reason: str = ""
    ) -> dict[str, str]:
        """A row of the payout file of `night`; won have no decimals."""
        self._made += 1
        paid = clock(instant(night, 10 * HOUR))
        values = (f"tr{self._made:06d}", payout, seller, status, reason, CURRENCY, str(amount), paid)
        row = dict(zip(COLUMNS, values, strict=True))
        self.transfers[night].append(row)
        return row

    def debit(self, payout: str, amount: int, *, night: int = 0, kind: str = "debit") -> None:
        """A line of the bank statement: money that left is below zero."""
        self._made += 1
        head = (f"SB-{self._made:06d}", ACCOUNT, kind, None, None, payout, CURRENCY, amount)
        self.bank.append((*head, NIGHTS[night].isoformat(), f"SETTLEMENT {payout}", clock(instant(night, 20 * HOUR))))

    def book(self, payout: str, seller: str, amount: int, *, night: int = 0) -> None:
        """The ledger has the payout; below zero, that it was turned round."""
        legs = [("seller_payable", amount), ("bank", -amount)]
        at = instant(night, 5 * HOUR)
        self.desk.till.journal("payout", CURRENCY, legs, at, seller=seller, seller_payout=payout)

    def owed(self, amount: int = 100_000, *, night: int = 0, seller: str = "") -> tuple[str, str, int]:
        """A sale that is booked and that a payout is to settle: the payout, the seller and what is owed."""
        payout, who = self.payout_id(), seller or self.seller()
        return payout, who, self.booked(self.sale(who, amount, payout, night=night), night=night).payable

    def ordered(self, amount: int = 100_000, status: str = "PAID", *, night: int = 0) -> tuple[str, str, int]:
        """As `owed`, and the payout is ordered."""
        payout, seller, due = self.owed(amount, night=night)
        self.order(payout, seller, due, status, night=night)
        return payout, seller, due

    def stands(self, rule: str, key: str, code: str, class_: str, first: int = 0, last: int = LAST) -> None:
        self.desk.note(rule, key, code, class_, BREAK, first, last)

    def clears(self, rule: str, key: str, what: str, night: int = 0) -> None:
        self.desk.note(rule, key, what, "", CLEARED, night, night)

    def waits(self, key: str, first: int = 0, last: int = LAST) -> None:
        self.desk.note("payout", key, "timing", "", PENDING, first, last)


def everyday(made: Sellers, sellers: int) -> None:
    """Sellers whose sales are paid on the second night: sold before and after the rate changed, settled by one payout."""
    for number in range(sellers):
        seller, payout = made.seller(), made.payout_id()
        sales = [made.sale(seller, 30_005 + 1_110 * number + 70 * day, day=-1 - day) for day in range(3)]
        for sale in sales:
            made.booked(sale)
            made.settle(payout, sale, sale.payable, night=1)
        due = sum(sale.payable for sale in sales)
        made.order(payout, seller, due, "SENT", night=1)
        made.order(payout, seller, due, "PAID", night=2, version=2)
        made.transfer(payout, due, night=1, seller=seller)
        made.book(payout, seller, due, night=1)
    made.clears("payout", payout, "paid", 1)


# --- what is paid ---


def paid(made: Sellers) -> None:
    """Payouts that were paid, in every way in which something is wrong with them, and those in which it only looks so."""
    payout, seller, due = made.ordered(101_000)
    made.book(payout, seller, due)
    made.debit(payout, -due)
    made.clears("payout", payout, "by_the_bank")

    payout, seller, due = made.ordered(102_000)
    made.book(payout, seller, due)
    for part in (40_000, due - 40_000):
        made.transfer(payout, part)
    made.clears("payout", payout, "in_two_parts")

    payout, seller, due = made.ordered(103_000)
    made.transfer(payout, due)
    made.stands("payout", payout, "payout_not_booked", AUTO)

    payout, seller, due = made.ordered(104_000)
    made.transfer(payout, due)
    made.book(payout, seller, due, night=2)
    made.stands("payout", payout, "payout_not_booked", AUTO, 0, 1)
    made.clears("payout", payout, "booked_late", 2)

    payout, seller, due = made.ordered(105_000)
    made.transfer(payout, due)
    made.book(payout, seller, due - 1)
    made.stands("payout", payout, "payout_booked_wrong", MANUAL)

    payout, seller, due = made.ordered(106_000)
    made.book(payout, seller, due)
    made.transfer(payout, due - 5_000)
    made.stands("payout", payout, "seller_payout_mismatch", MANUAL)

    payout, seller, due = made.owed(107_000)  # the commission was not taken off
    made.order(payout, seller, 107_000)
    made.book(payout, seller, 107_000)
    made.transfer(payout, 107_000)
    made.stands("payout", payout, "seller_payout_mismatch", MANUAL)

    payout, seller, due = made.ordered(108_000)  # the job ran again the next day
    made.book(payout, seller, due)
    made.transfer(payout, due)
    made.transfer(payout, due, night=1)
    made.clears("payout", payout, "paid_once", 0)
    made.stands("payout", payout, "seller_double_payout", INVESTIGATE, 1)

    payout, seller, due = made.ordered(109_000)
    made.book(payout, seller, due)
    made.debit(payout, -due)
    made.debit(payout, -due)
    made.stands("payout", payout, "seller_double_payout", INVESTIGATE)

    payout = made.payout_id()
    made.transfer(payout, 77_000)
    made.stands("payout", payout, "payout_unordered", INVESTIGATE)

    payout, seller, due = made.ordered(110_000, "CANCELLED")
    made.debit(payout, -due)
    made.stands("payout", payout, "payout_unordered", INVESTIGATE)

    payout, seller, due = made.ordered(111_000)
    made.book(payout, seller, due)
    made.transfer(payout, due)["amount"] = "99,900.0.0"
    made.stands("payout", payout, "quarantined_row", MANUAL)

    payout, seller, due = made.ordered(112_000)
    made.book(payout, seller, due)
    row = made.transfer(payout, due)
    made.transfers[1].append({**row, "amount": str(due - 100)})
    made.clears("payout", payout, "paid", 0)
    made.stands("payout", payout, "restated_row", MANUAL, 1)


def unpaid(made: Sellers) -> None:
    """Payouts that are on their way, never left, failed or came back."""
    payout, seller, due = made.ordered(121_000, "SENT")
    made.book(payout, seller, due)
    made.transfer(payout, due, night=1)
    made.waits(payout, 0, 0)
    made.clears("payout", payout, "in_transit", 1)

    payout, seller, due = made.ordered(122_000, "SENT", night=3)
    made.waits(payout, 3)

    for amount, books in ((123_000, True), (124_000, False)):
        payout, seller, due = made.owed(amount)
        made.order(payout, seller, due, "SENT", day=LONG_AGO)
        if books:
            made.book(payout, seller, due)
        made.stands("payout", payout, "payout_booked_not_paid" if books else "payout_not_paid", INVESTIGATE)

    payout, _, _ = made.owed(125_000)
    made.stands("payout", payout, "payout_order_missing", INVESTIGATE)

    payout, seller, due = made.ordered(126_000)  # turned round and called off two days later
    made.book(payout, seller, due)
    made.transfer(payout, due)
    made.transfer(payout, -due, "RETURNED", night=1, reason="account closed")
    made.order(payout, seller, due, "RETURNED", night=3, version=2)
    made.book(payout, seller, -due, night=3)
    made.clears("payout", payout, "paid", 0)
    made.stands("payout", payout, "payout_returned", MANUAL, 1, 2)
    made.clears("payout", payout, "turned_round", 3)

    payout, seller, due = made.ordered(127_000)
    made.book(payout, seller, due)
    made.debit(payout, -due)
    made.debit(payout, due, kind="returned", night=1)
    made.clears("payout", payout, "paid", 0)
    made.stands("payout", payout, "payout_returned", MANUAL, 1)

    payout, seller, due = made.ordered(128_000, "SENT")
    made.book(payout, seller, due)
    made.transfer(payout, due, "FAILED", reason="name and account differ")
    made.order(payout, seller, due, "FAILED", night=2, version=2)
    made.book(payout, seller, -due, night=2)
    made.stands("payout", payout, "payout_failed", MANUAL, 0, 1)
    made.clears("payout", payout, "called_off", 2)

    payout, seller, due = made.ordered(129_000, "SENT")
    made.book(payout, seller, due)
    made.transfer(payout, due, "FAILED", reason="account closed")
    made.stands("payout", payout, "payout_failed", MANUAL)


def settled_twice(made: Sellers) -> None:
    """A payout job that ran twice put one sale into two payouts; and one whose first payout was called off, so that it may."""
    rule = "seller_sale"
    seller, first, second = made.seller(), made.payout_id(), made.payout_id()
    sale = made.booked(made.sale(seller, 131_000, first))
    made.settle(second, sale, sale.payable, night=1)
    for payout, night in ((first, 0), (second, 1)):
        made.order(payout, seller, sale.payable, night=night)
        made.book(payout, seller, sale.payable, night=night)
        made.transfer(payout, sale.payable, night=night)
        made.clears("payout", payout, "paid", night)
    made.clears(rule, sale.key, "settled", 0)
    made.stands(rule, sale.key, "seller_double_payout", INVESTIGATE, 1)

    seller, first, second = made.seller(), made.payout_id(), made.payout_id()
    sale = made.booked(made.sale(seller, 132_000, first))
    made.order(first, seller, sale.payable, "ORDERED")
    made.order(first, seller, sale.payable, "CANCELLED", night=1, version=2)
    made.settle(first, sale, -sale.payable, night=1)
    made.settle(second, sale, sale.payable, night=2)
    made.order(second, seller, sale.payable, night=2)
    made.book(second, seller, sale.payable, night=2)
    made.transfer(second, sale.payable, night=2)
    made.waits(first, 0, 0)
    made.clears("payout", first, "called_off", 1)
    made.clears(rule, sale.key, "settled_anew", 2)

    seller, payout = made.seller(), made.payout_id()
    sale = made.booked(made.sale(seller, 133_000))
    made.settle(payout, sale, sale.payable + 500, night=0)
    made.order(payout, seller, sale.payable + 500)
    made.book(payout, seller, sale.payable + 500)
    made.transfer(payout, sale.payable + 500)
    made.clears("payout", payout, "as_its_items_say", 0)
    made.stands(rule, sale.key, "seller_payout_mismatch", MANUAL)


# --- what is owed ---


def commissions(made: Sellers) -> None:
    """Sales whose commission, or what is left of them, is not what it should be."""
    rule = "seller_commission"
    sale = made.booked(made.sale(made.seller(), 141_000, day=-1, bps=OLD_BPS))  # the new rate held by then
    made.stands(rule, sale.id, "commission_mismatch", MANUAL)
    sale = made.booked(made.sale(made.seller(), 142_005, day=-3))  # 14200.5: the half is ours
    made.clears(rule, sale.id, "half_a_won")
    sale = made.booked(made.sale(made.seller(contract=False), 143_000))
    made.stands(rule, sale.id, "terms_missing", MANUAL)
    sale = made.booked(made.sale(made.seller(), 144_000, payable=129_000))
    made.stands(rule, sale.id, "payable_mismatch", MANUAL)
    sale = made.booked(
        made.sale(made.seller(), 145_000, day=-1, bps=OLD_BPS)
    )  # corrected by an entry of its own on the third night
    more = commission_of(145_000, NEW_BPS) - sale.commission
    made.entry(sale.id, sale, "correction", (0, more, -more), day=2, night=2)
    made.journal(sale, [("seller_payable", more), ("commission_income", -more)], 2)
    made.stands(rule, sale.id, "commission_mismatch", MANUAL, 0, 1)
    made.clears(rule, sale.id, "corrected", 2)
    made.clears("seller_sale", sale.key, "corrected", 2)


def bookings(made: Sellers) -> None:
    """Sales that the ledger does not have, or has otherwise."""
    rule = "seller_sale"
    made.stands(rule, made.sale(made.seller(), 151_000).key, "seller_sale_not_booked", MANUAL)
    sale = made.sale(made.seller(), 152_000, night=1)
    made.booked(sale, night=3)
    made.stands(rule, sale.key, "seller_sale_not_booked", MANUAL, 1, 2)
    made.clears(rule, sale.key, "booked_late", 3)
    gone = Sale(999_999, made.seller(), 153_000, 15_300, 137_700, -3)
    made.stands(rule, made.booked(gone).key, "seller_sale_unknown", INVESTIGATE)
    sale = made.sale(made.seller(), 154_000)
    made.stands(rule, made.booked(sale, commission=15_000).key, "commission_mismatch", MANUAL)
    sale = made.sale(made.seller(), 157_000, currency="USD")
    made.stands(rule, made.booked(sale).key, "currency_mismatch", INVESTIGATE)
    sale = made.sale(made.seller(), 155_000)
    made.stands(rule, made.booked(sale, payable=130_000).key, "seller_payable_mismatch", MANUAL)
    sale = made.booked(made.sale(made.seller(), 156_000, currency="WON"))
    made.stands(rule, sale.key, "quarantined_row", MANUAL)


def refunds(made: Sellers) -> None:
    """Refunds before the seller was paid, and after: taken back by the next payout, claimed back, or neither."""
    rule = "seller_sale"

    def settled(amount: int) -> Sale:
        seller, payout = made.seller(), made.payout_id()
        sale = made.booked(made.sale(seller, amount, payout))
        made.order(payout, seller, sale.payable)
        made.book(payout, seller, sale.payable)
        made.transfer(payout, sale.payable)
        made.clears(rule, sale.key, "settled", 0)
        return sale

    early = made.booked(made.sale(made.seller(), 161_000))
    made.refund(early, 61_005, night=1)
    made.clears(rule, early.key, "refunded_before_payout", 1)

    sale = settled(162_000)
    made.refund(sale, 62_000, night=1)
    made.stands(rule, sale.key, "refund_after_payout", MANUAL, 1)

    sale = settled(163_000)
    owed = made.refund(sale, 63_000, night=1)
    made.journal(sale, [("seller_receivable", owed), ("seller_payable", -owed)], 2)
    made.stands(rule, sale.key, "refund_after_payout", MANUAL, 1, 1)
    made.clears(rule, sale.key, "claimed_back", 2)

    sale = settled(164_000)
    owed = made.refund(sale, 64_000, night=1)
    payout = made.payout_id()
    more = made.booked(made.sale(sale.seller, 165_000, payout, night=3), night=3)
    made.settle(payout, sale, -owed, night=3, refund=True)
    made.order(payout, sale.seller, more.payable - owed, night=3, period="2026-W41")
    made.book(payout, sale.seller, more.payable - owed, night=3)
    made.transfer(payout, more.payable - owed, night=3)
    made.stands(rule, sale.key, "refund_after_payout", MANUAL, 1, 2)
    made.clears(rule, sale.key, "taken_off_the_next", 3)
    made.clears("payout", payout, "less_a_refund", 3)


def make(making: Making) -> None:
    """Everyday sellers, and every code of the three reconciliations."""
    made = Sellers(making.desk)
    everyday(made, max(6, making.payments // 100))
    for plant in (paid, unpaid, settled_twice, commissions, bookings, refunds):
        plant(made)
    for night, rows in made.transfers.items():
        if not rows:
            continue
        path = making.root / "in" / f"payouts_{NIGHTS[night]}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        os.utime(path, (instant(night, DAY + 2 * HOUR),) * 2)
    till = making.desk.till
    till.add("seller_contracts", CONTRACTS, made.contracts)
    till.add("seller_sales", SALES, made.sales)
    till.add("seller_payout_items", ITEMS, made.items)
    till.add("seller_payout_versions", PAYOUTS, made.payouts)
    till.add("bank_lines", BANK, made.bank)


SOURCES = """\
  seller_payouts_file:
    record: seller_transfer
    moves: events
    format: generic_seller_transfer
    files: "in/payouts_{date}.csv"
  seller_sales:
    record: seller_sale
    moves: events
    database: shop
    # The terms of the day of the sale: the newest contract that held on it. A refund has those of its sale.
    query: |
      select s.entry_id, s.sale_id, s.seller_id, s.order_id, s.kind, s.currency, s.amount_minor as amount,
             s.commission_minor as commission, s.payable_minor as payable, c.commission_bps, c.from_on as terms_from, s.sold_at
      from {prefix}seller_sales s
      left join {prefix}seller_contracts c on c.seller_id = s.seller_id and c.from_on = (
        select max(t.from_on) from {prefix}seller_contracts t where t.seller_id = s.seller_id and t.from_on <= s.terms_on)
      where s.recorded_at >= :from and s.recorded_at < :to
  seller_payout_items:
    record: seller_payout_item
    moves: events
    database: shop
    query: |
      select item_id, seller_payout_id, sale_id, seller_id, order_id, kind, currency, amount_minor as amount, created_at
      from {prefix}seller_payout_items
      where created_at >= :from and created_at < :to
  seller_payouts:
    record: seller_payout
    moves: changes
    database: shop
    query: |
      select seller_payout_id, seller_id, period, status, currency, amount_minor as amount, created_at, updated_at
      from {prefix}seller_payout_versions v
      where recorded_at >= :from and recorded_at < :to
        and not exists (
          select 1 from {prefix}seller_payout_versions n
          where n.seller_payout_id = v.seller_payout_id and n.version > v.version
            and n.recorded_at >= :from and n.recorded_at < :to)
"""
SYSTEM = System(
    reconciliations=("payout", "seller_commission", "seller_sale"),
    make=make,
    tables=(
        Table(
            "seller_contracts",
            "seller_id {key} not null, from_on {key} not null, commission_bps bigint not null, primary key (seller_id, from_on)",
        ),
        Table(
            "seller_sales",
            "entry_id {key} not null primary key, sale_id {key} not null, seller_id {key} not null, order_id {key}, "
            "kind {key} not null, currency char(3) not null, amount_minor bigint not null, commission_minor bigint, "
            "payable_minor bigint, terms_on {key} not null, sold_at {time} not null, recorded_at {time} not null",
        ),
        Table(
            "seller_payout_items",
            "item_id {key} not null primary key, seller_payout_id {key} not null, sale_id {key}, seller_id {key}, order_id {key}, "
            "kind {key} not null, currency char(3) not null, amount_minor bigint not null, created_at {time} not null",
        ),
        Table(
            "seller_payout_versions",
            "seller_payout_id {key} not null, version integer not null, seller_id {key} not null, period {key}, "
            "status {key} not null, currency char(3) not null, amount_minor bigint not null, created_at {time} not null, "
            "updated_at {time} not null, recorded_at {time} not null, primary key (seller_payout_id, version)",
        ),
    ),
    sources=SOURCES,
)
