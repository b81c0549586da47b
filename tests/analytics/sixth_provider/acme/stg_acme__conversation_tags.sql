select account,
       conversation_id,
       topic as tag_id,
       topic as tag_name
  from {{ raw('acme', 'topics') }}
