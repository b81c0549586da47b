with reads as (
    {{ union_staged(
        'thread_reads',
        ['account', 'conversation_id', 'read_at', 'failed_at', 'read_up_to_at', 'missing_messages']
    ) }}
)

select conversations.provider,
       conversations.account,
       conversations.conversation_id,
       conversations.contact_id,
       contacts.person_id,
       conversations.channel_id,
       channels.channel_kind,
       vocabulary.status,
       conversations.provider_status,
       conversations.priority,
       conversations.opened_by,
       conversations.assignee_id,
       conversations.bot_id,
       conversations.team_id,
       coalesce(
           conversations.created_at, conversations.first_message_at, metrics.first_message_at
       ) as started_at,
       case when conversations.created_at is not null then 'provider'
            when coalesce(conversations.first_message_at, metrics.first_message_at) is not null
            then 'first message'
       end as started_at_source,
       conversations.last_activity_at,
       conversations.provider_first_reply_at,
       conversations.provider_waiting_since_at,
       conversations.snoozed_until,
       case when not {{ gives('conversations.provider', 'thread_reads') }}
            then conversations.thread_at_best
            when reads.read_at is null or reads.failed_at is not null then 'none'
            when coalesce(reads.missing_messages, 0) > 0
              or reads.read_up_to_at is distinct from conversations.last_activity_at then 'partial'
            else conversations.thread_at_best
       end as thread,
       conversations.messages_declared,
       conversations.deleted_at
  from {{ ref('all_conversations') }} as conversations
  left join {{ ref('thread_metrics') }} as metrics using (provider, account, conversation_id)
  left join reads using (provider, account, conversation_id)
  left join {{ ref('contacts') }} as contacts using (provider, account, contact_id)
  left join {{ ref('channels') }} as channels using (provider, account, channel_id)
  left join {{ ref('status_vocabulary') }} as vocabulary
    on vocabulary.provider = conversations.provider
   and vocabulary.provider_status = conversations.provider_status
