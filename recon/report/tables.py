"""Tables: breaks.csv, breaks.parquet, fixes.jsonl, quarantine.csv and the breaks that the next night has to know.

Machines read these, so amounts are decimal text and ids are exact. In the CSV, text that a spreadsheet would run as a
formula gets a leading apostrophe; breaks.parquet holds it as it is.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from recon.domain.breaks import Break, Fix, Past
from recon.domain.money import to_text
from recon.domain.rulebook import Class

_BEFORE_AMOUNTS = ("break_id", "reconciliation", "key", "code", "class", "state", "currency", "difference")
_AFTER_AMOUNTS = (
    "psp", "first_seen", "age_days", "deadline", "owner", "rule", "why", "next_step", "reason", "fix_id", "provenance",
    "related",
)  # fmt: skip
_DATES = ("first_seen", "deadline")


def break_row(each: Break, sides: Sequence[str]) -> dict[str, Any]:
    """One row of breaks.csv and breaks.parquet; dates as dates, amounts as decimal text or None."""
    row: dict[str, Any] = {
        "break_id": each.break_id,
        "reconciliation": each.reconciliation,
        "key": each.key,
        "code": each.code,
        "class": str(each.class_),
        "state": each.state,
        "currency": each.currency,
        "difference": to_text(each.difference, each.currency)
        if each.difference is not None and each.currency
        else None,
    }
    for side in sides:
        row[f"{side}_amount"] = side_amount(each, side)
    row.update(
        psp=each.psp,
        first_seen=each.first_seen,
        age_days=each.age_days,
        deadline=each.deadline,
        owner=each.owner,
        rule=each.rule,
        why=each.why,
        next_step=each.next_step,
        reason=each.reason,
        fix_id=each.fix_id,
        provenance=each.provenance,
        related=" ".join(each.related),
    )
    return row


def side_amount(each: Break, side: str) -> str | None:
    """A side's amount as decimal text; with its code where the sides name different currencies."""
    amount, currency = each.amounts.get(side), each.currencies.get(side)
    if amount is None or not currency:
        return None
    return to_text(amount, currency) if each.currency else f"{to_text(amount, currency)} {currency}"


def write_breaks(folder: Path, breaks: Sequence[Break], sides: Sequence[str]) -> None:
    """breaks.csv and breaks.parquet."""
    names = [*_BEFORE_AMOUNTS, *(f"{side}_amount" for side in sides), *_AFTER_AMOUNTS]
    rows = [break_row(each, sides) for each in breaks]
    write_csv(folder / "breaks.csv", names, rows)
    kinds = {
        name: pa.date32() if name in _DATES else pa.int64() if name == "age_days" else pa.string() for name in names
    }
    schema = pa.schema(list(kinds.items()))
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), folder / "breaks.parquet", compression="zstd")


def write_tried(path: Path, rows: Iterable[tuple[str, Sequence[str]]]) -> None:
    """tried.parquet: break_id, and a line per matching pass that says what it found."""
    ids, lines = [], []
    for break_id, tried in rows:
        ids.append(break_id)
        lines.append(list(tried))
    schema = pa.schema([("break_id", pa.string()), ("tried", pa.list_(pa.string()))])
    pq.write_table(pa.table([ids, lines], schema=schema), path, compression="zstd")


def write_csv(path: Path, names: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """UTF-8, LF, header; None is empty."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([inert(row.get(name)) for name in names] for row in rows)


def inert(value: Any) -> Any:
    """Text that a spreadsheet would run gets a leading apostrophe; decimal text stays a number."""
    if not isinstance(value, str) or not value or value[0] not in "=+-@\t\r":
        return value
    return value if value[0] == "-" and value[1:].replace(".", "", 1).isdigit() else "'" + value


def write_fixes(folder: Path, fixes: Iterable[Fix]) -> None:
    """fixes.jsonl: one proposed fix a line."""
    with (folder / "fixes.jsonl").open("w", encoding="utf-8", newline="\n") as file:
        for fix in fixes:
            file.write(json.dumps(fix.as_json(), ensure_ascii=False, sort_keys=True) + "\n")


def write_quarantine(folder: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """quarantine.csv: what could not be read, with what was found and what was expected."""
    write_csv(folder / "quarantine.csv", ["file", "sha256", "line", "column", "found", "expected", "raw"], rows)


_KNOWN = pa.schema(
    [
        *(
            (name, pa.string())
            for name in ("break_id", "reconciliation", "key", "code", "class", "state", "currency", "difference")
        ),
        *((name, pa.string()) for name in ("amounts", "currencies", "psp")),
        ("first_seen", pa.date32()),
        ("deadline", pa.date32()),
        ("closed_on", pa.date32()),
        *(
            (name, pa.string())
            for name in ("owner", "rule", "why", "next_step", "reason", "provenance", "fix_id", "related", "past")
        ),
    ]
)


def write_known(path: Path, breaks: Sequence[Break]) -> None:
    """open/breaks.parquet: every known break, closed ones too, for the next night."""
    rows = [
        {
            "break_id": each.break_id,
            "reconciliation": each.reconciliation,
            "key": each.key,
            "code": each.code,
            "class": str(each.class_),
            "state": each.state,
            "currency": each.currency,
            "difference": None if each.difference is None else str(each.difference),
            "amounts": json.dumps(each.amounts, sort_keys=True),
            "currencies": json.dumps(each.currencies, sort_keys=True),
            "psp": each.psp,
            "first_seen": each.first_seen,
            "deadline": each.deadline,
            "closed_on": each.closed_on,
            "owner": each.owner,
            "rule": each.rule,
            "why": each.why,
            "next_step": each.next_step,
            "reason": each.reason,
            "provenance": each.provenance,
            "fix_id": each.fix_id,
            "related": " ".join(each.related),
            "past": json.dumps(
                [[str(p.night), p.state, str(p.class_), p.code, p.currency, p.difference] for p in each.past]
            ),
        }
        for each in breaks
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=_KNOWN), path, compression="zstd")


def read_known(path: Path) -> dict[str, Break]:
    """The breaks that a night knows, as `write_known` left them; age is worked out again by whoever reads them."""
    known: dict[str, Break] = {}
    for row in pq.read_table(path).to_pylist():
        closed_on: date | None = row["closed_on"]
        known[row["break_id"]] = Break(
            break_id=row["break_id"],
            reconciliation=row["reconciliation"],
            key=row["key"],
            code=row["code"],
            class_=Class(row["class"]),
            state=row["state"],
            currency=row["currency"],
            difference=None if row["difference"] is None else int(row["difference"]),
            amounts=json.loads(row["amounts"]),
            currencies=json.loads(row["currencies"]),
            psp=row["psp"],
            first_seen=row["first_seen"],
            age_days=0,
            deadline=row["deadline"],
            owner=row["owner"],
            rule=row["rule"],
            why=row["why"],
            next_step=row["next_step"],
            reason=row["reason"],
            provenance=row["provenance"],
            closed_on=closed_on,
            fix_id=row["fix_id"],
            related=tuple((row.get("related") or "").split()),
            past=_past(row.get("past")),
        )
    return known


def _past(told: str | None) -> tuple[Past, ...]:
    """A night of an older version kept none."""
    return tuple(
        Past(date.fromisoformat(night), state, Class(class_), code, currency, difference)
        for night, state, class_, code, currency, difference in json.loads(told or "[]")
    )
