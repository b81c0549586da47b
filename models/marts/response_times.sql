-- How long did customers wait, each time that they waited for a person?
select turns.provider,
       turns.account,
       turns.conversation_id,
       turns.turn,
       {{ local_date('turns.waiting_from_at') }} as date_day,
       conversations.channel_id,
       conversations.channel_kind,
       turns.agent_id,
       agents.agent_name,
       turns.waiting_from_at,
       turns.replied_at,
       turns.reply_seconds,
       turns.reply_business_seconds,
       turns.closed_at,
       turns.is_first_response
  from {{ ref('turns') }} as turns
  join {{ ref('conversations') }} as conversations using (provider, account, conversation_id)
  left join {{ ref('agents') }} as agents using (provider, account, agent_id)
 where conversations.thread in ('whole', 'public messages')
   and conversations.deleted_at is null
