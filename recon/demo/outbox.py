"""The shop's outbox: events that were written with a business change, and what their consumers took of them."""

from __future__ import annotations

from recon.demo.desk import AUTO, BREAK, CLEARED, INVESTIGATE, MANUAL, PENDING, Desk
from recon.demo.shop import DAY, LAST, Payment, clock, instant
from recon.demo.systems import Making, System, Table
from recon.demo.traffic import payment

NAME = "outbox"
EVENTS = (
    "event_id, version, event_type, payment_order_id, order_id, status, attempts, currency, amount_minor, created_at, "
    "sent_at, updated_at"
)
TAKEN = "consumption_id, event_id, consumer, currency, amount_minor, consumed_at"
#: One of so many everyday payments has an event; the rest of the outbox was cleaned up, as outboxes are.
EVERY = 25
SOURCES = """\
  outbox:
    record: outbox_event
    moves: changes
    database: shop
    query: |
      select event_id, event_type, payment_order_id, order_id, status, attempts, currency, amount_minor as amount,
             created_at, sent_at, updated_at
      from {prefix}outbox_versions v
      where updated_at >= :from and updated_at < :to
        and not exists (
          select 1 from {prefix}outbox_versions n
          where n.event_id = v.event_id and n.version > v.version and n.updated_at >= :from and n.updated_at < :to)
  consumed:
    record: consumed_event
    moves: events
    database: shop
    query: |
      select consumption_id, event_id, consumer, currency, amount_minor as amount, consumed_at
      from {prefix}consumed_events
      where consumed_at >= :from and consumed_at < :to
"""


def event_id(p: Payment) -> str:
    """The id of the payment's event."""
    return f"EVT-{p.number:08d}"


def emit(
    desk: Desk,
    p: Payment,
    status: str,
    *,
    version: int = 1,
    at: int | None = None,
    attempts: int = 1,
    type_: str = "payment_succeeded",
) -> None:
    """A version of the payment's event, written 30 s after the capture unless `at` says when."""
    updated = p.at + 30 if at is None else at
    sent = clock(updated) if status == "SENT" else None
    head = (event_id(p), version, type_, p.id, p.order_id, status, attempts, p.currency, p.amount)
    desk.till.add("outbox_versions", EVENTS, [(*head, clock(p.at + 30), sent, clock(updated))])


def take(desk: Desk, p: Payment, *, at: int | None = None, again: int = 0) -> None:
    """The ledger's consumer takes the event, a minute after the capture unless `at` says when."""
    when = clock(p.at + 60 if at is None else at)
    row = (f"{event_id(p)}:ledger:{again}", event_id(p), "ledger", p.currency, p.amount, when)
    desk.till.add("consumed_events", TAKEN, [row])


def ask_psp(desk: Desk, p: Payment) -> None:
    """The provider was asked to approve the payment, and no answer was ever recorded."""
    emit(desk, p, "SENT", type_="approval_requested")
    _stands(desk, p, "approval_unanswered", MANUAL)


def _stands(desk: Desk, p: Payment, code: str, class_: str, first: int = 0, last: int = LAST) -> None:
    desk.note(NAME, f"{event_id(p)}", code, class_, BREAK, first, last)


def _is(desk: Desk, p: Payment, what: str, state: str, night: int) -> None:
    desk.note(NAME, f"{event_id(p)}", what, "", state, night, night)


def _plant(desk: Desk) -> None:
    """One event of each kind of trouble. They speak of payments of somebody else's systems: payin knows nothing of them."""
    stuck, lost, given_up, tried, twice, unmarked, unknown, late, young, answered = (
        desk.payment("stripe", size="low") for _ in range(10)
    )
    emit(desk, stuck, "NEW", attempts=0)
    _stands(desk, stuck, "outbox_stuck", AUTO)
    emit(desk, lost, "SENT")
    _stands(desk, lost, "outbox_lost", AUTO)
    emit(desk, given_up, "DEAD", attempts=10)
    _stands(desk, given_up, "dead_letter", MANUAL)
    emit(desk, tried, "NEW", attempts=14)
    _stands(desk, tried, "retries_exhausted", MANUAL)
    emit(desk, twice, "SENT")
    take(desk, twice)
    take(desk, twice, at=desk.on(twice, 1), again=1)
    _is(desk, twice, "agreed", CLEARED, 0)
    _stands(desk, twice, "consumed_twice", MANUAL, 1)
    emit(desk, unmarked, "NEW")
    take(desk, unmarked)
    _stands(desk, unmarked, "consumed_unmarked", AUTO)
    take(desk, unknown)
    _stands(desk, unknown, "consumed_unknown", INVESTIGATE)
    emit(desk, late, "NEW", attempts=0)
    emit(desk, late, "SENT", version=2, at=desk.on(late, 2))
    take(desk, late, at=desk.on(late, 2) + 2)
    _stands(desk, late, "outbox_stuck", AUTO, 0, 1)
    _is(desk, late, "sent_late", CLEARED, 2)
    # Ten minutes before the night's end: within the grace.
    end = instant(0, DAY)
    emit(desk, young, "NEW", attempts=0, at=end - 600)
    emit(desk, young, "SENT", version=2, at=end + 5)
    take(desk, young, at=end + 7)
    _is(desk, young, "timing", PENDING, 0)
    _is(desk, young, "grace", CLEARED, 1)
    emit(desk, answered, "SENT", type_="approval_requested")
    take(desk, answered)
    _is(desk, answered, "answered", CLEARED, 0)


def make(making: Making) -> None:
    """Everyday events that were sent and taken once, and the planted ones."""
    events, taken = [], []
    for index in range(0, making.payments, EVERY):
        p, _ = payment(making.seed, index, making.payments)
        at, sent = clock(p.at + 30), clock(p.at + 33)
        head = (event_id(p), 1, "payment_succeeded", p.id, p.order_id, "SENT", 1, p.currency, p.amount)
        events.append((*head, at, sent, sent))
        taken.append((f"{event_id(p)}:ledger:0", event_id(p), "ledger", p.currency, p.amount, clock(p.at + 35)))
    making.desk.till.add("outbox_versions", EVENTS, events)
    making.desk.till.add("consumed_events", TAKEN, taken)
    _plant(making.desk)


SYSTEM = System(
    reconciliations=(NAME,),
    tables=(
        Table(
            "outbox_versions",
            "event_id {key} not null, version integer not null, event_type {key} not null, payment_order_id {key}, "
            "order_id {key}, status {key} not null, attempts integer not null, currency char(3), amount_minor bigint, "
            "created_at {time} not null, sent_at {time}, updated_at {time} not null, primary key (event_id, version)",
            then=("create index outbox_versions_updated on {prefix}outbox_versions (updated_at)",),
        ),
        Table(
            "consumed_events",
            "consumption_id {key} not null primary key, event_id {key} not null, consumer {key} not null, "
            "currency char(3), amount_minor bigint, consumed_at {time} not null",
            then=("create index consumed_events_at on {prefix}consumed_events (consumed_at)",),
        ),
    ),
    sources=SOURCES,
    make=make,
)
