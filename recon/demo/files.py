"""Settlement files as Stripe, Adyen and Toss Payments write them, a line at a time.

`SettlementFiles.write` takes a `Line` and the night whose file holds it. Only counters are kept in memory. Stripe:
itemised balance changes, UTC times, signed major units. Adyen: settlement details, unsigned debit and credit columns,
each batch closed by a payout that brings its net columns to zero. Toss Payments: a JSON array, whole won, times at
+09:00, a cancellation as a row with negative amounts.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from recon.demo.shop import DAY, FILE_NIGHTS, HOUR, NIGHTS, Line, clock, instant

SUFFIX = {"stripe": "csv", "adyen": "csv", "toss": "json"}
TOSS_MERCHANT = "demoshop"
ADYEN_ACCOUNT = "DemoShopECOM"
STRIPE_HEADER = (
    "balance_transaction_id,created_utc,available_on_utc,currency,gross,fee,net,reporting_category,source_id,charge_id,"
    "payment_intent_id,description,customer_facing_amount,customer_facing_currency,"
    "payment_metadata[payment_order_id],payment_metadata[order_id]"
)
ADYEN_HEADER = (
    "Company Account,Merchant Account,Psp Reference,Merchant Reference,Payment Method,Creation Date,TimeZone,Type,"
    "Modification Reference,Gross Currency,Gross Debit (GC),Gross Credit (GC),Exchange Rate,Net Currency,"
    "Net Debit (NC),Net Credit (NC),Commission (NC),Markup (NC),Scheme Fees (NC),Interchange (NC),"
    "Payment Method Variant,Modification Merchant Reference,Batch Number,"
    "Reserved4,Reserved5,Reserved6,Reserved7,Reserved8,Reserved9,Reserved10"
)
STRIPE_TYPES = {
    "capture": "charge",
    "refund": "refund",
    "chargeback": "dispute",
    "chargeback_reversal": "dispute_reversal",
    "fee": "fee",
    "reserve": "risk_reserved_funds",
}
ADYEN_TYPES = {
    "capture": "Settled",
    "refund": "Refunded",
    "chargeback": "Chargeback",
    "chargeback_reversal": "ChargebackReversed",
    "fee": "Fee",
    "reserve": "DepositCorrection",
}
TOSS_METHODS = ("카드", "간편결제", "계좌이체", "가상계좌", "휴대폰")
TOSS_DETAILS = ("card", "easyPay", "transfer", "virtualAccount", "mobilePhone")
_LETTERS = {"capture": "C", "refund": "R", "chargeback": "D", "chargeback_reversal": "W", "fee": "F", "reserve": "V"}
_STRIPE_PREFIX = {"capture": "ch", "refund": "re", "chargeback": "dp", "chargeback_reversal": "dp"}


def movement_id(line: Line) -> str:
    """The provider's id of this one movement, unlike that of every other."""
    return f"{line.number:010d}{_LETTERS[line.kind]}{line.occurrence}{'A' if line.again else ''}"


def reference(psp: str, kind: str, number: int, occurrence: int = 0) -> str:
    """The provider's reference of a movement, as its file names it and as the shop's books keep it."""
    if psp == "stripe":
        return f"{_STRIPE_PREFIX.get(kind, 'txn')}_{number:010d}{_LETTERS[kind]}{occurrence}"
    if psp == "adyen":
        return f"8{number:010d}{_LETTERS[kind]}{occurrence:04d}"
    return f"tgen_{number:010d}{'C' if kind == 'capture' else 'R'}{occurrence}"


def major(amount: int) -> str:
    """Minor units of a currency with two decimals as text."""
    sign = "-" if amount < 0 else ""
    whole, cents = divmod(abs(amount), 100)
    return f"{sign}{whole}.{cents:02d}"


class SettlementFiles:
    """All the settlement files of the five nights, open until `close`.

    A file is named by provider and night, e.g. `stripe_2026-10-08.csv`; `part` names a further file of the same night.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._open: dict[tuple[str, int, str], TextIO] = {}
        self._rows: dict[tuple[str, int, str], int] = {}
        self._batch_net: dict[tuple[int, str], int] = {}
        self.lines = 0
        self.told: Callable[[int, Line], None] | None = None  # of each line that is written, and the night of its file
        for psp, nights in FILE_NIGHTS.items():
            for night in nights:
                self._file(psp, night, "")

    def write(self, night: int, line: Line, part: str = "") -> None:
        """Add a line to the file of `line.psp` that belongs to `night`."""
        self._put(line.psp, night, part, self._render(line, night, part))
        if self.told:
            self.told(night, line)

    def path(self, psp: str, night: int, part: str = "") -> Path:
        return self._folder / f"{psp}_{NIGHTS[night].isoformat()}{part}.{SUFFIX[psp]}"

    def close(self) -> None:
        """End every file and set its modification time: 02:00 in Seoul on the morning after its night."""
        for (psp, night, part), file in self._open.items():
            if psp == "adyen":
                file.write(self._payout(night, part))
            file.write("\n]\n" if psp == "toss" else "")
            file.close()
            arrival = instant(night, DAY + 2 * HOUR)
            os.utime(self.path(psp, night, part), (arrival, arrival))
        self._open.clear()

    def _render(self, line: Line, night: int, part: str) -> str:
        home = line.first_file if line.first_file >= 0 else night
        if line.psp == "stripe":
            return _stripe(line)
        if line.psp == "adyen":
            text, net = _adyen(line, batch_number(home, part))
            if home == night:
                self._batch_net[night, part] = self._batch_net.get((night, part), 0) + net
            return text
        return _toss(line, home)

    def _file(self, psp: str, night: int, part: str) -> TextIO:
        key = (psp, night, part)
        if key not in self._open:
            file = self.path(psp, night, part).open("w", encoding="utf-8", newline="\n")
            file.write({"stripe": STRIPE_HEADER + "\n", "adyen": ADYEN_HEADER + "\n", "toss": "["}[psp])
            self._open[key], self._rows[key] = file, 0
        return self._open[key]

    def _put(self, psp: str, night: int, part: str, text: str) -> None:
        file = self._file(psp, night, part)
        if psp == "toss":
            file.write(",\n" if self._rows[psp, night, part] else "\n")
        file.write(text)
        self._rows[psp, night, part] += 1
        self.lines += 1

    def _payout(self, night: int, part: str) -> str:
        """The row that closes a batch: what is owed goes to the bank, what is lacking comes from the next batch."""
        net = self._batch_net.get((night, part), 0)
        batch = batch_number(night, part)
        at = clock(instant(night, 23 * HOUR))
        kind, debit, credit = ("MerchantPayout", major(net), "") if net >= 0 else ("Balancetransfer", "", major(-net))
        memo = f"TX{batch:08d}XT batch {batch} {ADYEN_ACCOUNT}" if net >= 0 else f"Balancetransfer to batch {batch + 1}"
        return f"DemoShop,{ADYEN_ACCOUNT},,,,{at},UTC,{kind},{memo},,,,,EUR,{debit},{credit},,,,,,,{batch},,,,,,,\n"


def batch_number(night: int, part: str) -> int:
    """Adyen's batch of a file: its own for each night and part."""
    return 100 + 10 * night + (1 if part else 0)


def record_id(line: Line, night: int, part: str = "") -> str:
    """The identity that ingest gives the line of `night`'s file: account, the format's identity fields, kind."""
    kind = "unknown" if line.type_text else line.kind
    if line.psp == "adyen":
        own = reference("adyen", line.kind, line.number, line.occurrence)
        payment = reference("adyen", "capture", line.number)
        if kind in ("fee", "reserve"):
            payment, own = "", f"{ADYEN_TYPES[kind]} {line.number}"
        return f"{ADYEN_ACCOUNT}|{batch_number(night, part)}|{payment}|{own}|{kind}#1"
    if line.psp == "stripe":
        return f"|txn_{movement_id(line)}|{kind}"
    return f"{TOSS_MERCHANT}|{movement_id(line)}|{kind}"


def charged(line: Line) -> tuple[int, int]:
    """Fee and the tax on it in minor units of what the provider settles in, as recon/demo/contracts.py says it.

    Of a line that is a fee itself, the file writes neither: it is the line's amount.
    """
    if line.kind in ("fee", "reserve"):
        return 0, 0
    if line.psp == "stripe":
        flat = {"chargeback": 1500, "chargeback_reversal": -1500}.get(line.kind, 0)
        return (line.amount * 29 // 1000 + 30 if line.kind == "capture" else flat) + line.extra_fee, 0
    if line.psp == "adyen":
        paid = _settled(line)
        return (paid * 14 // 1000 + 10 if line.kind == "capture" and paid > 0 else 10) + line.extra_fee, 0
    fee = abs(line.amount) * 25 // 1000 + line.extra_fee
    sign = -1 if line.amount < 0 else 1
    return sign * fee, sign * (fee // 10)


def settles_in(line: Line) -> str:
    """The currency that a line is settled in, and its fee charged."""
    return "EUR" if line.psp == "adyen" else line.currency


def settled_reference(line: Line) -> str:
    """The reference that a line is read with: of Toss Payments and of Adyen's captures that of the payment; empty where the file names none."""
    if line.psp == "toss":
        return reference("toss", "capture", line.number, line.occurrence if line.kind == "capture" else 0)
    if line.psp == "adyen" and line.kind in ("fee", "reserve"):
        return ""
    if line.psp == "adyen" and line.kind == "capture" and not line.type_text:
        return reference("adyen", "capture", line.number)
    return reference(line.psp, line.kind, line.number, line.occurrence)


def _settled(line: Line) -> int:
    return line.amount if line.settled is None else line.settled


def _stripe(line: Line) -> str:
    fee, _ = charged(line)
    row_type = line.type_text or STRIPE_TYPES[line.kind]
    gross = f"{major(line.amount)} (see note)" if line.broken else major(line.amount)
    source = reference("stripe", line.kind, line.number, line.occurrence)
    charge = source if line.kind == "capture" else reference("stripe", "capture", line.number)
    currency = line.currency.lower()
    return (
        f"txn_{movement_id(line)},{clock(line.at)},{clock(line.at + 2 * DAY)[:10]} 00:00:00,{currency},{gross},"
        f"{major(fee)},{major(line.amount - fee)},{row_type},{source},{charge},pi_{charge[3:]},"
        f"Demo shop {line.order_id},{major(line.amount)},{currency},{line.payment_order_id},{line.order_id}\n"
    )


def _adyen(line: Line, batch: int) -> tuple[str, int]:
    """The row, and what it adds to its batch's net in minor units."""
    fee, _ = charged(line)
    net = _settled(line) - fee
    gross_debit, gross_credit = ("", major(line.amount)) if line.amount >= 0 else (major(-line.amount), "")
    if line.broken:
        gross_credit = gross_credit.replace(".", ",")
        gross_credit = f'"{gross_credit}"'
    net_debit, net_credit = ("", major(net)) if net >= 0 else (major(-net), "")
    row_type = line.type_text or ADYEN_TYPES[line.kind]
    own = reference("adyen", line.kind, line.number, line.occurrence)
    payment = reference("adyen", "capture", line.number)
    if line.kind in ("fee", "reserve"):
        head, own, gross = ",,", f"{row_type} {line.number}", ",,,"
    else:
        head = f"{payment},{line.payment_order_id},visa"
        gross = f"{line.currency},{gross_debit},{gross_credit},{line.rate}"
    return (
        f"DemoShop,{ADYEN_ACCOUNT},{head},{clock(line.at)},UTC,{row_type},{own},{gross},EUR,{net_debit},{net_credit},"
        f"{major(fee) if fee else ''},,,,visastandardcredit,,{batch},,,,,,,\n"
    ), net


def _toss(line: Line, night: int) -> str:
    supply, vat = charged(line)
    fee = supply + vat
    key = settled_reference(line)
    method = line.number % len(TOSS_METHODS)
    paid_at = line.captured_at if line.kind == "refund" and line.captured_at else line.at
    row: dict[str, object] = {
        "mId": TOSS_MERCHANT,
        "paymentKey": key,
        "transactionKey": movement_id(line),
        "orderId": line.payment_order_id,
        "currency": line.currency,
        "method": TOSS_METHODS[method],
        "fees": [{"type": "BASE", "fee": fee}],
        "approvedAt": _seoul(paid_at),
        "soldDate": _seoul(line.at)[:10],
        "paidOutDate": NIGHTS[night].isoformat(),
    }
    row |= {detail: ({"amount": abs(line.amount)} if n == method else None) for n, detail in enumerate(TOSS_DETAILS)}
    row["giftCertificate"] = None
    row["cancel"] = None if line.kind == "capture" else _toss_cancel(line)
    row |= {
        "amount": f"{line.amount}원" if line.broken else line.amount,
        "interestFee": 0,
        "fee": fee,
        "supplyAmount": supply,
        "vat": vat,
        "payOutAmount": line.amount - fee,
    }
    return json.dumps(row, ensure_ascii=False, separators=(", ", ": "))


def _toss_cancel(line: Line) -> dict[str, object]:
    return {
        "transactionKey": movement_id(line),
        "cancelAmount": abs(line.amount),
        "canceledAt": _seoul(line.at),
        "cancelReason": "구매자 요청",
        "refundableAmount": 0,
        "cancelStatus": "DONE",
    }


def _seoul(at: int) -> str:
    return clock(at + 9 * HOUR).replace(" ", "T") + "+09:00"
