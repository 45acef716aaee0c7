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
    """

    name: str
    doc: str
    fields: tuple[Field, ...]
    instant: str
    day: str = ""
    kinds: tuple[str, ...] = ()
    outside: bool = False

    def field(self, name: str) -> Field | None:
        return next((field for field in self.fields if field.name == name), None)

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
        Field("memo", T.TEXT, "The provider's free text."),
    ),
    instant="occurred_at",
    day="settled_on",
    kinds=KINDS,
    outside=True,
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
        Field("currency", T.CURRENCY, "Currency of the posting.", required=True),
        Field("amount", T.MONEY, "Debit > 0, credit < 0.", of="currency", required=True),
        Field("posted_at", T.INSTANT, "When it was posted, UTC."),
        Field("booked_on", T.DATE, "Accounting date, where the ledger keeps one."),
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
        Field("status", T.KEY, "PENDING, EXECUTING, UNKNOWN, SUCCESS, FAILED, CANCELLED, REFUNDED.", required=True),
        Field("currency", T.CURRENCY, "Currency of the payment.", required=True),
        Field("amount", T.MONEY, "What we asked for (authorised).", of="currency", required=True),
        Field("captured_amount", T.MONEY, "What we captured, where less was shipped than ordered.", of="currency"),
        Field("created_at", T.INSTANT, "When it was created, UTC."),
        Field("updated_at", T.INSTANT, "When this version was written, UTC."),
    ),
    instant="updated_at",
)

RECORD_TYPES: dict[str, RecordType] = {r.name: r for r in (SETTLEMENT_LINE, BANK_LINE, LEDGER_ENTRY, PAYMENT_ORDER)}
