-- Each time that a conversation was closed, by what its thread says: DECISIONS.md, "A resolution".
{{ config(**by_thread()) }}

with changed as (
    {{ changed_threads() }}
),

moves as (
    select messages.provider,
           messages.account,
           messages.conversation_id,
           messages.message_id,
           messages.sent_at,
           coalesce(messages.event = 'resolved', false) as is_closing,
           messages.event_name,
           changed.messages_built_at,
           lag(coalesce(messages.event = 'resolved', false)) over thread as was_closed
      from {{ ref('messages') }} as messages
      join changed using (provider, account, conversation_id)
     where (messages.event in ('resolved', 'opened', 'pending', 'snoozed')
            or messages.sender_kind = 'customer')
       and messages.sent_at is not null
       and messages.deleted_at is null
    window thread as (
        partition by messages.provider, messages.account, messages.conversation_id
            order by messages.sent_at, length(messages.message_id), messages.message_id
    )
),

turning_points as (
    select *,
           lead(sent_at) over (
               partition by provider, account, conversation_id
                   order by sent_at, length(message_id), message_id
           ) as next_at
      from moves
     where is_closing is distinct from coalesce(was_closed, false)
)

select turning_points.provider,
       turning_points.account,
       turning_points.conversation_id,
       row_number() over (
           partition by turning_points.provider,
                        turning_points.account,
                        turning_points.conversation_id
               order by turning_points.sent_at,
                        length(turning_points.message_id),
                        turning_points.message_id
       ) as resolution,
       turning_points.sent_at as resolved_at,
       turning_points.next_at as reopened_at,
       agents.agent_id,
       turning_points.messages_built_at
  from turning_points
  left join (
      select provider, account, agent_name, min(agent_id) as agent_id
        from {{ ref('agents') }}
       group by provider, account, agent_name
      having count(*) = 1
  ) as agents
    on agents.provider = turning_points.provider
   and agents.account = turning_points.account
   and agents.agent_name = turning_points.event_name
 where turning_points.is_closing
