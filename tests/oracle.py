"""Oracle: what docs/matching.md says about `payin`, in slow and obvious plain Python. It shares no code with recon.

A scenario is {"nights": [...], "look_back_days", "holidays": dates, "psp_holidays": {psp: dates}}; a night is {"date",
"end": instant, "rows": [...], "quarantined": [...]}. A row is a dict with the fields of recon/domain/records.py and
`record` (its vocabulary), `source`, `record_id`, `business_date`, `instant`; rows stand in the order read. A
quarantined row has what was read of payment_order_id, psp_reference and kind.
"""

from collections import Counter, defaultdict
from datetime import timedelta
from types import SimpleNamespace as Facts

SIDES = {"settlement_line": "psp", "ledger_entry": "ledger", "payment_order": "order"}
KINDS = ("chargeback_reversal", "chargeback", "refund", "capture")  # the latest first
EXCLUDED, UNDONE = ("fee", "reserve", "reserve_release", "adjustment", "payout"), ("REFUNDED", "CANCELLED")
GRACE, DUE_DAYS, WITHIN_DAYS, LOOK, REVIEW = timedelta(minutes=15), 2, 3, "investigate", "manual_review"
HIGH, MIDDLE, LOW = ({"KRW": k, "USD": u, "EUR": u} for k, u in ((1000000, 100000), (300000, 30000), (10, 100)))


class Null:
    """SQL's NULL: no comparison with it is true, and sums with it are NULL. Nothing below negates a comparison."""

    def __eq__(self, other=None):
        return False

    def __add__(self, other=None):
        return self

    __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __bool__ = __eq__
    __radd__ = __sub__ = __rsub__ = __mul__ = __abs__ = __add__


NULL = Null()


def coalesce(*values):
    return next((value for value in values if value is not NULL), NULL)


def identity(row):
    return row["source"], row["record_id"]


class Group:
    """Records that belong together: tonight's `rows`, and `memory`, groups that earlier nights cleared under its key."""

    def __init__(self, key, rows, flags=(), memory=()):
        first = min(rows, key=lambda row: (list(SIDES).index(row["record"]), *identity(row)))
        self.key, self.kind, self.rows, self.flags, self.memory = key, first["kind"], rows, set(flags), list(memory)
        self.home = key or (*identity(first), self.kind)
        self.suggested, self.candidates, self.code, self.state = False, 0, None, "left"
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
            for name in ("status", "captured_amount", "previous_status"):
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


def agree(g, k=None):
    """(its sides, whether it reads names of kinds, whether it is true) for each expression; `k`: the names of kinds."""
    (psp, ledger, order), other, paid = g.facts(), g.kind != "capture", coalesce
    refund, capture = (k["refund"].amount, k["capture"].amount) if k else (NULL, NULL)
    forward = coalesce(order.previous_status, "PENDING") not in UNDONE or coalesce(refund, 0) == 0
    yield {"psp", "ledger"}, False, psp.currency == ledger.currency
    yield {"psp", "ledger"}, False, psp.amount == ledger.amount
    yield {"psp", "order"}, False, other or psp.currency == order.currency
    yield {"psp", "order"}, False, other or psp.amount == paid(order.captured_amount, order.amount)
    yield {"order"}, True, other or order.status == "SUCCESS" or order.status in UNDONE and refund + capture == 0
    yield {"order"}, True, other or order.status != "SUCCESS" or forward


def judge(g, k=None):
    """Step 1 of matching: cleared, or left over."""
    stuck = g.restated or g.suggested or g.missing()
    return "left" if stuck or not all(true for _, _, true in agree(g, k)) else "cleared"


def sieve(g, night, scenario):
    """cleared, pending, silent or left, from tonight's population alone."""
    missing, after = g.missing(), g.on("ledger") or g.on("order")
    calm = missing and not g.restated and all(kinds or true for sides, kinds, true in agree(g) if not missing & sides)
    if calm and "psp" in missing:
        provider, due = min((r["psp"] for r in g.rows if r["psp"]), default=None), min(r["business_date"] for r in after)
        for _ in range(DUE_DAYS):
            due += timedelta(days=1)
            while due.weekday() > 4 or due in scenario["psp_holidays"].get(provider, scenario["holidays"]):
                due += timedelta(days=1)
        if night["date"] <= due:
            return "pending"
    if calm and all(row["new"] and row["instant"] and row["instant"] >= night["end"] - GRACE for row in g.rows):
        return "pending"
    return "silent" if all(row.get("status", "SUCCESS") != "SUCCESS" for row in g.rows) else judge(g)


def admit(state, rows, remembered, roll):
    """New rows join the open ones; replays, excluded rows and replaced versions of orders are counted and left out."""
    for read in sorted(rows, key=lambda row: (row["record"] == "payment_order", row["instant"])):
        row = {"kind": "capture", **read, "new": True, "restated": False}
        versions = state.read[identity(row)]
        content = {name: value for name, value in read.items() if name not in ("file", "line")}
        out = row["kind"] in EXCLUDED if row["record"] == "settlement_line" else row.get("account", "psp_receivable") != "psp_receivable"
        roll.append(("new", row))
        if row["record"] == "payment_order":
            older = [old for old in state.open if identity(old) == identity(row)]
            known = [old for g in remembered for old in g.rows if identity(old) == identity(row)] + older
            row["previous_status"] = known[-1]["status"] if known else None
            roll += [("excluded", old) for old in older]
            state.open = [old for old in state.open if old not in older]
        elif content in versions:
            roll.append(("replayed", row))
            continue
        else:
            row["restated"] = bool(versions)
        versions.append(content)
        roll += [("excluded", row)] if out else []
        state.open += [] if out else [row]


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
        judged = any(g.kind != "capture" or g.state == "left" for g in tonight.values())
        disputed = k["chargeback"].amount + coalesce(k["chargeback_reversal"].amount, 0)
        over, back = k["refund"].amount + k["capture"].amount < 0, k["refund"].amount != 0 and disputed != 0
        musts = [("refund_exceeds_capture", KINDS[2:], over), ("refund_and_chargeback", KINDS[:3], back)]
        for code, g in ((code, next((tonight[kind] for kind in kinds if kind in tonight), None)) for code, kinds, no in musts if no):
            if judged and g:
                g.code = g.code or (code, g.state == "left")
        for g in (g for g in tonight.values() if g.code):
            g.state = "left"
    return names


def rule(g, k):
    """(code, class) by the first rule of rules/payin.yaml that holds."""
    (psp, ledger, order), capture, refund, status = g.facts(), g.kind == "capture", g.kind == "refund", None
    refunded, captured, charged = (k["refund"].amount, k["capture"].cleared, k["chargeback"].cleared) if k else (NULL, 0, 0)
    asked, same, gap = coalesce(order.captured_amount, order.amount), psp.amount == ledger.amount, abs(psp.amount - ledger.amount)
    unbooked, twice = psp.present and not ledger.fresh, psp.count > 1 and psp.low == psp.high
    status, regressed = order.status, order.status == "SUCCESS" and order.previous_status in UNDONE and refunded != 0
    posted_twice = psp.count < ledger.count and ledger.low == ledger.high and ledger.high * psp.count == psp.amount
    partial = psp.amount == order.captured_amount and order.captured_amount < order.amount and ledger.amount == order.amount
    table = [
        ("quarantined_row", REVIEW, g.flags),
        ("restated_row", REVIEW, g.restated),
        ("ambiguous_match", REVIEW, g.candidates > 1),
        ("key_missing", REVIEW, g.suggested),
        ("currency_mismatch", LOOK, psp.currency != ledger.currency or psp.currency != order.currency),
        ("dup_capture", REVIEW, capture and twice and psp.high == coalesce(asked, ledger.high)),
        ("status_regression", REVIEW, capture and regressed),
        ("order_cancelled_after_clearing", REVIEW, capture and g.memory and status in (*UNDONE, "FAILED") and refunded is NULL),
        ("psp_not_in_ledger", HIGH, capture and not ledger.present and psp.currency == order.currency and psp.amount == asked),
        ("psp_no_order", LOOK, capture and psp.present and not order.present),
        ("dup_ledger_posting", HIGH, (capture or refund) and posted_twice),
        ("partial_capture", HIGH, capture and partial),
        ("order_status_lag", HIGH, capture and same and psp.amount == asked and status in ("PENDING", "EXECUTING", "UNKNOWN")),
        ("rounding", LOW, gap > 0 and gap <= psp.count),
        ("double_refund", LOOK, refund and twice and psp.count > coalesce(ledger.count, 1)),
        ("refund_not_in_ledger", MIDDLE if captured else {}, refund and unbooked),
        ("refund_not_at_psp", REVIEW, refund and ledger.present and not psp.fresh),
        ("chargeback_unbooked", MIDDLE if captured else {}, g.kind == "chargeback" and unbooked),
        ("chargeback_won_unbooked", MIDDLE if charged else {}, g.kind == "chargeback_reversal" and unbooked),
        ("ledger_not_in_psp", LOOK, capture and not psp.present),
        ("amount_over", REVIEW, psp.amount > ledger.amount or same and psp.amount > asked),
        ("amount_under", REVIEW, psp.amount < ledger.amount or same and psp.amount < asked),
        ("unexplained", LOOK, True),
    ]
    code, limit = next((code, limit) for code, limit, holds in table if holds)
    if g.code and (not g.code[1] or isinstance(limit, dict) or code == "unexplained"):
        return g.code[0], LOOK  # the must's code stands
    if isinstance(limit, dict):
        amount, currency = abs(psp.amount - coalesce(ledger.amount, 0)), psp.currency
        if code == "order_status_lag":
            amount, currency = order.amount, order.currency
        limit = "auto_fix" if amount <= limit.get(currency, -1) else REVIEW
    return code, limit


def one_night(night, state, scenario):
    """One night's answer; `state` goes from night to night."""
    since, parts = night["date"] - timedelta(days=scenario["look_back_days"]), defaultdict(list)
    roll = [("brought", row) for row in state.open]
    for row in state.open:
        row["new"] = False
    remembered = [old for old in state.memory if old.night >= since or old in state.kept]
    admit(state, night["rows"], remembered, roll)
    for row in state.open:
        claimed = row["payment_order_id"] and (row["record"] != "settlement_line" or row["kind"] in KINDS)
        parts[(row["payment_order_id"], row["kind"]) if claimed else (*identity(row), row["kind"])].append(row)
    groups = [Group(key if len(key) == 2 else None, rows) for key, rows in parts.items()]
    unclaimed = [g for g in groups if g.rows[0]["record"] == "settlement_line" and g.kind not in KINDS]
    groups = [g for g in groups if g not in unclaimed]
    flags, met = state.flags | {(r["payment_order_id"], r["psp_reference"], r["kind"]) for r in night["quarantined"]}, set()
    for g in groups:
        g.state = sieve(g, night, scenario)
        g.flags = {(payment, reference, kind) for payment, reference, kind in flags if kind in (None, g.kind) and (
            g.key and payment == g.key[0] if payment else (reference, g.kind) in g.references)}
        g.state, met = "left" if g.flags and g.state != "cleared" else g.state, met | g.flags
    groups = by_amount_and_day(list(by_reference(list(rejoin(groups, remembered)))))
    names = lifecycle(groups, remembered)
    broken = {g: rule(g, g.key and names[g.key[0]]) for g in groups if g.state == "left"}
    broken |= {g: ("unclassified_type", LOOK) for g in unclaimed}
    lapsed = [g for g in groups if g.state == "silent" and min(row["business_date"] for row in g.rows) < since]
    cleared = [g for g in groups if g.state == "cleared"]
    kept = [g for g in (*groups, *unclaimed) if g not in cleared and g not in lapsed]
    for g in cleared:
        g.night = night["date"]
    for column, those in (("cleared", cleared), ("excluded", lapsed), ("carried", kept)):
        roll += [(column, row) for g in those for row in g.rows]
    state.memory, state.kept = state.memory + cleared, [old for g in kept for old in g.memory]
    state.open, state.flags = [row for g in kept for row in g.rows], (flags - met) | {flag for g in kept for flag in g.flags}
    breaks = {("/".join(g.home[:2]), *named) for g, named in broken.items()}
    breaks |= {("/".join(filter(None, (flag[0] or flag[1], flag[2]))), "quarantined_row", REVIEW) for flag in flags - met}
    states = Counter({"left": "broken"}.get(g.state, g.state) for g in (*groups, *unclaimed) if g not in lapsed)
    sums = Counter()
    for column, row in roll:
        sums[row["source"], row["currency"], column, "count"] += 1
        sums[row["source"], row["currency"], column, "amount"] += row["amount"]
    return Facts(breaks=breaks, pending={"/".join(g.home[:2]) for g in groups if g.state == "pending"}, groups=states, roll=sums)


def run(scenario):
    """The answer of every night, oldest first."""
    state = Facts(read=defaultdict(list), open=[], memory=[], kept=[], flags=set())
    return [one_night(night, state, scenario) for night in scenario["nights"]]
