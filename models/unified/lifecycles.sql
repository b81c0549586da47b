-- When each conversation was opened and closed, where that is known: DECISIONS.md, "The backlog".
-- An account whose closings no activity rule knows, since they are in another language, tells nothing.
with understood as (
    select conversations.provider, conversations.account
      from {{ ref('conversations') }} as conversations
      left join {{ ref('thread_metrics') }} as metrics using (provider, account, conversation_id)
     where conversations.thread = 'whole'
     group by conversations.provider, conversations.account
    having count(*) filter (where conversations.status = 'resolved') = 0
        or sum(metrics.resolutions) > 0
),

seen as (
    select provider,
           account,
           conversation_id,
           min(seen_from_at) filter (where status = 'resolved' and status_before <> 'resolved')
             as first_resolved_at,
           max(seen_from_at) filter (where status = 'resolved' and status_before <> 'resolved')
             as last_resolved_at,
           bool_or(version = 1 and status = 'resolved') as was_first_seen_resolved
      from {{ ref('conversation_status_history') }}
     group by provider, account, conversation_id
),

known as (
    select conversations.provider,
           conversations.account,
           conversations.conversation_id,
           conversations.status,
           conversations.thread = 'whole' and understood.account is not null as is_told,
           coalesce(metrics.ends_resolved, false) = (conversations.status = 'resolved') as is_coherent,
           metrics.first_resolved_at,
           metrics.last_resolved_at,
           metrics.reopens,
           seen.first_resolved_at as first_seen_resolved_at,
           seen.last_resolved_at as last_seen_resolved_at,
           coalesce(seen.was_first_seen_resolved, false) as was_first_seen_resolved
      from {{ ref('conversations') }} as conversations
      left join {{ ref('thread_metrics') }} as metrics using (provider, account, conversation_id)
      left join seen using (provider, account, conversation_id)
      left join understood using (provider, account)
     where conversations.status is not null
       and conversations.started_at is not null
)

select provider,
       account,
       conversation_id,
       case when is_told and is_coherent then 'thread'
            when not was_first_seen_resolved
             and (status <> 'resolved' or last_seen_resolved_at is not null) then 'builds'
       end as source,
       case when is_told and first_resolved_at is not null then first_resolved_at
            when not was_first_seen_resolved then first_seen_resolved_at
       end as first_resolved_at,
       case when status <> 'resolved' then null
            when is_told and is_coherent then last_resolved_at
            else last_seen_resolved_at
       end as final_resolved_at,
       case when is_told and is_coherent then coalesce(reopens, 0) end as reopens
  from known
