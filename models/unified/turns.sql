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
           messages.sender_kind,
           messages.agent_id,
           changed.messages_built_at,
           lag(messages.sender_kind) over thread as spoke_before
      from {{ ref('messages') }} as messages
      join changed
        on changed.provider = messages.provider
       and changed.account = messages.account
       and changed.conversation_id = messages.conversation_id
     where messages.sender_kind in ('customer', 'agent')
       and messages.sent_at is not null
       and messages.deleted_at is null
    window thread as (
        partition by messages.provider, messages.account, messages.conversation_id
            order by messages.sent_at, length(messages.message_id), messages.message_id
    )
),

changes_of_speaker as (
    select *,
           lead(sent_at) over thread as answered_at,
           lead(message_id) over thread as answer_id,
           lead(agent_id) over thread as answered_by
      from spoken
     where spoke_before is distinct from sender_kind
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
           answered_at as replied_at,
           answer_id as reply_id,
           answered_by as agent_id,
           messages_built_at
      from changes_of_speaker
     where sender_kind = 'customer'
),

scheduled as (
    select turns.*,
           coalesce(
               hours.schedule,
               (select min(schedule) from {{ ref('channel_schedules') }}
                 where provider = '*' and account = '*' and channel_id = '*')
           ) as schedule
      from turns
      left join {{ ref('all_conversations') }} as conversations
        on conversations.provider = turns.provider
       and conversations.account = turns.account
       and conversations.conversation_id = turns.conversation_id
      left join {{ ref('channel_hours') }} as hours
        on hours.provider = conversations.provider
       and hours.account = conversations.account
       and hours.channel_id = conversations.channel_id
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
       {{ seconds_between('scheduled.waiting_from_at', 'scheduled.replied_at') }} as reply_seconds,
       {{ business_seconds('replied', 'scheduled.replied_at') }}
       - {{ business_seconds('waiting', 'scheduled.waiting_from_at') }} as reply_business_seconds,
       scheduled.messages_built_at
  from scheduled
  left join {{ clock_at('waiting', 'scheduled.schedule', 'scheduled.waiting_from_at') }}
  left join {{ clock_at('replied', 'scheduled.schedule', 'scheduled.replied_at') }}
