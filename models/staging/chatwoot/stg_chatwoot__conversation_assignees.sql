select account,
       cast(id as text) as conversation_id,
       cast(meta__assignee__id as text) as agent_id
  from {{ raw('chatwoot', 'conversations') }}
 where meta__assignee__id is not null
   and meta__assignee_type is distinct from 'AgentBot'
