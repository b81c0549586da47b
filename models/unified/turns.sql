-- Each time that a customer waited for a person: DECISIONS.md, "A response".
{{ config(**by_thread()) }}

with changed as (
    {{ changed_threads() }}
),

spoken as (
    select messages.provider,
           messages.account,
           messages.conversation_id,
           messages.message_id,
           messages.sent_at,
           case when messages.event = 'resolved' then 'closing' else messages.sender_kind end
             as speaker,
           messages.agent_id,
           changed.messages_built_at
      from {{ ref('messages') }} as messages
      join changed using (provider, account, conversation_id)
     where (messages.sender_kind in ('customer', 'agent') or messages.event = 'resolved')
       and messages.sent_at is not null
       and messages.deleted_at is null
),

followed as (
    select *,
           lag(speaker) over thread as spoke_before
      from spoken
    window thread as (
        partition by provider, account, conversation_id
            order by sent_at, length(message_id), message_id
    )
),

changes_of_speaker as (
    select *,
           lead(speaker) over thread as speaks_next,
           lead(sent_at) over thread as next_at,
           lead(message_id) over thread as next_id,
           lead(agent_id) over thread as next_agent_id
      from followed
     where spoke_before is distinct from speaker
    window thread as (
        partition by provider, account, conversation_id
            order by sent_at, length(message_id), message_id
    )
),

turns as (
    select provider,
           account,
           conversation_id,
           row_number() over (
               partition by provider, account, conversation_id
                   order by sent_at, length(message_id), message_id
           ) as turn,
           message_id,
           sent_at as waiting_from_at,
           case when speaks_next = 'agent' then next_at end as replied_at,
           case when speaks_next = 'agent' then next_id end as reply_id,
           case when speaks_next = 'agent' then next_agent_id end as agent_id,
           case when speaks_next = 'closing' then next_at end as closed_at,
           messages_built_at
      from changes_of_speaker
     where speaker = 'customer'
),

scheduled as (
    select turns.*,
           coalesce(
               hours.schedule,
               (select min(schedule) from {{ ref('channel_schedules') }}
                 where provider = '*' and account = '*' and channel_id = '*')
           ) as schedule
      from turns
      left join {{ ref('all_conversations') }} as conversations using (provider, account, conversation_id)
      left join {{ ref('channel_hours') }} as hours using (provider, account, channel_id)
)

select scheduled.provider,
       scheduled.account,
       scheduled.conversation_id,
       scheduled.turn,
       scheduled.message_id,
       scheduled.waiting_from_at,
       scheduled.replied_at,
       scheduled.reply_id,
       scheduled.agent_id,
       scheduled.closed_at,
       scheduled.replied_at is not null
       and count(scheduled.replied_at) over (
           partition by scheduled.provider, scheduled.account, scheduled.conversation_id
               order by scheduled.turn
       ) = 1 as is_first_response,
       {{ seconds_between('scheduled.waiting_from_at', 'scheduled.replied_at') }} as reply_seconds,
       {{ business_seconds('replied', 'scheduled.replied_at') }}
       - {{ business_seconds('waiting', 'scheduled.waiting_from_at') }} as reply_business_seconds,
       scheduled.messages_built_at
  from scheduled
  left join {{ clock_at('waiting', 'scheduled.schedule', 'scheduled.waiting_from_at') }}
  left join {{ clock_at('replied', 'scheduled.schedule', 'scheduled.replied_at') }}
