"""The oracle against cases worked out by hand from docs/matching.md. Nights are 2026-11-19 (a Thursday) and after."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import count

import oracle

NUMBERS = count(1)
THURSDAY = date(2026, 11, 19)


def row(
    record: str, kind: str, amount: int, payment: str | None = "P1", reference: str | None = None, **fields
) -> dict:
    base = {
        "record": record,
        "source": {"settlement_line": "stripe", "ledger_entry": "ledger"}.get(record, "orders"),
        "record_id": f"r{next(NUMBERS)}",
        "kind": kind,
        "payment_order_id": payment,
        "psp_reference": reference,
        "psp": "stripe",
        "currency": "USD",
        "amount": amount,
        "day": 0,
        "hour": 12,
    }
    return base | fields


def psp(amount: int, kind: str = "capture", **fields) -> dict:
    return row("settlement_line", kind, amount, **fields)


def ledger(amount: int, kind: str = "capture", **fields) -> dict:
    return row("ledger_entry", kind, amount, **{"account": "psp_receivable", **fields})


def order(amount: int, status: str = "SUCCESS", payment: str = "P1", **fields) -> dict:
    made = row("payment_order", "capture", amount, payment, record_id=payment, status=status, **fields)
    del made["kind"]
    return made


def paid(amount: int = 500, **fields) -> list[dict]:
    return [psp(amount, **fields), ledger(amount, **fields), order(amount, payment=fields.get("payment", "P1"))]


def nights(*told: list[dict], quarantined: dict | None = None, **settings):
    """The oracle's answers. Every row's `day` counts from its own night; `quarantined`: night number -> references."""
    scenario = {"look_back_days": 60, "holidays": set(), "psp_holidays": {}, "nights": []} | settings
    for number, rows in enumerate(told):
        day = THURSDAY + timedelta(days=number)
        night = {"date": day, "end": datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1), "rows": []}
        for each in rows:
            at = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=each["day"], hours=each["hour"])
            fields = {name: value for name, value in each.items() if name not in ("day", "hour")}
            night["rows"].append({**fields, "instant": at, "business_date": at.date()})
        refs = (quarantined or {}).get(number)
        night["quarantined"] = (
            [{"record": "settlement_line", "payment_order_id": None, "psp_reference": None, "kind": None} | refs]
            if refs
            else []
        )
        scenario["nights"].append(night)
    return oracle.run(scenario)


def rolled(answer, column: str) -> list[dict]:
    return [row for name, row in answer.roll if name == column]


def named(answer) -> set[tuple[str, str, str]]:
    return answer.breaks


def test_three_sides_that_agree_clear():
    [night] = nights(paid())
    assert (night.breaks, night.pending, night.states) == (set(), set(), ["cleared"])


def test_two_lines_clear_against_one_posting():
    [night] = nights([psp(200), psp(300), ledger(500), order(500)])
    assert night.states == ["cleared"]


def test_a_payment_waits_two_business_days_for_its_settlement_and_is_a_break_on_the_day_after():
    answers = nights([ledger(500), order(500)], *[[] for _ in range(5)])  # due Monday
    assert [bool(answer.pending) for answer in answers] == [True, True, True, True, True, False]
    assert answers[5].breaks == {("P1/capture", "ledger_not_in_psp", "investigate")}


def test_the_provider_s_holiday_moves_the_due_date():
    monday = THURSDAY + timedelta(days=4)
    answers = nights([ledger(500), order(500)], *[[] for _ in range(6)], psp_holidays={"stripe": {monday}})
    assert [bool(answer.pending) for answer in answers] == [True] * 6 + [False]


def test_a_posting_that_is_missing_has_no_due_date():
    [night] = nights([psp(500), order(500)])
    assert named(night) == {("P1/capture", "psp_not_in_ledger", "auto_fix")}


def test_above_the_limit_a_person_decides():
    answers = [nights([psp(amount), order(amount)])[0] for amount in (100_000, 100_001)]
    assert [class_ for answer in answers for _, _, class_ in answer.breaks] == ["auto_fix", "manual_review"]


def test_a_payment_minutes_before_the_cut_off_waits_one_night_for_any_side():
    late = {"hour": 23.75}
    answers = nights([psp(500, **late), order(500, **late)], [])
    assert answers[0].pending == {"P1/capture"}
    assert named(answers[1]) == {("P1/capture", "psp_not_in_ledger", "auto_fix")}


def test_an_abandoned_checkout_waits_in_silence_and_lapses_after_the_look_back():
    answers = nights([order(500, "FAILED", day=-6)], [], [], look_back_days=7)
    assert [answer.states for answer in answers] == [["silent"], ["silent"], []]
    assert [row["source"] for row in rolled(answers[2], "excluded")] == ["orders"]


def test_a_second_capture_on_a_later_night_joins_the_cleared_payment():
    answers = nights(paid(), [psp(500)])
    assert named(answers[1]) == {("P1/capture", "dup_capture", "manual_review")}


def test_a_second_posting_waits_for_a_second_settlement_and_then_is_a_duplicate():
    answers = nights(paid(), [ledger(500)], *[[] for _ in range(5)])  # posted on Friday: due Tuesday
    assert [bool(answer.pending) for answer in answers] == [False, *[True] * 5, False]
    assert named(answers[6]) == {("P1/capture", "dup_ledger_posting", "auto_fix")}


def test_what_was_cleared_before_the_look_back_is_forgotten():
    answers = nights(paid(), [], [psp(500)], look_back_days=1)
    assert named(answers[2]) == {("P1/capture", "psp_no_order", "investigate")}


def test_an_open_group_keeps_its_memory_beyond_the_look_back():
    answers = nights(paid(), [psp(500)], [], [], look_back_days=1)
    assert [named(answer) for answer in answers[1:]] == [{("P1/capture", "dup_capture", "manual_review")}] * 3


def test_the_same_row_again_is_a_replay_and_changes_nothing():
    rows = paid()
    answers = nights(rows, [{**rows[0], "day": -1}])
    assert answers[1].breaks == set()
    assert [row["amount"] for row in rolled(answers[1], "replayed")] == [500]


def test_a_known_row_with_another_amount_is_restated():
    rows = paid()
    answers = nights(rows, [{**rows[0], "day": -1, "amount": 501}])
    assert named(answers[1]) == {("P1/capture", "restated_row", "manual_review")}


def test_an_order_cancelled_after_it_cleared_is_a_break_until_the_refund_is_known():
    refund = [psp(-500, "refund"), ledger(-500, "refund")]
    answers = nights(paid(), [order(500, "CANCELLED")], refund)
    assert named(answers[1]) == {("P1/capture", "order_cancelled_after_clearing", "manual_review")}
    assert (answers[2].breaks, answers[2].states) == (set(), ["cleared", "cleared"])


def test_an_order_whose_money_was_given_back_and_that_is_paid_again_regressed():
    refund = [psp(-500, "refund"), ledger(-500, "refund")]
    answers = nights(paid(), [order(500, "REFUNDED"), *refund], [order(500)])
    assert answers[1].breaks == set()
    assert named(answers[2]) == {("P1/capture", "status_regression", "manual_review")}


def test_an_open_order_takes_its_newer_version_and_the_older_is_excluded():
    answers = nights([psp(500), ledger(500), order(500, "PENDING")], [order(500)])
    assert named(answers[0]) == {("P1/capture", "order_status_lag", "auto_fix")}
    assert answers[1].breaks == set()
    assert [row["status"] for row in rolled(answers[1], "excluded")] == ["PENDING"]


def test_a_line_without_our_reference_clears_by_the_provider_s():
    [night] = nights([psp(500, payment=None, reference="R"), ledger(500, reference="R"), order(500)])
    assert (night.breaks, night.states) == (set(), ["cleared"])


def test_the_only_partner_by_amount_and_day_is_suggested_and_never_clears():
    [night] = nights([psp(500, payment=None), ledger(500), order(500)])
    assert named(night) == {("P1/capture", "key_missing", "manual_review")}


def test_with_two_partners_nothing_is_guessed():
    line = psp(500, payment=None)
    [night] = nights([line, ledger(500), order(500), ledger(500, payment="P2"), order(500, payment="P2")])
    assert named(night) == {(f"stripe/{line['record_id']}", "ambiguous_match", "manual_review")}
    assert night.pending == {"P1/capture", "P2/capture"}


def test_two_keyless_lines_and_one_payment_are_both_ambiguous():
    [night] = nights([psp(500, payment=None), psp(500, payment=None), ledger(500), order(500)])
    assert [code for _, code, _ in sorted(named(night))] == ["ambiguous_match"] * 2


def test_four_days_apart_is_no_suggestion():
    [night] = nights([psp(500, payment=None, day=-4), ledger(500), order(500)])
    assert [code for _, code, _ in named(night)] == ["psp_no_order"]


def test_currencies_under_one_reference_are_one_break_and_never_added():
    [night] = nights([psp(500, currency="EUR"), ledger(500), order(500)])
    assert named(night) == {("P1/capture", "currency_mismatch", "investigate")}


def test_a_refund_made_at_the_provider_is_booked_only_when_its_capture_cleared():
    [known] = nights([*paid(), psp(-200, "refund")])
    [unknown] = nights([psp(-200, "refund")])
    assert named(known) == {("P1/refund", "refund_not_in_ledger", "auto_fix")}
    assert named(unknown) == {("P1/refund", "refund_not_in_ledger", "manual_review")}


def test_refunds_that_exceed_the_capture_do_not_clear_though_both_sides_agree():
    [night] = nights([*paid(), psp(-300, "refund"), psp(-300, "refund"), ledger(-600, "refund")])
    assert named(night) == {("P1/refund", "refund_exceeds_capture", "investigate")}


def test_a_refund_and_a_chargeback_of_one_payment_are_a_break_of_the_chargeback():
    refund = [psp(-100, "refund"), ledger(-100, "refund")]
    dispute = [psp(-500, "chargeback"), ledger(-500, "chargeback")]
    answers = nights([*paid(), *refund], dispute, [psp(500, "chargeback_reversal"), ledger(500, "chargeback_reversal")])
    assert named(answers[1]) == {("P1/chargeback", "refund_and_chargeback", "investigate")}
    assert answers[2].breaks == set()  # the dispute was won: the customer has the money once


def test_a_quarantined_row_keeps_its_payment_from_pending_until_the_mended_row_comes():
    answers = nights(
        [ledger(500), order(500)], [psp(500)], quarantined={0: {"payment_order_id": "P1", "kind": "capture"}}
    )
    assert named(answers[0]) == {("P1/capture", "quarantined_row", "manual_review")}
    assert (answers[1].breaks, answers[1].states) == (set(), ["cleared"])


def test_a_quarantined_row_that_no_group_bears_is_a_break_of_its_own_and_stays():
    answers = nights([], [], quarantined={0: {"psp_reference": "R", "kind": "refund"}})
    assert [named(answer) for answer in answers] == [{("R/refund", "quarantined_row", "manual_review")}] * 2


def test_a_row_of_an_unknown_type_is_a_break_and_fees_are_excluded():
    line = psp(70, "unknown")
    [night] = nights([line, psp(-30, "fee"), ledger(-500, account="customer_payments")])
    assert named(night) == {(f"stripe/{line['record_id']}", "unclassified_type", "investigate")}
    assert sorted(row["source"] for row in rolled(night, "excluded")) == ["ledger", "stripe"]
