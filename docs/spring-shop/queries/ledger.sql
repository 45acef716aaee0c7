-- ledger_entry: debit and credit become signs.
select l.id as entry_id,
       t.id as journal_id,
       a.name as account,
       'capture' as kind,
       'toss' as psp,
       e.payment_key as psp_reference,
       'PO-' || t.payment_order_id as payment_order_id,
       'KRW' as currency,
       case l.type when 'DEBIT' then l.amount else -l.amount end as amount,
       t.created_date at time zone 'Asia/Seoul' as posted_at
from ledger_entry l
join ledger_transaction t on t.id = l.transaction_id
join account a on a.id = l.account_id
left join payment_order p on p.id = t.payment_order_id
left join payment_event e on e.id = p.payment_event_id
where t.created_date at time zone 'Asia/Seoul' >= :from
  and t.created_date at time zone 'Asia/Seoul' < :to
