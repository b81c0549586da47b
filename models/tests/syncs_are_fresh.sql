{{ config(severity='warn') }}
-- Every account was synced well in the last two days.
select provider, account, last_good_run_at
  from {{ ref('sync_health') }}
 where last_good_run_at is null
    or last_good_run_at < {{ as_of() }} - interval '2 days'
