"""Records: the vocabularies that every source is read into (docs/records.md is made from this module).

A record is one row with named, typed fields. Money is int64 minor units; the field named in `of` holds its currency.
Sign: money to us is positive. Every record also has the `COMMON` columns, filled by ingest.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Type(StrEnum):
    """What a field holds. `key` is text that identifies something: compared exactly, never as a number."""

    TEXT = "text"
    KEY = "key"
    MONEY = "money"
    CURRENCY = "currency"
    DATE = "date"
    INSTANT = "instant"
    RATE = "rate"  # decimal text, kept as it stood
    INTEGER = "integer"
    BOOLEAN = "boolean"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a vocabulary: name, type, what it means, and for money the field with its currency."""

    name: str
    type: Type
    doc: str
    of: str = ""
    required: bool = False


@dataclass(frozen=True, slots=True)
class RecordType:
    """A vocabulary. `instant` names the field with the moment, `day` a field with a plain date. The business date is that
    of the instant in the workspace's zone and cut-off; where the instant is empty, the plain date.

    outside   it comes from a provider or a bank: rows are told apart per account and kind, and a source in recon.yaml may
              say the account where the file does not
    derived   fields that no source gives and nothing keeps: rules read them, and they are worked out each night
    """

    name: str
    doc: str
    fields: tuple[Field, ...]
    instant: str
    day: str = ""
    kinds: tuple[str, ...] = ()
    outside: bool = False
    derived: tuple[Field, ...] = ()

    def field(self, name: str) -> Field | None:
        return next((field for field in self.fields if field.name == name), None)

    def fact(self, name: str) -> Field | None:
        """A field that rules read of it: its own, or one that is worked out."""
        return next((field for field in (*self.fields, *self.derived) if field.name == name), None)

    @property
    def has_money(self) -> bool:
        """Whether its records have an `amount`; those of goods have none."""
        return self.field("amount") is not None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(field.name for field in self.fields)


#: Columns that every record has beside its own fields, in this order.
COMMON: tuple[Field, ...] = (
    Field("source", Type.KEY, "Name of the source in recon.yaml that the record came from.", required=True),
    Field("record_id", Type.KEY, "Identity within the source: account, natural id, kind, occurrence.", required=True),
    Field("business_date", Type.DATE, "The day it belongs to, by the workspace's zone and cut-off.", required=True),
    Field("file", Type.TEXT, "File name, or `query:NAME` for a row of a query.", required=True),
    Field("sha256", Type.KEY, "SHA-256 of the file's bytes; empty for a query."),
    Field("line", Type.INTEGER, "1-based line of the row's start in the file (JSON: of the record); 0 for a query."),
)

#: Kinds of settlement lines and ledger entries. `unknown` is a row type that the mapping does not know: kept, never dropped.
KINDS = (
    "capture",
    "refund",
    "chargeback",
    "chargeback_reversal",
    "fee",
    "reserve",
    "reserve_release",
    "adjustment",
    "payout",
    "unknown",
)

#: Kinds of bank lines. The sign of the amount says the direction; the kind says what the bank makes of it.
BANK_KINDS = (
    "credit",
    "debit",
    "fee",
    "interest",
    "returned",
    "reversal",
    "information",
    "unknown",
)

#: Payment methods by their usual names; a source may have others. A wallet on a phone is a method like any other.
METHODS = (
    "card",
    "google_pay",
    "apple_pay",
    "bank_transfer",
    "virtual_account",
    "cash",
    "mobile",
    "wallet",
    "points",
    "gift_card",
)

#: What a payment order says of itself. AUTHORIZED: held, not captured; IN_REVIEW: the provider looks into it;
#: WAITING_DEPOSIT: a virtual account or cash that the customer pays in later; VOIDED: the provider let the hold go before
#: capture; EXPIRED: it ran out of time.
PAYMENT_STATUSES = (
    "PENDING",
    "WAITING_DEPOSIT",
    "EXECUTING",
    "UNKNOWN",
    "IN_REVIEW",
    "AUTHORIZED",
    "SUCCESS",
    "FAILED",
    "CANCELLED",
    "VOIDED",
    "EXPIRED",
    "REFUNDED",
)

#: What an order says of itself. WAITING: a cart, nothing is asked yet; ORDERED: placed, not paid; PAYING: a payment runs.
ORDER_STATUSES = ("WAITING", "ORDERED", "PAYING", "PAID", "FAILED", "CANCELLED")

#: What an outbox says of an event. NEW: not sent; SENT: the broker has it; DEAD: given up.
EVENT_STATUSES = ("NEW", "SENT", "DEAD")

#: What a payout to a seller says of itself. ORDERED: not sent yet; FAILED: it never left; RETURNED: it came back.
SELLER_PAYOUT_STATUSES = ("ORDERED", "SENT", "PAID", "FAILED", "RETURNED", "CANCELLED")

T = Type
SETTLEMENT_LINE = RecordType(
    "settlement_line",
    "One row of a PSP's settlement file. `amount` is what the customer paid, `settled_*` what the PSP made of it: "
    "settled_amount - fee - tax = net, all in settled_currency.",
    (
        Field("psp", T.KEY, "Provider, in lower case: stripe, adyen, toss.", required=True),
        Field("account", T.KEY, "Our merchant account at the provider."),
        Field("kind", T.KEY, "One of: " + ", ".join(KINDS) + ".", required=True),
        Field("kind_raw", T.TEXT, "The row type as the file writes it."),
        Field("natural_id", T.KEY, "The provider's own id of the row, where it has one."),
        Field("psp_reference", T.KEY, "The provider's id of the payment, refund or dispute."),
        Field("payment_order_id", T.KEY, "Our reference that the provider echoes."),
        Field("order_id", T.KEY, "The shop's order."),
        Field("payout_id", T.KEY, "The payout or batch that the row belongs to."),
        Field("currency", T.CURRENCY, "What the customer paid in."),
        Field("amount", T.MONEY, "What the customer paid (capture > 0, refund < 0).", of="currency"),
        Field("settled_currency", T.CURRENCY, "What the provider settles in."),
        Field("settled_amount", T.MONEY, "The amount before fees, in the settlement currency.", of="settled_currency"),
        Field("fee", T.MONEY, "Fee without tax; positive when charged to us.", of="settled_currency"),
        Field("tax", T.MONEY, "Tax on the fee; positive when charged to us.", of="settled_currency"),
        Field("net", T.MONEY, "What reaches us: settled_amount - fee - tax.", of="settled_currency"),
        Field("fx_rate", T.RATE, "Rate from currency to settled_currency, as the file writes it."),
        Field("occurred_at", T.INSTANT, "When it happened, UTC."),
        Field("settled_on", T.DATE, "The provider's settlement or reporting day."),
        Field("opening", T.MONEY, "Of a payout: the balance before its lines.", of="settled_currency"),
        Field("closing", T.MONEY, "Of a payout: the balance that stays after it.", of="settled_currency"),
        Field("releases_on", T.DATE, "Of a reserve: the day on which it is due back."),
        Field("memo", T.TEXT, "The provider's free text."),
    ),
    instant="occurred_at",
    day="settled_on",
    kinds=KINDS,
    outside=True,
    derived=(
        Field(
            "charged_fee",
            T.MONEY,
            "Fee without tax, whichever way the file writes it: `fee`, and of a line of kind fee its amount. 0 where there is none.",
            of="settled_currency",
        ),
        Field("charged_tax", T.MONEY, "`tax`, 0 where there is none.", of="settled_currency"),
        Field(
            "expected_fee",
            T.MONEY,
            "The fee that the terms of its day say; empty where none fit, but 0 where nothing was charged either.",
            of="settled_currency",
        ),
        Field(
            "expected_tax",
            T.MONEY,
            "The tax that the terms of its day say on `charged_fee`; empty where none fit, but 0 where nothing was charged.",
            of="settled_currency",
        ),
        Field("without_terms", T.INTEGER, "1 where something was charged and no terms fit, else 0."),
    ),
)
BANK_LINE = RecordType(
    "bank_line",
    "One line of a bank statement. `returned`: a payment that came back; `reversal`: the bank undid a booking of its own; "
    "`information`: a line without money. A statement's balances are no lines: they prove that its lines are whole.",
    (
        Field("psp", T.KEY, "Provider that paid or was paid, where the format or the source says so."),
        Field("account", T.KEY, "Our account: IBAN, or the bank's own number.", required=True),
        Field("statement_id", T.KEY, "The bank's id of the statement or message."),
        Field("statement_number", T.KEY, "The statement's number in its sequence."),
        Field("kind", T.KEY, "One of: " + ", ".join(BANK_KINDS) + ".", required=True),
        Field("kind_raw", T.TEXT, "The bank's transaction code, as the file writes it."),
        Field(
            "status",
            T.KEY,
            "booked; interim: told before the day's statement, which repeats it; pending; information.",
            required=True,
        ),
        Field("natural_id", T.KEY, "The bank's own id of the line, where it has one."),
        Field("bank_reference", T.KEY, "The bank's reference of the booking."),
        Field("customer_reference", T.KEY, "The reference that came with the order: ours for what we sent."),
        Field("end_to_end_id", T.KEY, "The payer's reference, carried to the end; none where it says NOTPROVIDED."),
        Field(
            "payout_id", T.KEY, "The provider's payout, where the bank or the source names it in a field of its own."
        ),
        Field(
            "seller_payout_id",
            T.KEY,
            "The payout to a seller, where the format or the source finds our reference of it.",
        ),
        Field("currency", T.CURRENCY, "Currency of the account.", required=True),
        Field("amount", T.MONEY, "Money to us > 0, money out < 0.", of="currency", required=True),
        Field("balance_after", T.MONEY, "The account's balance after the line, where it is given.", of="currency"),
        Field("instructed_currency", T.CURRENCY, "What the payer ordered in, before any exchange."),
        Field("instructed_amount", T.MONEY, "What was ordered, before exchange and charges.", of="instructed_currency"),
        Field("fx_rate", T.RATE, "Rate of the exchange, as the file writes it."),
        Field("charges_currency", T.CURRENCY, "Currency of the charges."),
        Field("charges", T.MONEY, "Charges that the bank took from this payment; > 0.", of="charges_currency"),
        Field("booked_at", T.INSTANT, "When it was booked, UTC; empty in the formats that ship: banks book by day."),
        Field("booked_on", T.DATE, "Day that the bank booked it on."),
        Field("value_on", T.DATE, "Day from which it bears interest."),
        Field("counterparty", T.TEXT, "Name of who paid or was paid."),
        Field("counterparty_account", T.KEY, "Their account: IBAN, or the bank's own number."),
        Field("remittance", T.TEXT, "What the payer wrote: a payout's reference is looked for here."),
        Field("structured_reference", T.KEY, "The creditor's reference, where the payer gave one in its own field."),
        Field("return_reason", T.KEY, "Why a payment came back, as the bank's code says."),
        Field("details", T.INTEGER, "Payments that the line stands for, where the bank says so."),
        Field("bank_text", T.TEXT, "The bank's own words for the line."),
    ),
    instant="booked_at",
    day="booked_on",
    kinds=BANK_KINDS,
    outside=True,
)
LEDGER_ENTRY = RecordType(
    "ledger_entry",
    "One posting of the company's double-entry ledger.",
    (
        Field("entry_id", T.KEY, "Primary key of the posting.", required=True),
        Field("journal_id", T.KEY, "The journal entry that the posting is part of."),
        Field("account", T.KEY, "Ledger account: psp_receivable, customer_payments, ...", required=True),
        Field("kind", T.KEY, "capture, refund, chargeback, chargeback_reversal, ...", required=True),
        Field("psp", T.KEY, "Provider that the entry names."),
        Field("psp_reference", T.KEY, "The provider's id of the payment, refund or dispute."),
        Field("payment_order_id", T.KEY, "Our reference."),
        Field("order_id", T.KEY, "The shop's order."),
        Field("payout_id", T.KEY, "The payout or batch of the provider that the posting speaks of."),
        Field("seller_id", T.KEY, "The seller that the posting is about: payable, commission, receivable."),
        Field("seller_payout_id", T.KEY, "The payout to a seller that the posting speaks of."),
        Field("currency", T.CURRENCY, "Currency of the posting.", required=True),
        Field("amount", T.MONEY, "Debit > 0, credit < 0.", of="currency", required=True),
        Field("settled_currency", T.CURRENCY, "What the ledger expects it to be settled in, where that is another."),
        Field("settled_amount", T.MONEY, "What it comes to at the ledger's own rate.", of="settled_currency"),
        Field("posted_at", T.INSTANT, "When it was posted, UTC."),
        Field("booked_on", T.DATE, "Accounting date, where the ledger keeps one."),
        Field("period_closed_at", T.INSTANT, "When the accounting period that it is booked into was closed, UTC."),
        Field("memo", T.TEXT, "Free text of the posting."),
    ),
    instant="posted_at",
    day="booked_on",
    kinds=KINDS,
)
PAYMENT_ORDER = RecordType(
    "payment_order",
    "One payment that the company asked a PSP for, in its newest version.",
    (
        Field("payment_order_id", T.KEY, "Primary key; our reference at the PSP.", required=True),
        Field("order_id", T.KEY, "The shop's order."),
        Field("psp", T.KEY, "Provider it was sent to."),
        Field("psp_reference", T.KEY, "The provider's id of the payment."),
        Field("status", T.KEY, "One of: " + ", ".join(PAYMENT_STATUSES) + ".", required=True),
        Field("currency", T.CURRENCY, "Currency of the payment.", required=True),
        Field("amount", T.MONEY, "What we asked for (authorised).", of="currency", required=True),
        Field("captured_amount", T.MONEY, "What we captured, where less was shipped than ordered.", of="currency"),
        Field("method", T.KEY, "How it is paid: " + ", ".join(METHODS) + "."),
        Field("status_reason", T.TEXT, "Why it stands so: what the provider reviews, why it failed."),
        Field("points_amount", T.MONEY, "The part of the order that points pay for.", of="currency"),
        Field("gift_card_amount", T.MONEY, "The part that gift cards pay for.", of="currency"),
        Field("total_amount", T.MONEY, "What the customer owes in all: amount and the other parts.", of="currency"),
        Field("ledger_updated", T.BOOLEAN, "The system's own flag: the ledger has booked it."),
        Field("wallet_updated", T.BOOLEAN, "The system's own flag: the seller's wallet has it."),
        Field("created_at", T.INSTANT, "When it was created, UTC."),
        Field("updated_at", T.INSTANT, "When this version was written, UTC."),
    ),
    instant="updated_at",
)

ORDER = RecordType(
    "order",
    "One order of the shop, in its newest version.",
    (
        Field("order_id", T.KEY, "Primary key.", required=True),
        Field("payment_order_id", T.KEY, "The payment order that pays it: the newest one; none before checkout."),
        Field("psp", T.KEY, "Provider of that payment order."),
        Field("psp_reference", T.KEY, "The provider's id of that payment."),
        Field("status", T.KEY, "One of: " + ", ".join(ORDER_STATUSES) + ".", required=True),
        Field("currency", T.CURRENCY, "Currency of the order.", required=True),
        Field("amount", T.MONEY, "What that payment order has to bring.", of="currency", required=True),
        Field("shipped_at", T.INSTANT, "When the goods left, UTC; empty until then."),
        Field("created_at", T.INSTANT, "When it was created, UTC."),
        Field("updated_at", T.INSTANT, "When this version was written, UTC."),
    ),
    instant="updated_at",
)
OUTBOX_EVENT = RecordType(
    "outbox_event",
    "One event of a transactional outbox, in its newest version. An event for several consumers is a record for each.",
    (
        Field("event_id", T.KEY, "Primary key; the consumer tells events apart by it.", required=True),
        Field(
            "event_type",
            T.KEY,
            "payment_succeeded, order_cancelled, ...; approval_requested asks the PSP.",
            required=True,
        ),
        Field("payment_order_id", T.KEY, "The payment order that it speaks of."),
        Field("order_id", T.KEY, "The order that it speaks of."),
        Field("status", T.KEY, "One of: " + ", ".join(EVENT_STATUSES) + ".", required=True),
        Field("attempts", T.INTEGER, "How often sending was tried."),
        Field("currency", T.CURRENCY, "Currency of what it speaks of."),
        Field("amount", T.MONEY, "The money that it speaks of, where it does.", of="currency"),
        Field("created_at", T.INSTANT, "When it was written, UTC."),
        Field("sent_at", T.INSTANT, "When the broker took it, UTC."),
        Field("updated_at", T.INSTANT, "When this version was written, UTC."),
    ),
    instant="updated_at",
)
CONSUMED_EVENT = RecordType(
    "consumed_event",
    "One event that a consumer took; of a request to the PSP, the answer that was recorded.",
    (
        Field("consumption_id", T.KEY, "Primary key of the consumer's row.", required=True),
        Field("event_id", T.KEY, "The event.", required=True),
        Field("consumer", T.KEY, "Who took it: ledger, wallet, psp_gateway, ..."),
        Field("currency", T.CURRENCY, "Currency of what it speaks of."),
        Field("amount", T.MONEY, "The money that it speaks of, where it does.", of="currency"),
        Field("consumed_at", T.INSTANT, "When it was taken, UTC."),
    ),
    instant="consumed_at",
)

# --- balances and goods: the shop's own systems ---------------------------------------------------------------------

BALANCE = RecordType(
    "balance",
    "What an account holds, as one system says it: as it is stored, or as its entries add up. Read whole each night.",
    (
        Field("balance_id", T.KEY, "Tells the row from every other: account, unit and basis.", required=True),
        Field("book", T.KEY, "ledger, wallet, points, safeguarding: which accounts these are.", required=True),
        Field(
            "basis", T.KEY, "stored; entries: the sum of the book's entries; ledger: of the postings.", required=True
        ),
        Field("account", T.KEY, "The account, wallet or member.", required=True),
        Field("unit", T.KEY, "What it is counted in: the currency's code, or points.", required=True),
        Field("currency", T.CURRENCY, "Currency, where it is money."),
        Field("amount", T.MONEY, "What it holds, where it is money; what we owe counts positive.", of="currency"),
        Field("quantity", T.INTEGER, "What it holds, where it is no money: points."),
        Field("as_of", T.INSTANT, "When it last changed, UTC; without it, the night."),
    ),
    instant="as_of",
)
WALLET_ENTRY = RecordType(
    "wallet_entry",
    "One entry of a seller's or customer's wallet.",
    (
        Field("entry_id", T.KEY, "Primary key.", required=True),
        Field("wallet_id", T.KEY, "The wallet.", required=True),
        Field("kind", T.KEY, "topup, sale, refund, payout, adjustment.", required=True),
        Field("payment_order_id", T.KEY, "The payment that filled it."),
        Field("order_id", T.KEY, "The order that it speaks of."),
        Field("currency", T.CURRENCY, "Currency of the wallet.", required=True),
        Field("amount", T.MONEY, "Into the wallet > 0, out of it < 0.", of="currency", required=True),
        Field("occurred_at", T.INSTANT, "When it was written, UTC."),
    ),
    instant="occurred_at",
    kinds=("topup", "sale", "refund", "payout", "adjustment"),
)
POINTS_ORDER = RecordType(
    "points_order",
    "One order that points pay, wholly or in part, or that earns points, in its newest version.",
    (
        Field("order_id", T.KEY, "Primary key.", required=True),
        Field("member_id", T.KEY, "Whose points."),
        Field("status", T.KEY, "ORDERED, PAID, FAILED, CANCELLED, SHORT (no stock was left).", required=True),
        Field("points", T.INTEGER, "Points that pay it."),
        Field("earned", T.INTEGER, "Points that it earns when it is paid."),
        Field("currency", T.CURRENCY, "Currency of the order.", required=True),
        Field("amount", T.MONEY, "What those points are worth.", of="currency", required=True),
        Field("updated_at", T.INSTANT, "When this version was written, UTC."),
    ),
    instant="updated_at",
)
POINTS_ENTRY = RecordType(
    "points_entry",
    "One entry of the history of customers' points.",
    (
        Field("entry_id", T.KEY, "Primary key.", required=True),
        Field("member_id", T.KEY, "Whose points.", required=True),
        Field("kind", T.KEY, "charge, give_back, earn, expire, adjustment.", required=True),
        Field("order_id", T.KEY, "The order that it speaks of."),
        Field("points", T.INTEGER, "To the member > 0, from the member < 0.", required=True),
        Field("currency", T.CURRENCY, "What the points are worth: currency.", required=True),
        Field("amount", T.MONEY, "What the points are worth, with their sign.", of="currency", required=True),
        Field("balance_after", T.INTEGER, "The member's points after it."),
        Field("occurred_at", T.INSTANT, "When it was written, UTC."),
    ),
    instant="occurred_at",
    kinds=("charge", "give_back", "earn", "expire", "adjustment"),
)
SELLER_SALE = RecordType(
    "seller_sale",
    "One sale of a seller through the shop, or a refund or correction of one, with the terms of the day of the sale. "
    "It is never changed: a correction is an entry of its own.",
    (
        Field("entry_id", T.KEY, "Primary key.", required=True),
        Field("sale_id", T.KEY, "The sale or the refund; a correction names the one that it corrects.", required=True),
        Field("seller_id", T.KEY, "Whose sale.", required=True),
        Field("order_id", T.KEY, "The shop's order."),
        Field("kind", T.KEY, "sale, refund, correction.", required=True),
        Field("currency", T.CURRENCY, "Currency of the sale.", required=True),
        Field("amount", T.MONEY, "What the customer paid for it; given back < 0.", of="currency", required=True),
        Field("commission", T.MONEY, "What we keep of it; a refund gives it back: < 0.", of="currency"),
        Field("payable", T.MONEY, "What the seller is to get: amount - commission.", of="currency"),
        Field(
            "commission_bps", T.INTEGER, "Commission by the terms of the day of the sale, in hundredths of a percent."
        ),
        Field("terms_from", T.DATE, "First day of those terms."),
        Field("sold_at", T.INSTANT, "When it was sold, given back or corrected, UTC."),
    ),
    instant="sold_at",
)
SELLER_PAYOUT_ITEM = RecordType(
    "seller_payout_item",
    "One sale or refund that a payout to a seller settles. One that is taken out again is a second item below zero.",
    (
        Field("item_id", T.KEY, "Primary key.", required=True),
        Field("seller_payout_id", T.KEY, "The payout.", required=True),
        Field("sale_id", T.KEY, "The sale or refund that it settles."),
        Field("seller_id", T.KEY, "Whose sale."),
        Field("order_id", T.KEY, "The shop's order."),
        Field("kind", T.KEY, "sale, refund, correction.", required=True),
        Field("currency", T.CURRENCY, "Currency of the sale.", required=True),
        Field("amount", T.MONEY, "What the seller gets for it; of a refund < 0.", of="currency", required=True),
        Field("created_at", T.INSTANT, "When it was put into the payout, UTC."),
    ),
    instant="created_at",
)
SELLER_PAYOUT = RecordType(
    "seller_payout",
    "One payout to a seller as it was ordered, in its newest version.",
    (
        Field("seller_payout_id", T.KEY, "Primary key; our reference at the bank or provider.", required=True),
        Field("seller_id", T.KEY, "Who is paid.", required=True),
        Field("period", T.KEY, "What it pays for: 2026-W41, 2026-10."),
        Field("status", T.KEY, "One of: " + ", ".join(SELLER_PAYOUT_STATUSES) + ".", required=True),
        Field("currency", T.CURRENCY, "Currency of the payout.", required=True),
        Field("amount", T.MONEY, "What the seller is to get; > 0.", of="currency", required=True),
        Field("created_at", T.INSTANT, "When it was ordered, UTC."),
        Field("updated_at", T.INSTANT, "When this version was written, UTC."),
    ),
    instant="updated_at",
)
SELLER_TRANSFER = RecordType(
    "seller_transfer",
    "One row of the file in which a bank or provider says what became of the payouts that it was to make.",
    (
        Field("transfer_id", T.KEY, "Their id of the row.", required=True),
        Field("psp", T.KEY, "Bank or provider that paid, in lower case."),
        Field("seller_payout_id", T.KEY, "Our reference, which they echo."),
        Field("seller_id", T.KEY, "Who was paid, where the file says so."),
        Field("status", T.KEY, "PAID; RETURNED: it came back; FAILED: it never left.", required=True),
        Field("reason", T.TEXT, "Why it failed or came back."),
        Field("currency", T.CURRENCY, "Currency of the transfer.", required=True),
        Field("amount", T.MONEY, "To the seller > 0; come back < 0.", of="currency", required=True),
        Field("paid_at", T.INSTANT, "When it was paid, failed or came back, UTC."),
        Field("paid_on", T.DATE, "The day of it, where no instant is given."),
    ),
    instant="paid_at",
    day="paid_on",
)
STOCK = RecordType(
    "stock",
    "How many of a product there are, as one system says it: as it is stored, or as the history adds up. Read whole each night.",
    (
        Field("stock_id", T.KEY, "Tells the row from every other: product and basis.", required=True),
        Field("product_id", T.KEY, "The product.", required=True),
        Field("basis", T.KEY, "stored; history: the sum of the stock history.", required=True),
        Field(
            "on_hand", T.INTEGER, "Pieces there are: what was sold is taken off, what is held is not.", required=True
        ),
        Field("available", T.INTEGER, "Pieces that may still be ordered: on hand less live holds."),
        Field("as_of", T.INSTANT, "When it last changed, UTC; without it, the night."),
    ),
    instant="as_of",
)
STOCK_HOLD = RecordType(
    "stock_hold",
    "Pieces that an order holds until it is paid or runs out of time. Read whole each night.",
    (
        Field("hold_id", T.KEY, "Primary key.", required=True),
        Field("order_id", T.KEY, "The order.", required=True),
        Field("product_id", T.KEY, "The product.", required=True),
        Field("member_id", T.KEY, "Who ordered."),
        Field("quantity", T.INTEGER, "Pieces held.", required=True),
        Field("status", T.KEY, "HELD, CONSUMED (sold), RELEASED (given back).", required=True),
        Field("expires_at", T.INSTANT, "Until when it holds, UTC."),
        Field("created_at", T.INSTANT, "When it was made, UTC."),
    ),
    instant="created_at",
)
ORDER_LINE = RecordType(
    "order_line",
    "One product of an order, with the order's state, in its newest version.",
    (
        Field("line_id", T.KEY, "Primary key.", required=True),
        Field("order_id", T.KEY, "The order.", required=True),
        Field("product_id", T.KEY, "The product.", required=True),
        Field("member_id", T.KEY, "Who ordered."),
        Field("quantity", T.INTEGER, "Pieces ordered.", required=True),
        Field("status", T.KEY, "Of the order: ORDERED, PAID, FAILED, CANCELLED.", required=True),
        Field("updated_at", T.INSTANT, "When this version was written, UTC."),
    ),
    instant="updated_at",
)
STOCK_MOVEMENT = RecordType(
    "stock_movement",
    "One entry of the stock history, which is only ever appended to.",
    (
        Field("movement_id", T.KEY, "Primary key.", required=True),
        Field("product_id", T.KEY, "The product.", required=True),
        Field("kind", T.KEY, "sold, given_back, restocked, adjustment.", required=True),
        Field("order_id", T.KEY, "The order that it speaks of."),
        Field("quantity", T.INTEGER, "Into stock > 0, out of it < 0.", required=True),
        Field("occurred_at", T.INSTANT, "When it was written, UTC."),
    ),
    instant="occurred_at",
    kinds=("sold", "given_back", "restocked", "adjustment"),
)
PURCHASE = RecordType(
    "purchase",
    "One purchase number that the stock history counts as sold and not given back. Read whole each night.",
    (
        Field("purchase_no", T.KEY, "Primary key: the number that the counter keeps.", required=True),
        Field("product_id", T.KEY, "The product.", required=True),
        Field("member_id", T.KEY, "Who bought.", required=True),
        Field("order_id", T.KEY, "The order."),
        Field("quantity", T.INTEGER, "Pieces.", required=True),
        Field("member_limit", T.INTEGER, "Pieces that one person may buy of the product; empty: any number."),
        Field("purchased_at", T.INSTANT, "When it was written, UTC."),
    ),
    instant="purchased_at",
)
STOCK_COUNTER = RecordType(
    "stock_counter",
    "One purchase number in a counter that is kept as a set (Redis). Read whole each night.",
    (
        Field("counter", T.KEY, "The set's key.", required=True),
        Field("product_id", T.KEY, "The product, from the key.", required=True),
        Field("offer", T.KEY, "What else the key says of the product: the offer, or its price."),
        Field("scope", T.KEY, "total, or the member whose purchases the set counts.", required=True),
        Field("purchase_no", T.KEY, "The purchase number: a member of the set.", required=True),
        Field("as_of", T.INSTANT, "Empty: a set says no time; the night."),
    ),
    instant="as_of",
)

RECORD_TYPES: dict[str, RecordType] = {
    r.name: r
    for r in (
        SETTLEMENT_LINE,
        BANK_LINE,
        LEDGER_ENTRY,
        PAYMENT_ORDER,
        ORDER,
        OUTBOX_EVENT,
        CONSUMED_EVENT,
        BALANCE,
        WALLET_ENTRY,
        POINTS_ORDER,
        POINTS_ENTRY,
        SELLER_SALE,
        SELLER_PAYOUT_ITEM,
        SELLER_PAYOUT,
        SELLER_TRANSFER,
        STOCK,
        STOCK_HOLD,
        ORDER_LINE,
        STOCK_MOVEMENT,
        PURCHASE,
        STOCK_COUNTER,
    )
}
