select account,
       cast(id as text) as response_id,
       cast(conversation_id as text) as conversation_id,
       cast(contact__id as text) as contact_id,
       cast(assigned_agent__id as text) as agent_id,
       rating,
       feedback_message as feedback,
       created_at as answered_at,
       deleted_at
  from {{ raw('chatwoot', 'csat_responses') }}
