-- opened + reopened - closed, day by day, ends with what is not resolved now.
with told as (
    select backlog.provider, backlog.account, backlog.channel_id, backlog.open_at_end
      from {{ ref('backlog_daily') }} as backlog
     where backlog.date_day = {{ local_date(as_of()) }}
),

counted as (
    select conversations.provider,
           conversations.account,
           conversations.channel_id,
           count(*) filter (where conversations.status <> 'resolved') as not_resolved
      from {{ ref('conversations') }} as conversations
      join {{ ref('lifecycles') }} as lifecycles using (provider, account, conversation_id)
     where lifecycles.source is not null
       and conversations.deleted_at is null
       and conversations.started_at <= {{ as_of() }}
     group by conversations.provider, conversations.account, conversations.channel_id
)

select *
  from told
  full join counted
    on counted.provider = told.provider
   and counted.account = told.account
   and coalesce(counted.channel_id, '') = coalesce(told.channel_id, '')
 where coalesce(told.open_at_end, 0) <> coalesce(counted.not_resolved, 0)
