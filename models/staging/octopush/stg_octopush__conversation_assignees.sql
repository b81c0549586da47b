select account,
       conversation_id,
       agent_assigned_to as agent_id
  from {{ raw('octopush', 'conversations') }}
 where agent_assigned_to is not null
