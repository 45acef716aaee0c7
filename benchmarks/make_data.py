"""Make one night's inputs for the benchmark: seeded, fast, with every planted break known.

Comes in   a folder, a number of payments, a seed and the ledger's legs (1: the receivable only, 2: double entry)
Goes out   settlement.csv (15 columns), ledger.csv, orders.csv, truth.json (rows per file; groups cleared, pending and
           broken per code)
Never      draws at random: what happens to payment i is arithmetic on (i, seed), so the shares are exact.

0.8 % of payments carry one of 16 breaks. Beside them: 2 % in transit, 2 % with a refund that agrees, and 0.1 % whose
settlement line lacks our reference and clears by the provider's.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import duckdb

NIGHT = "2026-11-19"
LONG_AGO = "2026-11-11"  # more than two business days before the night

#: Each takes 50 of 100,000 payments.
CODES = (
    "psp_not_in_ledger",
    "psp_no_order",
    "ledger_not_in_psp",
    "order_status_lag",
    "amount_over",
    "amount_under",
    "rounding",
    "currency_mismatch",
    "dup_capture",
    "dup_ledger_posting",
    "partial_capture",
    "refund_not_in_ledger",
    "refund_not_at_psp",
    "chargeback_unbooked",
    "double_refund",
    "key_missing",
)
SHARE = 50

PAYMENTS = """
create table payment as
with picked as (select i, (i * 7919 + {seed} * 104729) % 100000 as bucket from range({payments}) r(i)),
named as (
    select i, case
        {codes}
        when bucket < 2800 then 'in_transit'
        when bucket < 2900 then 'psp_reference_only'
        when bucket >= 3000 and bucket < 5000 then 'refunded'
        else '' end as fate
    from picked
)
select
    i, fate,
    'PO-' || lpad(i::varchar, 12, '0') as po,
    'ORD-' || lpad((i // 2)::varchar, 10, '0') as ord,
    'ch_' || lpad(i::varchar, 24, '0') as ref,
    case i % 3 when 0 then 'KRW' when 1 then 'USD' else 'EUR' end as currency,
    -- the amount alone has to find the partner of a payment without references, so there it is one of a kind
    case when fate = 'key_missing' then 10000000 + i else 1000 + (i * 104729) % 900000 end as amount,
    fate in ('ledger_not_in_psp') as old,
    -- the last half hour stays empty: a record close to the cut-off may wait a night (grace)
    printf('%02d:%02d:%02d', i % 23, i * 7 % 60, i * 13 % 60) as clock
from named
"""

MAJOR = """
create macro major(minor, currency) as case
    when currency = 'KRW' then minor::varchar
    else printf('%s%d.%02d', case when minor < 0 then '-' else '' end, abs(minor) // 100, abs(minor) % 100) end
"""

SETTLEMENT = f"""
create view settlement as
with line as (
    select i, 0 as n, 'capture' as kind, ref, currency, fate, po, ord, clock,
        case fate when 'amount_over' then amount + 500 when 'amount_under' then amount - 500
            when 'rounding' then amount + 1 when 'partial_capture' then amount - 300 else amount end as amount
    from payment where fate not in ('ledger_not_in_psp', 'in_transit')
    union all
    select i, 1, 'capture', ref || 'b', currency, fate, po, ord, clock, amount from payment where fate = 'dup_capture'
    union all
    select i, 2, 'refund', 're' || ref, currency, fate, po, ord, clock, -(amount // 4)
    from payment where fate in ('refunded', 'refund_not_in_ledger', 'double_refund')
    union all
    select i, 3, 'refund', 're' || ref || 'b', currency, fate, po, ord, clock, -(amount // 4)
    from payment where fate = 'double_refund'
    union all
    select i, 4, 'chargeback', 'dp' || ref, currency, fate, po, ord, clock, -amount
    from payment where fate = 'chargeback_unbooked'
), paid as (
    select *,
        case when fate <> 'currency_mismatch' then currency when currency = 'EUR' then 'USD' else 'EUR' end as paid_in,
        case kind when 'capture' then amount // 50 else 0 end as fee from line
)
select
    'acme' as psp,
    i::varchar || '-' || n::varchar as natural_id,
    kind,
    ref as psp_reference,
    case when fate in ('psp_reference_only', 'key_missing') then '' else po end as payment_order_id,
    ord as order_id,
    'po_20261119' as payout_id,
    paid_in as currency,
    major(amount, paid_in) as amount,
    paid_in as settled_currency,
    major(amount, paid_in) as settled_amount,
    major(fee, paid_in) as fee,
    major(fee // 10, paid_in) as tax,
    major(amount - fee - fee // 10, paid_in) as net,
    '{NIGHT} ' || clock as occurred_at
from paid order by i, n
"""

LEDGER = f"""
create view ledger as
with entry as (
    select i, 0 as n, 'capture' as kind, ref, amount, fate, old, po, ord, currency, clock
    from payment where fate <> 'psp_not_in_ledger'
    union all
    select i, 1, 'capture', ref, amount, fate, old, po, ord, currency, clock
    from payment where fate = 'dup_ledger_posting'
    union all
    select i, 2, 'refund', 're' || ref, -(amount // 4), fate, fate = 'refund_not_at_psp', po, ord, currency, clock
    from payment where fate in ('refunded', 'refund_not_at_psp', 'double_refund')
), leg as (select *, 0 as leg from entry union all select *, 1 from entry where {{legs}} = 2)
select
    i::varchar || '-' || n::varchar || '-' || leg::varchar as entry_id,
    'J' || i::varchar || '-' || n::varchar as journal_id,
    case leg when 0 then 'psp_receivable' else 'customer_payments' end as account,
    kind,
    'acme' as psp,
    case fate when 'key_missing' then '' else ref end as psp_reference,
    po as payment_order_id,
    ord as order_id,
    currency,
    major(case leg when 0 then amount else -amount end, currency) as amount,
    case when old then '{LONG_AGO} ' else '{NIGHT} ' end || clock as posted_at
from leg order by i, n, leg
"""

ORDERS = f"""
create view orders as
select
    po as payment_order_id,
    ord as order_id,
    'acme' as psp,
    case fate when 'key_missing' then '' else ref end as psp_reference,
    case fate when 'order_status_lag' then 'UNKNOWN' else 'SUCCESS' end as status,
    currency,
    major(amount, currency) as amount,
    case fate when 'partial_capture' then major(amount - 300, currency) else '' end as captured_amount,
    case when old then '{LONG_AGO} ' else '{NIGHT} ' end || clock as created_at,
    case when old then '{LONG_AGO} ' else '{NIGHT} ' end || clock as updated_at
from payment where fate <> 'psp_no_order' order by i
"""


def make(folder: Path, payments: int, seed: int, legs: int) -> None:
    """Write the three files and truth.json into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    con = duckdb.connect()
    codes = "\n".join(f"when bucket < {(n + 1) * SHARE} then '{code}'" for n, code in enumerate(CODES))
    con.execute(MAJOR)
    con.execute(PAYMENTS.format(payments=payments, seed=seed, codes=codes))
    rows = {}
    for name, view in (("settlement", SETTLEMENT), ("ledger", LEDGER.format(legs=legs)), ("orders", ORDERS)):
        con.execute(view)
        [(rows[name],)] = con.execute(f"copy {name} to '{folder / name}.csv' (header, delimiter ',')").fetchall()
    fates = dict(con.execute("select fate, count(*) from payment group by fate").fetchall())
    codes_planted = {code: fates.get(code, 0) for code in CODES}
    # These break the refund or the chargeback; the capture itself clears.
    beside = ("refund_not_in_ledger", "refund_not_at_psp", "chargeback_unbooked", "double_refund")
    cleared = (
        fates[""] + 2 * fates["refunded"] + fates["psp_reference_only"] + sum(fates.get(code, 0) for code in beside)
    )
    truth = {"rows": rows, "cleared": cleared, "pending": fates["in_transit"], "codes": codes_planted}
    (folder / "truth.json").write_text(json.dumps(truth, indent=1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--payments", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--legs", type=int, choices=(1, 2), default=2)
    given = parser.parse_args()
    make(given.folder, given.payments, given.seed, given.legs)


if __name__ == "__main__":
    main()
