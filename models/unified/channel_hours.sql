-- The schedule of each channel: the most specific row of the seed channel_schedules.
select distinct on (channels.provider, channels.account, channels.channel_id)
       channels.provider,
       channels.account,
       channels.channel_id,
       chosen.schedule
  from {{ ref('channels') }} as channels
  join {{ ref('channel_schedules') }} as chosen
    on chosen.provider in ('*', channels.provider)
   and chosen.account in ('*', channels.account)
   and chosen.channel_id in ('*', channels.channel_id)
 order by channels.provider,
          channels.account,
          channels.channel_id,
          chosen.channel_id = '*',
          chosen.account = '*',
          chosen.provider = '*'
