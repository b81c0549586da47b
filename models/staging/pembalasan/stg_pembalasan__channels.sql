-- The public API is that of Chatwoot's API channels, and lists none: each is known by its
-- conversations.
select account,
       cast(inbox_id as text) as channel_id,
       cast(null as text) as channel_name,
       'Channel::Api' as provider_channel,
       cast(null as text) as channel_address,
       cast(null as timestamp with time zone) as deleted_at
  from {{ raw('pembalasan', 'conversations') }}
 where inbox_id is not null
 group by account, inbox_id
