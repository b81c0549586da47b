-- What did each agent do each day?
with told as (
    select provider,
           account,
           conversation_id,
           -- notes and closings are unknown where only what is public is known
           case when thread = 'whole' then 0 end as no_internal
      from {{ ref('conversations') }}
     where thread in ('whole', 'public messages')
       and deleted_at is null
),

done as (
    select {{ local_date('messages.sent_at') }} as date_day,
           messages.provider,
           messages.account,
           messages.agent_id,
           messages.conversation_id,
           case when messages.sender_kind = 'agent' then 1 else 0 end as replies,
           told.no_internal + case when messages.sender_kind = 'note' then 1 else 0 end as notes,
           told.no_internal as resolutions,
           cast(null as double precision) as reply_seconds,
           cast(null as double precision) as first_reply_seconds,
           cast(null as bigint) as rating
      from {{ ref('messages') }} as messages
      join told using (provider, account, conversation_id)
     where messages.agent_id is not null
       and messages.sender_kind in ('agent', 'note')
       and messages.sent_at is not null
       and messages.deleted_at is null
    union all
    select {{ local_date('resolved_at') }}, provider, account, agent_id, null, 0,
           told.no_internal, told.no_internal + 1, null, null, null
      from {{ ref('resolutions') }}
      join told using (provider, account, conversation_id)
     where agent_id is not null
    union all
    select {{ local_date('replied_at') }}, provider, account, agent_id, null, 0,
           told.no_internal, told.no_internal, reply_seconds,
           case when is_first_response then reply_seconds end, null
      from {{ ref('turns') }}
      join told using (provider, account, conversation_id)
     where agent_id is not null
    union all
    -- a rating says nothing of what else was done, if no thread of the account is known
    select {{ local_date('answered_at') }}, responses.provider, responses.account, agent_id, null,
           telling.no_public, telling.no_internal, telling.no_internal, null, null, rating
      from {{ ref('csat_responses') }} as responses
      left join (select provider, account, 0 as no_public, max(no_internal) as no_internal
                   from told
                  group by provider, account) as telling using (provider, account)
     where agent_id is not null
       and deleted_at is null
)

select done.date_day,
       done.provider,
       done.account,
       done.agent_id,
       max(agents.agent_name) as agent_name,
       cast(sum(done.replies) as bigint) as replies,
       count(distinct case when done.replies = 1 then done.conversation_id end)
         as conversations_replied,
       cast(sum(done.notes) as bigint) as notes,
       cast(sum(done.resolutions) as bigint) as resolutions,
       {{ median('done.reply_seconds') }} as median_reply_seconds,
       {{ median('done.first_reply_seconds') }} as median_first_response_seconds,
       case when {{ gives('done.provider', 'csat_responses') }} then count(done.rating) end
         as csat_responses,
       cast(avg(done.rating) as double precision) as mean_csat_rating
  from done
  left join {{ ref('agents') }} as agents using (provider, account, agent_id)
 group by done.date_day, done.provider, done.account, done.agent_id
