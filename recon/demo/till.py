"""The till: where a payment's traces are rung up, as settlement lines, ledger journals and payment order versions.

Serial numbers of postings and journals follow the order of calls, so the same calls leave the same rows.
"""

from __future__ import annotations

from collections.abc import Sequence

from recon.demo.books import BATCH, GIFT_CARD_COLUMNS, ORDER_COLUMNS, POSTING_COLUMNS, Books, Row
from recon.demo.files import SettlementFiles, charged, reference, settled_reference, settles_in
from recon.demo.shop import HOUR, Line, Payment, clock, instant

JOURNAL_COLUMNS = (
    "entry_id, journal_id, account, kind, order_id, currency, amount_minor, posted_at, recorded_at, period_closed_at, "
    "seller_id, seller_payout_id"
)
#: The other leg of a payment's journal.
CONTRA = {
    "capture": "customer_payments",
    "refund": "customer_payments",
    "chargeback": "chargeback_receivable",
    "chargeback_reversal": "chargeback_receivable",
}


#: Row types that the formats' mappings do not know.
UNKNOWN_TYPES = {"stripe": "goodwill_credit", "adyen": "LoyaltyRebate"}
#: How everyday payments are made; a wallet on a phone is a method like any other.
METHODS = ("card", "card", "google_pay", "card", "apple_pay", "bank_transfer")


class Till:
    """Writes through to files and books; holds at most one batch of rows of each table."""

    def __init__(self, files: SettlementFiles, books: Books) -> None:
        self.files = files
        files.told = self._book_settled
        self._books = books
        self._postings: list[Row] = []
        self._orders: list[Row] = []
        self.postings = 0
        self._journals = 0

    def settle(
        self,
        p: Payment,
        night: int,
        *,
        kind: str = "capture",
        amount: int | None = None,
        at: int | None = None,
        occurrence: int = 0,
    ) -> None:
        """The provider settles a movement of the payment in its file of `night`; it echoes our reference."""
        value = p.amount if amount is None else amount
        when = p.at if at is None else at
        line = Line(p.psp, kind, p.number, p.id, p.order_id, p.currency, value, when, occurrence, p.at)
        self.files.write(night, line)

    def book(
        self,
        p: Payment,
        *,
        kind: str = "capture",
        amount: int | None = None,
        at: int | None = None,
        recorded: int | None = None,
        currency: str = "",
        psp_reference: str = "",
        occurrence: int = 0,
        settled: tuple[str, int | None] | None = None,
    ) -> None:
        """The ledger books a movement of the payment: one journal with two postings that sum to zero.

        at         when it happened; `recorded` when the row was written (12 s later unless told)
        settled    currency and amount that the ledger expects the provider to settle, where that is another currency
        """
        value = p.amount if amount is None else amount
        when = (p.at if at is None else at) + 10
        written = clock(when + 2 if recorded is None else recorded)
        ref = psp_reference or reference(p.psp, kind, p.number, occurrence)
        code, posted = currency or p.currency, clock(when)
        other, expected = settled or (None, None)
        self._journals += 1
        for account, signed in (("psp_receivable", value), (CONTRA[kind], -value)):
            self.postings += 1
            head = (self.postings, self._journals, account, kind, p.psp, ref, p.id, p.order_id)
            sign = 1 if signed == value else -1
            converted = (other, None if expected is None else sign * expected)
            self._postings.append((*head, code, signed, posted, written, None, *converted))
        if len(self._postings) >= BATCH:
            self._flush_postings()

    def book_fee(
        self,
        psp: str,
        psp_reference: str,
        currency: str,
        fee: int,
        tax: int = 0,
        *,
        at: int,
        recorded: int | None = None,
        claim: int = 0,
        payment: tuple[str, str] | None = None,
    ) -> None:
        """The ledger books a fee and the tax on it: against what the provider owes us, or against a claim on it.

        payment   our references of the payment and its order
        """
        self._journals += 1
        posted, written = clock(at), clock(at + 2 if recorded is None else recorded)
        legs = (("psp_fees", fee), ("input_vat", tax), ("psp_fee_claims", claim), ("psp_balance", -fee - tax - claim))
        ours = payment or (None, None)
        for account, amount in legs:
            if amount:
                self.postings += 1
                head = (self.postings, self._journals, account, "fee", psp, psp_reference, *ours)
                self._postings.append((*head, currency, amount, posted, written, None, None, None))
        if len(self._postings) >= BATCH:
            self._flush_postings()

    def _book_settled(self, night: int, line: Line) -> None:
        """Each evening the shop books the fees of the night's file, a line at a time; rows of a type that it does not know,
        rows that an earlier file had, and fees without a reference it leaves to people."""
        fee, tax = charged(line)
        fee -= line.amount if line.kind == "fee" else 0
        ref = settled_reference(line)
        if not ref or line.first_file >= 0 or line.type_text in UNKNOWN_TYPES.values() or not (fee or tax):
            return
        ours = (line.payment_order_id, line.order_id) if line.payment_order_id else None
        self.book_fee(line.psp, ref, settles_in(line), fee, tax, at=instant(night, 22 * HOUR), payment=ours)

    def journal(
        self,
        kind: str,
        currency: str,
        legs: Sequence[tuple[str, int]],
        at: int,
        *,
        recorded: int | None = None,
        order_id: str | None = None,
        closed_at: int | None = None,
        of: int | None = None,
        seller: str | None = None,
        seller_payout: str | None = None,
    ) -> int:
        """Any journal, by its legs (account, amount); gives its number, to which later legs may be added (`of`).

        closed_at       when the accounting period that it is booked into was closed
        seller          the seller that every leg is about; `seller_payout` the payout to a seller
        """
        if of is None:
            self._journals += 1
            of = self._journals
        written = clock(at + 2 if recorded is None else recorded)
        closed = None if closed_at is None else clock(closed_at)
        rows: list[Row] = []
        for account, amount in legs:
            self.postings += 1
            head = (self.postings, of, account, kind, order_id, currency, amount)
            rows.append((*head, clock(at), written, closed, seller, seller_payout))
        self.add("ledger_entries", JOURNAL_COLUMNS, rows)
        return of

    def order(
        self,
        p: Payment,
        status: str,
        *,
        version: int = 1,
        at: int | None = None,
        amount: int | None = None,
        captured: int | None = None,
        psp_reference: str = "",
        recorded: int | None = None,
        order_id: str = "",
        currency: str = "",
        method: str = "",
        reason: str | None = None,
        parts: tuple[int | None, int | None, int | None] = (None, None, None),
        flags: tuple[int | None, int | None] = (None, None),
    ) -> None:
        """A version of the payment order, written at `at` (by default 20 s after the capture).

        recorded   when the books had it (at once unless told)
        parts      what points and gift cards pay, and the total; `flags`: ledger and wallet updated, 0 or 1
        """
        updated = clock(p.at + 20 if at is None else at)
        written = updated if recorded is None else clock(recorded)
        ref = None if status == "PENDING" else psp_reference or reference(p.psp, "capture", p.number)
        self._orders.append(
            (
                p.id,
                version,
                order_id or p.order_id,
                p.psp,
                ref,
                status,
                currency or p.currency,
                p.amount if amount is None else amount,
                captured,
                clock(p.at - 60),
                updated,
                written,
                method or METHODS[p.number % len(METHODS)],
                reason,
                *parts,
                *flags,
            )
        )
        if len(self._orders) >= BATCH:
            self._flush_orders()

    def top_up_gift_card(self, line_id: str, amount: int, at: int) -> None:
        """Money put on a gift card in the shop's own system, in won."""
        self._books.add("gift_card_lines", GIFT_CARD_COLUMNS, [(line_id, "topup", "KRW", amount, clock(at))])

    def add(self, table: str, columns: str, rows: list[Row]) -> None:
        """Rows of a table of another system; at most a batch at a time where there are many."""
        if rows:
            self._books.add(table, columns, rows)

    def flush(self) -> None:
        """Hand what is held to the books."""
        self._flush_postings()
        self._flush_orders()

    def _flush_postings(self) -> None:
        if self._postings:
            self._books.add("ledger_entries", POSTING_COLUMNS, self._postings)
            self._postings = []

    def _flush_orders(self) -> None:
        if self._orders:
            self._books.add("payment_order_versions", ORDER_COLUMNS, self._orders)
            self._orders = []
