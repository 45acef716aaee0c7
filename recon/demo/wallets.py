"""Wallets: balances that are stored beside their entries, customers' money at the bank, and top-ups paid at a provider.

Balances are kept with the span of time for which they hold, so that a past night reads them as they were.
"""

from __future__ import annotations

from dataclasses import dataclass

from recon.demo.desk import AUTO, CLEARED, INVESTIGATE, MANUAL, PENDING, Desk
from recon.demo.shop import HOUR, LAST, PSPS, Payment, clock, instant
from recon.demo.systems import Making, System, Table

BALANCE_COLUMNS = "balance_id, book, basis, account, unit, currency, amount_minor, quantity, from_at, until_at"
ENTRY_COLUMNS = "entry_id, wallet_id, kind, payment_order_id, currency, amount_minor, occurred_at, recorded_at"
EVER = 20  # a night after every other
LONG_AGO = -10


@dataclass(frozen=True, slots=True)
class TopUp(Payment):
    """A payment that fills a wallet: its payment order begins with TU-."""

    @property
    def id(self) -> str:
        return f"TU-{self.number:08d}"


class _Balances:
    """Rows of balances: (book, account, unit) with what each basis says for a span of nights."""

    def __init__(self) -> None:
        self.rows: list[tuple[object, ...]] = []

    def holds(self, book: str, account: str, unit: str, first: int = 0, last: int = EVER, **said: int) -> None:
        """`said`: basis -> number. Money unless the unit is points."""
        points = unit == "points"
        for basis, number in said.items():
            key = f"{book}:{account}:{unit}:{basis}:{first}"
            worth = (None, None, number) if points else (unit, number, None)
            span = (clock(instant(first, 0)), clock(instant(last + 1, 0)))
            self.rows.append((key, book, basis, account, unit, *worth, *span))


def make(making: Making) -> None:
    """Balances, safeguarding and top-ups, with every code of the three."""
    desk, made = making.desk, _Balances()
    wallets = max(8, making.payments // 50)
    for number in range(wallets):
        amount = 10_000 + number * 37
        made.holds("wallet", f"W-{number:05d}", "KRW", stored=amount, entries=amount, ledger=amount)
        made.holds("points", f"M-{number:05d}", "points", stored=number * 3, entries=number * 3)
    for account in ("psp_receivable", "customer_payments", "suspense"):
        made.holds("ledger", account, "EUR", stored=-5_000, entries=-5_000)
    planted = _plant_balances(desk, made)
    _safeguard(desk, made, sum(10_000 + number * 37 for number in range(wallets)) + planted)
    desk.till.add("balances", BALANCE_COLUMNS, made.rows)
    _top_ups(desk, making.seed)


def _plant_balances(desk: Desk, made: _Balances) -> int:
    """Every code of balances; gives what the planted KRW wallets hold in all, the same on every night."""
    made.holds("wallet", "W-LOST", "KRW", entries=800, ledger=800)
    desk.note("balances", "wallet/W-LOST/KRW", "balance_missing", INVESTIGATE)
    made.holds("wallet", "W-RED", "KRW", stored=-300, entries=-300, ledger=-300)
    desk.note("balances", "wallet/W-RED/KRW", "below_zero", MANUAL)
    made.holds("points", "M-RED", "points", last=1, stored=-5, entries=-5)
    made.holds("points", "M-RED", "points", first=2, stored=0, entries=0)
    desk.note("balances", "points/M-RED/points", "below_zero", MANUAL, last=1)
    desk.note("balances", "points/M-RED/points", "mended", "", CLEARED, first=2, last=2)
    made.holds("ledger", "bank", "KRW", first=0, last=0, stored=7_000, entries=7_000)
    made.holds("ledger", "bank", "KRW", first=1, last=2, stored=7_001, entries=7_000)
    made.holds("ledger", "bank", "KRW", first=3, stored=7_000, entries=7_000)
    desk.note("balances", "ledger/bank/KRW", "balance_drift", INVESTIGATE, first=1, last=2)
    desk.note("balances", "ledger/bank/KRW", "rebuilt", "", CLEARED, first=3)
    made.holds("points", "M-DRIFT", "points", stored=12, entries=10)
    desk.note("balances", "points/M-DRIFT/points", "balance_drift", INVESTIGATE)
    made.holds("wallet", "W-TWO", "KRW", stored=500, entries=500, ledger=450)
    desk.note("balances", "wallet/W-TWO/KRW", "wallet_vs_ledger", MANUAL)
    made.holds("wallet", "W-NEW", "KRW", stored=0)
    desk.note("balances", "wallet/W-NEW/KRW", "nothing_yet", "", CLEARED, last=0)
    return -300 + 500


def _safeguard(desk: Desk, made: _Balances, customers: int) -> None:
    """Won are short on two nights; euros, which no customer holds, lie there in peace."""
    made.holds("safeguarding", "SAFE-1", "KRW", last=1, stored=customers)
    made.holds("safeguarding", "SAFE-1", "KRW", first=2, last=3, stored=customers - 1)
    made.holds("safeguarding", "SAFE-1", "KRW", first=4, stored=customers + 500)
    made.holds("safeguarding", "SAFE-2", "EUR", stored=100)
    desk.note("safeguarding", "KRW", "safeguarding_shortfall", INVESTIGATE, first=2, last=3)
    desk.note("safeguarding", "KRW", "filled_up", "", CLEARED, first=4, last=4)


def _top_ups(desk: Desk, seed: int) -> None:
    psps = [PSPS[(seed + n) % len(PSPS)] for n in range(len(PSPS))]
    rows: list[tuple[object, ...]] = []

    def top_up(psp: str, *credits_: int, paid: bool = True, at: int | None = None, file: int = 0) -> TopUp:
        """A top-up paid at the provider (if `paid`), with the wallet entries that it left."""
        p = desk.payment(psp, size="low", at=at)
        p = TopUp(p.number, p.psp, p.amount, p.at)
        if paid:
            desk.till.order(p, "SUCCESS")
            desk.till.book(p)
            desk.till.settle(p, file)
        for n, amount in enumerate(credits_):
            times = (clock(p.at + 30 + n), clock(max(p.at + 32 + n, instant(0, HOUR))))
            rows.append((f"WE-{p.number}-{n}", "W-00001", "topup", p.id, p.currency, amount or p.amount, *times))
        return p

    good = top_up(psps[0], 0)
    desk.note("wallet", good.id, "credited", "", CLEARED, last=0)
    for psp in psps:
        desk.note("wallet", top_up(psp).id, "topup_no_credit", AUTO)
    forged = top_up(psps[0], 0, paid=False, at=instant(LONG_AGO, 9 * HOUR))
    desk.note("wallet", forged.id, "credit_no_cash", INVESTIGATE)
    desk.note("wallet", top_up(psps[1], 0, 0).id, "topup_credited_twice", MANUAL)
    desk.note("wallet", top_up(psps[2], 1).id, "topup_amount_differs", MANUAL)
    second = desk.second_file(psps[1])
    waits = top_up(psps[1], 0, at=instant(0, 16 * HOUR), file=second)
    desk.note("wallet", waits.id, "timing", "", PENDING, last=min(second - 1, LAST))
    desk.note("wallet", waits.id, "in_transit", "", CLEARED, first=second, last=second)
    desk.till.add("wallet_entries", ENTRY_COLUMNS, rows)


SOURCES = """\
  balances:
    record: balance
    moves: state
    database: shop
    # Kept with the span for which they hold, so a past night can be read again.
    query: |
      select balance_id, book, basis, account, unit, currency, amount_minor as amount, quantity
      from {prefix}balances
      where from_at < :to and until_at >= :to
  wallet_entries:
    record: wallet_entry
    moves: events
    database: shop
    query: |
      select entry_id, wallet_id, kind, payment_order_id, currency, amount_minor as amount, occurred_at
      from {prefix}wallet_entries
      where recorded_at >= :from and recorded_at < :to
"""
SYSTEM = System(
    reconciliations=("balances", "safeguarding", "wallet"),
    make=make,
    tables=(
        Table(
            "balances",
            "balance_id {key} not null primary key, book {key} not null, basis {key} not null, account {key} not null, "
            "unit {key} not null, currency char(3), amount_minor bigint, quantity bigint, from_at {time} not null, "
            "until_at {time} not null",
        ),
        Table(
            "wallet_entries",
            "entry_id {key} not null primary key, wallet_id {key} not null, kind {key} not null, payment_order_id {key}, "
            "currency char(3) not null, amount_minor bigint not null, occurred_at {time} not null, recorded_at {time} not null",
        ),
    ),
    sources=SOURCES,
)
