{{ config(severity='warn') }}
-- Yesterday brought at least a fifth of what the same weekday brought in the four weeks before,
-- where that was 20 messages or more.
with volume as (
    select provider, account, date_day, sum(customer_messages) as customer_messages
      from {{ ref('daily_volume') }}
     group by provider, account, date_day
),

usual as (
    select provider, account, sum(customer_messages) / 4.0 as customer_messages
      from volume
     where date_day in (
         {{ local_date(as_of()) }} - 8, {{ local_date(as_of()) }} - 15,
         {{ local_date(as_of()) }} - 22, {{ local_date(as_of()) }} - 29
     )
     group by provider, account
)

select usual.provider, usual.account, usual.customer_messages as usual,
       coalesce(volume.customer_messages, 0) as yesterday
  from usual
  left join volume
    on volume.provider = usual.provider
   and volume.account = usual.account
   and volume.date_day = {{ local_date(as_of()) }} - 1
 where usual.customer_messages >= 20
   and coalesce(volume.customer_messages, 0) < usual.customer_messages / 5
