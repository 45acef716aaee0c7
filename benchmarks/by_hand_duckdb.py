"""What a good engineer writes in an afternoon: one DuckDB script for this one comparison.

Comes in   settlement.csv, ledger.csv, orders.csv
Goes out   breaks.parquet, open.parquet, totals.parquet; counts on stdout as JSON
It is strict about amounts and names the same breaks as rules/payin.yaml. It remembers nothing, carries nothing forward,
keeps no provenance and proves no roll-forward: what `recon run` costs beyond it is the price of those.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import duckdb

MINOR = """
create macro minor(text, currency) as case
    when not regexp_full_match(text, '-?[0-9]{1,15}([.][0-9]{1,2})?') then null
    when currency = 'KRW' then case when instr(text, '.') = 0 then text::bigint end
    when currency in ('USD', 'EUR') then replace(text, '.', '')::bigint
        * case when instr(text, '.') = 0 then 100 when length(text) - instr(text, '.') = 1 then 10 else 1 end
end
"""

#: The newest day whose missing settlement is overdue on Thursday 2026-11-19: two business days after it are over.
LAST_DUE = "2026-11-16"

COLUMNS = {
    "settlement": "psp natural_id kind psp_reference payment_order_id order_id payout_id currency amount "
    "settled_currency settled_amount fee tax net occurred_at",
    "ledger": "entry_id journal_id account kind psp psp_reference payment_order_id order_id currency amount posted_at",
    "orders": "payment_order_id order_id psp psp_reference status currency amount captured_amount created_at "
    "updated_at",
}

PSP = """
create table psp as
select kind, nullif(payment_order_id, '') as po, psp_reference as ref,
    currency, minor(amount, currency) as amount, occurred_at::timestamp::date as day
from {settlement} where kind in ('capture', 'refund', 'chargeback', 'chargeback_reversal')
"""
LEDGER = """
create table ledger as
select kind, payment_order_id as po, nullif(psp_reference, '') as ref,
    currency, minor(amount, currency) as amount, posted_at::timestamp::date as day
from {ledger} where account = 'psp_receivable'
"""
ORDERS = """
create table orders as
select 'capture' as kind, payment_order_id as po, nullif(psp_reference, '') as ref, status,
    currency, minor(amount, currency) as amount, minor(nullif(captured_amount, ''), currency) as captured,
    updated_at::timestamp::date as day
from {orders}
"""

GROUPED = """
create view {side}_group as
select po, kind, min(ref) as ref,
    case when min(currency) = max(currency) then min(currency) else 'mixed' end as currency,
    count(*) as n, sum(amount)::bigint as amount, min(amount) as low, max(amount) as high, min(day) as day
from {side} where po is not null group by po, kind
"""

JOINED = """
create table joined as
select coalesce(p.po, l.po, o.po) as po, coalesce(p.kind, l.kind, o.kind) as kind, coalesce(l.ref, o.ref, p.ref) as ref,
    p.n as psp_n, p.amount as psp, p.low as psp_low, p.high as psp_high, p.currency as psp_currency,
    l.n as ledger_n, l.amount as ledger, l.low as ledger_low, l.high as ledger_high, l.currency as ledger_currency,
    o.amount as ordered, coalesce(o.captured, o.amount) as order_due, o.status, o.currency as order_currency,
    coalesce(l.day, o.day) as since, ''::varchar as found_by
from psp_group p
full join ledger_group l on l.po = p.po and l.kind = p.kind
full join orders o on o.po = coalesce(p.po, l.po) and o.kind = coalesce(p.kind, l.kind)
"""

# What the provider sent without our reference: first by the provider's own, then by amount and day where only one fits.
BY_REFERENCE = """
create table by_reference as
select j.po, j.kind, p.ref, p.amount, p.currency, 'psp_reference' as found_by
from psp p join joined j on j.ref = p.ref and j.kind = p.kind and j.psp is null
where p.po is null
"""
BY_AMOUNT = """
create table by_amount as
with pair as (
    select j.po, j.kind, p.ref, p.amount, p.currency, 'amount_and_day' as found_by
    from psp p join joined j on j.kind = p.kind and j.psp is null and coalesce(j.ledger, j.ordered) = p.amount
        and coalesce(j.ledger_currency, j.order_currency) = p.currency and abs(p.day - j.since) <= 3
    where p.po is null and p.ref not in (select ref from by_reference)
)
select * from pair qualify count(*) over (partition by ref) = 1 and count(*) over (partition by po, kind) = 1
"""
FOUND = """
update joined set psp_n = 1, psp = f.amount, psp_low = f.amount, psp_high = f.amount,
    psp_currency = f.currency, found_by = f.found_by
from {found} f where joined.po = f.po and joined.kind = f.kind
"""
KEYLESS = """
insert into joined by name
select kind, ref, 1 as psp_n, amount as psp, amount as psp_low, amount as psp_high, currency as psp_currency,
    day as since, '' as found_by
from psp where po is null and ref not in (select ref from by_reference union all select ref from by_amount)
"""

NAMED = f"""
create table named as
select *, case
    when found_by <> 'amount_and_day' and psp = ledger and psp_currency = ledger_currency
        and (kind <> 'capture' or (psp = order_due and psp_currency = order_currency and status = 'SUCCESS'))
        then 'cleared'
    when psp is null and since > date '{LAST_DUE}'
        and (kind <> 'capture' or ledger is null or ordered is null or ledger = ordered) then 'pending'
    when found_by = 'amount_and_day' then 'key_missing'
    when psp_currency <> ledger_currency or psp_currency <> order_currency then 'currency_mismatch'
    when kind = 'capture' and psp_n > 1 and psp_low = psp_high
        and psp_high = coalesce(order_due, ledger_high) then 'dup_capture'
    when kind = 'capture' and psp is not null and ordered is not null and ledger is null
        and psp = order_due then 'psp_not_in_ledger'
    when kind = 'capture' and psp is not null and ordered is null then 'psp_no_order'
    when psp_n < ledger_n and ledger_low = ledger_high and ledger_high * psp_n = psp then 'dup_ledger_posting'
    when kind = 'capture' and psp = order_due and order_due < ordered and ledger = ordered then 'partial_capture'
    when kind = 'capture' and psp = ledger and psp = order_due
        and status in ('PENDING', 'EXECUTING', 'UNKNOWN') then 'order_status_lag'
    when psp <> ledger and abs(psp - ledger) <= psp_n then 'rounding'
    when kind = 'refund' and psp_n > 1 and psp_low = psp_high and psp_n > coalesce(ledger_n, 1) then 'double_refund'
    when kind = 'refund' and psp is not null and ledger is null then 'refund_not_in_ledger'
    when kind = 'refund' and psp is null then 'refund_not_at_psp'
    when kind = 'chargeback' and ledger is null then 'chargeback_unbooked'
    when kind = 'capture' and psp is null then 'ledger_not_in_psp'
    when psp > ledger or (psp = ledger and psp > order_due) then 'amount_over'
    when psp < ledger or (psp = ledger and psp < order_due) then 'amount_under'
    else 'unexplained' end as code
from joined
"""

# More refunded than captured, or refunded and charged back: seen only over all kinds of one payment.
LIFECYCLE = """
update named set code = v.code from (
    select po, arg_max(kind, kind) as kind,
        case when max(amount) filter (kind = 'capture') + sum(amount) filter (kind = 'refund') < 0
                then 'refund_exceeds_capture'
            when sum(amount) filter (kind = 'refund') < 0 and sum(amount) filter (kind = 'chargeback') < 0
                then 'refund_and_chargeback' end as code
    from psp_group where po in (select po from psp_group where kind <> 'capture') group by po
) v where v.code is not null and named.po = v.po and named.kind = v.kind
"""

TOTALS = """
copy (select psp_currency as currency, kind, code, count(*) as groups,
          sum(psp) as psp, sum(ledger) as ledger, sum(ordered) as ordered
      from named group by all order by all) to '{folder}/totals.parquet'
"""
BREAKS = """
copy (select po, kind, ref, code, coalesce(psp_currency, ledger_currency, order_currency) as currency,
          psp, ledger, ordered, status, coalesce(psp, 0) - coalesce(ledger, 0) as difference
      from named where code not in ('cleared', 'pending') order by po, kind, ref) to '{folder}/breaks.parquet'
"""
OPEN = "copy (select * exclude (code) from named where code = 'pending' order by po, kind) to '{folder}/open.parquet'"


def csv(inputs: Path, name: str) -> str:
    """A file as a table of text, nothing sniffed."""
    columns = ", ".join(f"'{column}': 'VARCHAR'" for column in COLUMNS[name].split())
    options = "header=true, auto_detect=false, delim=',', quote='\"'"
    return f"read_csv('{inputs / name}.csv', columns={{{columns}}}, {options})"


def main(inputs: Path, out: Path) -> None:
    """Reconcile the three files of `inputs` and leave the results in `out`."""
    out.mkdir(parents=True, exist_ok=True)
    con = duckdb.connect(config={"preserve_insertion_order": False, "temp_directory": str(out)})
    con.execute(MINOR)
    tables = {name: csv(inputs, name) for name in COLUMNS}
    for load in (PSP, LEDGER, ORDERS):
        con.execute(load.format(**tables))
    for side in ("psp", "ledger", "orders"):
        [(unreadable,)] = con.execute(f"select count(*) from {side} where amount is null").fetchall()
        if unreadable:
            sys.exit(f"{unreadable} amounts of {side} can't be read")
    for step in (
        GROUPED.format(side="psp"),
        GROUPED.format(side="ledger"),
        JOINED,
        BY_REFERENCE,
        FOUND.format(found="by_reference"),
    ):
        con.execute(step)
    for step in (BY_AMOUNT, FOUND.format(found="by_amount"), KEYLESS, NAMED, LIFECYCLE):
        con.execute(step)
    for step in (TOTALS, BREAKS, OPEN):
        con.execute(step.format(folder=out))
    counts = dict(con.execute("select code, count(*) from named group by code").fetchall())
    print(json.dumps({"cleared": counts.pop("cleared", 0), "pending": counts.pop("pending", 0), "codes": counts}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
