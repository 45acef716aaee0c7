"""A shop whose inputs misbehave: one provider, a bank of accounts if wanted, a ledger in SQLite, and the command line.

Every night that a test runs through `Shop.run` is held against what must hold whatever came: the roll-forward in
summary.json ties in records and in money, `recon verify` finds nothing, and not a byte of the ledger has changed.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import sqlite3
from collections import Counter
from contextlib import closing, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

from recon.cli.main import _run
from recon.config.json_schema import schema
from recon.verify import verify_night

HEADER = "natural_id,kind,psp_reference,payment_order_id,currency,amount,occurred_at"
TOSS = '{format: generic_settlement, psp: toss, files: "in/toss_{date}*.csv", calendar: KR, expected: business_days}'
CONFIG = """version: 1
name: inputs
time_zone: Asia/Seoul
calendar: KR
calendars: {KR: {country: KR}}
databases: {shop: {url: "sqlite:///ledger.sqlite"}}
opening: {empty_from: 2026-10-13}
sources:
  toss: %s
%s  ledger:
    record: ledger_entry
    moves: events
    database: shop
    query: |
      select entry_id, 'psp_receivable' as account, 'capture' as kind, 'toss' as psp, psp_reference, payment_order_id,
        'KRW' as currency, amount, posted_at from entries where posted_at >= :from and posted_at < :to
  orders: {format: generic_payment_order, moves: changes, files: "in/orders_{date}.csv"}
reconciliations: [payin]
"""


@dataclass(frozen=True)
class Said:
    """What a command came to."""

    exit: int
    out: str
    error: str


class Shop:
    """A workspace in a folder. Amounts are won; `T-1` stands for the payment PO-1, which the ledger and the orders know."""

    def __init__(self, root: Path, toss: str = TOSS, more: str = "") -> None:
        self.root = root
        (root / "in").mkdir(parents=True)
        (root / "recon.yaml").write_text(CONFIG % (toss, more), encoding="utf-8")
        with closing(sqlite3.connect(root / "ledger.sqlite")) as books:
            books.execute(
                "create table entries (entry_id text, psp_reference text, payment_order_id text, amount int, posted_at text)"
            )
            books.commit()

    def pay(self, night: str, **amounts: int) -> None:
        """Payments of a night, in the ledger and in the orders: pay("2026-10-13", T1=1000)."""
        with closing(sqlite3.connect(self.root / "ledger.sqlite")) as books:
            for name, amount in amounts.items():
                n = name[1:]
                books.execute(
                    "insert into entries values (?, ?, ?, ?, ?)",
                    (f"E-{n}", f"pay-{n}", f"PO-{n}", amount, f"{night} 01:00:00"),
                )
            books.commit()
        head = "payment_order_id,psp,psp_reference,status,currency,amount,captured_amount,updated_at"
        rows = [
            f"PO-{name[1:]},toss,pay-{name[1:]},SUCCESS,KRW,{amount},{amount},{night} 01:00:00"
            for name, amount in amounts.items()
        ]
        self.write(f"in/orders_{night}.csv", "\n".join([head, *rows]) + "\n")

    def settle(self, name: str, night: str = "2026-10-13", *, arrived: str = "", **amounts: int) -> Path:
        """A settlement file in in/ with a line for each payment."""
        rows = [
            f"T-{line[1:]},capture,pay-{line[1:]},PO-{line[1:]},KRW,{amount},{night} 01:00:00"
            for line, amount in amounts.items()
        ]
        return self.write(f"in/{name}", "\n".join([HEADER, *rows]) + "\n", arrived)

    def write(self, name: str, text: str, arrived: str = "") -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
        if arrived:
            at = datetime.fromisoformat(arrived).replace(tzinfo=UTC).timestamp()
            os.utime(path, (at, at))
        return path

    def recon(self, *arguments: str) -> Said:
        """Run `recon` in the workspace, in this process."""
        out, error = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(error):
            code = _run([*arguments, "--workspace", str(self.root)], debug=False)
        return Said(int(code), out.getvalue(), error.getvalue())

    def run(self, night: str, *options: str) -> Said:
        """Run a night; what must hold of every night is held against it."""
        before = self.ledger()
        said = self.recon("run", "--date", night, *options)
        assert self.ledger() == before, "the ledger was changed"
        if (self.root / "nights" / night).exists():
            assert verify_night(self.root / "nights" / night) == []
            _validator().validate(self.left(night))
            for line in self.summary(night)["roll_forward"]:
                for side in (line["counts"], {name: int(text) for name, text in line["amounts"].items()}):
                    if side:
                        out = sum(side[name] for name in ("cleared", "carried", "quarantined", "excluded", "replayed"))
                        assert side["brought"] + side["new"] == out, line
        return said

    def ledger(self) -> str:
        return hashlib.sha256((self.root / "ledger.sqlite").read_bytes()).hexdigest()

    def summary(self, night: str) -> dict[str, Any]:
        return json.loads((self.root / "nights" / night / "summary.json").read_text("utf-8"))

    def left(self, night: str) -> dict[str, Any]:
        return json.loads((self.root / "nights" / night / "inputs.json").read_text("utf-8"))

    def entry(self, night: str, name: str) -> dict[str, Any]:
        """The only entry of the night whose name begins so."""
        [found] = [each for each in self.left(night)["inputs"] if each["name"].startswith(f"in/{name}")]
        return found

    def waits(self, night: str, kind: str = "") -> list[dict[str, Any]]:
        return [each for each in self.left(night)["awaiting"] if kind in ("", each["kind"])]

    def breaks(self, night: str) -> dict[str, str]:
        """key -> code of every open break."""
        import pyarrow.parquet as pq

        rows = pq.read_table(self.root / "nights" / night / "breaks.parquet").to_pylist()
        return {row["key"]: row["code"] for row in rows if row["state"] != "resolved"}

    def cleared(self, night: str) -> int:
        return int(self.summary(night)["reconciliations"]["payin"]["groups"]["cleared"])

    def new(self, night: str, source: str = "toss") -> Counter[str]:
        """The counts of one source's roll-forward, all currencies."""
        return Counter(self.counts(night, source))

    def counts(self, night: str, source: str = "toss") -> dict[str, int]:
        """The same, without those that are zero."""
        return self._rolled(night, source, "counts")

    def money(self, night: str, source: str = "toss") -> dict[str, int]:
        """The won of one source's roll-forward, without what is zero."""
        return self._rolled(night, source, "amounts")

    def _rolled(self, night: str, source: str, of: str) -> dict[str, int]:
        total: Counter[str] = Counter()
        for line in self.summary(night)["roll_forward"]:
            if line["source"] == source:
                total.update({name: int(value) for name, value in line[of].items()})
        return {name: value for name, value in total.items() if value}

    def bytes_of(self, night: str) -> dict[str, str]:
        folder = self.root / "nights" / night
        return {
            path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.rglob("*")
            if path.is_file()
        }

    def accept(
        self, what: str, decision: str = "accept", name: str = "jane", why: str = "the provider says so"
    ) -> Said:
        return self.recon("inputs", decision, what, "--as", name, "--why", why)


@cache
def _validator() -> Any:
    return jsonschema.validators.validator_for(schema("inputs"))(schema("inputs"))


def next_day(night: str, days: int = 1) -> str:
    return str(date.fromordinal(date.fromisoformat(night).toordinal() + days))
