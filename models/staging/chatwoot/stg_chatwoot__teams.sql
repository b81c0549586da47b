select account,
       cast(id as text) as team_id,
       name as team_name,
       deleted_at
  from {{ raw('chatwoot', 'teams') }}
