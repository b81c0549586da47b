-- What became of the messages that were sent, and why did some fail?
select {{ local_date('messages.sent_at') }} as date_day,
       messages.provider,
       messages.account,
       conversations.channel_id,
       conversations.channel_kind,
       messages.sender_kind,
       messages.template_id,
       templates.template_name,
       messages.error_code,
       count(*) as messages,
       {{ known_count("messages.delivery_status in ('sent', 'delivered', 'read')") }} as sent,
       {{ known_count("messages.delivery_status in ('delivered', 'read')") }} as delivered,
       {{ known_count("messages.delivery_status = 'read'") }} as read,
       {{ known_count("messages.delivery_status = 'failed'") }} as failed,
       {{ known_count("messages.delivery_status = 'pending'") }} as pending,
       count(*) filter (where messages.delivery_status is null) as unknown
  from {{ ref('messages') }} as messages
  join {{ ref('conversations') }} as conversations using (provider, account, conversation_id)
  left join {{ ref('templates') }} as templates using (provider, account, template_id)
 where messages.direction = 'out'
   and messages.deleted_at is null
   and conversations.deleted_at is null
 group by 1, messages.provider, messages.account, conversations.channel_id,
          conversations.channel_kind, messages.sender_kind, messages.template_id,
          templates.template_name, messages.error_code
