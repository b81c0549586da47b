-- A channel is a kind and the sender that customers see; there is no list of them.
select account,
       last_user_channel || ':' || "from" as channel_id,
       "from" as channel_name,
       last_user_channel as provider_channel,
       "from" as channel_address,
       cast(null as timestamp with time zone) as deleted_at
  from {{ raw('octopush', 'conversations') }}
 where last_user_channel || ':' || "from" is not null
 group by account, last_user_channel, "from"
