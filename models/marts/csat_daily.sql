-- How satisfied were customers, by the day of their answer?
select {{ local_date('responses.answered_at') }} as date_day,
       responses.provider,
       responses.account,
       conversations.channel_id,
       responses.agent_id,
       max(agents.agent_name) as agent_name,
       count(*) as responses,
       count(*) filter (where responses.rating >= 4) as satisfied,
       count(*) filter (where responses.rating <= 2) as dissatisfied,
       cast(avg(responses.rating) as double precision) as mean_rating
  from {{ ref('csat_responses') }} as responses
  left join {{ ref('conversations') }} as conversations using (provider, account, conversation_id)
  left join {{ ref('agents') }} as agents using (provider, account, agent_id)
 where responses.deleted_at is null
 group by 1, responses.provider, responses.account, conversations.channel_id, responses.agent_id
