"""Workspaces: shops written as a folder that recon runs, and a night's folder read back in the oracle's words.

Many shops share one workspace: their identifiers and references differ by their names, and `apart` leaves out a shop in
which a group has the kind, currency and amount of a group of another shop, since payments without a reference are
looked for by amount.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date
from itertools import combinations
from pathlib import Path
from typing import Any

from shops import CALENDARS, PSPS

#: Decimals of the currencies that shops use.
EXPONENTS = {"KRW": 0, "JPY": 0, "USD": 2, "EUR": 2}
#: Vocabulary -> the columns of its generic format that shops fill, with the field of the row that each one holds.
COLUMNS = {
    "settlement_line": {
        "psp": "psp",
        "kind": "kind",
        "natural_id": "natural_id",
        "psp_reference": "psp_reference",
        "payment_order_id": "payment_order_id",
        "currency": "currency",
        "amount": "amount",
        "occurred_at": "instant",
    },
    "ledger_entry": {
        "entry_id": "entry_id",
        "account": "account",
        "kind": "kind",
        "psp": "psp",
        "psp_reference": "psp_reference",
        "payment_order_id": "payment_order_id",
        "currency": "currency",
        "amount": "amount",
        "posted_at": "instant",
    },
    "payment_order": {
        "payment_order_id": "payment_order_id",
        "psp": "psp",
        "psp_reference": "psp_reference",
        "status": "status",
        "currency": "currency",
        "amount": "amount",
        "captured_amount": "captured_amount",
        "updated_at": "instant",
    },
}
FORMATS = {
    "settlement_line": "generic_settlement",
    "ledger_entry": "generic_ledger",
    "payment_order": "generic_payment_order",
}
SOURCES = {**dict.fromkeys(PSPS, "settlement_line"), "ledger": "ledger_entry", "orders": "payment_order"}
UNREADABLE = "12,3x"
PAYIN = Path(__file__).parents[1] / "rules" / "payin.yaml"


def identified(scenario: dict) -> dict:
    """The scenario with every row's `record_id`, as the generic formats make it."""
    for night in scenario["nights"]:
        for row in [*night["rows"], *(each["row"] for each in night["quarantined"])]:
            row["record_id"] = record_id(row)
    return scenario


def record_id(row: dict) -> str:
    if row["record"] == "settlement_line":
        return f"|{row['natural_id']}|{row['kind']}"  # account, natural id, kind
    return row.get("entry_id") or row["payment_order_id"]


def decimal(amount: int, currency: str) -> str:
    """Minor units as the files write them."""
    places = EXPONENTS[currency]
    digits = str(abs(amount)).rjust(places + 1, "0")
    whole = f"{digits[:-places]}.{digits[-places:]}" if places else digits
    return f"-{whole}" if amount < 0 else whole


def cells(row: dict, readable: bool = True) -> dict[str, str]:
    """The row as its file's columns."""
    found = {}
    for column, field in COLUMNS[row["record"]].items():
        value = row.get(field)
        if value is None:
            found[column] = ""
        elif field in ("amount", "captured_amount"):
            found[column] = decimal(value, row["currency"]) if readable else UNREADABLE
        else:
            found[column] = value.strftime("%Y-%m-%d %H:%M:%S") if field == "instant" else value
    return found


def write_workspace(root: Path, scenarios: Iterable[dict]) -> list[date]:
    """Write recon.yaml and every night's files; give the nights' dates."""
    scenarios = list(scenarios)
    files: dict[str, list[dict]] = defaultdict(list)
    for scenario in scenarios:
        for night in scenario["nights"]:
            for row in night["rows"]:
                files[row["file"]].append(row)
            for each in night["quarantined"]:
                files[each["row"]["file"]].append({**each["row"], "unreadable": True})
    (root / "in").mkdir(parents=True, exist_ok=True)
    for name, rows in files.items():
        write_file(root / "in" / name, rows)
    (root / "recon.yaml").write_text(recon_yaml(scenarios[0]), encoding="utf-8")
    (root / "rules").mkdir(exist_ok=True)
    (root / "rules" / "payin.yaml").write_text(unbraked(PAYIN.read_text(encoding="utf-8")), encoding="utf-8")
    return [night["date"] for night in scenarios[0]["nights"]]


def write_file(path: Path, rows: list[dict]) -> None:
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, list(COLUMNS[rows[0]["record"]]))
        writer.writeheader()
        writer.writerows(cells(row, not row.get("unreadable")) for row in rows)


def unbraked(rules: str) -> str:
    """The shipped rules, with a brake that hundreds of shops in one night do not pull."""
    return re.sub(r"(?m)^brake: .*$", "brake: {fixes: 1000000, share_percent: 100}", rules)


def recon_yaml(scenario: dict) -> str:
    """A workspace in UTC with one source a provider, the ledger and the orders; no file is ever set aside whole."""
    lines = ["version: 1", "name: shops", "time_zone: UTC", "calendar: own", "calendars:"]
    calendars = {"own": CALENDARS["holidays"], **CALENDARS["psp_holidays"]}
    lines += [f"  {name}: {{extra: [{', '.join(map(str, sorted(days)))}]}}" for name, days in calendars.items()]
    lines += [f"opening: {{empty_from: {scenario['nights'][0]['date']}}}", "quarantine: {share_percent: 100}"]
    lines += [f"look_back_days: {scenario['look_back_days']}", "sources:"]
    for source, record in SOURCES.items():
        lines.append(f"  {source}:")
        if record == "settlement_line":
            lines.append(f"    psp: {source}")
        if source in CALENDARS["psp_holidays"]:
            lines.append(f"    calendar: {source}")
        lines.append(f"    moves: {'changes' if record == 'payment_order' else 'events'}")
        lines += [f"    format: {FORMATS[record]}", f'    files: "in/{source}_{{date}}*.csv"']
    return "\n".join([*lines, "reconciliations: [payin]", ""])


# --- answers ---------------------------------------------------------------------------------------------------------


def shop_of(key: str) -> str:
    """The shop that a key belongs to: `S12-P1/capture`, `stripe/|S12-L3|refund`."""
    return re.findall(r"(\w+)-", key)[0]


def found(folder: Path) -> dict[str, set]:
    """What a night's folder says: open breaks and pending keys."""
    with (folder / "breaks.csv").open(encoding="utf-8", newline="") as handle:
        rows = [row for row in csv.DictReader(handle) if row["state"] in ("new", "persisting", "reopened")]
    with (folder / "pending.csv").open(encoding="utf-8", newline="") as handle:
        pending = {row["key"] for row in csv.DictReader(handle)}
    return {"breaks": {(row["key"], row["code"], row["class"]) for row in rows}, "pending": pending}


def summary(folder: Path) -> dict:
    return json.loads((folder / "summary.json").read_text(encoding="utf-8"))


def rolled(answers: Iterable[Any]) -> dict[tuple[str, str], Counter]:
    """(source, currency) -> counts and sums in minor units of one night's roll-forward, over many shops."""
    sums: dict[tuple[str, str], Counter] = defaultdict(Counter)
    for answer in answers:
        for column, row in answer.roll:
            sums[row["source"], row["currency"]][column] += 1
            sums[row["source"], row["currency"]][column + "_amount"] += row["amount"]
    return sums


def roll_forward(summary: dict) -> dict[tuple[str, str], Counter]:
    """(source, currency) -> counts and sums in minor units, as summary.json has them."""
    lines: dict[tuple[str, str], Counter] = defaultdict(Counter)
    for line in summary["roll_forward"]:
        sums = lines[line["source"], line["currency"]]
        sums.update(line["counts"])
        sums.update({f"{column}_amount": int(text.replace(".", "")) for column, text in line["amounts"].items()})
    return lines


def apart(scenarios: Iterable[dict]) -> list[dict]:
    """The scenarios less those that could be mistaken for an earlier one by amount."""
    lost: set = set()
    said: set = set()
    kept = []
    for scenario in scenarios:
        keyless, sums = looks(scenario)
        if not keyless & said and not sums & lost:
            lost |= keyless
            said |= sums
            kept.append(scenario)
    return kept


def looks(scenario: dict) -> tuple[set, set]:
    """(kind, currency, amount) that a keyless group of the shop may have, and that any group of it may have."""
    keyless: set = set()
    parts: dict[tuple, list[int]] = defaultdict(list)
    for row in (row for night in scenario["nights"] for row in night["rows"]):
        kind = row.get("kind", "capture")
        for name in ("payment_order_id", "psp_reference", "record_id"):
            if row[name]:
                parts[name, row[name], kind, row["currency"], row["source"]].append(row["amount"])
        if not row["payment_order_id"]:
            keyless.add((kind, row["currency"], row["amount"]))
    sums = {
        (kind, currency, sum(chosen))
        for (_, _, kind, currency, _), amounts in parts.items()
        for size in range(1, len(amounts) + 1)
        for chosen in combinations(sorted(amounts), size)
    }
    return keyless, sums | keyless
