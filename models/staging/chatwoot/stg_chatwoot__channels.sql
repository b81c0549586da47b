select account,
       cast(id as text) as channel_id,
       name as channel_name,
       case when medium is null then channel_type else channel_type || '/' || medium end
         as provider_channel,
       phone_number as channel_address,
       deleted_at
  from {{ raw('chatwoot', 'inboxes') }}
