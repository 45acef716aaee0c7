"""The desk where breaks are planted: it hands out payments that nothing else resembles and keeps the truth.

A planted payment's amount comes from ranges that everyday traffic never uses and no other planted payment shares, so
nothing finds a partner by accident. Sizes: `low` is below every limit of the rules, `high` above the limits of refunds
and chargebacks, `huge` above all of them.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace

from recon.demo.files import batch_number, record_id, settled_reference
from recon.demo.shop import FILE_NIGHTS, HOUR, LAST, NIGHTS, Line, Payment, instant
from recon.demo.till import Till

PENDING, BREAK, CLEARED = "pending", "break", "cleared"
AUTO, MANUAL, INVESTIGATE = "auto_fix", "manual_review", "investigate"
#: First amount of each size and the step between payments, in minor units: (USD and EUR, KRW).
_FROM = {"low": (21_000, 210_000), "high": (50_000, 400_000), "huge": (150_000, 1_500_000)}
_STEP = (7, 70)


@dataclass(frozen=True, slots=True, order=True)
class Truth:
    """What stands after a night. `state` is break, pending or cleared; `class_` is empty unless it is a break."""

    night: int
    reconciliation: str
    key: str
    code: str
    class_: str
    state: str


class Desk:
    """Plants payments through a till and writes down what the nights should find."""

    def __init__(self, till: Till, first_number: int) -> None:
        self.till = till
        self.truth: list[Truth] = []
        self.stopped: set[int] = set()  # nights on which a break stops automatic fixes everywhere
        self.payouts: dict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)
        self._number = first_number - 1
        self._made = 0

    # --- payments ---

    def number(self) -> int:
        self._number += 1
        return self._number

    def payment(self, psp: str, night: int = 0, size: str = "high", at: int | None = None) -> Payment:
        """A new payment, in the morning of `night` (the file of that night can hold it) unless `at` says when."""
        number = self.number()
        self._made += 1
        won = psp == "toss"
        amount = _FROM[size][won] + self._made * _STEP[won]
        morning = instant(night, 9 * HOUR + number * 37 % (3 * HOUR))
        return Payment(number, psp, amount, morning if at is None else at)

    def long_ago(self, night: int = 0) -> int:
        """An instant 25 days before a night: past every time that a rule gives, within the nights' look-back."""
        return instant(night - 25, 9 * HOUR)

    def agreed(self, psp: str, size: str = "high") -> Payment:
        """A payment that every side agrees on, cleared on the first night."""
        p = self.payment(psp, size=size)
        self.till.order(p, "SUCCESS")
        self.till.book(p)
        self.till.settle(p, 0)
        return p

    def second_file(self, psp: str) -> int:
        """The night of the provider's second file."""
        return FILE_NIGHTS[psp][1]

    def on(self, p: Payment, night: int) -> int:
        """The payment's time of day on another night."""
        return instant(night, (p.at - instant(0, 0)) % 86_400)

    def line(self, p: Payment, kind: str = "capture", *, keyed: bool = True) -> Line:
        """A settlement line of the payment; not `keyed`: without any reference of ours."""
        ours = (p.id, p.order_id) if keyed else ("", "")
        return Line(p.psp, kind, p.number, *ours, p.currency, p.amount, p.at)

    def strange(self, p: Payment, kind: str = "capture") -> Line:
        """The payment's line without our reference, under a provider's reference that our books don't have."""
        return replace(self.line(p, kind, keyed=False), number=self.number())

    def payout(self, psp: str, night: int, code: str, first: int) -> None:
        """What was planted in the provider's file of `night` shows in the payout of that file from night `first`."""
        if psp == "adyen":
            self.payouts[psp, str(batch_number(night, ""))].append((first, code))
        elif psp == "toss":
            self.payouts[psp, NIGHTS[night].isoformat()].append((first, code))

    # --- the truth ---

    def stands(self, p: Payment, kind: str, code: str, class_: str, first: int, last: int = LAST) -> None:
        """The payment's group of that kind is an open break after every night from first to last."""
        self._note(f"{p.id}/{kind}", code, class_, BREAK, first, last)

    def stands_alone(self, line: Line, night: int, code: str, class_: str, last: int = LAST) -> None:
        """A line without a full key is a break of its own from `night`, the night of its file."""
        self._note(f"{line.psp}/{record_id(line, night)}", code, class_, BREAK, night, last)

    def stands_unclaimed(self, key: str, first: int) -> None:
        """A record that no side takes is a break of its own."""
        self._note(key, "unclaimed", INVESTIGATE, BREAK, first, LAST)

    def waits(self, p: Payment, kind: str, first: int, last: int) -> None:
        """The group is pending (code timing) after every night from first to last."""
        self._note(f"{p.id}/{kind}", "timing", "", PENDING, first, last)

    def fee(self, line: Line, code: str, class_: str, first: int) -> None:
        """What was planted in a line shows in its fee from night `first`."""
        self.note("fees", f"{line.psp}/{settled_reference(line)}", code, class_, first=first)

    def clears(self, p: Payment, kind: str, what: str, night: int) -> None:
        """The group clears on `night` and is neither a break nor pending then, though it may look like one."""
        self._note(f"{p.id}/{kind}", what, "", CLEARED, night, night)

    def _note(self, key: str, code: str, class_: str, state: str, first: int, last: int) -> None:
        self.note("payin", key, code, class_, state, first, last)

    def note(
        self,
        reconciliation: str,
        key: str,
        code: str,
        class_: str,
        state: str = BREAK,
        first: int = 0,
        last: int = LAST,
    ) -> None:
        """The group of that key stands so after every night from first to last. `class_` is empty unless it is a break."""
        self.truth += [Truth(night, reconciliation, key, code, class_, state) for night in range(first, last + 1)]
