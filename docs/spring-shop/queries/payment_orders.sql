-- payment_order: one record a row of payment_order. The PSP knows it as PO-<id>.
select 'PO-' || p.id as payment_order_id,
       o.order_no as order_id,
       'toss' as psp,
       e.payment_key as psp_reference,
       case p.payment_order_status when 'NOT_STARTED' then 'PENDING' when 'FAILURE' then 'FAILED'
         else p.payment_order_status end as status,
       p.failed_reason as status_reason,
       'KRW' as currency,
       p.amount,
       lower(e.payment_method) as method,
       nullif(o.used_point, 0) as points_amount,
       o.total_price as total_amount,
       p.ledger_updated,
       p.wallet_updated,
       p.created_date at time zone 'Asia/Seoul' as created_at,
       p.last_modified_date at time zone 'Asia/Seoul' as updated_at
from payment_order p
join payment_event e on e.id = p.payment_event_id
join shop_order o on o.id = e.shop_order_id
where p.last_modified_date at time zone 'Asia/Seoul' >= :from
  and p.last_modified_date at time zone 'Asia/Seoul' < :to
