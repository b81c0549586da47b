-- The days' conversations are all conversations that have a beginning.
with told as (
    select provider, account, sum(conversations_started) as conversations
      from {{ ref('daily_volume') }}
     group by provider, account
),

counted as (
    select provider, account, count(started_at) as conversations
      from {{ ref('conversation_report') }}
     group by provider, account
)

select *
  from told
  full join counted using (provider, account)
 where coalesce(told.conversations, 0) <> coalesce(counted.conversations, 0)
