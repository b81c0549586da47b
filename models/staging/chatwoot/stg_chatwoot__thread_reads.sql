select account,
       cast(conversation_id as text) as conversation_id,
       read_at,
       failed_at,
       last_activity_at as read_up_to_at,
       missing_messages
  from {{ raw('chatwoot', 'message_reads') }}
