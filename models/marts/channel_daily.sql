-- How does each channel do, by the day that conversations began?
select {{ local_date('report.started_at') }} as date_day,
       report.provider,
       report.account,
       report.channel_id,
       report.channel_name,
       report.channel_kind,
       count(*) as conversations_started,
       case when count(report.status) > 0
            then count(*) filter (where report.status = 'resolved') end as resolved_since,
       case when count(report.turns) > 0 then count(report.first_response_seconds) end as answered,
       {{ median('report.first_response_seconds') }} as median_first_response_seconds,
       {{ median('report.final_resolution_seconds') }} as median_final_resolution_seconds,
       case when {{ gives('report.provider', 'csat_responses') }} then count(report.csat_rating) end
         as csat_responses,
       cast(avg(report.csat_rating) as double precision) as mean_csat_rating
  from {{ ref('conversation_report') }} as report
 where report.started_at is not null
 group by 1, report.provider, report.account, report.channel_id, report.channel_name, report.channel_kind
