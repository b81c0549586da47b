-- May the other tables be trusted today? A view, since syncs go on where there is nothing to build.
{{ config(materialized='view') }}

with latest as (
    select distinct on (provider, account)
           provider, account, run_id, started_at as last_run_at, outcome as last_outcome,
           error as last_error
      from {{ source('audit', 'runs') }}
     order by provider, account, started_at desc, run_id desc
),

counted as (
    select provider,
           account,
           max(started_at) filter (where outcome = 'ok') as last_good_run_at,
           count(*) filter (where started_at > {{ as_of_reading() }} - interval '7 days')
             as runs_in_7_days,
           count(*) filter (
               where started_at > {{ as_of_reading() }} - interval '7 days' and outcome <> 'ok'
           ) as runs_not_ok_in_7_days
      from {{ source('audit', 'runs') }}
     group by provider, account
),

-- what each list of the last run was read up to, in whichever run it came to its end
scanned as (
    select distinct on (listed.provider, listed.account, listed.list)
           listed.provider, listed.account, scans.watermark
      from (select latest.provider, latest.account, scans.list
              from latest
              join {{ source('audit', 'scans') }} as scans on scans.run_id = latest.run_id
             where scans.list <> 'messages'
               and scans.skipped is null) as listed
      left join {{ source('audit', 'scans') }} as scans
        on scans.provider = listed.provider
       and scans.account = listed.account
       and scans.list = listed.list
       and scans.is_finished
     order by listed.provider, listed.account, listed.list, scans.run_id desc nulls last
),

complete as (
    select provider,
           account,
           case when count(watermark) = count(*) then min(watermark) end as complete_as_of_at
      from scanned
     group by provider, account
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
  join counted using (provider, account)
  left join complete using (provider, account)
  left join {{ ref('threads_known') }} as threads using (provider, account)
  left join (select provider, account, count(*) as rejects from {{ source('audit', 'rejects') }}
              group by provider, account) as rejected using (provider, account)
  left join (select provider, account, count(*) as drift from {{ source('audit', 'drift') }}
              group by provider, account) as drifted using (provider, account)
