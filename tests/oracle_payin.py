"""What rules/payin.yaml says, as plain Python: the rule book that the oracle (tests/oracle.py) works from.

Facts of a group's sides are plain values or NULL. `k` are the names of kinds (`k["refund"].amount`); None in the sieve.
"""

from datetime import timedelta

SIDES = {"settlement_line": "psp", "ledger_entry": "ledger", "payment_order": "order"}
KINDS = ("chargeback_reversal", "chargeback", "refund", "capture")  # the latest first
GRACE, DUE_DAYS, WITHIN_DAYS = timedelta(minutes=15), 2, 3
UNDONE, WAITING = ("REFUNDED", "CANCELLED"), ("PENDING", "EXECUTING", "UNKNOWN")
LOOK, REVIEW = "investigate", "manual_review"
HIGH = {"KRW": 1_000_000, "USD": 1_000_00, "EUR": 1_000_00}  # a limit, in minor units, stands for auto_fix
MIDDLE = {"KRW": 300_000, "USD": 300_00, "EUR": 300_00}
LOW = {"KRW": 10, "USD": 1_00, "EUR": 1_00}


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


def excluded(row):
    if row["record"] == "settlement_line":
        return row["kind"] in ("fee", "reserve", "reserve_release", "adjustment", "payout")
    return row["record"] == "ledger_entry" and row["account"] != "psp_receivable"


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
        class_ = "auto_fix" if amount <= class_.get(currency, -1) else REVIEW
    return code, class_


def table(g, k):
    """(code, class or limit of the automatic fix, whether it holds) of every rule, in order."""
    psp, ledger, order = g.facts()
    capture, refund, status = g.kind == "capture", g.kind == "refund", order.status
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
    return [
        ("unclassified_type", LOOK, g.state == "unclaimed" and g.kind == "unknown"),
        ("unclaimed", LOOK, g.state == "unclaimed"),
        ("quarantined_row", REVIEW, g.flags),
        ("restated_row", REVIEW, g.restated),
        ("ambiguous_match", REVIEW, g.candidates > 1),
        ("key_missing", REVIEW, g.suggested),
        ("currency_mismatch", LOOK, psp.currency != ledger.currency or psp.currency != order.currency),
        ("dup_capture", REVIEW, capture and twice and psp.high == coalesce(asked, ledger.high)),
        ("status_regression", REVIEW, capture and status == "SUCCESS" and given_back),
        ("order_cancelled_after_clearing", REVIEW, capture and undone_before),
        ("psp_not_in_ledger", HIGH, capture and lost),
        ("psp_no_order", LOOK, capture and psp.present and not order.present),
        ("dup_ledger_posting", HIGH, (capture or refund) and psp.count < ledger.count and equal_postings),
        ("partial_capture", HIGH, capture and less_captured and ledger.amount == order.amount),
        ("order_status_lag", HIGH, capture and same and psp.amount == asked and status in WAITING),
        ("rounding", LOW, gap != 0 and abs(gap) <= psp.count),
        ("double_refund", LOOK, refund and twice and psp.count > coalesce(ledger.count, 1)),
        ("refund_not_in_ledger", captured, refund and unbooked),
        ("refund_not_at_psp", REVIEW, refund and ledger.present and not psp.fresh),
        ("chargeback_unbooked", captured, g.kind == "chargeback" and unbooked),
        ("chargeback_won_unbooked", charged, g.kind == "chargeback_reversal" and unbooked),
        ("ledger_not_in_psp", LOOK, capture and not psp.present),
        ("amount_over", REVIEW, psp.amount > ledger.amount or (same and psp.amount > asked)),
        ("amount_under", REVIEW, psp.amount < ledger.amount or (same and psp.amount < asked)),
        ("unexplained", LOOK, True),
    ]
