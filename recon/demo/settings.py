"""The demo shop's recon.yaml."""

from __future__ import annotations

from recon.demo.files import SUFFIX
from recon.demo.shop import CALENDARS, NIGHTS, PSPS
from recon.demo.systems import systems

FORMATS = {"stripe": "stripe_balance_change", "adyen": "adyen_settlement_details", "toss": "toss_settlements"}

_HEAD = """\
# A made-up shop with planted breaks; truth.csv says what each night should find.
version: 1
name: demo-shop
time_zone: Asia/Seoul
cut_off: "00:00"
calendar: KR
calendars:
  KR: {{country: KR}}
  US: {{country: US}}
  TARGET: {{market: ECB}}
databases:
  shop: {{url: "{url}"}}
{databases}{state}opening: {{empty_from: {first}}}

sources:
"""
_FILES = """\
  {psp}:
    record: settlement_line
    psp: {psp}
    format: {format}
    files: "in/{psp}_{{date}}*.{suffix}"
    calendar: {calendar}
    expected: business_days
"""
_BOOKS = """\
  ledger:
    record: ledger_entry
    moves: events
    database: shop
    query: |
      select entry_id, journal_id, account, kind, psp, psp_reference, payment_order_id, order_id, currency,
             amount_minor as amount, settled_currency, settled_amount_minor as settled_amount, posted_at, memo,
             period_closed_at, seller_id, seller_payout_id
      from {prefix}ledger_entries
      where recorded_at >= :from and recorded_at < :to
  orders:
    record: payment_order
    moves: changes
    database: shop
    # Every version is kept, so a past night can be read again: the newest version written that night.
    query: |
      select payment_order_id, order_id, psp, psp_reference, status, currency, amount_minor as amount,
             captured_amount_minor as captured_amount, method, status_reason, points_amount_minor as points_amount,
             gift_card_amount_minor as gift_card_amount, total_amount_minor as total_amount, ledger_updated,
             wallet_updated, created_at, updated_at
      from {prefix}payment_order_versions v
      where recorded_at >= :from and recorded_at < :to
        and not exists (
          select 1 from {prefix}payment_order_versions n
          where n.payment_order_id = v.payment_order_id and n.version > v.version
            and n.recorded_at >= :from and n.recorded_at < :to)
  gift_cards:
    record: settlement_line
    psp: gift_cards
    moves: events
    database: shop
    query: |
      select 'gift_cards' as psp, line_id as natural_id, kind, currency, amount_minor as amount, occurred_at
      from {prefix}gift_card_lines
      where occurred_at >= :from and occurred_at < :to
"""


_APPROVALS = """
# What nobody's approval passes, in major units (docs/fix-queue.md): one fix, one rule's, all of a night's, one person's.
approvals:
  per_fix:    {KRW: 2000000, USD: 2000, EUR: 2000}
  per_rule:   {KRW: 10000000, USD: 10000, EUR: 10000}
  per_night:  {KRW: 30000000, USD: 30000, EUR: 30000}
  per_person: {KRW: 20000000, USD: 20000, EUR: 20000}
"""

_TARGETS = """\

# Where approved fixes are booked: docs/fix-queue.md. `recon fixes install-target NAME --run` makes what its table needs.
targets:
  ledger:
    journal:
      url: "{url}"
{schema}      table: ledger_entries
      recorded_at: recorded_at
      columns:
        entry_id: entry_number
        journal_id: number
        account: account
        kind: kind
        psp: psp
        psp_reference: psp_reference
        payment_order_id: payment_order_id
        order_id: order_id
        seller_id: seller_id
        seller_payout_id: seller_payout_id
        currency: currency
        amount_minor: amount
        posted_at: booked_at
        recorded_at: booked_at
        memo: memo
  treasury:
    journal:
      url: "{url}"
{schema}      table: treasury_entries
      journals: recon_treasury_journals
      recorded_at: posted_at
      takes: [book_deposit, book_bank_fee, book_reserve, book_adjustment]
      columns:
        entry_id: entry
        journal_id: key
        account: account
        kind: kind
        psp: psp
        psp_reference: psp_reference
        payout_id: payout_id
        currency: currency
        amount_minor: amount
        posted_at: booked_at
"""


def recon_yaml(url: str, schema: str = "", state_too: bool = False, redis: bool = False) -> str:
    """The workspace file. `url` is a reference (`env:NAME`) or a literal without credentials."""
    state = f'state: {{url: "{url}"}}\n' if state_too else ""
    files = "".join(
        _FILES.format(psp=psp, format=FORMATS[psp], suffix=SUFFIX[psp], calendar=CALENDARS[psp]) for psp in PSPS
    )
    prefix = f'"{schema}".' if schema else ""
    made = systems(redis)
    databases = "".join(system.databases for system in made).format()
    others = "".join(system.sources.format(prefix=prefix, date="{date}") for system in made)
    names = ", ".join(["payin", *(name for system in made for name in system.reconciliations)])
    terms = ", ".join(name for system in made for name in system.terms)
    targets = _TARGETS.format(url=url, schema=f"      schema: {schema}\n" if schema else "")
    head = _HEAD.format(url=url, databases=databases, state=state, first=NIGHTS[0].isoformat())
    return f"{head}{files}{_BOOKS.format(prefix=prefix)}{others}\nreconciliations: [{names}]\nterms: [{terms}]\n{_APPROVALS}{targets}"
