-- Every day from before the first message or conversation to two days after the build, so that each
-- moment between is in one, whatever the time zone; at most 20,000 days.
with digits as (
    select * from (values (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)) as digits (digit)
),

numbers as (
    select ones.digit + 10 * tens.digit + 100 * hundreds.digit + 1000 * thousands.digit
           + 10000 * more.digit as number
      from digits as ones
     cross join digits as tens
     cross join digits as hundreds
     cross join digits as thousands
     cross join (select digit from digits where digit < 2) as more
),

began as (
    select {{ local_date('min(moment)') }} - 2 as first_date
      from (select min(sent_at) as moment from {{ ref('messages') }}
             union all
            select min(least(created_at, first_message_at, last_activity_at))
              from {{ ref('all_conversations') }}) as moments
),

days as (
    select cast({{ local_date(as_of()) }} + 2 - number as date) as date_day
      from began
      join numbers on {{ local_date(as_of()) }} + 2 - number >= first_date
)

select date_day,
       cast(extract(isodow from date_day) as integer) as weekday,
       cast(extract(year from date_day) as integer) as year,
       cast(extract(month from date_day) as integer) as month,
       cast(extract(week from date_day) as integer) as iso_week
  from days
