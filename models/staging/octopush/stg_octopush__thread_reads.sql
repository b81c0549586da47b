select account,
       conversation_id,
       read_at,
       failed_at,
       last_message_at as read_up_to_at,
       missing_messages
  from {{ raw('octopush', 'message_reads') }}
