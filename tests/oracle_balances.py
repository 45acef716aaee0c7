"""Oracle of states, sums and waits: docs/matching.md in slow and obvious Python that shares no code with recon.

The rule book: sides `need`, `have` and `more` (which is optional), groups by (owner, unit); a group clears when
need.amount = have.amount + more.amount and total(need.points) = total(have.points) + total(more.points), in one currency a side. It waits
while need.amount > have.amount + more.amount, for `DAYS` business days after the first day of `need`.
A scenario is a list of nights; a night is (date, rows); a row is a dict of side, id, owner, unit, currency, amount, points, day.
"""

from datetime import timedelta

DAYS = 1
SIDES = ("need", "have", "more")


def working_days_after(day, count):
    while count:
        day += timedelta(days=1)
        count -= day.weekday() < 5
    return day


def total(rows, field):
    """The sum of a side, or None where it has no rows or several currencies."""
    currencies = {row["currency"] for row in rows}
    return sum(row[field] for row in rows) if len(currencies) == 1 or (rows and field == "points") else None


def agrees(sides):
    need, have, more = (sides[name] for name in SIDES)
    if not need or not have or (more and total(more, "amount") is None):
        return False
    money = [total(need, "amount"), total(have, "amount"), total(more, "amount") or 0]
    points = [total(need, "points"), total(have, "points"), total(more, "points") or 0]
    return None not in money and money[0] == money[1] + money[2] and points[0] == points[1] + points[2]


def waits(sides, night):
    need, have, more = (sides[name] for name in SIDES)
    if not need or total(need, "amount") is None or (have and total(have, "amount") is None):
        return False
    if more and total(more, "amount") is None:
        return False
    short = total(need, "amount") > (total(have, "amount") or 0) + (total(more, "amount") or 0)
    return short and night <= working_days_after(min(row["day"] for row in need), DAYS)


def run(nights, state_sides):
    """For each night: broken keys, pending keys, and the counts of the roll-forward by side.

    state_sides   the sides that are read whole each night; the others are events, whose rows are new once
    """
    answers, opened, cleared = [], [], []
    for night, rows in nights:
        for row in opened:
            row["brought"] = True
        population = [dict(row, brought=False) for row in rows] + opened
        counts = {name: dict.fromkeys(("brought", "new", "cleared", "carried", "read_again"), 0) for name in SIDES}
        broken, pending, opened = set(), set(), []
        groups = {}
        for row in population:
            groups.setdefault((row["owner"], row["unit"]), []).append(row)
            counts[row["side"]]["brought" if row["brought"] else "new"] += 1
        for key, mine in groups.items():
            sides = {name: [row for row in mine if row["side"] == name] for name in SIDES}
            outcome = "cleared" if agrees(sides) else "pending" if waits(sides, night) else "left"
            if outcome == "left":
                # It rejoins what earlier nights cleared under its key; of a state nothing is remembered.
                memory = [row for old in cleared if old[0] == key for row in old[1]]
                whole = {name: sides[name] + [row for row in memory if row["side"] == name] for name in SIDES}
                outcome = "cleared" if agrees(whole) else "left"
            if outcome == "cleared":
                cleared.append((key, [row for row in mine if row["side"] not in state_sides]))
            else:
                (pending if outcome == "pending" else broken).add(key)
                opened += [row for row in mine if row["side"] not in state_sides]
            for row in mine:
                left = "read_again" if row["side"] in state_sides else "carried"
                counts[row["side"]]["cleared" if outcome == "cleared" else left] += 1
        answers.append((broken, pending, counts))
    return answers
