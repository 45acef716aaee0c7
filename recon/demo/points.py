"""Points: orders that they pay or that earn them, the history of members' points, and what the ledger owes for them."""

from __future__ import annotations

from recon.demo.books import Row
from recon.demo.desk import AUTO, CLEARED, INVESTIGATE, MANUAL, PENDING, Desk
from recon.demo.shop import HOUR, clock, instant
from recon.demo.systems import Making, System, Table

ORDER_COLUMNS = "order_id, version, member_id, status, points, earned, currency, amount_minor, updated_at, recorded_at"
ENTRY_COLUMNS = "entry_id, member_id, kind, order_id, points, currency, amount_minor, balance_after, occurred_at"
MONEY = "KRW"


class _Points:
    """Orders by points and what they leave; one point is one won."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.orders: list[Row] = []
        self.entries: list[Row] = []

    def order(self, name: str, status: str, points: int = 0, earned: int = 0, at: int = 0, version: int = 1) -> str:
        """A version of the order `name`, written at `at` (older than the first night: read on it)."""
        order_id, read = f"ORD-P-{name}", max(at, instant(0, HOUR))
        self.orders.append(
            (order_id, version, "M-00001", status, points, earned, MONEY, points, clock(at), clock(read))
        )
        return order_id

    def move(self, order_id: str, kind: str, points: int, at: int, *, booked: int | None = None) -> None:
        """An entry of the history, and its posting in the ledger unless `booked` says another amount (0: none)."""
        number = len(self.entries) + 1
        self.entries.append((f"PE-{number}", "M-00001", kind, order_id, points, MONEY, points, 1_000, clock(at)))
        owed = -points if booked is None else booked
        if owed:
            legs = [("points_liability", owed), ("points_expense", -owed)]
            self.desk.till.journal("adjustment", MONEY, legs, at, order_id=order_id)


def make(making: Making) -> None:
    """Everyday orders by points, and one or more of each code."""
    desk, made = making.desk, _Points(making.desk)
    for number in range(max(10, making.payments // 40)):
        at = instant(number % 5, 8 * HOUR + number)
        order = made.order(f"{number:06d}", "PAID", 500 + number, 5, at)
        made.move(order, "charge", -500 - number, at + 1)
        made.move(order, "earn", 5, at + 2)
    _plant(desk, made)
    _fail(desk, made)
    desk.till.add("points_order_versions", ORDER_COLUMNS, made.orders)
    desk.till.add("points_history", ENTRY_COLUMNS, made.entries)


def _plant(desk: Desk, made: _Points) -> None:
    """Orders that are paid, or that are not there."""
    at, note = instant(1, 9 * HOUR), desk.note
    made.move("ORD-P-NOBODY", "charge", -300, at)
    note("points_payment", "ORD-P-NOBODY", "points_without_order", INVESTIGATE, first=1)
    order = made.order("STUCK", "ORDERED", 400, at=instant(-6, 9 * HOUR))
    note("points_payment", order, "points_order_stuck", INVESTIGATE)
    order = made.order("WAITS", "ORDERED", 400, at=at)
    note("points_payment", order, "timing", "", PENDING, first=1)
    order = made.order("TWICE", "PAID", 250, at=at)
    made.move(order, "charge", -250, at)
    made.move(order, "charge", -250, at + 5)
    note("points_payment", order, "points_charged_twice", MANUAL, first=1)
    order = made.order("FREE", "PAID", 700, at=at)
    note("points_payment", order, "points_not_charged", INVESTIGATE, first=1)
    order = made.order("BOTH", "PAID", 600, at=at)
    made.move(order, "charge", -600, at)
    made.move(order, "give_back", 600, at + 9)
    note("points_payment", order, "points_given_back_of_paid", MANUAL, first=1)
    order = made.order("OTHER", "PAID", 333, at=at)
    made.move(order, "charge", -330, at)
    note("points_payment", order, "points_amount_differs", MANUAL, first=1)
    order = made.order("EARNS", "PAID", 0, 50, at)
    note("points_payment", order, "points_not_earned", AUTO, first=1, last=2)
    made.move(order, "earn", 50, instant(3, 9 * HOUR))
    note("points_payment", order, "earned_late", "", CLEARED, first=3, last=3)
    order = made.order("BOOK", "PAID", 900, at=at)
    made.move(order, "charge", -900, at, booked=899)
    note("points_payment", order, "points_vs_ledger", MANUAL, first=1)


def _fail(desk: Desk, made: _Points) -> None:
    """Orders that failed, were cancelled, or for which no stock was left."""
    at, note = instant(0, 9 * HOUR), desk.note
    for name, status in (("FAILED", "FAILED"), ("SHORT", "SHORT")):
        order = made.order(name, "PAID" if status == "FAILED" else "SHORT", 800, at=at)
        made.move(order, "charge", -800, at)
        if status == "FAILED":
            # It cleared as paid; on the next night the payment failed after all.
            made.order(name, "FAILED", 800, at=instant(1, 9 * HOUR), version=2)
            note("points_payment", order, "paid", "", CLEARED, last=0)
            note("points_payment", order, "points_not_given_back", AUTO, first=1)
        else:
            note("points_payment", order, "points_not_given_back", AUTO, last=1)
            made.move(order, "give_back", 800, instant(2, 9 * HOUR))
            note("points_payment", order, "given_back", "", CLEARED, first=2, last=2)
    order = made.order("MUCH", "CANCELLED", 200, at=at)
    made.move(order, "charge", -200, at)
    made.move(order, "give_back", 200, at + 1)
    made.move(order, "give_back", 200, at + 2)
    note("points_payment", order, "points_given_back_twice", MANUAL)
    order = made.order("KEPT", "CANCELLED", 0, 30, at)
    made.move(order, "earn", 30, at)
    note("points_payment", order, "points_not_reversed", MANUAL)
    order = made.order("FINE", "CANCELLED", 150, at=at)
    made.move(order, "charge", -150, at)
    made.move(order, "give_back", 150, at + 1)
    note("points_payment", order, "given_back", "", CLEARED, last=0)


SOURCES = """\
  points_orders:
    record: points_order
    moves: changes
    database: shop
    query: |
      select order_id, member_id, status, points, earned, currency, amount_minor as amount, updated_at
      from {prefix}points_order_versions
      where recorded_at >= :from and recorded_at < :to
  points_history:
    record: points_entry
    moves: events
    database: shop
    query: |
      select entry_id, member_id, kind, order_id, points, currency, amount_minor as amount, balance_after, occurred_at
      from {prefix}points_history
      where occurred_at >= :from and occurred_at < :to
"""
SYSTEM = System(
    reconciliations=("points_payment",),
    make=make,
    tables=(
        Table(
            "points_order_versions",
            "order_id {key} not null, version integer not null, member_id {key}, status {key} not null, points bigint, "
            "earned bigint, currency char(3) not null, amount_minor bigint not null, updated_at {time} not null, "
            "recorded_at {time} not null, primary key (order_id, version)",
        ),
        Table(
            "points_history",
            "entry_id {key} not null primary key, member_id {key} not null, kind {key} not null, order_id {key}, "
            "points bigint not null, currency char(3) not null, amount_minor bigint not null, balance_after bigint, "
            "occurred_at {time} not null",
        ),
    ),
    sources=SOURCES,
)
