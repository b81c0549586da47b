-- To whom may we still write freely on WhatsApp, and until when?
select report.provider,
       report.account,
       report.conversation_id,
       report.contact_name,
       report.assignee_name,
       metrics.last_customer_message_at,
       metrics.last_customer_message_at + interval '24 hours' as open_until_at,
       coalesce(
           metrics.last_customer_message_at + interval '24 hours' > {{ as_of() }}, false
       ) as is_open,
       greatest(
           {{ seconds_between(as_of(), "(metrics.last_customer_message_at + interval '24 hours')") }},
           0
       ) as open_seconds,
       report.waiting_on
  from {{ ref('conversation_report') }} as report
  left join {{ ref('thread_metrics') }} as metrics using (provider, account, conversation_id)
 where report.channel_kind = 'whatsapp'
   and report.thread in ('whole', 'public messages')
