-- How many conversations an account has, and of how many all messages are known. Its rows are replaced
-- and the table stays, also when everything is made anew: in Postgres marts.sync_health, a view, would
-- go with it.
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    full_refresh=false,
    on_schema_change='append_new_columns',
    pre_hook="{% if is_incremental() %}delete from {{ this }}{% endif %}",
) }}

select provider,
       account,
       count(*) as conversations,
       count(*) filter (where thread in ('whole', 'no times', 'public messages'))
         as threads_complete
  from {{ ref('conversations') }}
 where deleted_at is null
 group by provider, account
