select account,
       id as team_id,
       name as team_name,
       cast(null as timestamp with time zone) as deleted_at
  from {{ raw('acme', 'teams') }}
