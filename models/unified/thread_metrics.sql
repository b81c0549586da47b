-- What a conversation's messages say of it, whether or not all of them are known: what may be told of
-- it is for `conversations` and `conversation_report` to decide.
{{ config(**by_thread()) }}

with changed as (
    {{ changed_threads() }}
),

counted as (
    select messages.provider,
           messages.account,
           messages.conversation_id,
           max(changed.messages_built_at) as messages_built_at,
           min(sent_at) filter (where is_public) as first_message_at,
           max(sent_at) as last_message_at,
           min(sent_at) filter (where sender_kind = 'customer') as first_customer_message_at,
           max(sent_at) filter (where sender_kind = 'customer') as last_customer_message_at,
           count(*) filter (where sender_kind = 'customer') as customer_messages,
           count(*) filter (where sender_kind = 'agent') as agent_messages,
           count(*) filter (where sender_kind = 'bot') as bot_messages,
           count(*) filter (where sender_kind = 'automation') as automation_messages,
           count(*) filter (where sender_kind = 'template') as template_messages,
           count(*) filter (where sender_kind = 'note') as notes
      from {{ ref('messages') }} as messages
      join changed using (provider, account, conversation_id)
     where messages.deleted_at is null
     group by messages.provider, messages.account, messages.conversation_id
),

-- an assignment to a team is worded alike: only a name of an agent counts
assigned as (
    select messages.provider,
           messages.account,
           messages.conversation_id,
           min(messages.sent_at) as first_assigned_at,
           max(messages.sent_at) as last_assigned_at,
           (array_agg(
               messages.message_id
               order by messages.sent_at, length(messages.message_id), messages.message_id
           ))[1] as first_assigned_id
      from {{ ref('messages') }} as messages
      join changed using (provider, account, conversation_id)
     where messages.event = 'assigned'
       and messages.deleted_at is null
       and exists (
           select 1
             from {{ ref('agents') }} as agents
            where agents.provider = messages.provider
              and agents.account = messages.account
              and agents.agent_name = messages.event_name
       )
     group by messages.provider, messages.account, messages.conversation_id
),

waited as (
    select provider,
           account,
           conversation_id,
           count(*) as turns,
           count(replied_at) as answered_turns,
           min(waiting_from_at) filter (where replied_at is null and closed_at is null)
             as waiting_since_at,
           avg(reply_seconds) as mean_reply_seconds,
           min(replied_at) as first_response_at,
           min(agent_id) filter (where is_first_response) as first_response_agent_id,
           min(reply_id) filter (where is_first_response) as first_response_id,
           min(reply_seconds) filter (where is_first_response) as first_response_seconds,
           min(reply_business_seconds) filter (where is_first_response) as first_response_business_seconds
      from {{ ref('turns') }}
     group by provider, account, conversation_id
),

closed as (
    select provider,
           account,
           conversation_id,
           count(*) as resolutions,
           count(reopened_at) as reopens,
           min(resolved_at) as first_resolved_at,
           max(resolved_at) as last_resolved_at
      from {{ ref('resolutions') }}
     group by provider, account, conversation_id
)

select counted.*,
       assigned.first_assigned_at,
       assigned.last_assigned_at,
       assigned.first_assigned_id,
       waited.first_response_id,
       coalesce(waited.turns, 0) as turns,
       coalesce(waited.answered_turns, 0) as answered_turns,
       waited.waiting_since_at,
       waited.mean_reply_seconds,
       waited.first_response_at,
       waited.first_response_agent_id,
       waited.first_response_seconds,
       waited.first_response_business_seconds,
       coalesce(closed.resolutions, 0) as resolutions,
       coalesce(closed.reopens, 0) as reopens,
       coalesce(closed.resolutions > closed.reopens, false) as ends_resolved,
       closed.first_resolved_at,
       closed.last_resolved_at
  from counted
  left join assigned using (provider, account, conversation_id)
  left join waited using (provider, account, conversation_id)
  left join closed using (provider, account, conversation_id)
