"""The demo shop's files and books, read with csv, json and sqlite3 alone: nothing of recon takes part.

`scenario` gives what tests/oracle.py takes. What is no amount puts its row in quarantine.
"""

from __future__ import annotations

import csv
import json
import re
import sqlite3
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import holidays

SEOUL = timezone(timedelta(hours=9))
NIGHTS = [date(2026, 10, day) for day in range(8, 13)]
STRIPE = {
    "charge": "capture",
    "refund": "refund",
    "refund_failure": "refund",
    "dispute": "chargeback",
    "dispute_reversal": "chargeback_reversal",
    "fee": "fee",
    "risk_reserved_funds": "reserve",
}
ADYEN = {
    "Settled": "capture",
    "SettledReversed": "capture",
    "Refunded": "refund",
    "RefundedReversed": "refund",
    "Chargeback": "chargeback",
    "ChargebackReversed": "chargeback_reversal",
    "Fee": "fee",
    "DepositCorrection": "reserve",
    "MerchantPayout": "payout",
    "Balancetransfer": "adjustment",
}


def seoul_midnight(day: str) -> datetime:
    """The instant at which a day begins in Seoul."""
    return datetime.fromisoformat(day).replace(tzinfo=SEOUL)


def cents(text: str) -> int | None:
    """Minor units of a two-decimal amount, or None for what is none."""
    match = re.fullmatch(r"(-?)([0-9]+)\.([0-9]{2})", text)
    return int(match[1] + match[2] + match[3]) if match else None


def line(
    source: str, record_id: str, kind: str, paid: dict[str, object], at: datetime, extra: object
) -> dict[str, object]:
    """A settlement line as the oracle takes it."""
    return {
        "record": "settlement_line",
        "source": source,
        "record_id": record_id,
        "psp": source,
        "kind": kind,
        "business_date": at.astimezone(SEOUL).date(),
        "instant": at,
        "extra": extra,
        **paid,
    }


def stripe(path: Path) -> list[dict[str, object]]:
    rows = []
    with path.open(newline="") as file:
        for raw in csv.DictReader(file):
            kind = STRIPE.get(raw["reporting_category"], "unknown")
            reference = raw["charge_id"] if kind == "capture" else raw["source_id"]
            paid = {
                "payment_order_id": raw["payment_metadata[payment_order_id]"],
                "psp_reference": reference,
                "currency": raw["currency"].upper(),
                "amount": cents(raw["gross"]),
            }
            at = datetime.fromisoformat(raw["created_utc"]).replace(tzinfo=UTC)
            rows.append(
                line("stripe", f"|{raw['balance_transaction_id']}|{kind}", kind, paid, at, (raw["fee"], raw["net"]))
            )
    return rows


def converted(raw: dict[str, str]) -> int | None:
    """What Adyen made of the amount: its net and its fee."""
    net = (cents(raw["Net Credit (NC)"] or "0.00") or 0) - (cents(raw["Net Debit (NC)"] or "0.00") or 0)
    return net + (cents(raw["Commission (NC)"] or "0.00") or 0)


def adyen(path: Path) -> list[dict[str, object]]:
    rows = []
    with path.open(newline="") as file:
        for number, raw in enumerate(csv.DictReader(file)):
            kind = ADYEN.get(raw["Type"], "unknown")
            debit, credit = raw["Gross Debit (GC)"], raw["Gross Credit (GC)"]
            value = cents(credit or debit) if credit or debit else 0
            paid = {
                "payment_order_id": raw["Merchant Reference"],
                "psp_reference": raw["Modification Reference"],
                "currency": raw["Gross Currency"] or raw["Net Currency"],
                "amount": value if credit or value is None else -value,
                "settled_currency": raw["Net Currency"],
                "settled_amount": converted(raw),
            }
            at = datetime.fromisoformat(raw["Creation Date"]).replace(tzinfo=UTC)
            own = raw["Modification Reference"] or str(number)
            identity = f"{raw['Merchant Account']}|{raw['Batch Number']}|{raw['Psp Reference']}|{own}|{kind}#1"
            rows.append(line("adyen", identity, kind, paid, at, raw["Commission (NC)"]))
    return rows


def toss(path: Path) -> list[dict[str, object]]:
    rows = []
    for raw in json.loads(path.read_text(encoding="utf-8")):
        kind = "refund" if raw["cancel"] else "capture"
        paid = {
            "payment_order_id": raw["orderId"],
            "psp_reference": raw["paymentKey"],
            "currency": raw["currency"],
            "amount": raw["amount"] if isinstance(raw["amount"], int) else None,
        }
        at = datetime.fromisoformat(raw["cancel"]["canceledAt"] if raw["cancel"] else raw["approvedAt"])
        rows.append(line("toss", f"{raw['mId']}|{raw['transactionKey']}|{kind}", kind, paid, at, raw["fee"]))
    return rows


def nova(path: Path) -> list[dict[str, object]]:
    rows = []
    with path.open(newline="") as file:
        for raw in csv.DictReader(file):
            paid = {name: raw[name] for name in ("payment_order_id", "psp_reference", "currency")}
            paid["amount"] = cents(raw["amount"])
            at = datetime.fromisoformat(raw["occurred_at"]).replace(tzinfo=UTC)
            identity = f"|{raw['natural_id']}|{raw['kind']}"
            rows.append(line("nova", identity, raw["kind"], paid, at, (raw["fee"], raw["net"])))
    return rows


READERS = {"stripe": stripe, "adyen": adyen, "toss": toss, "nova": nova}


def settled(folder: Path, night: date) -> list[dict[str, object]]:
    """Every row of the files of a night, whole and broken ones."""
    return [
        row
        for source, reader in READERS.items()
        for path in sorted(folder.glob(f"{source}_{night}*"))
        for row in reader(path)
    ]


def booked(shop: sqlite3.Connection, night: date) -> list[dict[str, object]]:
    """What the ledger recorded and which orders changed on a night."""
    start = datetime.combine(night, datetime.min.time(), SEOUL).astimezone(UTC)
    bounds = tuple(f"{moment:%Y-%m-%d %H:%M:%S}" for moment in (start, start + timedelta(days=1)))
    shop.row_factory = sqlite3.Row
    rows: list[dict[str, object]] = []
    for raw in shop.execute("select * from ledger_entries where recorded_at >= ? and recorded_at < ?", bounds):
        expected = {"settled_currency": raw["settled_currency"], "settled_amount": raw["settled_amount_minor"]}
        row = _row("ledger_entry", "ledger", raw["entry_id"], raw, raw["posted_at"])
        rows.append(row | {"kind": raw["kind"], **expected})
    newest = "select *, max(version) from payment_order_versions where recorded_at >= ? and recorded_at < ? group by 1"
    for raw in shop.execute(newest, bounds):
        money = ("captured_amount", "points_amount", "gift_card_amount", "total_amount")
        extra = {"status": raw["status"], **{name: raw[f"{name}_minor"] for name in money}}
        rows.append(_row("payment_order", "orders", raw["payment_order_id"], raw, raw["updated_at"]) | extra)
    for raw in shop.execute("select * from gift_card_lines where occurred_at >= ? and occurred_at < ?", bounds):
        at = datetime.fromisoformat(raw["occurred_at"]).replace(tzinfo=UTC)
        paid = {"payment_order_id": "", "psp_reference": "", "currency": raw["currency"], "amount": raw["amount_minor"]}
        rows.append(line("gift_cards", f"|{raw['line_id']}|{raw['kind']}", raw["kind"], paid, at, None))
    return rows


def _row(record: str, source: str, record_id: object, raw: sqlite3.Row, at: str) -> dict[str, object]:
    moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
    row: dict[str, object] = {
        "record": record,
        "source": source,
        "record_id": str(record_id),
        "business_date": moment.astimezone(SEOUL).date(),
        "instant": moment,
        "amount": raw["amount_minor"],
    }
    row |= {name: raw[name] for name in ("psp", "psp_reference", "payment_order_id", "currency")}
    return row | ({"account": raw["account"]} if record == "ledger_entry" else {})


def scenario(directory: Path) -> dict[str, object]:
    """The whole shop as a scenario for the oracle."""
    shop = sqlite3.connect(directory / "shop.sqlite")
    nights = []
    for night in NIGHTS:
        rows = settled(directory / "in", night)
        broken = [row for row in rows if row["amount"] is None]
        end = datetime.combine(night + timedelta(days=1), datetime.min.time(), SEOUL)
        whole = [row for row in rows if row["amount"] is not None]
        nights.append({"date": night, "end": end, "rows": whole + booked(shop, night), "quarantined": broken})
    shop.close()
    countries = {name: set(holidays.country_holidays(name, years=2026)) for name in ("KR", "US")}
    return {
        "nights": nights,
        "look_back_days": 60,
        "holidays": countries["KR"],
        "psp_holidays": {
            "stripe": countries["US"],
            "adyen": set(holidays.financial_holidays("ECB", years=2026)),
            "toss": countries["KR"],
        },
    }
