"""Makes a believable night's facts for the report's tests: three providers, every state and class, Korean memos.

`night()` is the same on every call; `night(breaks=20_000)` is a bad day.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from recon.report.facts import (
    BreakFact,
    FixFact,
    InputFact,
    NightFacts,
    PostingFact,
    QuarantineFact,
    RecordFact,
    RollForwardLine,
    RuleFact,
    TieOutLine,
)

NIGHT = date(2026, 11, 19)

_PSPS = (("stripe", "USD"), ("adyen", "EUR"), ("toss", "KRW"))
_WHY = {
    "psp_not_in_ledger": (
        "auto_fix",
        "The PSP captured and the order exists, so the posting was lost (a missed webhook).",
        "Book the capture; then look for other payments of {psp} in the same hour.",
    ),
    "order_status_lag": (
        "auto_fix",
        "PSP and ledger agree that the payment went through; the order still waits.",
        "Set the order to SUCCESS through the path that the webhook takes.",
    ),
    "rounding": ("auto_fix", "The difference is at most one minor unit a line.", "Book the difference to rounding."),
    "amount_over": (
        "manual_review",
        "The PSP settled more than we have on our side.",
        "Compare the order's history (price edit, shipping, tip) and post the difference.",
    ),
    "dup_capture": (
        "manual_review",
        "The PSP captured the same payment more than once, which a retry without an idempotency key does.",
        "Refund the customer the extra capture at {psp}, and book both.",
    ),
    "refund_not_at_psp": (
        "manual_review",
        "The ledger refunded and the PSP did not within its time.",
        "Ask {psp} for the refund's state, then send it again with the same idempotency key.",
    ),
    "ledger_not_in_psp": (
        "investigate",
        "We count the payment as paid and the PSP does not have it after its time; a false success.",
        "Stop the shipment and look the payment up at {psp}.",
    ),
    "psp_no_order": (
        "investigate",
        "The PSP captured money for a payment order that we do not have.",
        "Look for a failed order write or a test in production; then refund, or create the order.",
    ),
    "unexplained": ("investigate", "No rule names this difference.", "Compare the records and extend the rules."),
}
_CODES = (
    "psp_not_in_ledger",
    "psp_not_in_ledger",
    "rounding",
    "amount_over",
    "psp_not_in_ledger",
    "order_status_lag",
    "dup_capture",
    "ledger_not_in_psp",
    "order_status_lag",
    "refund_not_at_psp",
    "rounding",
    "psp_no_order",
    "psp_not_in_ledger",
    "unexplained",
)
_MEMOS = (
    "주문 결제 · 겨울 코트",
    "정기 구독 11월분",
    "부분 환불 요청 — 고객 변심",
    "gift card top-up",
    "무선 이어폰 (블랙)",
)


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def money(minor: int, currency: str) -> str:
    return str(minor) if currency == "KRW" else f"{Decimal(minor).scaleb(-2):f}"


def break_fact(n: int) -> BreakFact:
    """The n-th break of the shop. Its sides follow from its code."""
    code = _CODES[n % len(_CODES)]
    class_, why, next_step = _WHY[code]
    psp, currency = _PSPS[(n * 7 + n // 3) % 3]
    minor = 900 + (n * 7919) % 480_000 * (100 if currency == "KRW" and n % 5 == 0 else 1)
    order = f"po_{sha(f'order{n}')[:14]}"
    kind = "refund" if code == "refund_not_at_psp" else "capture"
    psp_minor: int | None = minor
    ledger_minor: int | None = minor
    order_minor: int | None = minor
    if code in ("psp_not_in_ledger",):
        ledger_minor = None
    if code in ("refund_not_at_psp", "ledger_not_in_psp"):
        psp_minor = None
    if code == "refund_not_at_psp":
        ledger_minor, order_minor = -minor, None
    if code == "psp_no_order":
        ledger_minor = order_minor = None
    if code == "rounding":
        ledger_minor = minor - 1
    if code == "amount_over":
        ledger_minor = order_minor = minor - 1230
    if code == "dup_capture":
        psp_minor = 2 * minor
    if code == "unexplained":
        ledger_minor = minor // 2
    difference = (psp_minor or 0) - (ledger_minor or 0)
    age = (0, 0, 1, 3, 0, 5, 12, 0, 2, 44)[n % 10]
    state = ("new", "persisting", "persisting", "reopened")[n % 4] if age else "new"
    if n % 17 == 16:
        state = "resolved"
    memo = _MEMOS[n % len(_MEMOS)]
    file = {
        "stripe": "stripe_20261119.csv",
        "adyen": "settlement_detail_report_batch_419.csv",
        "toss": "toss_20261119.json",
    }
    records: list[RecordFact] = []
    for copy in range(2 if code == "dup_capture" else 1):
        if psp_minor is not None:
            fee = money(minor * 29 // 1000, currency)
            records.append(
                RecordFact(
                    "psp",
                    f"{psp}_settlement",
                    f"{psp}:{order}:{kind}:{copy}",
                    file[psp],
                    sha(file[psp]),
                    18 + n * 3 + copy,
                    {
                        "psp": psp,
                        "kind": kind,
                        "psp_reference": f"{psp[:2]}_{sha(f'ref{n}')[:16]}",
                        "payment_order_id": order,
                        "order_id": f"ORD-{100_000 + n}",
                        "currency": currency,
                        "amount": money(minor, currency),
                        "fee": fee,
                        "occurred_at": f"2026-11-18T{n % 24:02d}:{n * 7 % 60:02d}:11Z",
                        "settled_on": "2026-11-19",
                        "memo": memo,
                    },
                )
            )
    if ledger_minor is not None:
        records.append(
            RecordFact(
                "ledger",
                "ledger",
                f"{8800 + n}",
                "query:ledger",
                "",
                0,
                {
                    "entry_id": f"{8800 + n}",
                    "account": "psp_receivable",
                    "kind": kind,
                    "psp": psp,
                    "payment_order_id": order,
                    "psp_reference": f"{psp[:2]}_{sha(f'ref{n}')[:16]}",
                    "order_id": f"ORD-{100_000 + n}",
                    "currency": currency,
                    "amount": money(ledger_minor, currency),
                    "posted_at": f"2026-11-18T{n % 24:02d}:{n * 7 % 60:02d}:14Z",
                },
                cleared_on=date(2026, 11, 17) if code == "dup_capture" else None,
            )
        )
    if order_minor is not None:
        records.append(
            RecordFact(
                "order",
                "orders",
                order,
                "query:orders",
                "",
                0,
                {
                    "payment_order_id": order,
                    "order_id": f"ORD-{100_000 + n}",
                    "psp": psp,
                    "currency": currency,
                    "status": "EXECUTING" if code == "order_status_lag" else "SUCCESS",
                    "amount": money(order_minor, currency),
                    "updated_at": f"2026-11-18T{n % 24:02d}:{n * 7 % 60:02d}:09Z",
                },
            )
        )
    sides = {"psp": psp_minor, "ledger": ledger_minor, "order": order_minor}
    if kind == "refund":
        del sides["order"]
    fixed = code in ("psp_not_in_ledger", "rounding", "order_status_lag") and state != "resolved"
    return BreakFact(
        break_id=f"BRK-{sha(f'payin{order}{kind}')[:16].upper()}",
        reconciliation="payin",
        key=f"{order}/{kind}",
        code=code,
        class_=class_,
        state=state,
        currency=currency,
        difference=money(difference, currency),
        amounts={side: None if value is None else money(value, currency) for side, value in sides.items()},
        psp=psp,
        first_seen=NIGHT - timedelta(days=age * 7 // 5),
        age_days=age,
        deadline=NIGHT + timedelta(days=n % 6 - 1) if class_ != "auto_fix" else None,
        owner="payments-finance" if n % 3 else "",
        rule=f"payin.yaml:{42 + len(code)} {code}" if code != "unexplained" else "",
        why=why,
        next_step=next_step.replace("{psp}", psp),
        reason="cleared by a late posting of the ledger" if state == "resolved" else "",
        fix_id=f"FIX-{sha(order)[:12].upper()}" if fixed else None,
        provenance="; ".join(f"{r.file}:{r.line}" if r.line else f"{r.file}#{r.record_id}" for r in records),
        records=tuple(records),
        tried=(
            "our_reference: one group, sides psp and order",
            "psp_reference: no other group bears it",
            "amount_and_day: not tried, the group has its key",
        ),
    )


def _braked(breaks: Iterable[BreakFact]) -> Iterator[BreakFact]:
    """No night proposes more fixes than the brake lets through."""
    fixes = 0
    for b in breaks:
        fixes += b.fix_id is not None
        yield b if fixes <= 200 or b.fix_id is None else replace(b, fix_id=None, reason="the brake is on")


def fix_fact(b: BreakFact) -> FixFact:
    """The correction that belongs to an auto_fix break."""
    currency, amount = b.currency or "", b.difference or "0"
    turned = amount[1:] if amount.startswith("-") else f"-{amount}"
    journal = b.code != "order_status_lag"
    return FixFact(
        fix_id=b.fix_id or "",
        break_id=b.break_id,
        template="book_receivable" if journal else "mark_order_paid",
        kind="journal" if journal else "update",
        memo=f"{b.code} {b.psp} {b.key}" if journal else "",
        currency=currency,
        amount=amount if journal else b.amounts["order"] or "0",
        status="proposed",
        idempotency_key=f"{b.break_id}:book_receivable:{amount}",
        content_sha256=sha(b.break_id),
        postings=(PostingFact("psp_receivable", currency, amount), PostingFact("customer_payments", currency, turned))
        if journal
        else (),
        record="" if journal else f"orders {b.key.split('/')[0]}",
        seen={} if journal else {"status": "EXECUTING", "amount": b.amounts["order"] or ""},
        set={} if journal else {"status": "SUCCESS"},
    )


def _bucket(age: int) -> str:
    return next(name for top, name in ((1, "0-1"), (3, "2-3"), (7, "4-7"), (30, "8-30"), (10**9, "30+")) if age <= top)


def _tie_out(open_: list[BreakFact]) -> tuple[TieOutLine, ...]:
    lines = []
    for (psp, currency), cleared, pending in zip(
        (*_PSPS, ("stripe", "EUR")),
        (184_223_119, 96_114_020, 412_880_500, 0),
        (-1_204_500, -88_000, 8_214_900, 0),
        strict=True,
    ):
        mine = [b for b in open_ if (b.psp, b.currency) == (psp, currency)]
        broken = sum(int(Decimal(b.difference or 0) * (1 if currency == "KRW" else 100)) for b in mine)
        internal = cleared + 31_000_000
        lines.append(
            TieOutLine(
                "payin",
                psp,
                currency,
                money(internal + pending + broken, currency),
                money(internal, currency),
                money(cleared, currency),
                money(pending, currency),
                money(broken, currency),
                money(0, currency),
                3396 if cleared else 0,
                11 if cleared else 0,
                len(mine),
            )
        )
    return tuple(lines)


def _inputs() -> tuple[InputFact, ...]:
    names = (
        ("stripe_settlement", "stripe_20261119.csv", "USD"),
        ("adyen_settlement", "settlement_detail_report_batch_419.csv", "EUR"),
        ("toss_settlement", "toss_20261119.json", "KRW"),
        ("ledger", "query:ledger", "KRW"),
        ("orders", "query:orders", "KRW"),
    )
    return tuple(
        InputFact(
            source,
            name,
            sha(name) if not name.startswith("query") else "",
            3420 + 17 * n,
            3417 + 17 * n,
            3 if n == 1 else 0,
            2 if n == 2 else 0,
            1 if n == 0 else 0,
            n == 1,
            f"2026-11-20T0{n}:12:00+09:00",
            "read",
            "",
            (
                ("capture", currency, 3200, money(184_223_119, currency)),
                ("refund", currency, 61, money(-1_223_119, currency)),
            ),
            (
                (
                    "rows in trailer",
                    "proved" if n != 1 else "unproven",
                    "3 rows in quarantine" if n == 1 else "3,420 = 3,420",
                ),
            )
            if n < 3
            else (),
        )
        for n, (source, name, currency) in enumerate(names)
    )


def night(breaks: int = 60) -> NightFacts:
    """A whole night with this many breaks."""
    facts = tuple(_braked(break_fact(n) for n in range(breaks)))
    open_ = [b for b in facts if b.state != "resolved"]
    by_class = Counter(b.class_ for b in open_)
    codes = sorted({(b.reconciliation, b.class_, b.code) for b in open_})
    return NightFacts(
        workspace="moonlight-shop",
        night=NIGHT,
        verdict="breaks" if open_ else "reconciled",
        sentence=f"{len(open_):,} open breaks: {by_class['investigate']:,} to investigate, "
        f"{by_class['manual_review']:,} to review, {by_class['auto_fix']:,} to fix. Every amount is accounted for."
        if open_
        else "Everything agrees: 10,188 payments cleared.",
        tool_version="0.1.0",
        config_sha256=sha("config"),
        time_zone="Asia/Seoul",
        cut_off="00:00",
        previous_night=date(2026, 11, 18),
        records_total=30_552,
        groups={"cleared": 10_188, "pending": 33, "silent": 12, "broken": len(open_)},
        breaks_open=len(open_),
        breaks_new=sum(b.state == "new" for b in open_),
        breaks_resolved=len(facts) - len(open_),
        by_class=dict(by_class),
        by_code=tuple(
            (*code, sum((b.reconciliation, b.class_, b.code) == code for b in open_), _amounts(code[2], open_))
            for code in codes
        ),
        ageing=tuple(
            sorted(
                (c, bucket, count)
                for (c, bucket), count in Counter((b.class_, _bucket(b.age_days)) for b in open_).items()
            )
        ),
        tie_out=_tie_out(open_),
        roll_forward=tuple(
            RollForwardLine(
                "payin",
                source,
                currency,
                {
                    "brought": 31,
                    "new": 3420,
                    "cleared": 3396,
                    "carried": 33,
                    "quarantined": 3,
                    "excluded": 17,
                    "replayed": 2,
                },
                {
                    "brought": "114000",
                    "new": "184223119",
                    "cleared": "182223119",
                    "carried": "2014000",
                    "excluded": "100000",
                    "replayed": "0",
                },
            )
            for source, currency in (
                ("stripe_settlement", "USD"),
                ("adyen_settlement", "EUR"),
                ("toss_settlement", "KRW"),
                ("ledger", "USD"),
                ("orders", "USD"),
            )
        ),
        breaks=facts,
        fixes=tuple(fix_fact(b) for b in facts if b.fix_id),
        inputs=_inputs(),
        quarantine=tuple(
            QuarantineFact(
                _inputs()[1].name,
                _inputs()[1].sha256,
                812 + n,
                "Gross Credit (GC)",
                "1.204,50",
                'a number with "." before the decimals, at most 2 of them for EUR',
                "PSPA,8815QX,Settled,EUR,1.204,50,,2026-11-18",
            )
            for n in range(3)
        ),
        rules=tuple(
            RuleFact("payin", code, class_, f"payin.yaml:{42 + len(code)}", why, sum(b.code == code for b in open_))
            for code, (class_, why, _) in _WHY.items()
        ),
        reproduce="recon run --date 2026-11-19",
    )


def _amounts(code: str, breaks: list[BreakFact]) -> str:
    totals: dict[str, Decimal] = {}
    for b in breaks:
        if b.code == code and b.currency and b.difference:
            totals[b.currency] = totals.get(b.currency, Decimal(0)) + Decimal(b.difference)
    return " · ".join(f"{total:f} {currency}" for currency, total in sorted(totals.items()))


def with_break(facts: NightFacts, **changes: Any) -> NightFacts:
    """The same night with its first break changed."""
    first = replace(facts.breaks[0], **changes)
    return replace(facts, breaks=(first, *facts.breaks[1:]))
