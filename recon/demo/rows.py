"""Planted rows: what is odd about a file's rows rather than about a payment, and what looks odd but is not.

The first half plants breaks, the second half traps: cases that clear, wait or are ignored although they look like
breaks. The truth of a trap is that its payments are in no list of breaks.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import replace

from recon.demo.captures import RECORDED
from recon.demo.desk import INVESTIGATE, MANUAL, PENDING, Desk
from recon.demo.files import record_id, settled_reference
from recon.demo.shop import DAY, HOUR, LAST, instant
from recon.demo.till import UNKNOWN_TYPES


def row_sent_again_changed(desk: Desk, psp: str) -> None:
    """The next file repeats a row under the same id with another fee."""
    night = desk.second_file(psp)
    p = desk.payment(psp)
    desk.till.order(p, "SUCCESS")
    desk.till.book(p)
    desk.till.files.write(0, desk.line(p))
    desk.till.files.write(night, replace(desk.line(p), extra_fee=25, first_file=0))
    desk.clears(p, "capture", "agreed", 0)
    desk.stands(p, "capture", "restated_row", MANUAL, night)
    desk.payout(psp, 0, "restated_row", night)
    desk.fee(desk.line(p), "restated_row", MANUAL, night)


def row_of_unknown_type(desk: Desk, psp: str) -> None:
    """A row type that the format's mapping does not know."""
    p = desk.payment(psp)
    line = replace(desk.line(p, keyed=False), type_text=UNKNOWN_TYPES[psp])
    desk.till.files.write(0, line)
    desk.stands_alone(line, 0, "unclassified_type", INVESTIGATE)


def unreadable_row(desk: Desk, psp: str) -> None:
    """The amount of a payment's row can't be read: the row is in quarantine, and so its payment is a break."""
    night = desk.second_file(psp)
    p = desk.payment(psp, night)
    desk.till.order(p, "SUCCESS")
    desk.till.book(p)
    desk.till.files.write(night, replace(desk.line(p), broken=True))
    desk.stands(p, "capture", "quarantined_row", MANUAL, night)
    desk.payout(psp, night, "quarantined_row", night)
    desk.fee(desk.line(p), "quarantined_row", MANUAL, night)


def gift_card_topped_up(desk: Desk, psp: str) -> None:
    """A movement of the shop's own gift cards: nobody has told any reconciliation what a top-up is."""
    number = desk.number()
    line_id = f"GC-{number:08d}"
    desk.till.top_up_gift_card(line_id, 30_000 + number % 7 * 10_000, instant(1, 11 * HOUR))
    desk.stands_unclaimed(f"gift_cards/|{line_id}|topup", 1)


# --- traps ---


def waits_for_the_next_file(desk: Desk, psp: str) -> None:
    """An afternoon payment is in the provider's next file, however many days away that is."""
    night = desk.second_file(psp)
    p = desk.payment(psp, at=instant(0, 16 * HOUR))
    desk.till.order(p, "SUCCESS")
    desk.till.book(p)
    desk.till.settle(p, night)
    desk.waits(p, "capture", 0, night - 1)
    desk.clears(p, "capture", "in_transit", night)


def waits_over_the_holidays(desk: Desk, psp: str) -> None:
    """A false success elsewhere; in Korea Hangul Day and the weekend are no business days, so night 4 is in time."""
    p = desk.payment(psp, at=instant(0, -300))
    desk.till.order(p, "SUCCESS", at=RECORDED + 5)
    desk.till.book(p, recorded=RECORDED)
    desk.till.settle(p, LAST)
    desk.waits(p, "capture", 0, LAST - 1)
    desk.clears(p, "capture", "holidays", LAST)


def booked_after_midnight(desk: Desk, psp: str) -> None:
    """Paid ten minutes before the night's end, booked five minutes after it: within the rules' grace."""
    p = desk.payment(psp, at=instant(0, 23 * HOUR + 50 * 60))
    desk.till.order(p, "SUCCESS")
    desk.till.book(p, at=instant(1, 300))
    desk.till.settle(p, 0)
    desk.waits(p, "capture", 0, 0)
    desk.clears(p, "capture", "grace", 1)


def found_by_reference(desk: Desk, psp: str) -> None:
    """The line lacks our reference, but the books have the provider's."""
    p = desk.payment(psp)
    desk.till.order(p, "SUCCESS")
    desk.till.book(p)
    desk.till.files.write(0, desk.line(p, keyed=False))
    desk.clears(p, "capture", "found_by_reference", 0)


def booked_in_two_parts(desk: Desk, psp: str) -> None:
    """One settled capture, two postings that add up to it."""
    p = desk.payment(psp)
    first = p.amount * 2 // 5
    desk.till.order(p, "SUCCESS")
    desk.till.book(p, amount=first)
    desk.till.book(p, amount=p.amount - first, at=p.at + 60)
    desk.till.settle(p, 0)
    desk.clears(p, "capture", "many_to_one", 0)


def captured_in_two_parts(desk: Desk, psp: str) -> None:
    """Two settled captures of one order, one posting."""
    p = desk.payment(psp)
    first = p.amount * 2 // 5
    desk.till.order(p, "SUCCESS")
    desk.till.book(p)
    desk.till.settle(p, 0, amount=first)
    desk.till.settle(p, 0, amount=p.amount - first, occurrence=1)
    desk.clears(p, "capture", "one_to_many", 0)


def refunded_before_it_settled(desk: Desk, psp: str) -> None:
    """Paid in the afternoon, refunded the next morning; the provider settles both in one file."""
    night = desk.second_file(psp)
    p = desk.payment(psp, at=instant(0, 17 * HOUR))
    at = instant(1, 8 * HOUR)
    desk.till.order(p, "SUCCESS")
    desk.till.book(p)
    desk.till.book(p, kind="refund", amount=-p.amount, at=at)
    desk.till.order(p, "REFUNDED", version=2, at=at + 20)
    desk.till.settle(p, night)
    desk.till.settle(p, night, kind="refund", amount=-p.amount, at=at)
    desk.waits(p, "capture", 0, night - 1)
    desk.clears(p, "capture", "refunded", night)
    desk.clears(p, "refund", "refunded", night)


def rows_repeated(desk: Desk, psp: str) -> None:
    """The next file repeats a row word for word."""
    p = desk.agreed(psp)
    desk.till.files.write(desk.second_file(psp), replace(desk.line(p), captured_at=p.at, first_file=0))
    desk.clears(p, "capture", "replayed_row", desk.second_file(psp))


def no_payment_at_all(desk: Desk, psp: str) -> None:
    """A fee and a reserve, which payin leaves out on purpose. A fee without a reference nobody booked, which shows when it
    should have been."""
    for kind, amount in (("fee", -450), ("reserve", -2_500)):
        p = desk.payment(psp)
        line = replace(desk.line(p, kind, keyed=False), amount=amount)
        desk.till.files.write(0, line)
        if kind == "fee" and not settled_reference(line):
            desk.note("fees", f"{psp}/{record_id(line, 0)}", "timing", "", PENDING, 0, 1)
            desk.note("fees", f"{psp}/{record_id(line, 0)}", "fee_unbooked", MANUAL, first=2)
    desk.payout(psp, 0, "reserve_held_unbooked", 0)


PART = "_part2"


def second_part(desk: Desk, psp: str) -> None:
    """The first night's file comes in two parts; `resend_parts` sends the second part again."""
    p = desk.payment(psp)
    desk.till.order(p, "SUCCESS")
    desk.till.book(p)
    desk.till.files.write(0, desk.line(p), PART)
    desk.clears(p, "capture", "second_part", 0)
    desk.clears(p, "capture", "file_sent_twice", desk.second_file(psp))


def resend_parts(desk: Desk, psps: tuple[str, ...]) -> None:
    """With the providers' second files comes the second part of the first, under another name. Files must be closed."""
    for psp in psps:
        night = desk.second_file(psp)
        copy = desk.till.files.path(psp, night, f"{PART}_resent")
        source = desk.till.files.path(psp, 0, PART)
        if source.exists():
            shutil.copyfile(source, copy)
            arrival = instant(night, DAY + 2 * HOUR)
            os.utime(copy, (arrival, arrival))
