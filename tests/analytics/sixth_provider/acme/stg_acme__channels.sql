select account,
       id as channel_id,
       name as channel_name,
       kind as provider_channel,
       cast(null as text) as channel_address,
       cast(null as timestamp with time zone) as deleted_at
  from {{ raw('acme', 'doors') }}
