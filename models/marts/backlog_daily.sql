-- How many conversations were not resolved at the end of each day?
with moves as (
    -- what is said to be older than the calendar goes before its first day
    select greatest(
               {{ local_date('moved_at') }}, (select min(date_day) from {{ ref('calendar') }})
           ) as date_day,
           provider,
           account,
           channel_id,
           count(*) filter (where move = 'opened') as opened,
           count(*) filter (where move = 'reopened') as reopened,
           count(*) filter (where move = 'closed') as closed
      from {{ ref('status_moves') }}
     group by 1, provider, account, channel_id
),

days as (
    select calendar.date_day, began.provider, began.account, began.channel_id
      from (select provider, account, channel_id, min(date_day) as first_day
              from moves
             group by provider, account, channel_id) as began
      join {{ ref('calendar') }} as calendar
        on calendar.date_day between began.first_day and {{ local_date(as_of()) }}
)

select days.date_day,
       days.provider,
       days.account,
       days.channel_id,
       coalesce(moves.opened, 0) as opened,
       coalesce(moves.reopened, 0) as reopened,
       coalesce(moves.closed, 0) as closed,
       cast(sum(coalesce(moves.opened, 0) + coalesce(moves.reopened, 0) - coalesce(moves.closed, 0))
           over (
               partition by days.provider, days.account, days.channel_id order by days.date_day
           ) as bigint) as open_at_end
  from days
  left join moves
    on moves.date_day = days.date_day
   and moves.provider = days.provider
   and moves.account = days.account
   and moves.channel_id is not distinct from days.channel_id
