{% snapshot status_snapshot %}
{{ config(
    strategy='check',
    unique_key=['provider', 'account', 'conversation_id'],
    check_cols=['status', 'provider_status', 'assignee_id', 'team_id'],
    hard_deletes='ignore',
) }}

select provider,
       account,
       conversation_id,
       status,
       provider_status,
       assignee_id,
       team_id
  from {{ ref('conversations') }}
 where deleted_at is null

{% endsnapshot %}
