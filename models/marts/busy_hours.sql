-- At which hours of the week do customers write?
with heard as (
    select messages.provider,
           messages.account,
           conversations.channel_id,
           messages.sent_at at time zone '{{ var("time_zone") }}' as sent_locally
      from {{ ref('messages') }} as messages
      join {{ ref('conversations') }} as conversations using (provider, account, conversation_id)
     where messages.sender_kind = 'customer'
       and messages.sent_at is not null
       and messages.deleted_at is null
       and conversations.deleted_at is null
       and conversations.thread in ('whole', 'partial', 'public messages')
)

select cast(extract(isodow from sent_locally) as integer) as weekday,
       cast(extract(hour from sent_locally) as integer) as hour,
       provider,
       account,
       channel_id,
       count(*) as customer_messages,
       count(distinct cast(sent_locally as date)) as days
  from heard
 group by 1, 2, provider, account, channel_id
