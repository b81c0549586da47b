-- What builds saw: a change is dated by the build that saw it first, and what came and went between
-- two builds was not seen.
select provider,
       account,
       conversation_id,
       row_number() over (
           partition by provider, account, conversation_id order by dbt_valid_from
       ) as version,
       status,
       provider_status,
       assignee_id,
       team_id,
       cast(dbt_valid_from as timestamp with time zone) as seen_from_at,
       cast(dbt_valid_to as timestamp with time zone) as seen_until_at,
       lag(status) over (
           partition by provider, account, conversation_id order by dbt_valid_from
       ) as status_before
  from {{ ref('status_snapshot') }}
