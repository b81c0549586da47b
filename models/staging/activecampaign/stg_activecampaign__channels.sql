-- There is no list of channels: each is known by the conversations that came through it, and all are
-- WhatsApp's: the product's name says so.
select account,
       cast(channel as text) as channel_id,
       cast(null as text) as channel_name,
       'WHATSAPP' as provider_channel,
       cast(null as text) as channel_address,
       cast(null as timestamp with time zone) as deleted_at
  from {{ raw('activecampaign', 'conversations') }}
 where channel is not null
 group by account, channel
