-- Customers have no list and no id but their number, and none at all where that is masked. The name
-- is that of the latest conversation.
select distinct on (account, recipient_details__phone_number)
       account,
       recipient_details__phone_number as contact_id,
       recipient_details__name as contact_name,
       recipient_details__phone_number as provider_phone,
       cast(null as text) as provider_email,
       cast(null as text) as external_id,
       cast(null as timestamp with time zone) as created_at,
       cast(null as timestamp with time zone) as deleted_at
  from {{ raw('octopush', 'conversations') }}
 where recipient_details__phone_number not like '***%'
 order by account, recipient_details__phone_number, last_message_at desc nulls last, conversation_id
