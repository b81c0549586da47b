with staged as (
    {{ union_staged('channels', [
        'account', 'channel_id', 'channel_name', 'provider_channel', 'channel_address', 'deleted_at',
    ]) }}
)

select staged.provider,
       staged.account,
       staged.channel_id,
       staged.channel_name,
       vocabulary.channel_kind,
       staged.provider_channel,
       staged.channel_address,
       staged.deleted_at
  from staged
  left join {{ ref('channel_vocabulary') }} as vocabulary
    on vocabulary.provider_channel = lower(staged.provider_channel)
