"""What rules/payin.yaml says, as plain Python: the rule book that the oracle (tests/oracle.py) works from.

Facts of a group's sides are plain values or NULL. `k` are the names of kinds (`k["refund"].amount`); None in the sieve.
"""

from datetime import timedelta

SIDES = {"settlement_line": "psp", "ledger_entry": "ledger", "payment_order": "order"}
KINDS = ("chargeback_reversal", "chargeback", "refund", "capture")  # the latest first
GRACE, WITHIN_DAYS = timedelta(minutes=15), 3
#: The order's status that it is for, business days, and the sides from whose day they count.
DUES = (
    ("IN_REVIEW", 10, ("order",)),
    ("WAITING_DEPOSIT", 10, ("order",)),
    ("AUTHORIZED", 5, ("order",)),
    (None, 2, ("ledger", "order")),
)
NOT_FINAL = ("IN_REVIEW", "WAITING_DEPOSIT", "AUTHORIZED")
CLAIMS = ("SUCCESS", *NOT_FINAL)
#: Fields beside the amount that a side may have.
FIELDS = (
    "status",
    "captured_amount",
    "previous_status",
    "points_amount",
    "gift_card_amount",
    "total_amount",
    "settled_currency",
    "settled_amount",
)
UNDONE, WAITING = ("REFUNDED", "CANCELLED"), ("PENDING", "EXECUTING", "UNKNOWN", *NOT_FINAL)
LOOK, REVIEW = "investigate", "manual_review"
HIGH = {"KRW": 1_000_000, "USD": 1_000_00, "EUR": 1_000_00}  # a limit, in minor units, stands for auto_fix
MIDDLE = {"KRW": 300_000, "USD": 300_00, "EUR": 300_00}
LOW = {"KRW": 10, "USD": 1_00, "EUR": 1_00}
EXCHANGE = {"KRW": 100_000, "USD": 100_00, "EUR": 100_00}


class Null:
    """SQL's NULL: no comparison with it is true, and sums with it are NULL. Nothing here negates a comparison."""

    def __eq__(self, other=None):
        return False

    def __add__(self, other=None):
        return self

    __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __bool__ = __eq__
    __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __abs__ = __add__


NULL = Null()


def coalesce(*values):
    return next((value for value in values if value is not NULL), NULL)


NO_PAYMENT = ("fee", "reserve", "reserve_release", "adjustment", "payout")


def excluded(row):
    if row["record"] == "settlement_line":
        return row["kind"] in NO_PAYMENT
    return row["record"] == "ledger_entry" and (row["account"] != "psp_receivable" or row["kind"] in NO_PAYMENT)


def unclaimed(row):
    return row["record"] == "settlement_line" and row["kind"] not in KINDS and not excluded(row)


def agree(g, k=None):
    """(its sides, whether it reads names of kinds, whether it is true) for each expression."""
    (psp, ledger, order), other = g.facts(), g.kind != "capture"
    refund, capture = (k["refund"].amount, k["capture"].amount) if k else (NULL, NULL)
    went_back = coalesce(order.previous_status, "PENDING") in UNDONE
    yield {"psp", "ledger"}, False, psp.currency == ledger.currency
    yield {"psp", "ledger"}, False, psp.amount == ledger.amount
    yield {"psp", "order"}, False, other or psp.currency == order.currency
    yield {"psp", "order"}, False, other or psp.amount == coalesce(order.captured_amount, order.amount)
    yield {"order"}, True, other or order.status == "SUCCESS" or (order.status in UNDONE and refund + capture == 0)
    yield {"order"}, True, other or order.status != "SUCCESS" or not went_back or coalesce(refund, 0) == 0
    yield {"order"}, False, order.captured_amount is NULL or order.captured_amount <= order.amount
    yield {"order"}, False, order.total_amount is NULL or parts(order) == order.total_amount
    rated = ledger.settled_currency is NULL or not psp.present or ledger.settled_amount is not NULL
    yield {"psp", "ledger"}, False, rated
    known = ledger.settled_amount is not NULL and psp.settled_amount is not NULL
    yield {"psp", "ledger"}, False, not known or converted(psp) == converted(ledger)


def parts(order):
    return order.amount + coalesce(order.points_amount, 0) + coalesce(order.gift_card_amount, 0)


def converted(side):
    return side.settled_currency, side.settled_amount


def musts(k):
    """(code, the kinds that it names, the latest first, whether it is violated) of every must."""
    disputed = k["chargeback"].amount + coalesce(k["chargeback_reversal"].amount, 0)
    yield "refund_exceeds_capture", KINDS[2:], k["refund"].amount + k["capture"].amount < 0
    yield "refund_and_chargeback", KINDS[:3], k["refund"].amount != 0 and disputed != 0


def rule(g, k):
    """(code, class) of a group that is left over."""
    code, class_ = next((code, class_) for code, class_, holds in table(g, k) if holds)
    if g.must and (g.must.before == "cleared" or isinstance(class_, dict) or code == "unexplained"):
        return g.must.code, LOOK
    if isinstance(class_, dict):
        psp, ledger, order = g.facts()
        amount, currency = abs(psp.amount - coalesce(ledger.amount, 0)), psp.currency
        if code == "order_status_lag":
            amount, currency = order.amount, order.currency
        if code == "void_not_recorded":
            amount, currency = abs(ledger.amount), ledger.currency
        if code == "fx_difference":
            amount, currency = abs(psp.settled_amount - ledger.settled_amount), psp.settled_currency
        class_ = "auto_fix" if amount <= class_.get(currency, -1) else REVIEW
    return code, class_


def table(g, k):
    """(code, class or limit of the automatic fix, whether it holds) of every rule, in order."""
    psp, ledger, order = g.facts()
    capture, refund, disputed = (g.kind == kind for kind in ("capture", "refund", "chargeback"))
    status = order.status
    refunded, captured, charged = NULL, {}, {}
    if k:
        refunded = k["refund"].amount
        captured, charged = (MIDDLE if k[kind].cleared else {} for kind in ("capture", "chargeback"))
    asked, same = coalesce(order.captured_amount, order.amount), psp.amount == ledger.amount
    gap, lost = (
        psp.amount - ledger.amount,
        psp.amount == asked and psp.currency == order.currency and not ledger.present,
    )
    unbooked, twice = psp.present and not ledger.fresh, psp.count > 1 and psp.low == psp.high
    equal_postings = ledger.low == ledger.high and ledger.high * psp.count == psp.amount
    less_captured = psp.amount == order.captured_amount and order.captured_amount < order.amount
    given_back = order.previous_status in UNDONE and refunded != 0
    undone_before = g.memory and status in (*UNDONE, "FAILED") and refunded is NULL
    other_currency = psp.currency != ledger.currency or psp.currency != order.currency
    other_currency = other_currency or psp.settled_currency != ledger.settled_currency
    moved = same and psp.settled_amount != ledger.settled_amount
    rate_gap, ledger_alone = abs(psp.settled_amount - ledger.settled_amount), ledger.present and not psp.present
    no_rate = psp.present and ledger.settled_currency is not NULL and ledger.settled_amount is NULL
    unsettled = capture and not psp.present
    return [
        ("unclassified_type", LOOK, g.state == "unclaimed" and g.kind == "unknown"),
        ("unclaimed", LOOK, g.state == "unclaimed"),
        ("quarantined_row", REVIEW, g.flags),
        ("restated_row", REVIEW, g.restated),
        ("ambiguous_match", REVIEW, g.candidates > 1),
        ("key_missing", REVIEW, g.suggested),
        ("currency_mismatch", LOOK, other_currency),
        ("reversed_after_application", REVIEW, capture and psp.amount == 0 and psp.low < 0),
        ("dup_capture", REVIEW, capture and twice and psp.high == coalesce(asked, ledger.high)),
        ("status_regression", REVIEW, capture and status == "SUCCESS" and given_back),
        ("order_cancelled_after_clearing", REVIEW, capture and undone_before),
        ("split_mismatch", REVIEW, capture and parts(order) != order.total_amount),
        ("over_capture", REVIEW, capture and order.captured_amount > order.amount),
        ("psp_not_in_ledger", HIGH, capture and lost),
        ("psp_no_order", LOOK, capture and psp.present and not order.present),
        ("dup_ledger_posting", HIGH, (capture or refund) and psp.count < ledger.count and equal_postings),
        ("partial_capture", HIGH, capture and less_captured and ledger.amount == order.amount),
        ("order_status_lag", HIGH, capture and same and psp.amount == asked and status in WAITING),
        ("rounding", LOW, gap != 0 and abs(gap) <= psp.count),
        ("fx_rate_missing", REVIEW, no_rate),
        ("fx_difference", EXCHANGE, moved and rate_gap * 50 <= abs(ledger.settled_amount)),
        ("fx_rate_out_of_bounds", REVIEW, moved),
        ("refund_returned", REVIEW, refund and psp.count > 1 and psp.high > 0),
        ("double_refund", LOOK, refund and twice and psp.count > coalesce(ledger.count, 1)),
        ("refund_not_in_ledger", captured, refund and unbooked),
        ("refund_not_at_psp", REVIEW, refund and ledger.present and not psp.fresh),
        ("second_chargeback", REVIEW, disputed and psp.count > 1 and psp.count > coalesce(ledger.count, 0)),
        ("chargeback_unbooked", captured, g.kind == "chargeback" and unbooked),
        ("chargeback_won_unbooked", charged, g.kind == "chargeback_reversal" and unbooked),
        ("applied_before_final", LOOK, capture and ledger_alone and status in NOT_FINAL),
        ("review_overdue", REVIEW, unsettled and status == "IN_REVIEW"),
        ("deposit_overdue", REVIEW, unsettled and status == "WAITING_DEPOSIT"),
        ("never_captured", REVIEW, unsettled and status == "AUTHORIZED"),
        ("auth_expired", REVIEW, capture and ledger_alone and status == "EXPIRED"),
        ("void_not_recorded", HIGH, capture and ledger_alone and status == "VOIDED"),
        ("ledger_not_in_psp", LOOK, capture and not psp.present),
        ("amount_over", REVIEW, psp.amount > ledger.amount or (same and psp.amount > asked)),
        ("amount_under", REVIEW, psp.amount < ledger.amount or (same and psp.amount < asked)),
        ("unexplained", LOOK, True),
    ]
