-- One row per conversation: everything that people ask of one.
with tags as (
    select provider, account, conversation_id, string_agg(tag_name, ', ' order by tag_name) as tags
      from {{ ref('conversation_tags') }}
     group by provider, account, conversation_id
),

csat as (
    select distinct on (provider, account, conversation_id)
           provider, account, conversation_id, rating, feedback
      from {{ ref('csat_responses') }}
     where deleted_at is null
     order by provider, account, conversation_id, answered_at desc, length(response_id) desc,
              response_id desc
),

told as (
    select conversations.*,
           conversations.thread in ('whole', 'public messages') as is_told
      from {{ ref('conversations') }} as conversations
     where conversations.deleted_at is null
)

select told.provider,
       told.account,
       told.conversation_id,
       told.status,
       told.provider_status,
       told.priority,
       told.channel_id,
       channels.channel_name,
       told.channel_kind,
       told.contact_id,
       told.person_id,
       contacts.contact_name,
       told.assignee_id,
       assignees.agent_name as assignee_name,
       told.team_id,
       teams.team_name,
       tags.tags,
       told.opened_by,
       told.started_at,
       told.started_at_source,
       told.last_activity_at,
       told.thread,
       case when told.is_told then coalesce(metrics.customer_messages, 0) end as customer_messages,
       case when told.is_told then coalesce(metrics.agent_messages, 0) end as agent_messages,
       case when told.is_told then coalesce(metrics.bot_messages, 0) end as bot_messages,
       case when told.is_told then coalesce(metrics.automation_messages, 0) end
         as automation_messages,
       case when told.is_told then coalesce(metrics.template_messages, 0) end as template_messages,
       case when told.thread = 'whole' then coalesce(metrics.notes, 0) end as notes,
       case when not told.is_told then null
            when metrics.agent_messages > 0 and metrics.bot_messages > 0 then 'agent and bot'
            when metrics.agent_messages > 0 then 'agent'
            when metrics.bot_messages > 0 then 'bot'
            else 'nobody'
       end as handled_by,
       case when told.is_told then metrics.first_customer_message_at end
         as first_customer_message_at,
       case when told.thread = 'whole' then metrics.first_assigned_at end as first_assigned_at,
       case when told.is_told then metrics.first_response_at end as first_response_at,
       case when told.is_told then metrics.first_response_agent_id end as first_response_agent_id,
       case when told.is_told then metrics.first_response_seconds end as first_response_seconds,
       case when told.is_told then metrics.first_response_business_seconds end
         as first_response_business_seconds,
       case when told.is_told and told.started_at_source = 'provider'
            then {{ seconds_between('told.started_at', 'metrics.first_response_at') }}
       end as first_response_from_creation_seconds,
       case when told.thread = 'whole' and (
                 metrics.first_assigned_at, length(metrics.first_assigned_id),
                 metrics.first_assigned_id
             ) < (
                 metrics.first_response_at, length(metrics.first_response_id),
                 metrics.first_response_id
             )
            then {{ seconds_between('metrics.first_assigned_at', 'metrics.first_response_at') }}
       end as first_response_from_assignment_seconds,
       case when told.is_told then coalesce(metrics.turns, 0) end as turns,
       case when told.is_told then coalesce(metrics.answered_turns, 0) end as answered_turns,
       case when told.is_told then metrics.mean_reply_seconds end as mean_reply_seconds,
       lifecycles.first_resolved_at,
       lifecycles.final_resolved_at,
       lifecycles.reopens,
       lifecycles.source as resolution_source,
       {{ seconds_between('told.started_at', 'lifecycles.first_resolved_at') }}
         as first_resolution_seconds,
       {{ seconds_between('told.started_at', 'lifecycles.final_resolved_at') }}
         as final_resolution_seconds,
       case when told.status = 'resolved' then 'nobody'
            when not told.is_told then null
            when metrics.waiting_since_at is not null then 'agent'
            else 'customer'
       end as waiting_on,
       case when told.is_told and told.status is distinct from 'resolved'
            then metrics.waiting_since_at end as waiting_since_at,
       csat.rating as csat_rating,
       csat.feedback as csat_feedback
  from told
  left join {{ ref('thread_metrics') }} as metrics using (provider, account, conversation_id)
  left join {{ ref('lifecycles') }} as lifecycles using (provider, account, conversation_id)
  left join tags using (provider, account, conversation_id)
  left join csat using (provider, account, conversation_id)
  left join {{ ref('contacts') }} as contacts using (provider, account, contact_id)
  left join {{ ref('channels') }} as channels using (provider, account, channel_id)
  left join {{ ref('teams') }} as teams using (provider, account, team_id)
  left join {{ ref('agents') }} as assignees
    on assignees.provider = told.provider
   and assignees.account = told.account
   and assignees.agent_id = told.assignee_id
