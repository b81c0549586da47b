select account,
       cast(id as text) as agent_id,
       nullif(concat_ws(' ', first_name, last_name), '') as agent_name,
       email as agent_email,
       role as agent_role,
       deleted_at
  from {{ raw('hilos', 'users') }}
