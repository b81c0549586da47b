-- The moments at which conversations came into the backlog and left it.
{{ config(materialized='view') }}

with known as (
    select conversations.provider,
           conversations.account,
           conversations.conversation_id,
           conversations.channel_id,
           conversations.started_at,
           lifecycles.source
      from {{ ref('conversations') }} as conversations
      join {{ ref('lifecycles') }} as lifecycles using (provider, account, conversation_id)
     where lifecycles.source is not null
       and conversations.deleted_at is null
),

moves as (
    select provider, account, conversation_id, null as source, started_at as moved_at,
           'opened' as move
      from known
    union all
    select provider, account, conversation_id, 'thread', resolved_at, 'closed'
      from {{ ref('resolutions') }}
    union all
    select provider, account, conversation_id, 'thread', reopened_at, 'reopened'
      from {{ ref('resolutions') }}
     where reopened_at is not null
    union all
    select provider, account, conversation_id, 'builds', seen_from_at,
           case when status = 'resolved' then 'closed' else 'reopened' end
      from {{ ref('conversation_status_history') }}
     where (status = 'resolved') <> (status_before = 'resolved')
)

select moves.provider,
       moves.account,
       moves.conversation_id,
       known.channel_id,
       moves.moved_at,
       moves.move
  from moves
  join known using (provider, account, conversation_id)
 where moves.source is null
    or moves.source = known.source
