select account,
       conversation_id,
       cast(id as text) as tag_id,
       name as tag_name
  from {{ raw('hilos', 'conversation_tags') }}
