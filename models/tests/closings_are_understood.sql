{{ config(severity='warn') }}
-- An account with resolved conversations tells of a closing somewhere in its threads: if not, its
-- activities are in a language that the seed activity_rules does not know.
select conversations.provider, conversations.account, count(*) as resolved
  from {{ ref('conversations') }} as conversations
  left join {{ ref('thread_metrics') }} as metrics using (provider, account, conversation_id)
 where conversations.thread = 'whole'
   and conversations.status = 'resolved'
 group by conversations.provider, conversations.account
having coalesce(sum(metrics.resolutions), 0) = 0
