-- outbox_event: the event's id is its idempotency key; what it speaks of stands in the payload.
select idempotency_key as event_id,
       lower(type) as event_type,
       'PO-' || (payload ->> 'paymentOrderId') as payment_order_id,
       payload ->> 'orderNo' as order_id,
       case status when 'INIT' then 'NEW' when 'SUCCESS' then 'SENT' else 'DEAD' end as status,
       try_count as attempts,
       'KRW' as currency,
       cast(payload ->> 'amount' as numeric) as amount,
       created_date at time zone 'Asia/Seoul' as created_at,
       last_modified_date at time zone 'Asia/Seoul' as updated_at
from outbox
where last_modified_date at time zone 'Asia/Seoul' >= :from
  and last_modified_date at time zone 'Asia/Seoul' < :to
