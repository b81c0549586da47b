-- Nothing is read that was not delivered, nor delivered that was not sent.
select *
  from {{ ref('delivery_funnel') }}
 where read > delivered
    or delivered > sent
    or sent + failed + pending + unknown <> messages
    or (sent is null and unknown <> messages)
