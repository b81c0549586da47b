select account,
       conversation_id as response_id,
       conversation_id,
       cast(null as text) as contact_id,
       agent_id,
       stars as rating,
       cast(null as text) as feedback,
       rated_at as answered_at,
       cast(null as timestamp with time zone) as deleted_at
  from {{ raw('acme', 'ratings') }}
