"""Orders and their payments: the shop's orders beside its payment orders, and what goes wrong between them.

Every payment order of the demo gets an order that says the same (`_DERIVE`, after the load). The orders planted here have
ids that begin with OWN-, and say something else. A payment that is a break of payin is often one here too, since the same
records are looked at: `_also` writes that truth down from payin's.
"""

from __future__ import annotations

from recon.demo.captures import RECORDED, evening_before, overdue_from
from recon.demo.desk import AUTO, BREAK, CLEARED, INVESTIGATE, MANUAL, PENDING, Desk
from recon.demo.outbox import ask_psp
from recon.demo.plants import EVERYWHERE
from recon.demo.shop import LAST, PSPS, Payment, clock
from recon.demo.systems import Making, System, Table

NAME = "order_payment"
COLUMNS = "order_id, version, payment_order_id, psp, status, currency, amount_minor, shipped_at, created_at, updated_at, recorded_at"
_DERIVE = (
    "insert into {prefix}order_versions (order_id, version, payment_order_id, psp, status, currency, amount_minor, "
    "created_at, updated_at, recorded_at) select order_id, version, payment_order_id, psp, case "
    "when status = 'PENDING' then 'WAITING' when status in ('WAITING_DEPOSIT', 'AUTHORIZED') then 'ORDERED' "
    "when status in ('EXECUTING', 'UNKNOWN', 'IN_REVIEW') then 'PAYING' when status = 'SUCCESS' then 'PAID' "
    "when status in ('FAILED', 'EXPIRED') then 'FAILED' else 'CANCELLED' end, "
    "currency, amount_minor, created_at, updated_at, recorded_at from {prefix}payment_order_versions "
    "where order_id like 'ORD-%'"
)
SOURCES = """\
  shop_orders:
    record: order
    moves: changes
    database: shop
    query: |
      select order_id, payment_order_id, psp, status, currency, amount_minor as amount, shipped_at, created_at, updated_at
      from {prefix}order_versions v
      where recorded_at >= :from and recorded_at < :to
        and not exists (
          select 1 from {prefix}order_versions n
          where n.order_id = v.order_id and n.version > v.version
            and n.recorded_at >= :from and n.recorded_at < :to)
"""


def _order(
    desk: Desk,
    p: Payment,
    status: str,
    *,
    version: int = 1,
    at: int | None = None,
    recorded: int | None = None,
    shipped: int | None = None,
    paid_by: bool = True,
) -> str:
    """A version of the order, written 25 s after the capture unless `at` says when. Gives its id."""
    order_id, updated = own_id(p), p.at + 25 if at is None else at
    times = (clock(p.at - 90), clock(updated), clock(updated if recorded is None else recorded))
    left = None if shipped is None else clock(shipped)
    row = (order_id, version, p.id if paid_by else None, p.psp, status, p.currency, p.amount, left, *times)
    desk.till.add("order_versions", COLUMNS, [row])
    return order_id


def own_id(p: Payment) -> str:
    """The id of an order that is planted here."""
    return f"OWN-{p.number:08d}"


def _stands(desk: Desk, p: Payment, code: str, class_: str, first: int, last: int = LAST) -> None:
    desk.note(NAME, f"{p.id}/capture", code, class_, BREAK, first, last)


def _paid(desk: Desk, p: Payment, night: int = 0, flags: tuple[int | None, int | None] = (1, 1)) -> None:
    """Payment order, ledger and settlement have it."""
    desk.till.order(p, "SUCCESS", order_id=own_id(p), flags=flags)
    desk.till.book(p)
    desk.till.settle(p, night)


def answer_lost(desk: Desk, psp: str) -> None:
    """The provider was asked, its answer was lost; its settlement says that the money went through. Payin misses the posting."""
    night = desk.second_file(psp)
    p = desk.payment(psp)
    desk.till.order(p, "UNKNOWN", order_id=own_id(p), reason="read timeout")
    _order(desk, p, "PAYING")
    ask_psp(desk, p)
    desk.till.settle(p, night)
    desk.note(NAME, f"{p.id}/capture", "timing", "", PENDING, 0, night - 1)
    _stands(desk, p, "uncertain_payment_settled", AUTO, night)
    desk.stands(p, "capture", "psp_not_in_ledger", AUTO, night)


def never_answered(desk: Desk, psp: str) -> None:
    """The provider was asked and never had it: its settlements of that time are whole and say nothing."""
    p = desk.payment(psp, at=evening_before(psp))
    desk.till.order(p, "EXECUTING", recorded=RECORDED, order_id=own_id(p))
    _order(desk, p, "PAYING", recorded=RECORDED)
    _overdue(desk, p, "uncertain_payment_not_settled", AUTO)


def order_not_told(desk: Desk, psp: str) -> None:
    """Paid everywhere, and the order still waits; two nights later it hears of it."""
    p = desk.payment(psp)
    _paid(desk, p)
    _order(desk, p, "PAYING")
    _order(desk, p, "PAID", version=2, at=desk.on(p, 2))
    _stands(desk, p, "order_status_lag", AUTO, 0, 1)
    desk.note(NAME, f"{p.id}/capture", "order_told", "", CLEARED, 2, 2)


def paid_by_two(desk: Desk, psp: str) -> None:
    """The customer tried again: both payments went through, and the order names one."""
    first, second = desk.payment(psp), desk.payment(psp)
    for p in (first, second):
        desk.till.order(p, "SUCCESS", order_id=own_id(first), flags=(1, 1))
        desk.till.book(p)
        desk.till.settle(p, 0)
    _order(desk, first, "PAID")
    _stands(desk, second, "paid_twice", MANUAL, 0)


def flag_not_set(desk: Desk, psp: str) -> None:
    """The ledger booked it; the payment order's flag says that it did not."""
    p = desk.payment(psp)
    _paid(desk, p, flags=(0, 1))
    _order(desk, p, "PAID")
    _stands(desk, p, "ledger_flag_wrong", MANUAL, 0)


def wallet_left_out(desk: Desk, psp: str) -> None:
    """Paid and booked; the seller's wallet never had it."""
    p = desk.payment(psp)
    _paid(desk, p, flags=(1, 0))
    _order(desk, p, "PAID")
    _stands(desk, p, "wallet_not_credited", MANUAL, 0)


def shipped_unpaid(desk: Desk, psp: str) -> None:
    """The payment failed after the parcel had left."""
    p = desk.payment(psp, at=evening_before(psp))
    desk.till.order(p, "FAILED", recorded=RECORDED, order_id=own_id(p))
    _order(desk, p, "FAILED", recorded=RECORDED, shipped=p.at - 3_600)
    _overdue(desk, p, "fulfilled_unpaid", INVESTIGATE)


def left_ordered(desk: Desk, psp: str) -> None:
    """Ordered, a payment order made, and nobody ever paid."""
    p = desk.payment(psp, at=evening_before(psp))
    desk.till.order(p, "PENDING", recorded=RECORDED, order_id=own_id(p))
    _order(desk, p, "ORDERED", recorded=RECORDED)
    _overdue(desk, p, "order_never_paid", MANUAL)


def ordered_without_payment(desk: Desk, psp: str) -> None:
    """Ordered, and not even a payment order was made."""
    p = desk.payment(psp, at=evening_before(psp))
    order_id = _order(desk, p, "ORDERED", recorded=RECORDED, paid_by=False)
    first = overdue_from(psp)
    desk.note(NAME, f"shop_orders/{order_id}", "timing", "", PENDING, 0, first - 1)
    desk.note(NAME, f"shop_orders/{order_id}", "order_never_paid", MANUAL, BREAK, first)


def _overdue(desk: Desk, p: Payment, code: str, class_: str) -> None:
    first = overdue_from(p.psp)
    desk.note(NAME, f"{p.id}/capture", "timing", "", PENDING, 0, first - 1)
    _stands(desk, p, code, class_, first)


def told_the_same_night(desk: Desk, psp: str) -> None:
    """An order that went from cart to paid within a day."""
    p = desk.payment(psp)
    _paid(desk, p)
    for version, status in enumerate(("WAITING", "ORDERED", "PAYING", "PAID"), 1):
        _order(desk, p, status, version=version, at=p.at - 80 + version * 30)
    desk.note(NAME, f"{p.id}/capture", "agreed", "", CLEARED, 0, 0)


CASES = (
    answer_lost,
    never_answered,
    order_not_told,
    paid_by_two,
    flag_not_set,
    wallet_left_out,
    shipped_unpaid,
    left_ordered,
    ordered_without_payment,
    told_the_same_night,
)

#: What a break of payin is here; a code that is missing is none here.
_ALSO = {
    "quarantined_row": ("quarantined_row", MANUAL),
    "restated_row": ("restated_row", MANUAL),
    "ambiguous_match": ("ambiguous_match", MANUAL),
    "key_missing": ("key_missing", MANUAL),
    "psp_no_order": ("psp_no_order", INVESTIGATE),
    "ledger_not_in_psp": ("ledger_not_in_psp", INVESTIGATE),
    "void_not_recorded": ("ledger_not_in_psp", INVESTIGATE),
    "auth_expired": ("ledger_not_in_psp", INVESTIGATE),
    "applied_before_final": ("ledger_not_in_psp", INVESTIGATE),
    "review_overdue": ("order_never_paid", MANUAL),
    "deposit_overdue": ("order_never_paid", MANUAL),
    "never_captured": ("order_never_paid", MANUAL),
    "order_status_lag": ("uncertain_payment_settled", AUTO),
    "order_cancelled_after_clearing": ("failed_payment_captured", MANUAL),
    "unexplained": ("failed_payment_captured", MANUAL),  # paid everywhere, and the payment order says FAILED
}


def _also(desk: Desk) -> None:
    """The truth of payin's breaks here. An order that was cancelled is settled by the provider's refund, not by the ledger's."""
    truth = [row for row in desk.truth if row.reconciliation == "payin"]
    for row in truth:
        if row.state == BREAK and row.code in _ALSO:
            code, class_ = _ALSO[row.code]
            desk.note(NAME, row.key, code, class_, BREAK, row.night, row.night)
    refunded = {row.key.partition("/")[0] for row in truth if row.code == "refunded_after_all"}
    for payment in sorted(refunded):
        waits = any(row.night == LAST and row.key == f"{payment}/refund" and row.state == PENDING for row in truth)
        desk.note(NAME, f"{payment}/capture", "failed_payment_captured", MANUAL, BREAK, 3, LAST if waits else LAST - 1)


def make(making: Making) -> None:
    """Plant every case, each at one provider in a small shop, and what payin's cases are here."""
    for number, case in enumerate(CASES):
        everywhere = making.payments >= EVERYWHERE
        for psp in PSPS if everywhere else (PSPS[(number + making.seed) % len(PSPS)],):
            case(making.desk, psp)
    _also(making.desk)


SYSTEM = System(
    reconciliations=(NAME,),
    tables=(
        Table(
            "order_versions",
            "order_id {key} not null, version integer not null, payment_order_id {key}, psp {key}, status {key} not null, "
            "currency char(3) not null, amount_minor bigint not null, shipped_at {time}, created_at {time} not null, "
            "updated_at {time} not null, recorded_at {time} not null, primary key (order_id, version)",
            then=(_DERIVE, "create index order_versions_recorded on {prefix}order_versions (recorded_at)"),
        ),
    ),
    sources=SOURCES,
    make=make,
)
