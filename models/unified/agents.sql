with staged as (
    {{ union_staged('agents', [
        'account', 'agent_id', 'agent_name', 'agent_email', 'agent_role', 'deleted_at',
    ]) }}
)

select provider,
       account,
       agent_id,
       agent_name,
       lower(agent_email) as agent_email,
       agent_role,
       deleted_at
  from staged
