-- order: one record a row of shop_order, with the newest payment order that pays it.
select o.order_no as order_id,
       'PO-' || p.id as payment_order_id,
       'toss' as psp,
       case o.order_status when 'CART' then 'WAITING' when 'ORDER' then 'ORDERED' when 'COMPLETE' then 'PAID'
         when 'FAIL' then 'FAILED' when 'CANCEL' then 'CANCELLED' else o.order_status end as status,
       'KRW' as currency,
       o.total_price - o.used_point as amount,
       o.delivery_started_date at time zone 'Asia/Seoul' as shipped_at,
       o.created_date at time zone 'Asia/Seoul' as created_at,
       o.last_modified_date at time zone 'Asia/Seoul' as updated_at
from shop_order o
left join lateral (
  select p.id from payment_order p join payment_event e on e.id = p.payment_event_id
  where e.shop_order_id = o.id order by p.id desc limit 1
) p on true
where o.last_modified_date at time zone 'Asia/Seoul' >= :from
  and o.last_modified_date at time zone 'Asia/Seoul' < :to
