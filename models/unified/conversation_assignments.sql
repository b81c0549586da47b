-- Who a conversation is assigned to now.
with staged as (
    {{ union_staged('conversation_assignees', ['account', 'conversation_id', 'agent_id']) }}
)

select staged.provider,
       staged.account,
       staged.conversation_id,
       staged.agent_id,
       agents.agent_name,
       case when conversations.thread = 'whole' then metrics.last_assigned_at end as assigned_at
  from staged
  join {{ ref('conversations') }} as conversations using (provider, account, conversation_id)
  left join {{ ref('thread_metrics') }} as metrics using (provider, account, conversation_id)
  left join {{ ref('agents') }} as agents using (provider, account, agent_id)
