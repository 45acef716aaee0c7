"""What a fix is listed as, and held against its rule's limits with: all that it moves, in each currency."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest

from recon.domain.corrections import debits, moved
from recon.domain.rulebook import Brake, Class
from recon.fixes.propose import Candidate, propose_fixes


def proposal(lines: list[tuple[int, str]], limit: dict[str, int]) -> tuple[str, int, str]:
    """The currency and amount of the fix with these postings, and why it is not automatic."""
    template = SimpleNamespace(
        name="book", is_journal=True, postings=[SimpleNamespace(account=f"a{at}") for at in range(len(lines))],
        memo="", kind="", channel=None,
    )  # fmt: skip
    rule: Any = SimpleNamespace(
        name="payin", passes=[SimpleNamespace(on=("payment_order_id", "kind"))], fixes={"book": template}, brake=None
    )
    of_break: Any = SimpleNamespace(fix="book", code="c", limit=limit)
    given = Candidate("BRK-1", of_break, Class.AUTO_FIX, {"payment_order_id": "PO-1"}, tuple(lines))
    made = propose_fixes(rule, date(2026, 11, 19), [given], 100, Brake(10, 10, {}), lambda text, _facts: text)
    [fix] = made.fixes
    assert moved(fix.content, fix.currency, fix.amount)[fix.currency] == fix.amount
    return fix.currency, fix.amount, made.demoted.get("BRK-1", "")


@pytest.mark.parametrize(
    ("lines", "amount", "why"),
    [
        ([(900, "KRW"), (-900, "KRW")], 900, ""),
        ([(-900, "KRW"), (600, "KRW"), (300, "KRW")], 900, ""),
        # No line is above the limit, and twice as much as each is moved.
        ([(600, "KRW"), (600, "KRW"), (-600, "KRW"), (-600, "KRW")], 1200, "above the limit of 1000 KRW"),
        ([(9, "KRW"), (-9, "KRW"), (5, "USD"), (-5, "USD")], 9, "no limit for USD"),
        ([(9, "KRW"), (-9, "KRW"), (500, "EUR"), (-500, "EUR")], 9, "above the limit of 1.00 EUR"),
    ],
)
def test_a_journal_is_listed_with_all_that_it_moves(lines: list[tuple[int, str]], amount: int, why: str) -> None:
    assert proposal(lines, {"KRW": 1000, "EUR": 100}) == ("KRW", amount, why)


def test_a_journal_that_nobody_could_find_again_is_not_proposed() -> None:
    """Its records bear no reference: the next night would find its entries and the break side by side."""
    template = SimpleNamespace(
        name="book",
        is_journal=True,
        postings=[SimpleNamespace(account=a) for a in "ab"],
        memo="",
        kind="fee",
        channel=None,
    )
    rule: Any = SimpleNamespace(
        name="fees", passes=[SimpleNamespace(on=("psp", "psp_reference"))], fixes={"book": template}, brake=None
    )
    of_break: Any = SimpleNamespace(fix="book", code="c", limit={"KRW": 1000})
    given = Candidate("BRK-1", of_break, Class.AUTO_FIX, {"psp__psp": "adyen"}, ((5, "KRW"), (-5, "KRW")))
    made = propose_fixes(rule, date(2026, 11, 19), [given], 100, Brake(10, 10, {}), lambda text, _facts: text)
    assert made.fixes == () and "no reference" in made.demoted["BRK-1"]
    for fields, memo, found in (
        (("memo",), "CARD-1", 1),
        (("memo",), "fee CARD-1", 0),
        (("currency", "amount"), "CARD-1", 0),
    ):
        template.memo, rule.passes = memo, [SimpleNamespace(on=fields)]
        of_card = Candidate("BRK-1", of_break, Class.AUTO_FIX, {"card__memo": "CARD-1"}, ((5, "KRW"), (-5, "KRW")))
        made = propose_fixes(rule, date(2026, 11, 19), [of_card], 100, Brake(10, 10, {}), lambda text, _facts: text)
        assert len(made.fixes) == found, (fields, memo)


def test_what_a_journal_moves_does_not_hang_on_its_lines() -> None:
    assert debits([("KRW", 5), ("KRW", 5), ("KRW", -10), ("USD", 1), ("USD", -1)]) == {"KRW": 10, "USD": 1}
