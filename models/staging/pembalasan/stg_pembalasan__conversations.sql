-- The public API tells of no activity but the messages.
with spoken as (
    select account, conversation_id as id, max(created_at) as last_activity_at
      from {{ raw('pembalasan', 'messages') }}
     where deleted_at is null
     group by account, conversation_id
)

select account,
       cast(id as text) as conversation_id,
       cast(contact__id as text) as contact_id,
       cast(inbox_id as text) as channel_id,
       status as provider_status,
       cast(null as text) as priority,
       cast(null as text) as opened_by,
       cast(null as timestamp with time zone) as created_at,
       cast(null as timestamp with time zone) as provider_updated_at,
       cast(null as timestamp with time zone) as first_message_at,
       last_activity_at,
       cast(null as timestamp with time zone) as provider_first_reply_at,
       cast(null as timestamp with time zone) as provider_waiting_since_at,
       cast(null as timestamp with time zone) as snoozed_until,
       cast(null as text) as assignee_id,
       cast(null as text) as bot_id,
       cast(null as text) as team_id,
       cast(null as bigint) as messages_declared,
       'public messages' as thread_at_best,
       deleted_at
  from {{ raw('pembalasan', 'conversations') }}
  left join spoken using (account, id)
