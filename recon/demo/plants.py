"""What is planted where: every case with the providers that can have it.

With fewer than `EVERYWHERE` payments each case is planted at one provider and `VARIATIONS` are left out, so that a
small shop's automatic fixes stay below the rules' brake; from there on at every provider that can have it, and again
for every further `AGAIN` payments.
"""

from __future__ import annotations

from collections.abc import Callable

from recon.demo import captures, reversals, rows, unusual
from recon.demo.desk import Desk
from recon.demo.shop import PSPS

EVERYWHERE = 1_500
AGAIN = 20_000
MOST_ROUNDS = 3

CARDS = ("stripe", "adyen")
Case = tuple[Callable[[Desk, str], None], tuple[str, ...]]
CASES: tuple[Case, ...] = (
    (captures.lost_posting, PSPS),
    (captures.lost_large_posting, PSPS),
    (captures.late_posting, PSPS),
    (captures.late_posting_then_cancelled, PSPS),
    (captures.unknown_order, PSPS),
    (captures.false_success, PSPS),
    (captures.settled_too_late, ("adyen", "toss")),
    (captures.waiting_order, PSPS),
    (captures.waiting_order_told, PSPS),
    (captures.settled_more, PSPS),
    (captures.settled_less, PSPS),
    (captures.order_repriced, PSPS),
    (captures.one_unit_off, PSPS),
    (captures.other_currency, PSPS),
    (captures.paid_but_failed, PSPS),
    (captures.captured_twice, PSPS),
    (captures.captured_again_later, PSPS),
    (captures.captured_again_without_reference, PSPS),
    (captures.booked_twice, PSPS),
    (captures.booked_again_later, PSPS),
    (captures.booked_whole, ("adyen",)),
    (captures.reference_lost, PSPS),
    (captures.two_candidates, PSPS),
    (captures.cancelled_after_clearing, PSPS),
    (captures.cancelled_then_refunded, PSPS),
    (captures.paid_again_after_refund, PSPS),
    (reversals.dashboard_refund, PSPS),
    (reversals.large_dashboard_refund, PSPS),
    (reversals.refund_of_unknown_capture, PSPS),
    (reversals.unbooked_chargeback, CARDS),
    (reversals.unbooked_large_chargeback, CARDS),
    (reversals.chargeback_of_unknown_capture, CARDS),
    (reversals.unbooked_win, CARDS),
    (reversals.win_of_unknown_dispute, CARDS),
    (reversals.refund_booked_late, PSPS),
    (reversals.refund_never_sent, PSPS),
    (reversals.refunded_twice, PSPS),
    (reversals.refunded_again_later, PSPS),
    (reversals.refund_booked_twice, PSPS),
    (reversals.refunded_more_than_captured, PSPS),
    (reversals.refunded_and_disputed, CARDS),
    (rows.row_sent_again_changed, ("stripe", "toss")),
    (rows.row_of_unknown_type, CARDS),
    (rows.unreadable_row, PSPS),
    (rows.gift_card_topped_up, ("gift_cards",)),
    (rows.waits_for_the_next_file, PSPS),
    (rows.waits_over_the_holidays, ("toss",)),
    (rows.booked_after_midnight, PSPS),
    (rows.found_by_reference, PSPS),
    (rows.booked_in_two_parts, PSPS),
    (rows.captured_in_two_parts, ("adyen",)),
    (rows.refunded_before_it_settled, PSPS),
    (rows.rows_repeated, PSPS),
    (rows.no_payment_at_all, CARDS),
    (rows.second_part, PSPS),
    (unusual.capture_taken_back, ("adyen",)),
    (unusual.refund_sent_back, CARDS),
    (unusual.disputed_again, CARDS),
    (unusual.void_missed, CARDS),
    (unusual.authorisation_expired, CARDS),
    (unusual.booked_under_review, PSPS),
    (unusual.forgotten_review, CARDS),
    (unusual.forgotten_authorisation, CARDS),
    (unusual.forgotten_deposit, ("toss",)),
    (unusual.parts_do_not_add_up, PSPS),
    (unusual.captured_with_tip, CARDS),
    (unusual.other_rate, ("adyen",)),
    (unusual.far_other_rate, ("adyen",)),
    (unusual.no_rate, ("adyen",)),
    (unusual.same_rate, ("adyen",)),
    (unusual.parts_add_up, PSPS),
    (unusual.under_review, PSPS),
    (unusual.paid_in_later, ("toss",)),
)

#: More of a code that another case fires too.
VARIATIONS = frozenset(
    (
        captures.late_posting,
        captures.waiting_order_told,
        reversals.refund_booked_late,
        reversals.refund_booked_twice,
    )
)


def plant(desk: Desk, payments: int, seed: int) -> None:
    """Plant the cases that a shop of `payments` payments has room for; `seed` turns which provider has which."""
    rounds = min(MOST_ROUNDS, 1 + payments // AGAIN)
    for number, (case, psps) in enumerate(CASES):
        if payments < EVERYWHERE:
            if case not in VARIATIONS:
                case(desk, psps[(number + seed) % len(psps)])
            continue
        for _ in range(rounds):
            for psp in psps:
                case(desk, psp)
