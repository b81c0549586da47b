-- There is no list of contacts: each is known by the conversations that it has, and by its number in
-- their first messages.
select conversations.account,
       conversations.contact as contact_id,
       cast(null as text) as contact_name,
       max(case when upper(direction) = 'INBOUND' then from_number else to_number end)
         as provider_phone,
       cast(null as text) as provider_email,
       cast(null as text) as external_id,
       cast(null as timestamp with time zone) as created_at,
       cast(null as timestamp with time zone) as deleted_at
  from {{ raw('activecampaign', 'conversations') }} as conversations
  left join {{ raw('activecampaign', 'first_messages') }} as first_messages
    on first_messages.account = conversations.account
   and first_messages.conversation_id = conversations.id
 where conversations.contact is not null
 group by conversations.account, conversations.contact
