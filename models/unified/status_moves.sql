-- The moments at which conversations came into the backlog and left it.
{{ config(materialized='view') }}
select conversations.provider,
       conversations.account,
       conversations.conversation_id,
       conversations.channel_id,
       conversations.started_at as moved_at,
       'opened' as move
  from {{ ref('conversations') }} as conversations
  join {{ ref('lifecycles') }} as lifecycles using (provider, account, conversation_id)
 where lifecycles.source is not null
   and conversations.deleted_at is null
union all
select conversations.provider,
       conversations.account,
       conversations.conversation_id,
       conversations.channel_id,
       resolutions.resolved_at,
       'closed'
  from {{ ref('resolutions') }} as resolutions
  join {{ ref('lifecycles') }} as lifecycles using (provider, account, conversation_id)
  join {{ ref('conversations') }} as conversations using (provider, account, conversation_id)
 where lifecycles.source = 'thread'
   and conversations.deleted_at is null
union all
select conversations.provider,
       conversations.account,
       conversations.conversation_id,
       conversations.channel_id,
       resolutions.reopened_at,
       'reopened'
  from {{ ref('resolutions') }} as resolutions
  join {{ ref('lifecycles') }} as lifecycles using (provider, account, conversation_id)
  join {{ ref('conversations') }} as conversations using (provider, account, conversation_id)
 where lifecycles.source = 'thread'
   and resolutions.reopened_at is not null
   and conversations.deleted_at is null
union all
select conversations.provider,
       conversations.account,
       conversations.conversation_id,
       conversations.channel_id,
       history.seen_from_at,
       case when history.status = 'resolved' then 'closed' else 'reopened' end
  from {{ ref('conversation_status_history') }} as history
  join {{ ref('lifecycles') }} as lifecycles using (provider, account, conversation_id)
  join {{ ref('conversations') }} as conversations using (provider, account, conversation_id)
 where lifecycles.source = 'builds'
   and (history.status = 'resolved') <> (history.status_before = 'resolved')
   and conversations.deleted_at is null
