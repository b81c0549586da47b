select account,
       cast(id as text) as agent_id,
       name as agent_name,
       email as agent_email,
       role as agent_role,
       deleted_at
  from {{ raw('chatwoot', 'agents') }}
