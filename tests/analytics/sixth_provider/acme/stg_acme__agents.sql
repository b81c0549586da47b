select account,
       id as agent_id,
       name as agent_name,
       cast(null as text) as agent_email,
       cast(null as text) as agent_role,
       cast(null as timestamp with time zone) as deleted_at
  from {{ raw('acme', 'agents') }}
