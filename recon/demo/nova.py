"""Nova: a provider that lists its payouts: settlement files in which payouts, reserves and adjustments stand beside payments.

Each payout below is a story of its own: what it is made of, what of it is in the books, and what the nights should find.
Nova settles in US dollars on the first two nights; `treasury_entries` is where the shop books reserves and corrections.
"""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass, field
from typing import Any

from recon.demo.contracts import CONTRACTS
from recon.demo.desk import AUTO, BREAK, CLEARED, INVESTIGATE, MANUAL, PENDING, Desk
from recon.demo.nova_fees import plant_fees
from recon.demo.shop import DAY, HOUR, LAST, NIGHTS, Payment, clock, instant
from recon.demo.systems import Making, System, Table

PSP, CURRENCY = "nova", "USD"
COLUMNS = (
    "natural_id", "account", "kind", "psp_reference", "payment_order_id", "payout_id", "currency", "amount", "settled_currency",
    "settled_amount", "fee", "tax", "net", "occurred_at", "opening", "closing", "releases_on",
)  # fmt: skip
ENTRIES = "entry_id, journal_id, account, kind, psp, psp_reference, payout_id, currency, amount_minor, posted_at"
SOURCES = """\
  nova:
    record: settlement_line
    psp: nova
    format: generic_settlement
    files: "in/nova_{date}.csv"
  treasury:
    record: ledger_entry
    moves: events
    database: shop
    query: |
      select entry_id, journal_id, account, kind, psp, psp_reference, payout_id, currency, amount_minor as amount, posted_at
      from {prefix}treasury_entries
      where posted_at >= :from and posted_at < :to
  bank:
    record: bank_line
    moves: events
    database: shop
    query: |
      select account, kind, 'booked' as status, line_id as natural_id, psp, payout_id, seller_payout_id, currency,
             amount_minor as amount, booked_on, remittance
      from {prefix}bank_lines
      where recorded_at >= :from and recorded_at < :to
"""
BANK = "line_id, account, kind, psp, payout_id, currency, amount_minor, booked_on, remittance, recorded_at"
ACCOUNT = "US-001"
#: Days before the first night: past every due date.
LONG_AGO = instant(0, -20 * DAY)


@dataclass
class Nova:
    """Nova's books and the shop's: rows by night, and the entries that were posted."""

    desk: Desk
    rows: dict[int, list[dict[str, str]]] = field(default_factory=lambda: {0: [], 1: []})
    entries: list[tuple[Any, ...]] = field(default_factory=list)
    bank: list[tuple[Any, ...]] = field(default_factory=list)
    _payouts: int = 0
    _lines: int = 0

    def payout_id(self) -> str:
        self._payouts += 1
        return f"NV-{self._payouts:04d}"

    def line(
        self,
        payout: str,
        kind: str,
        amount: int,
        *,
        fee: int = 0,
        tax: int = 0,
        night: int = 0,
        at: int | None = None,
        currency: str = CURRENCY,
        booked: bool = True,
        **more: str,
    ) -> dict[str, str]:
        """A row of the night's file; `amount` before the fee, in cents. What it costs is booked that evening if `booked`."""
        self._lines += 1
        when = instant(night, 10 * HOUR + self._lines) if at is None else at
        row = {
            "natural_id": f"nv{self._lines:06d}",
            "kind": kind,
            "psp_reference": f"nvr{self._lines:06d}",
            "payout_id": payout,
            "currency": currency,
            "amount": _major(amount),
            "settled_currency": currency,
            "settled_amount": _major(amount),
            "fee": _major(fee),
            "tax": _major(tax),
            "net": _major(amount - fee - tax),
            "occurred_at": clock(when),
            **more,
        }
        self.rows[night].append(row)
        if booked:
            charge = fee - (amount if kind == "fee" else 0)
            evening = instant(night, 22 * HOUR)
            self.desk.till.book_fee(PSP, row["psp_reference"], currency, charge, tax, at=evening)
        return row

    def sale(self, payout: str, amount: int, *, fee: int = 0, night: int = 0, **more: Any) -> dict[str, str]:
        """A payment that the shop knows of on every side, as a line of the payout."""
        p = Payment(self.desk.number(), PSP, amount, instant(night, 9 * HOUR))
        self.desk.till.order(p, "SUCCESS")
        self.desk.till.book(p)
        return self.line(payout, "capture", amount, fee=fee, night=night, payment_order_id=p.id, **more)

    def pays(self, payout: str, amount: int, **more: Any) -> dict[str, str]:
        """The payout itself, which reaches the bank under its reference and is booked."""
        night, currency = more.get("night", 0), more.get("currency", CURRENCY)
        self.deposit(amount, payout, night=night, currency=currency)
        self.book("bank", "payout", amount, payout, night=night, currency=currency)
        return self.sends(payout, amount, **more)

    def sends(self, payout: str, amount: int, **more: Any) -> dict[str, str]:
        """The payout as the provider lists it: money that leaves the balance is below zero."""
        return self.line(payout, "payout", -amount, **more)

    def pay(self, amount: int, **more: Any) -> str:
        """A payout of one sale that the provider lists, whatever becomes of it at the bank; its id."""
        payout = self.payout_id()
        self.sale(payout, amount)
        self.sends(payout, amount, **more)
        return payout

    def deposit(
        self,
        amount: int,
        payout: str = "",
        text: str = "",
        *,
        kind: str = "",
        night: int = 0,
        currency: str = CURRENCY,
        named: bool = False,
    ) -> str:
        """A line of the bank statement, with the payout in its text, or (`named`) in a field of its own; the key it has alone."""
        number, what = f"BL-{len(self.bank) + 1:04d}", kind or ("credit" if amount > 0 else "debit")
        head = (number, ACCOUNT, what, PSP if amount < 0 else None, payout if named else None, currency, amount)
        note = text or (
            f"NOVA PAYMENTS INC {payout.replace('-', ' ')}/USA" if payout and not named else "NOVA PAYMENTS INC"
        )
        self.bank.append((*head, NIGHTS[night].isoformat(), note, clock(instant(night, 20 * HOUR))))
        return f"bank/{ACCOUNT}|{number}|{what}"

    def book(
        self, account: str, kind: str, amount: int, payout: str = "", *, night: int = 0, currency: str = CURRENCY
    ) -> None:
        """A journal of two entries: `account` against the balance at the provider."""
        journal = f"TJ-{len(self.entries) // 2 + 1:05d}"
        for leg, signed in ((account, amount), ("psp_balance", -amount)):
            head = (f"TE-{len(self.entries) + 1:05d}", journal, leg, kind, PSP, None, payout or None)
            self.entries.append((*head, currency, signed, clock(instant(night, 15 * HOUR))))

    def stands(self, rule: str, payout: str, code: str, class_: str, first: int = 0, last: int = LAST) -> None:
        self.desk.note(rule, f"{PSP}/{payout}", code, class_, BREAK, first, last)

    def clears(self, rule: str, payout: str, what: str, night: int = 0) -> None:
        self.desk.note(rule, f"{PSP}/{payout}", what, "", CLEARED, night, night)

    def waits(self, rule: str, payout: str, first: int = 0, last: int = LAST) -> None:
        self.desk.note(rule, f"{PSP}/{payout}", "timing", "", PENDING, first, last)


def _major(amount: int) -> str:
    sign = "-" if amount < 0 else ""
    return f"{sign}{abs(amount) // 100}.{abs(amount) % 100:02d}"


# --- the balance at the provider ---


def balances(nova: Nova) -> None:
    """Every way in which a payout can differ from its lines, and those in which it only looks so."""
    rule = "psp_balance"
    plain = nova.payout_id()
    nova.sale(plain, 120_00, fee=3_00)
    nova.sale(plain, 80_00, fee=2_00)
    nova.pays(plain, 195_00)
    nova.clears(rule, plain, "whole")

    carried = nova.payout_id()  # 12.00 stays at the provider, 5.00 was there before
    nova.sale(carried, 90_00)
    nova.pays(carried, 83_00, opening="5.00", closing="12.00")
    nova.clears(rule, carried, "carry_over")

    booked = nova.payout_id()
    nova.sale(booked, 300_00)
    nova.line(booked, "reserve", -30_00, releases_on="2027-04-01")
    nova.pays(booked, 270_00)
    nova.book("psp_reserve", "reserve", 30_00, booked)
    nova.clears(rule, booked, "reserve_booked")

    split = nova.payout_id()  # the second line is in the next file, and so is the payout
    nova.sale(split, 40_00)
    nova.sale(split, 60_00, night=1)
    nova.pays(split, 100_00, night=1)
    nova.waits(rule, split, 0, 0)
    nova.clears(rule, split, "two_files", 1)

    short = nova.payout_id()
    nova.sale(short, 210_00)
    nova.pays(short, 207_50)
    nova.stands(rule, short, "payout_sum_mismatch", INVESTIGATE)

    lost = nova.payout_id()
    nova.line(lost, "fee", -15_00, at=LONG_AGO)
    nova.stands(rule, lost, "payout_not_listed", INVESTIGATE)

    foreign = nova.payout_id()
    nova.sale(foreign, 75_00)
    nova.pays(foreign, 75_00, currency="EUR")
    nova.stands(rule, foreign, "payout_currency_mismatch", INVESTIGATE)

    held = nova.payout_id()
    nova.sale(held, 500_00)
    nova.line(held, "reserve", -50_00, releases_on="2027-04-01")
    nova.pays(held, 450_00)
    nova.stands(rule, held, "reserve_held_unbooked", AUTO)

    adjusted = nova.payout_id()
    nova.sale(adjusted, 130_00)
    nova.line(adjusted, "adjustment", -7_00)
    nova.pays(adjusted, 123_00)
    nova.stands(rule, adjusted, "psp_adjustment", MANUAL)

    settled = nova.payout_id()  # an adjustment that was booked the day after
    nova.sale(settled, 140_00)
    nova.line(settled, "adjustment", 9_00)
    nova.pays(settled, 149_00)
    nova.book("psp_adjustments", "adjustment", -9_00, settled, night=1)
    nova.stands(rule, settled, "psp_adjustment", MANUAL, 0, 0)
    nova.clears(rule, settled, "booked_late", 1)

    negative = nova.payout_id()
    nova.line(negative, "fee", -65_00)
    nova.pays(negative, -65_00)
    nova.stands(rule, negative, "negative_payout", MANUAL)

    unread = nova.payout_id()
    nova.sale(unread, 88_00)
    nova.line(unread, "fee", -3_00)["amount"] = "3,00-"
    nova.pays(unread, 85_00)
    nova.stands(rule, unread, "quarantined_row", MANUAL)
    nova.desk.note("fees", f"{PSP}/{nova.rows[0][-2]['psp_reference']}", "quarantined_row", MANUAL)

    again = nova.payout_id()
    nova.sale(again, 64_00)
    fee = nova.line(again, "fee", -2_00)
    nova.pays(again, 62_00)
    nova.rows[1].append({**fee, "amount": "-2.50", "settled_amount": "-2.50", "net": "-2.50"})
    nova.clears(rule, again, "whole", 0)
    nova.stands(rule, again, "restated_row", MANUAL, 1)
    nova.desk.note("fees", f"{PSP}/{fee['psp_reference']}", "restated_row", MANUAL, first=1)


def reserves(nova: Nova) -> None:
    """Reserves that come back, late, not at all, or out of nowhere; they are part of no payout here."""
    rule = "psp_reserve"
    for row in nova.rows[0]:
        if row["kind"] == "reserve":  # those of the payouts above are not due back before April
            nova.waits(rule, row["psp_reference"])
    back, late, again = "NRS-1", "NRS-2", "NRS-4"
    nova.line("", "reserve", -400_00, at=LONG_AGO, psp_reference=back, releases_on="2026-10-09")
    nova.line("", "reserve_release", 400_00, night=1, psp_reference=back)
    nova.waits(rule, back, 0, 0)
    nova.clears(rule, back, "released", 1)
    nova.line("", "reserve", -250_00, at=LONG_AGO, psp_reference=late, releases_on="2026-10-09")
    nova.waits(rule, late, 0, 1)
    nova.stands(rule, late, "reserve_release_late", MANUAL, 2)
    nova.line("", "reserve_release", 33_00, psp_reference="NRS-3")
    nova.stands(rule, "NRS-3", "reserve_release_unmatched", INVESTIGATE)
    row = nova.line("", "reserve", -70_00, psp_reference=again, releases_on="2027-04-01")
    nova.rows[1].append({**row, "amount": "-71.00"})
    nova.waits(rule, again, 0, 0)
    nova.stands(rule, again, "restated_row", MANUAL, 1)


# --- the bank ---


def deposits(nova: Nova) -> None:
    """Every way in which a payout reaches the bank, or does not; those above arrived under their reference."""

    def stands(key: str, code: str, class_: str, first: int = 0) -> None:
        nova.desk.note("bank", key, code, class_, BREAK, first, LAST)

    def clears(key: str, what: str) -> None:
        nova.desk.note("bank", key, what, "", CLEARED, 0, 0)

    by_amount = nova.pay(333_33)
    nova.deposit(333_33)
    nova.book("bank", "payout", 333_33, by_amount)
    clears(by_amount, "by_amount")

    merged = [nova.pay(410_10), nova.pay(527_29)]
    nova.deposit(937_39)
    for payout, amount in zip(merged, (410_10, 527_29), strict=True):
        nova.book("bank", "payout", amount, payout)
        clears(payout, "merged")
    batch = [nova.pay(611_17), nova.pay(722_31)]
    nova.deposit(1_333_48)
    stands(batch[0], "batch_deposit", AUTO)
    parts = nova.pay(845_67)
    nova.deposit(401_03)
    nova.deposit(444_64)
    nova.book("bank", "payout", 845_67, parts)
    clears(parts, "in_parts")
    twins = [nova.pay(50_05), nova.pay(50_05)]
    stands(nova.deposit(50_05), "ambiguous_match", MANUAL)
    for payout in twins:
        nova.desk.note("bank", payout, "timing", "", PENDING, 0, LAST)

    stands(nova.pay(960_00, at=LONG_AGO), "payout_not_received", INVESTIGATE)
    short = nova.pay(700_00)
    nova.deposit(685_00, short)
    stands(short, "bank_short_by_fee", AUTO)
    other = nova.pay(800_00)
    nova.deposit(600_00, other)
    stands(other, "bank_amount_mismatch", INVESTIGATE)
    stands(nova.deposit(77_77, text="J SMITH"), "bank_unidentified_deposit", INVESTIGATE)
    unbooked = nova.pay(450_00)
    nova.deposit(450_00, unbooked)
    stands(unbooked, "deposit_unbooked", AUTO)
    wrong = nova.pay(460_00)
    nova.deposit(460_00, wrong)
    nova.book("bank", "payout", 459_00, wrong)
    stands(wrong, "deposit_booked_wrong", MANUAL)
    nova.book("bank", "payout", 10_00, "NV-9999")
    stands("NV-9999", "deposit_booked_unproven", INVESTIGATE)

    back = nova.pay(470_00)
    nova.deposit(470_00, back, named=True)
    nova.book("bank", "payout", 470_00, back)
    nova.deposit(-470_00, back, named=True, kind="returned", night=1)
    clears(back, "received")
    stands(back, "payout_returned", MANUAL, 1)

    unread = nova.payout_id()
    nova.sale(unread, 480_00)
    nova.pays(unread, 480_00)["amount"] = "-480.0.0"
    stands(unread, "quarantined_row", MANUAL)
    nova.stands("psp_balance", unread, "quarantined_row", MANUAL)
    again = nova.payout_id()
    nova.sale(again, 490_00)
    row = nova.pays(again, 490_00)
    nova.rows[1].append({**row, "amount": "-491.00"})
    clears(again, "received")
    stands(again, "restated_row", MANUAL, 1)
    nova.stands("psp_balance", again, "restated_row", MANUAL, 1)


def others(desk: Desk) -> None:
    """What was planted in the files of the other providers shows in their payouts too."""
    for (psp, payout), nights in sorted(desk.payouts.items()):
        for night in range(LAST + 1):
            codes = [code for first, code in nights if first <= night]
            for code, class_ in (
                ("quarantined_row", MANUAL),
                ("restated_row", MANUAL),
                ("reserve_held_unbooked", AUTO),
            ):
                if code in codes:
                    desk.note("psp_balance", f"{psp}/{payout}", code, class_, BREAK, night, night)
                    break


def make(making: Making) -> None:
    """Nova's files of the nights on which it settles, what the shop's treasury booked, and the truth of both."""
    nova = Nova(making.desk)
    balances(nova)
    reserves(nova)
    deposits(nova)
    plant_fees(nova)
    others(making.desk)
    for night, rows in nova.rows.items():
        path = making.root / "in" / f"nova_{NIGHTS[night]}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n", restval="")
            writer.writeheader()
            writer.writerows(rows)
        os.utime(path, (instant(night, DAY + 2 * HOUR),) * 2)
    making.desk.till.add("treasury_entries", ENTRIES, nova.entries)
    making.desk.till.add("bank_lines", BANK, nova.bank)


SYSTEM = System(
    reconciliations=("psp_balance", "psp_reserve", "bank", "fees"),
    tables=(
        Table(
            "treasury_entries",
            "entry_id {key} not null primary key, journal_id {key} not null, account {key} not null, kind {key} not null, "
            "psp {key}, psp_reference {key}, payout_id {key}, currency char(3) not null, amount_minor bigint not null, "
            "posted_at {time} not null",
        ),
        Table(
            "bank_lines",
            "line_id {key} not null primary key, account {key} not null, kind {key} not null, psp {key}, payout_id {key}, "
            "seller_payout_id {key}, currency char(3) not null, amount_minor bigint not null, booked_on {key} not null, remittance {text}, "
            "recorded_at {time} not null",
        ),
    ),
    sources=SOURCES,
    make=make,
    terms=CONTRACTS,
)
