"""Which sides a break is said to lack: those that it needs, and the optional ones that its rule asks for."""

from __future__ import annotations

from pathlib import Path

from recon.api import run
from recon.scenario import nights_of, play

FIXTURES = Path(__file__).parents[1] / "fixtures"


def test_an_optional_side_is_missing_only_where_the_rule_asks_for_it(tmp_path: Path) -> None:
    folder = FIXTURES / "fees_and_contracts"
    play(folder, tmp_path / "shop")
    absent: dict[str, set[str]] = {}
    for night in nights_of(folder):
        for each in run(tmp_path / "shop", night).facts.breaks:
            lacking = {side for side, amount in each.amounts.items() if amount is None}
            absent.setdefault(each.code, set()).update(lacking)
    assert {"expense", "vat"} <= absent["fee_unbooked"]  # `when` compares their amounts
    assert "psp" in absent["fee_booked_not_charged"]
    # Nobody has claimed anything back, and no rule of these says that somebody should have.
    assert absent["currency_mismatch"] == absent["fee_tax_mismatch"] == set()
