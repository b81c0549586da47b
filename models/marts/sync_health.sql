-- May the other tables be trusted today?
with latest as (
    select distinct on (account)
           account, provider, started_at as last_run_at, outcome as last_outcome,
           error as last_error
      from {{ source('audit', 'runs') }}
     order by account, started_at desc, run_id desc
),

counted as (
    select account,
           max(started_at) filter (where outcome = 'ok') as last_good_run_at,
           count(*) filter (where started_at > {{ as_of() }} - interval '7 days') as runs_in_7_days,
           count(*) filter (
               where started_at > {{ as_of() }} - interval '7 days' and outcome <> 'ok'
           ) as runs_not_ok_in_7_days
      from {{ source('audit', 'runs') }}
     group by account
),

scanned as (
    select distinct on (account, list) account, list, watermark
      from {{ source('audit', 'scans') }}
     where is_finished
       and watermark is not null
     order by account, list, run_id desc
),

complete as (
    select account, min(watermark) as complete_as_of_at from scanned group by account
),

threads as (
    select account,
           count(*) as conversations,
           count(*) filter (where thread in ('whole', 'no times', 'public messages'))
             as threads_complete
      from {{ ref('conversations') }}
     where deleted_at is null
     group by account
)

select latest.provider,
       latest.account,
       latest.last_run_at,
       latest.last_outcome,
       latest.last_error,
       counted.last_good_run_at,
       complete.complete_as_of_at,
       counted.runs_in_7_days,
       counted.runs_not_ok_in_7_days,
       coalesce(threads.conversations, 0) as conversations,
       coalesce(threads.threads_complete, 0) as threads_complete,
       coalesce(rejected.rejects, 0) as rejects,
       coalesce(drifted.drift, 0) as drift
  from latest
  join counted using (account)
  left join complete using (account)
  left join threads using (account)
  left join (select account, count(*) as rejects from {{ source('audit', 'rejects') }}
              group by account) as rejected using (account)
  left join (select account, count(*) as drift from {{ source('audit', 'drift') }}
              group by account) as drifted using (account)
