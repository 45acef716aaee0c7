"""Stock: products, holds with an expiry, paid orders, the stock history, and what one person bought.

The stock of a product is worked out from its history and its holds, night by night, so that everything agrees but for
what is planted.
"""

from __future__ import annotations

from collections import defaultdict

from recon.demo.books import Row
from recon.demo.desk import AUTO, BREAK, CLEARED, INVESTIGATE, MANUAL, Desk
from recon.demo.shop import HOUR, LAST, clock, instant
from recon.demo.systems import Making, System, Table

LEVEL_COLUMNS = "stock_id, product_id, basis, on_hand, available, from_at, until_at"
HOLD_COLUMNS = "hold_id, order_id, product_id, member_id, quantity, expires_at, created_at, released_at"
LINE_COLUMNS = "line_id, version, order_id, product_id, member_id, quantity, status, updated_at"
MOVEMENT_COLUMNS = "movement_id, product_id, kind, order_id, quantity, occurred_at"
PURCHASE_COLUMNS = "purchase_no, product_id, member_id, order_id, quantity, member_limit, purchased_at"
EVER = 20
FIRST_STOCK = 1_000


class _Shelf:
    """What happens to stock, and from it the level of every product on every night."""

    def __init__(self) -> None:
        self.lines: list[Row] = []
        self.holds: list[Row] = []
        self.movements: list[Row] = []
        self.purchases: list[Row] = []
        self.bought: list[tuple[str, str, str, int]] = []
        self.levels: list[Row] = []
        self._moved: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        self._held: dict[str, list[tuple[int, int, int]]] = defaultdict(list)

    def line(self, order: str, product: str, status: str, night: int, quantity: int = 1, version: int = 1) -> None:
        at = clock(instant(night, 9 * HOUR + version))
        self.lines.append((f"{order}-1", version, order, product, "M-00001", quantity, status, at))
        self._moved[product]  # known, even where nothing moves

    def move(self, order: str | None, product: str, kind: str, quantity: int, night: int) -> None:
        at = clock(instant(night, 9 * HOUR + 30))
        self.movements.append((f"SM-{len(self.movements) + 1:08d}", product, kind, order, quantity, at))
        self._moved[product][night] += quantity

    def hold(self, order: str, product: str, night: int, expires: int, last: int = EVER, quantity: int = 1) -> None:
        """A hold made on `night` that is released after night `last`. `expires`: an instant."""
        at, until = clock(instant(night, 9 * HOUR)), clock(instant(last + 1, 0))
        number = len(self.holds) + 1
        self.holds.append((f"SH-{number:08d}", order, product, "M-00001", quantity, clock(expires), at, until))
        self._held[product].append((night, last, quantity))
        self._moved[product]

    def buy(self, number: str, product: str, member: str, limit: int | None, night: int, quantity: int = 1) -> None:
        at = instant(night, 10 * HOUR)
        self.purchases.append((number, product, member, f"ORD-B-{number}", quantity, limit, clock(at)))
        self.bought.append((number, product, member, at))

    def level(self, product: str, basis: str, night: int, on_hand: int, available: int | None, last: int) -> None:
        span = (clock(instant(night, 0)), clock(instant(last + 1, 0)))
        self.levels.append((f"{product}:{basis}:{night}", product, basis, on_hand, available, *span))

    def work_out(self) -> None:
        """Levels of every product that something happened to."""
        for product, moved in sorted(self._moved.items()):
            on_hand = FIRST_STOCK
            for night in range(LAST + 1):
                on_hand += moved[night]
                held = sum(n for first, last, n in self._held[product] if first <= night <= last)
                self.level(product, "stored", night, on_hand, on_hand - held, night)
                self.level(product, "history", night, on_hand, None, night)


def make(making: Making) -> None:
    """Everyday orders, and every code of stock, stock_orders and stock_limits."""
    desk, shelf = making.desk, _Shelf()
    for number in range(max(10, making.payments // 40)):
        night, order, product = number % 5, f"ORD-S{number:06d}", f"SKU-{number % 7}"
        shelf.hold(order, product, night, instant(night + 1, HOUR), last=night - 1 if number % 3 else night)
        shelf.line(order, product, "ORDERED", night)
        if number % 3:
            shelf.line(order, product, "PAID", night, version=2)
            shelf.move(order, product, "sold", -1, night)
        elif night < LAST:
            shelf.line(order, product, "CANCELLED", night + 1, version=2)
        shelf.buy(f"P-{number:06d}", product, f"M-{number:05d}", 2, night)
    _plant_orders(desk, shelf)
    shelf.work_out()
    _plant_levels(desk, shelf)
    _plant_limits(desk, shelf)
    desk.till.add("order_line_versions", LINE_COLUMNS, shelf.lines)
    desk.till.add("stock_holds", HOLD_COLUMNS, shelf.holds)
    desk.till.add("stock_movements", MOVEMENT_COLUMNS, shelf.movements)
    desk.till.add("purchases", PURCHASE_COLUMNS, shelf.purchases)
    making.purchases.extend(shelf.bought)
    desk.till.add("stock_levels", LEVEL_COLUMNS, shelf.levels)


def _plant_orders(desk: Desk, shelf: _Shelf) -> None:
    product = "SKU-PLANTED"

    def note(name: str, code: str, class_: str, first: int = 0, last: int = LAST, state: str = BREAK) -> None:
        desk.note("stock_orders", f"ORD-S-{name}/{product}", code, class_, state, first, last)

    shelf.move("ORD-S-NOBODY", product, "sold", -1, 0)
    note("NOBODY", "stock_without_order", INVESTIGATE)
    shelf.line("ORD-S-NOSTOCK", product, "PAID", 0)
    shelf.move("ORD-S-NOSTOCK", product, "sold", -1, 2)
    note("NOSTOCK", "paid_no_stock", INVESTIGATE, last=1)
    note("NOSTOCK", "taken_late", "", 2, 2, CLEARED)
    shelf.line("ORD-S-TWICE", product, "PAID", 0)
    shelf.move("ORD-S-TWICE", product, "sold", -1, 0)
    note("TWICE", "sold_once", "", 0, 0, CLEARED)
    shelf.move("ORD-S-TWICE", product, "sold", -1, 1)
    note("TWICE", "stock_double_decrement", MANUAL, first=1)
    shelf.line("ORD-S-FAILED", product, "PAID", 0, quantity=3)
    shelf.move("ORD-S-FAILED", product, "sold", -3, 0)
    shelf.line("ORD-S-FAILED", product, "FAILED", 1, quantity=3, version=2)
    note("FAILED", "sold", "", 0, 0, CLEARED)
    note("FAILED", "stock_not_given_back", MANUAL, first=1, last=2)
    shelf.move("ORD-S-FAILED", product, "given_back", 3, 3)
    note("FAILED", "given_back", "", 3, 3, CLEARED)
    shelf.line("ORD-S-MUCH", product, "CANCELLED", 1)
    shelf.move("ORD-S-MUCH", product, "sold", -1, 1)
    shelf.move("ORD-S-MUCH", product, "given_back", 1, 1)
    shelf.move("ORD-S-MUCH", product, "given_back", 1, 1)
    note("MUCH", "stock_given_back_twice", MANUAL, first=1)
    shelf.line("ORD-S-FEW", product, "PAID", 1, quantity=3)
    shelf.move("ORD-S-FEW", product, "sold", -2, 1)
    note("FEW", "stock_count_differs", MANUAL, first=1)
    shelf.line("ORD-S-EARLY", product, "ORDERED", 1)
    shelf.move("ORD-S-EARLY", product, "sold", -1, 1)
    note("EARLY", "sold_unpaid", MANUAL, first=1)
    _plant_holds(shelf, product, note)


def _plant_holds(shelf: _Shelf, product: str, note: object) -> None:
    """Holds that leak or expire; one that is released on the second night, and one that lives."""
    assert callable(note)
    shelf.line("ORD-S-LEAK", product, "FAILED", 0)
    shelf.hold("ORD-S-LEAK", product, 0, instant(9, 0))
    note("LEAK", "stock_hold_leak", AUTO)
    shelf.line("ORD-S-SOLD", product, "PAID", 0)
    shelf.move("ORD-S-SOLD", product, "sold", -1, 0)
    shelf.hold("ORD-S-SOLD", product, 0, instant(9, 0), last=1)
    note("SOLD", "stock_hold_leak", AUTO, last=1)
    shelf.line("ORD-S-EXPIRED", product, "ORDERED", 0)
    shelf.hold("ORD-S-EXPIRED", product, 0, instant(1, 0))
    note("EXPIRED", "hold_expired", AUTO)
    shelf.line("ORD-S-LIVES", product, "ORDERED", 0)
    shelf.hold("ORD-S-LIVES", product, 0, instant(1, 1))
    note("LIVES", "lives_a_second_longer", "", 0, 0, CLEARED)
    note("LIVES", "hold_expired", AUTO, first=1)


def _plant_levels(desk: Desk, shelf: _Shelf) -> None:
    def note(product: str, code: str, class_: str, first: int = 0, last: int = LAST, state: str = BREAK) -> None:
        desk.note("stock", product, code, class_, state, first, last)

    shelf.level("SKU-GONE", "history", 0, 3, None, EVER)
    note("SKU-GONE", "stock_unknown", INVESTIGATE)
    shelf.level("SKU-SOLD-OUT", "stored", 0, 0, 0, 1)
    shelf.level("SKU-SOLD-OUT", "history", 0, 0, None, 1)
    note("SKU-SOLD-OUT", "sold_out", "", 0, 0, CLEARED)
    shelf.level("SKU-SOLD-OUT", "stored", 2, -1, -1, EVER)
    shelf.level("SKU-SOLD-OUT", "history", 2, -1, None, EVER)
    note("SKU-SOLD-OUT", "oversold", INVESTIGATE, first=2)
    shelf.level("SKU-DRIFT", "stored", 0, 8, 8, 2)
    shelf.level("SKU-DRIFT", "stored", 3, 9, 9, EVER)
    shelf.level("SKU-DRIFT", "history", 0, 9, None, EVER)
    note("SKU-DRIFT", "stock_drift", MANUAL, last=2)
    note("SKU-DRIFT", "counted_again", "", 3, 3, CLEARED)
    shelf.level("SKU-OFFER", "stored", 0, 20, 19, EVER)
    shelf.level("SKU-OFFER", "history", 0, 20, None, EVER)
    note("SKU-OFFER", "available_differs", MANUAL)


def _plant_limits(desk: Desk, shelf: _Shelf) -> None:
    """The third purchase, on the second night, passes the limit; somebody else buys as many of what has none."""
    for number, night in enumerate((0, 0, 1)):
        shelf.buy(f"P-L{number}", "SKU-LIMITED", "M-GREEDY", 2, night)
        shelf.buy(f"P-F{number}", "SKU-FREE", "M-GREEDY", None, night)
    desk.note("stock_limits", "SKU-LIMITED/M-GREEDY", "at_the_limit", "", CLEARED, last=0)
    desk.note("stock_limits", "SKU-LIMITED/M-GREEDY", "member_limit_passed", MANUAL, first=1)
    desk.note("stock_limits", "SKU-FREE/M-GREEDY", "no_limit", "", CLEARED, first=1, last=1)


SOURCES = """\
  stock_levels:
    record: stock
    moves: state
    database: shop
    query: |
      select stock_id, product_id, basis, on_hand, available
      from {prefix}stock_levels
      where from_at < :to and until_at >= :to
  stock_holds:
    record: stock_hold
    moves: state
    database: shop
    # Live at the cut-off: what was sold or given back by then holds nothing.
    query: |
      select hold_id, order_id, product_id, member_id, quantity, 'HELD' as status, expires_at, created_at
      from {prefix}stock_holds
      where created_at < :to and released_at >= :to
  order_lines:
    record: order_line
    moves: changes
    database: shop
    query: |
      select line_id, order_id, product_id, member_id, quantity, status, updated_at
      from {prefix}order_line_versions
      where updated_at >= :from and updated_at < :to
  stock_movements:
    record: stock_movement
    moves: events
    database: shop
    query: |
      select movement_id, product_id, kind, order_id, quantity, occurred_at
      from {prefix}stock_movements
      where occurred_at >= :from and occurred_at < :to
  purchases:
    record: purchase
    moves: state
    database: shop
    query: |
      select purchase_no, product_id, member_id, order_id, quantity, member_limit, purchased_at
      from {prefix}purchases
      where purchased_at < :to
"""
SYSTEM = System(
    reconciliations=("stock", "stock_orders", "stock_limits"),
    make=make,
    tables=(
        Table(
            "stock_levels",
            "stock_id {key} not null primary key, product_id {key} not null, basis {key} not null, on_hand bigint not null, "
            "available bigint, from_at {time} not null, until_at {time} not null",
        ),
        Table(
            "stock_holds",
            "hold_id {key} not null primary key, order_id {key} not null, product_id {key} not null, member_id {key}, "
            "quantity bigint not null, expires_at {time}, created_at {time} not null, released_at {time} not null",
        ),
        Table(
            "order_line_versions",
            "line_id {key} not null, version integer not null, order_id {key} not null, product_id {key} not null, "
            "member_id {key}, quantity bigint not null, status {key} not null, updated_at {time} not null, "
            "primary key (line_id, version)",
        ),
        Table(
            "stock_movements",
            "movement_id {key} not null primary key, product_id {key} not null, kind {key} not null, order_id {key}, "
            "quantity bigint not null, occurred_at {time} not null",
        ),
        Table(
            "purchases",
            "purchase_no {key} not null primary key, product_id {key} not null, member_id {key} not null, order_id {key}, "
            "quantity bigint not null, member_limit bigint, purchased_at {time} not null",
        ),
    ),
    sources=SOURCES,
)
