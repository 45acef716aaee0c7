"""Shops: random little shops with a history of several nights, as the oracle reads them (tests/oracle.py).

A shop is drawn through a `Choices`, so the same code serves Hypothesis (which shrinks) and a seeded generator (which is
quick). Every identifier of a shop begins with its name, so that many shops can share one workspace: see
tests/workspaces.py, which writes them as files. Times are UTC and the cut-off is midnight.
"""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta

FIRST_NIGHT = date(2026, 11, 19)  # a Thursday: nights 3 and 4 are a weekend
KOREAN_HOLIDAY, OWN_HOLIDAY = date(2026, 11, 20), date(2026, 11, 23)
CALENDARS = {"holidays": {OWN_HOLIDAY}, "psp_holidays": {"toss": {KOREAN_HOLIDAY}, "stripe": set()}}
PSPS = ("stripe", "toss", "paya")  # paya is a provider without a calendar of its own
STATUSES = ("SUCCESS",) * 6 + ("PENDING", "EXECUTING", "UNKNOWN", "FAILED", "CANCELLED", "REFUNDED")
#: Amounts that stand at the limits of the rules, and ordinary ones.
AMOUNTS = (900, 1200, 29_999, 30_000, 30_001, 99_999, 100_000, 100_001, 300_000, 300_001, 1_000_000, 1_000_001)


class Choices:
    """Draws made by a seeded generator; the Hypothesis strategy below makes the same ones."""

    def __init__(self, seed: int | str) -> None:
        self._random = random.Random(seed)

    def number(self, low: int, high: int) -> int:
        return self._random.randint(low, high)

    def chance(self, percent: int) -> bool:
        return self.number(1, 100) > 100 - percent

    def one(self, options):
        return options[self.number(0, len(options) - 1)]


class Drawn(Choices):
    """Draws made by Hypothesis: smaller numbers are simpler, so a shrunk shop is a plain one."""

    def __init__(self, draw) -> None:
        self._draw = draw

    def number(self, low: int, high: int) -> int:
        from hypothesis import strategies

        return self._draw(strategies.integers(low, high))


def shops(name: str = "S", nights: int = 4):
    """A Hypothesis strategy of shops."""
    from hypothesis import strategies

    return strategies.composite(lambda draw: Shop(name, Drawn(draw), nights).scenario())()


def seeded_shop(seed: int | str, name: str, nights: int = 4, look_back_days: int = 60) -> dict:
    """The shop of a seed."""
    return Shop(name, Choices(seed), nights, look_back_days).scenario()


class Shop:
    """Tells the stories of a few payments, then lets things go wrong with the rows."""

    def __init__(self, name: str, choices: Choices, nights: int, look_back_days: int = 60) -> None:
        self.name, self.choices, self.look_back_days = name, choices, look_back_days
        self.dates = [FIRST_NIGHT + timedelta(days=n) for n in range(nights)]
        self.nights: list[dict] = [
            {
                "date": day,
                "end": datetime.combine(day + timedelta(days=1), datetime.min.time(), UTC),
                "rows": [],
                "quarantined": [],
            }
            for day in self.dates
        ]
        self.ids = 0
        self.psp = choices.one(PSPS)
        self.currency = choices.one(("KRW", "USD", "EUR", "JPY"))
        self.price = choices.one(AMOUNTS) + choices.one((0, 0, choices.number(2, 5_000)))
        self.references: list[str] = []
        self.chaos = choices.one((0, 0, 1, 1, 2))  # how much goes wrong with the rows of this shop
        self.forgetful = choices.chance(20)  # its systems lose references

    def scenario(self) -> dict:
        for number in range(self.choices.number(1, 4)):
            self.payment(number)
        for night in self.nights:
            night["rows"].sort(key=lambda row: (row["file"], row["at"]))
            for line, row in enumerate(night["rows"]):
                row["line"] = line
        return {"nights": self.nights, "look_back_days": self.look_back_days, **CALENDARS}

    # --- stories ---------------------------------------------------------------------------------------------------

    def payment(self, number: int) -> None:
        """A capture, and what may follow: refunds, a dispute, changes of the order's status."""
        pick = self.choices
        psp = self.psp if not pick.chance(15) else pick.one(PSPS)
        reference = f"{self.name}-R{number}"
        if self.references and pick.chance(10):
            reference = pick.one(self.references)
        self.references.append(reference)
        base = {
            "payment_order_id": f"{self.name}-P{number}",
            "psp_reference": reference,
            "psp": psp,
            "currency": self.currency,
        }
        amount = self.price if pick.chance(60) else self.price + pick.one((7, 100, 5_000))
        start = pick.number(0, len(self.nights) - 1)
        asked, captured = amount, None
        if pick.chance(10):
            self.abandoned(base, start, amount)
            return
        if pick.chance(12):
            captured = amount - pick.one((1, amount // 3))
        self.movement(
            "capture", base, captured or amount, start, booked=amount if pick.chance(30) else captured or amount
        )
        if not self.wrong(8):
            self.order(base, start, asked, captured, pick.one(STATUSES if self.chaos else STATUSES[:1]))
        for status in (pick.one(STATUSES) for _ in range(pick.one((0, 0, 0, 1, 1, 2)))):
            start = min(start + pick.number(0, 2), len(self.nights) - 1)
            self.order(base, start, asked, captured, status, late=True)
        for n in range(pick.one((0, 0, 0, 0, 1, 1, 2))):
            size = pick.one((amount, amount, amount // 2, amount // 2, amount + 1))
            self.movement(
                "refund", {**base, "psp_reference": f"{reference}-F{n if pick.chance(70) else 0}"}, -size, start
            )
        if pick.chance(15):
            disputed = pick.one((amount, amount, amount // 2))
            self.movement("chargeback", {**base, "psp_reference": f"{reference}-C"}, -disputed, start)
            if pick.chance(50):
                self.movement("chargeback_reversal", {**base, "psp_reference": f"{reference}-C"}, disputed, start)
        if pick.chance(12):
            kind = pick.one(("fee", "unknown", "unknown", "payout", "adjustment"))
            self.line({**base, "kind": kind, "amount": pick.one((-30, 30))}, start)
        if pick.chance(12):
            account = pick.one(("customer_payments", "psp_receivable"))
            kind = "capture" if account != "psp_receivable" else pick.one(("fee", "unknown", "adjustment"))
            self.entry({**base, "kind": kind, "amount": -amount, "account": account}, start)

    def abandoned(self, base: dict, start: int, amount: int) -> None:
        """A checkout that nobody finished, and perhaps somebody did later."""
        self.order(base, start, amount, None, self.choices.one(("PENDING", "EXECUTING", "FAILED", "CANCELLED")))
        if self.choices.chance(30):
            self.order(base, start + 1, amount, None, self.choices.one(STATUSES), late=True)
            self.movement("capture", base, amount, start + 1)

    def wrong(self, percent: int) -> bool:
        return self.choices.chance(percent * self.chaos)

    def movement(self, kind: str, base: dict, amount: int, start: int, booked: int | None = None) -> None:
        """Money that moved: lines of the PSP and entries of the ledger, whole, split, doubled, late or lost."""
        for write, total in ((self.line, amount), (self.entry, amount if booked is None else booked)):
            if self.wrong(9):
                continue
            parts = [total]
            if self.choices.chance(10):
                parts = [total // 2, total - total // 2]
            if self.wrong(7):
                parts.append(parts[-1])
            for part in parts:
                write({**base, "kind": kind, "amount": part}, start + self.choices.one((0, 0, 0, 0, 1, 1, 2)))

    # --- rows ------------------------------------------------------------------------------------------------------

    def line(self, row: dict, night: int) -> None:
        self.ids += 1
        self.write(
            {"record": "settlement_line", "source": row["psp"], "natural_id": f"{self.name}-L{self.ids}", **row}, night
        )

    def entry(self, row: dict, night: int) -> None:
        self.ids += 1
        extra = {
            "record": "ledger_entry",
            "source": "ledger",
            "entry_id": f"{self.name}-E{self.ids}",
            "account": "psp_receivable",
        }
        self.write({**extra, **row}, night)

    def order(self, base: dict, night: int, amount: int, captured: int | None, status: str, late: bool = False) -> None:
        row = {
            "record": "payment_order",
            "source": "orders",
            **base,
            "amount": amount,
            "captured_amount": captured,
            "status": status,
        }
        self.write(row, night, version=late)

    def write(self, row: dict, number: int, version: bool = False) -> None:
        """One row into the night's files, after what may go wrong with it: and what comes of it on later nights."""
        pick = self.choices
        if number >= len(self.nights):
            return
        night = self.nights[number]
        back = timedelta(days=pick.one((0, 0, 0, 1, 2, 4, 6)) if not version else 0)
        minutes = pick.one((pick.number(0, 1424), 1425, pick.number(1425, 1439)))
        row["at"] = datetime.combine(night["date"], datetime.min.time(), UTC) - back + timedelta(minutes=minutes)
        if row["record"] == "payment_order":
            self.ids += 1  # versions of one order follow each other in the order in which they are told
            row["at"] = row["at"].replace(
                hour=23 if version else 11, minute=min(59, 40 + self.ids % 20 if version else 3), second=self.ids % 60
            )
        self.damage(row)
        row["instant"], row["business_date"] = row["at"], row["at"].date()
        row["file"] = f"{row['source']}_{night['date']}{pick.one(('', '', '_b'))}.csv"
        if row["record"] != "payment_order" and self.wrong(3):
            self.quarantine(row, number)
            return
        night["rows"].append(row)
        if row["record"] != "payment_order" and self.wrong(5):
            self.again(row, number)

    def damage(self, row: dict) -> None:
        pick = self.choices
        if self.wrong(2):
            row["amount"] += pick.one((1, -1, 2, 100, -100))
        if self.wrong(2):
            row["currency"] = pick.one(("KRW", "USD", "EUR"))
        if self.wrong(6) and row["record"] != "payment_order":
            row["payment_order_id"] = None
        if self.wrong(9):
            row["psp_reference"] = None
        elif self.wrong(2):
            row["psp_reference"] = pick.one(self.references)
        if self.forgetful and row["record"] != "payment_order" and pick.chance(35):
            row["payment_order_id"] = row["psp_reference"] = None

    def again(self, row: dict, number: int) -> None:
        """The row comes once more, tonight in the other file or later: as it was, or restated."""
        pick = self.choices
        later = min(number + pick.number(0, 2), len(self.nights) - 1)
        copy = dict(row, file=f"{row['source']}_{self.nights[later]['date']}_c.csv")
        if pick.chance(40):
            copy["amount"] += pick.one((1, -1, 500))
        self.nights[later]["rows"].append(copy)

    def quarantine(self, row: dict, number: int) -> None:
        """The row's amount cannot be read; perhaps a mended row follows."""
        read = {name: row.get(name) for name in ("record", "account", "payment_order_id", "psp_reference", "kind")}
        self.nights[number]["quarantined"].append({**read, "row": row})
        later = number + self.choices.number(1, 2)
        if later < len(self.nights) and self.choices.chance(60):
            self.nights[later]["rows"].append(dict(row, file=f"{row['source']}_{self.nights[later]['date']}_d.csv"))
