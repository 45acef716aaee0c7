"""Oracle: docs/matching.md in slow and obvious Python that shares no code with recon; oracle_payin.py is its rule book.

A scenario is {"nights": [...], "look_back_days", "holidays": dates, "psp_holidays": {psp: dates}}; a night is {"date",
"end": instant, "rows", "quarantined"}. A row is a dict of its fields, COMMON columns, `record` (its vocabulary) and
`instant`, in the order read; a quarantined row of `record`, account, kind, payment_order_id and psp_reference, if read.
"""

from collections import Counter, defaultdict
from datetime import timedelta
from types import SimpleNamespace as Facts

from oracle_payin import (
    CLAIMS,
    DUES,
    FIELDS,
    GRACE,
    KINDS,
    NULL,
    SIDES,
    WITHIN_DAYS,
    agree,
    excluded,
    musts,
    rule,
    unclaimed,
)


def identity(row):
    return row["source"], row["record_id"]


class Group:
    """Records that belong together: tonight's `rows`, and `memory`, groups that earlier nights cleared here."""

    def __init__(self, key, rows, flags=(), memory=()):
        first = min(rows, key=lambda row: (list(SIDES).index(row["record"]), *identity(row)))
        self.key, self.kind, self.rows, self.flags, self.memory = key, first["kind"], rows, set(flags), list(memory)
        self.home = key or (*identity(first), self.kind)
        self.suggested, self.candidates, self.must, self.state = False, 0, None, "left"
        self.restated = any(row["restated"] for row in rows)
        self.keys = {self.home} | {(row["payment_order_id"], self.kind) for row in rows if row["payment_order_id"]}
        self.references = {(row["psp_reference"], self.kind) for row in rows if row["psp_reference"]}

    def on(self, side, fresh=False):
        """The side's records; of a payment order only the newest version."""
        rows = [row for old in self.memory for row in old.rows if not fresh] + self.rows
        rows = [row for row in rows if SIDES[row["record"]] == side]
        return list({identity(row): row for row in rows}.values()) if side == "order" else rows

    def facts(self):
        for side in SIDES.values():
            rows, facts = self.on(side), Facts(fresh=bool(self.on(side, fresh=True)))
            for name in FIELDS:
                values = {row.get(name) for row in rows} - {None}
                setattr(facts, name, values.pop() if len(values) == 1 else NULL)
            amounts, currencies = [row["amount"] for row in rows], {row["currency"] for row in rows}
            facts.present, facts.count, facts.amount = bool(rows), len(rows) or NULL, NULL
            facts.low, facts.high = min(amounts, default=NULL), max(amounts, default=NULL)
            facts.currency = "mixed" if currencies else NULL
            if len(currencies) == 1:
                facts.currency, facts.amount = currencies.pop(), sum(amounts)
            yield facts

    def missing(self):
        return {side for side in SIDES.values() if not self.on(side) and (side != "order" or self.kind == "capture")}


def united(groups):
    """Several groups made one; its key is the smallest key of its keyed parts."""
    memory = {id(old): old for g in groups for old in g.memory}.values()
    key, flags = min((g.key for g in groups if g.key), default=None), {flag for g in groups for flag in g.flags}
    return Group(key, [row for g in groups for row in g.rows], flags, memory) if groups[1:] else groups[0]


def judge(g, k=None):
    """Step 1 of matching: cleared, or left over."""
    stuck = g.restated or g.suggested or g.missing()
    return "left" if stuck or not all(true for _, _, true in agree(g, k)) else "cleared"


def sieve(g, night, scenario):
    """cleared, pending, silent or left, from tonight's population alone."""
    if all(row.get("status", "SUCCESS") not in CLAIMS for row in g.rows):
        return "silent"
    missing, status = (
        g.missing(),
        next(facts for side, facts in zip(SIDES.values(), g.facts(), strict=True) if side == "order").status,
    )
    calm = missing and not g.restated and all(kinds or true for sides, kinds, true in agree(g) if not missing & sides)
    if "psp" in missing:
        provider = min((row["psp"] for row in g.rows if row["psp"]), default=None)
        for when, days, sides in DUES:
            after = next((rows for side in sides if (rows := g.on(side))), None)
            # A plain due date asks that the sides that are there agree; one with a reason of its own does not.
            if not after or when not in (None, status) or (when is None and not calm):
                continue
            due = min(row["business_date"] for row in after)
            for _ in range(days):
                due += timedelta(days=1)
                while due.weekday() > 4 or due in scenario["psp_holidays"].get(provider, scenario["holidays"]):
                    due += timedelta(days=1)
            if night["date"] <= due:
                return "pending"
    if calm and all(row["new"] and row["instant"] and row["instant"] >= night["end"] - GRACE for row in g.rows):
        return "pending"
    return judge(g)


def attach(g, flags):
    """Quarantined rows of which could be read what this group bears keep it from waiting."""
    if g.state != "unclaimed":
        for payment, reference, kind in flags:
            same = g.key and g.key[0] == payment if payment else (reference, g.kind) in g.references
            g.flags |= {(payment, reference, kind)} if same and kind in (None, g.kind) else set()
        g.state = "left" if g.flags and g.state != "cleared" else g.state


def admit(state, night, since, remembered, roll):
    """New rows join the open ones; replays, excluded rows and replaced versions of orders are counted and left out."""
    for read in sorted(night["rows"], key=lambda row: (row["record"] == "payment_order", row["instant"])):
        content = {name: value for name, value in read.items() if name not in ("file", "line")}
        row = {"kind": "capture", **read, "new": True, "restated": False}
        older = [old for old in state.open if identity(old) == identity(row)]
        versions = [known for day, known, had in state.read[identity(row)] if day >= since or had in older]
        state.read[identity(row)].append((night["date"], content, row))
        if row["record"] == "payment_order":
            known = [old for g in remembered for old in g.rows if identity(old) == identity(row)] + older
            row["previous_status"] = known[-1]["status"] if known else None
            roll += [("excluded", old) for old in older]
            state.open = [old for old in state.open if old not in older]
        elif content in versions:
            roll.append(("replayed", row))
            continue
        else:
            row["restated"] = bool(versions)
        if excluded(row):
            roll.append(("excluded", row))
        else:
            state.open.append(row)


def rejoin(groups, remembered):
    """Left-over groups, and new versions of remembered orders, go back to the group that cleared."""
    homes = defaultdict(list)
    for n, g in enumerate(groups):
        orders = [identity(row) for row in g.on("order")]
        hits = {old.home for old in remembered if any(identity(row) in orders for row in old.rows)}
        if g.state == "left":
            hits |= {old.home for old in remembered if g.key in old.keys}
            hits |= set(sorted(old.home for old in remembered if not g.key and g.references & old.references)[:1])
        g.memory = [old for old in remembered if old.home in hits]
        homes[min(hits) if hits else g.key if g.key and g.state in ("left", "pending") else n].append(g)
    for home, parts in homes.items():
        whole = united(parts)
        if whole.memory:
            whole.home, whole.key, whole.state = home, home if len(home) == 2 else None, judge(whole)
        yield whole


def by_reference(groups):
    """Unite left-over groups with left-over or pending groups of the same PSP reference; judge those again."""
    label = {g: g for g in groups}
    for x, y in ((x, y) for x in groups for y in groups if x.state == "left" and y.state in ("left", "pending")):
        if x.references & y.references:
            label = {g: label[x] if label[g] is label[y] else label[g] for g in groups}
    for one in dict.fromkeys(label.values()):
        whole = united([g for g in groups if label[g] is one])
        whole.state = one.state if whole is one else judge(whole)
        yield whole


def by_amount_and_day(groups):
    """Suggest the only partner of the same kind, currency and amount around the day; say so where there are several."""

    def look(g):
        sides = [(side, facts) for side, facts in zip(SIDES, g.facts(), strict=True) if facts.present]
        money = g.kind, sides[0][1].currency, sides[0][1].amount
        return money, {side for side, _ in sides}, min(row["business_date"] for row in g.rows)

    def paired(x, y):
        (money_x, sides_x, day_x), (money_y, sides_y, day_y) = look(x), look(y)
        near = money_x == money_y and abs((day_x - day_y).days) <= WITHIN_DAYS
        return near and not sides_x & sides_y and not (x.key and y.key) and "left" in (x.state, y.state)

    able = [g for g in groups if g.state in ("left", "pending") and not g.memory]
    pairs = [[x, y] for n, x in enumerate(able) for y in able[n + 1 :] if paired(x, y)]
    number = Counter(g for pair in pairs for g in pair)
    for pair in pairs:
        most = max(number[g] for g in pair)
        if most == 1:
            groups = [g for g in groups if g not in pair] + [united(pair)]
            groups[-1].suggested = True
        for g in (g for g in pair if most > 1 and g.state == "left" and not g.key):
            g.candidates = max(g.candidates, most)
    return groups


def kinds_of(mine, remembered):
    """Amount and cleared of every kind of one payment, from its groups tonight and remembered (`mine`)."""
    one_currency, names = len({row["currency"] for g in mine for row in g.rows}) == 1, {}
    for kind in KINDS:
        rows = [row for g in mine for row in g.rows if g.kind == kind]
        sides = Group(None, rows).facts() if rows else []
        amount = next((side.amount for side in sides if side.present and one_currency), NULL)
        cleared = any(g.kind == kind and (g in remembered or g.state == "cleared") for g in mine)
        names[kind] = Facts(amount=amount, cleared=cleared)
    return names


def lifecycle(groups, remembered):
    """Judge groups again with the names of kinds; then each must, against the latest kind that it names."""
    names = {}
    for payment in {g.key[0] for g in groups if g.key}:
        mine = [g for g in (*remembered, *groups) if g.key and g.key[0] == payment]
        k = names[payment] = kinds_of(mine, remembered)
        tonight = {g.kind: g for g in mine if g not in remembered}
        for g in (g for g in tonight.values() if g.state in ("left", "cleared")):
            g.state = judge(g, k)
        judged = any(g.kind != "capture" or g.state == "left" for g in mine)
        for code, kinds, violated in musts(k):
            g = next((tonight[kind] for kind in kinds if kind in tonight), None)
            if judged and violated and g:
                g.must = g.must or Facts(code=code, before="left" if g.state == "left" else "cleared")
        for g in (g for g in tonight.values() if g.must):
            g.state = "left"
    return names


def one_night(night, state, scenario):
    """One night's answer; `state` goes from night to night."""
    since, parts = night["date"] - timedelta(days=scenario["look_back_days"]), defaultdict(list)
    roll = [("brought", row) for row in state.open] + [("new", row) for row in night["rows"]]
    for row in state.open:
        row["new"] = False
    remembered = [old for old in state.memory if old.night >= since or old in state.kept]
    admit(state, night, since, remembered, roll)
    for row in state.open:
        keyed = row["payment_order_id"] and not unclaimed(row)
        parts[(row["payment_order_id"], row["kind"]) if keyed else (*identity(row), row["kind"])].append(row)
    groups = [Group(key if len(key) == 2 else None, rows) for key, rows in parts.items()]
    said = [r for r in night["quarantined"] if r["payment_order_id"] or r["psp_reference"]]
    read = [r for r in said if not excluded({"account": "psp_receivable", **r})]
    flags = {(r["payment_order_id"], r["psp_reference"], r["kind"]) for r in read} | state.flags
    for g in groups:
        g.state = "unclaimed" if unclaimed(g.rows[0]) else sieve(g, night, scenario)
        attach(g, flags)
    alone = flags.difference(*(g.flags for g in groups))
    groups = by_amount_and_day(list(by_reference(list(rejoin(groups, remembered)))))
    names = lifecycle(groups, remembered)
    broken = {g: rule(g, names.get(g.key and g.key[0])) for g in groups if g.state in ("left", "unclaimed")}
    lapsed = [g for g in groups if g.state == "silent" and min(row["business_date"] for row in g.rows) < since]
    cleared = [g for g in groups if g.state == "cleared"]
    kept = [g for g in groups if g not in cleared and g not in lapsed]
    for g in cleared:
        g.night = night["date"]
    for column, those in (("cleared", cleared), ("excluded", lapsed), ("carried", kept)):
        roll += [(column, row) for g in those for row in g.rows]
    state.memory, state.kept = state.memory + cleared, [old for g in kept for old in g.memory]
    state.open, state.flags = [row for g in kept for row in g.rows], alone.union(*(g.flags for g in kept))
    breaks = {("/".join(g.home[:2]), *named) for g, named in broken.items()}
    for payment, reference, kind in alone:
        breaks.add(("/".join(filter(None, (payment or reference, kind))), "quarantined_row", "manual_review"))
    pending = {"/".join(g.home[:2]) for g in groups if g.state == "pending"}
    states = [g.state for g in groups if g not in lapsed]
    return Facts(breaks=breaks, pending=pending, states=states, roll=roll, groups=list(broken))


def run(scenario):
    """Every night's breaks as (key, code, class), pending keys, groups' states and roll-forward as (column, row)."""
    state = Facts(read=defaultdict(list), open=[], memory=[], kept=[], flags=set())
    return [one_night(night, state, scenario) for night in scenario["nights"]]
