select account,
       conversation_id,
       cast(id as text) as agent_id
  from {{ raw('activecampaign', 'conversation_assignees') }}
