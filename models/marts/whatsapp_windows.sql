-- To whom may we still write freely on WhatsApp, and until when?
with heard as (
    select conversations.provider,
           conversations.account,
           conversations.contact_id,
           conversations.channel_id,
           max(metrics.last_customer_message_at) as last_customer_message_at
      from {{ ref('conversations') }} as conversations
      join {{ ref('thread_metrics') }} as metrics using (provider, account, conversation_id)
     where conversations.thread in ('whole', 'public messages')
       and conversations.deleted_at is null
     group by conversations.provider, conversations.account, conversations.contact_id,
              conversations.channel_id
)

select report.provider,
       report.account,
       report.conversation_id,
       report.contact_name,
       report.assignee_name,
       heard.last_customer_message_at,
       heard.last_customer_message_at + interval '24 hours' as open_until_at,
       coalesce(
           heard.last_customer_message_at + interval '24 hours' > {{ as_of() }}, false
       ) as is_open,
       greatest(
           {{ seconds_between(as_of(), "(heard.last_customer_message_at + interval '24 hours')") }},
           0
       ) as open_seconds,
       report.waiting_on
  from {{ ref('conversation_report') }} as report
  left join heard using (provider, account, contact_id, channel_id)
 where report.channel_kind = 'whatsapp'
   and report.thread in ('whole', 'public messages')
