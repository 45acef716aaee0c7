"""Files of a small sound workspace; a test changes one thing and looks at what is said about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from recon.config.rule_file import read_reconciliation
from recon.config.workspace_file import read_workspace
from recon.errors import Problem

RECON = """\
version: 1
name: shop
time_zone: Asia/Seoul
calendar: KR
calendars:
  KR: {country: KR, extra: [2026-05-01]}
databases:
  shop: {url: "sqlite:///shop.sqlite"}
opening: {empty_from: 2026-11-12}
sources:
  acme: {format: acme_lines, files: "in/acme_{date}.csv", calendar: KR, expected: business_days}
  ledger:
    record: ledger_entry
    moves: events
    database: shop
    query: select * from ledger where posted_at >= :from and posted_at < :to
  orders:
    record: payment_order
    moves: changes
    database: shop
    query: select * from orders where updated_at >= :from and updated_at < :to
reconciliations: [small]
"""

RULES = """\
reconciliation: small
title: Small
sides:
  psp: {record: settlement_line, where: kind = 'capture'}
  ledger: {record: ledger_entry}
  order: {record: payment_order, kinds: [capture], claims: status = 'SUCCESS'}
match:
  - {name: our_reference, on: [payment_order_id, kind]}
agree:
  - psp.amount = ledger.amount
due:
  psp: {business_days: 2, after: ledger}
grace: 15 minutes
breaks:
  - code: missing
    when: present(psp) and not present(ledger)
    class: auto_fix
    why: It is lost.
    next_step: Ask {psp.psp}.
    fix: book
    limit: {KRW: 1000, USD: "10.50"}
    fires_on:
      - {psp.amount: 5}
    silent_on:
      - {psp.amount: 5, ledger.amount: 5}
fixes:
  book:
    journal:
      memo: "{code}"
      postings:
        - {account: a, amount: psp.amount, currency: psp.currency}
        - {account: b, amount: -psp.amount, currency: psp.currency}
"""

FORMAT = """\
format: acme_lines
title: Acme
record: settlement_line
reader: delimited
options: {encoding: cp949, delimiter: ";", decimal: ",", thousands: "."}
zone: Asia/Seoul
columns: {required: [id, type, currency, gross, at], optional: [fee]}
identity: [psp_reference]
fields:
  psp: {const: acme}
  psp_reference: {column: id}
  kind: {column: type, values: {SALE: capture, NO: refund}, unknown_value: unknown}
  currency: {column: currency, case: upper}
  amount: {column: gross}
  occurred_at: {column: at, layout: "%Y-%m-%d %H:%M:%S"}
"""


class Files:
    """The three files; `change` replaces a text that stands in one of them exactly once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "rules/formats").mkdir(parents=True)
        self.paths = {
            "recon": root / "recon.yaml",
            "rules": root / "rules/small.yaml",
            "format": root / "rules/formats/acme_lines.yaml",
        }
        for which, text in (("recon", RECON), ("rules", RULES), ("format", FORMAT)):
            self.paths[which].write_text(text, encoding="utf-8")

    def change(self, which: str, old: str, new: str) -> Files:
        text = self.paths[which].read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {which}"
        self.paths[which].write_text(text.replace(old, new), encoding="utf-8")
        return self

    def problems(self) -> list[Problem]:
        return read_workspace(self.root)[1]

    def said(self) -> list[str]:
        return [str(problem) for problem in self.problems()]

    def only(self) -> str:
        """The one thing that is said."""
        [message] = self.said()
        return message

    def rules(self):
        reconciliation, problems = read_reconciliation(self.paths["rules"])
        assert reconciliation is not None and not problems, problems
        return reconciliation


@pytest.fixture
def files(tmp_path: Path) -> Files:
    made = Files(tmp_path / "shop")
    assert made.said() == [], "the workspace that the tests start from is sound"
    return made
