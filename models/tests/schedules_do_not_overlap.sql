-- Two openings of one schedule at the same time would count their seconds once, and tell of a mistake.
with written as (
    select row_number() over (order by schedule, weekday, opens, closes) as line, schedule, weekday,
           cast(split_part(opens, ':', 1) as integer) * 60 + cast(split_part(opens, ':', 2) as integer)
             as opens,
           cast(split_part(closes, ':', 1) as integer) * 60
           + cast(split_part(closes, ':', 2) as integer) as closes
      from {{ ref('schedules') }}
)

select first.*
  from written as first
  left join written as second
    on second.schedule = first.schedule
   and second.weekday = first.weekday
   and second.line > first.line
 where first.closes <= first.opens
    or (second.opens < first.closes and second.closes > first.opens)
