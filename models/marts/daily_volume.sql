-- How much was written each day, and how many conversations began?
with written as (
    select messages.provider,
           messages.account,
           conversations.channel_id,
           {{ local_date('messages.sent_at') }} as date_day,
           0 as conversations_started,
           case when messages.sender_kind = 'customer' then 1 else 0 end as customer_messages,
           case when messages.sender_kind = 'agent' then 1 else 0 end as agent_messages,
           case when messages.sender_kind in ('bot', 'automation') then 1 else 0 end
             as automatic_messages,
           case when messages.sender_kind = 'template' then 1 else 0 end as template_messages
      from {{ ref('messages') }} as messages
      join {{ ref('conversations') }} as conversations using (provider, account, conversation_id)
     where messages.is_public
       and messages.sent_at is not null
       and messages.deleted_at is null
       and conversations.deleted_at is null
       and conversations.thread in ('whole', 'partial', 'public messages')
),

started as (
    select provider,
           account,
           channel_id,
           {{ local_date('started_at') }} as date_day,
           1 as conversations_started,
           none as customer_messages,
           none as agent_messages,
           none as automatic_messages,
           none as template_messages
      from (select *,
                   case when thread in ('whole', 'partial', 'public messages') then 0 end as none
              from {{ ref('conversations') }}) as conversations
     where started_at is not null
       and deleted_at is null
),

both_of_them as (
    select * from written
    union all
    select * from started
)

select date_day,
       provider,
       account,
       channel_id,
       cast(sum(conversations_started) as bigint) as conversations_started,
       cast(sum(customer_messages) as bigint) as customer_messages,
       cast(sum(agent_messages) as bigint) as agent_messages,
       cast(sum(automatic_messages) as bigint) as automatic_messages,
       cast(sum(template_messages) as bigint) as template_messages
  from both_of_them
 group by date_day, provider, account, channel_id
