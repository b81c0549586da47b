select account,
       cast(id as text) as agent_id,
       nullif(concat_ws(' ', first_name, last_name), '') as agent_name,
       email as agent_email,
       cast(null as text) as agent_role,
       cast(null as timestamp with time zone) as deleted_at
  from {{ raw('activecampaign', 'users') }}
