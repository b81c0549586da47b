-- Time cut where a schedule opens or closes, and at midnight UTC: DECISIONS.md, "Business hours".
with openings as (
    select hours.schedule,
           {{ zoned('calendar.date_day', 'hours.opens', 'zones.time_zone') }} as opens_at,
           {{ zoned('calendar.date_day', 'hours.closes', 'zones.time_zone') }} as closes_at
      from {{ ref('schedules') }} as hours
      join {{ ref('schedule_zones') }} as zones on zones.schedule = hours.schedule
      join {{ ref('calendar') }} as calendar on calendar.weekday = hours.weekday
      left join {{ ref('holidays') }} as holidays
        on holidays.schedule = hours.schedule
       and holidays.holiday = calendar.date_day
     where holidays.holiday is null
),

cuts as (
    select schedule, opens_at as cut_at, 1 as opened from openings
    union all
    select schedule, closes_at, -1 from openings
    union all
    select zones.schedule, cast(calendar.date_day as timestamp) at time zone 'UTC', 0
      from {{ ref('schedule_zones') }} as zones
     cross join {{ ref('calendar') }} as calendar
),

pieces as (
    select schedule,
           cut_at as begins_at,
           lead(cut_at) over (partition by schedule order by cut_at) as ends_at,
           sum(sum(opened)) over (partition by schedule order by cut_at) > 0 as is_open
      from cuts
     group by schedule, cut_at
)

select schedule,
       cast(begins_at at time zone 'UTC' as date) as utc_day,
       begins_at,
       ends_at,
       is_open,
       coalesce(
           sum(case when is_open then {{ seconds_between('begins_at', 'ends_at') }} else 0 end)
               over (
                   partition by schedule
                       order by begins_at
                        rows between unbounded preceding and 1 preceding
               ),
           0
       ) as open_seconds_before
  from pieces
 where ends_at is not null
