-- The public API lists no agents: each is known by the messages that it sent.
select distinct on (account, sender__id)
       account,
       cast(sender__id as text) as agent_id,
       sender__name as agent_name,
       sender__email as agent_email,
       cast(null as text) as agent_role,
       cast(null as timestamp with time zone) as deleted_at
  from {{ raw('pembalasan', 'messages') }}
 where sender__id is not null
   and lower(sender__type) = 'user'
 order by account, sender__id, created_at desc, id desc
