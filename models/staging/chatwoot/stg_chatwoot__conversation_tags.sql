select account,
       cast(conversation_id as text) as conversation_id,
       label as tag_id,
       label as tag_name
  from {{ raw('chatwoot', 'conversation_labels') }}
