{{ union_staged('csat_responses', [
    'account', 'response_id', 'conversation_id', 'contact_id', 'agent_id', 'rating', 'feedback',
    'answered_at', 'deleted_at',
]) }}
