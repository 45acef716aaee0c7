"""A small shop at one provider whose nights a desk decides on: files a night, commands in process, and the night's answers."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

import recon.api
from recon.cli.main import cli
from recon.errors import ReconError
from recon.fixes import queue
from recon.pipeline import NightResult
from recon.store.audit import writing
from recon.store.state import engine_for

YAML = """version: 1
name: desk
time_zone: UTC
opening: {{empty_from: 2026-10-13}}
state: {{url: "{state}"}}
sources:
  toss: {{format: generic_settlement, psp: toss, files: "in/toss_{{date}}*.csv"}}
  ledger: {{format: generic_ledger, moves: events, files: "in/ledger_{{date}}.csv"}}
  orders: {{format: generic_payment_order, moves: changes, files: "in/orders_{{date}}.csv"}}
reconciliations: [payin]
approvals:
  per_fix: {{KRW: 1000000}}
  per_rule: {{KRW: 5000000}}
  per_night: {{KRW: 9000000}}
  per_person: {{KRW: 9000000}}
"""
HEADS = {
    "toss": "natural_id kind psp_reference payment_order_id currency amount occurred_at",
    "ledger": "entry_id account kind psp psp_reference payment_order_id currency amount posted_at",
    "orders": "payment_order_id psp psp_reference status currency amount captured_amount updated_at",
}


@dataclass(frozen=True)
class Shop:
    root: Path
    state: str

    @classmethod
    def make(cls, root: Path, state: str = "sqlite:///state/recon.sqlite") -> Shop:
        (root / "in").mkdir(parents=True)
        (root / "state.url").write_text(state, encoding="utf-8")
        (root / "recon.yaml").write_text(YAML.format(state="file:state.url"), encoding="utf-8")
        return cls(root, state)

    # --- what comes in ---

    def settled(self, night: str, *lines: Sequence[Any], kind: str = "capture") -> None:
        """Lines (id, payment order, won) of the provider's file."""
        self._add("toss", night, [[i, kind, f"pay-{i}", p, "KRW", w, f"{night} 01:00:00"] for i, p, w in lines])

    def booked(self, night: str, *lines: Sequence[Any], kind: str = "capture") -> None:
        """Entries (id, payment order, won) of the ledger."""
        rows = [[i, "psp_receivable", kind, "toss", "", p, "KRW", w, f"{night} 01:00:00"] for i, p, w in lines]
        self._add("ledger", night, rows)

    def ordered(self, night: str, *lines: Sequence[Any]) -> None:
        """Payment orders (id, won) that succeeded."""
        self._add("orders", night, [[p, "toss", "", "SUCCESS", "KRW", w, "", f"{night} 01:00:00"] for p, w in lines])

    def _add(self, source: str, night: str, rows: list[list[Any]]) -> None:
        path = self.root / "in" / f"{source}_{night}.csv"
        new = not path.exists()
        with path.open("a", encoding="utf-8", newline="") as handle:
            writer = csv.writer(handle)
            writer.writerows([HEADS[source].split(), *rows] if new else rows)

    # --- what is done ---

    def run(self, night: str) -> NightResult:
        return recon.api.run(self.root, night)

    def ask(self, *words: str) -> Result:
        return CliRunner().invoke(cli, [*words, "-w", str(self.root)])

    def do(self, *words: str, exit: int = 0) -> str:
        """A command that does what is asked; its output."""
        result = self.ask(*words)
        assert result.exit_code == exit, (result.output, result.exception)
        return str(result.output)

    def refused(self, *words: str) -> str:
        """A command that is refused; the error's name."""
        error = self.ask(*words).exception
        assert isinstance(error, ReconError), error
        return error.name

    def json(self, *words: str) -> Any:
        return json.loads(self.do(*words, "--json"))

    def apply(self, fix_id: str, who: str = "robot") -> None:
        """As an applier does it, the posting itself aside."""
        from datetime import UTC, datetime, timedelta

        from recon.config.workspace_file import load_workspace

        engine = engine_for(self.url, self.root)
        now = datetime(2026, 10, 13, 20, tzinfo=UTC)
        with writing(engine) as connection:
            policy = load_workspace(self.root).policy
            claims = queue.claim(connection, "token", who, policy, now, now + timedelta(minutes=5), only=[fix_id])
            assert [each.fix.fix_id for each in claims.given] == [fix_id], claims
            queue.applied(connection, fix_id, "token", who, {"journal_id": f"recon:{fix_id}"}, at=now)
        engine.dispose()

    @property
    def url(self) -> str:
        return self.state

    # --- what a night says ---

    def folder(self, night: str) -> Path:
        return self.root / "nights" / night

    def breaks(self, night: str) -> dict[str, dict[str, str]]:
        """Key -> row of breaks.csv."""
        with (self.folder(night) / "breaks.csv").open(encoding="utf-8", newline="") as handle:
            return {row["key"]: row for row in csv.DictReader(handle)}

    def fixes(self, night: str) -> dict[str, dict[str, Any]]:
        """Break id -> line of fixes.jsonl."""
        lines = (self.folder(night) / "fixes.jsonl").read_text(encoding="utf-8").splitlines()
        return {fix["break_id"]: fix for fix in map(json.loads, lines)}

    def summary(self, night: str) -> Any:
        return json.loads((self.folder(night) / "summary.json").read_text(encoding="utf-8"))

    def fix_of(self, night: str, key: str) -> dict[str, Any]:
        return self.fixes(night)[self.breaks(night)[key]["break_id"]]


def day(text: str) -> date:
    return date.fromisoformat(text)
