select account,
       cast(id as text) as channel_id,
       name as channel_name,
       channel_type as provider_channel,
       channel_id as channel_address,
       deleted_at
  from {{ raw('hilos', 'channels') }}
