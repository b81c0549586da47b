-- Every message, note and activity. What a build takes anew are the rows that a load brought, or that
-- were marked deleted, since the last one: DECISIONS.md, "What a build does again".
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['provider', 'account', 'message_id'],
    on_schema_change='fail',
    indexes=[
        {'columns': ['provider', 'account', 'message_id'], 'unique': true},
        {'columns': ['provider', 'account', 'conversation_id']},
    ] if target.type == 'postgres' else [],
) }}

with staged as (
    {{ union_staged('messages', [
        'account', 'message_id', 'conversation_id', 'sent_at', 'provider_type', 'sender_type',
        'sender_id', 'sender_name', 'is_private', 'content_type', 'origin', 'template_id', 'content',
        'provider_delivery_status', 'provider_error_code', 'provider_error', 'delivered_at',
        'read_at', 'failed_at', 'is_content_deleted', 'deleted_at', 'load_id',
    ]) }}
),

fresh as (
    select staged.*,
           concat_ws(
               '|',
               lower(coalesce(staged.provider_type, '')),
               lower(coalesce(staged.sender_type, '')),
               case when staged.is_private then 'private' else '' end,
               lower(coalesce(staged.content_type, '')),
               lower(coalesce(staged.origin, '')),
               case when staged.template_id is null then '' else 'template' end,
               case when staged.sender_id is null then '' else 'sender' end
           ) as likeness
      from staged
    {%- if is_incremental() %}
      left join {{ this }} as built using (provider, account, message_id)
     where built.message_id is null
        or built.load_id is distinct from staged.load_id
        or built.deleted_at is distinct from staged.deleted_at
    {%- endif %}
),

-- the rules are tried once for all messages that are alike
alike as (
    select likeness,
           lower(min(provider_type)) as provider_type,
           lower(min(sender_type)) as sender_type,
           coalesce(bool_or(is_private), false) as is_private,
           lower(min(content_type)) as content_type,
           lower(min(origin)) as origin,
           count(template_id) > 0 as has_template,
           count(sender_id) > 0 as has_sender
      from fresh
     group by likeness
),

ruled as (
    select distinct on (alike.likeness)
           alike.likeness,
           rules.rule,
           rules.direction,
           rules.sender_kind
      from alike
      join {{ ref('sender_rules') }} as rules
        on coalesce(rules.provider_type = alike.provider_type, rules.provider_type is null)
       and coalesce(rules.sender_type = alike.sender_type, rules.sender_type is null)
       and coalesce(rules.is_private = alike.is_private, true)
       and coalesce(rules.content_type = alike.content_type, rules.content_type is null)
       and coalesce(rules.origin = alike.origin, rules.origin is null)
       and coalesce(rules.has_template = alike.has_template, true)
       and coalesce(rules.has_sender = alike.has_sender, true)
     order by alike.likeness, rules.priority
),

told as (
    select fresh.provider,
           fresh.account,
           fresh.message_id,
           min(activity.event) as event
      from fresh
      join ruled on ruled.likeness = fresh.likeness and ruled.sender_kind = 'system'
      join {{ ref('activity_rules') }} as activity on fresh.content like activity.pattern
     group by fresh.provider, fresh.account, fresh.message_id
)

select fresh.provider,
       fresh.account,
       fresh.message_id,
       fresh.conversation_id,
       fresh.sent_at,
       ruled.direction,
       ruled.sender_kind,
       ruled.rule as sender_rule,
       case when ruled.sender_kind in ('agent', 'note', 'template') then fresh.sender_id end as agent_id,
       fresh.sender_name,
       ruled.direction in ('in', 'out') as is_public,
       told.event,
       case when told.event = 'resolved' then split_part(fresh.content, ' by ', 2)
            when told.event = 'assigned' and fresh.content like 'Assigned to %'
            then split_part(
                split_part(replace(fresh.content, 'Assigned to ', ''), ' by ', 1), ' via ', 1
            )
            when told.event = 'assigned' then split_part(fresh.content, ' self-assigned ', 1)
       end as event_name,
       fresh.content,
       fresh.content_type,
       fresh.template_id,
       delivery.delivery_status,
       fresh.provider_delivery_status,
       coalesce(
           fresh.provider_error_code,
           case when translate(split_part(fresh.provider_error, ':', 1), '0123456789', '') = ''
                then nullif(split_part(fresh.provider_error, ':', 1), '') end
       ) as error_code,
       fresh.provider_error as error_message,
       fresh.delivered_at,
       fresh.read_at,
       fresh.failed_at,
       fresh.is_content_deleted,
       fresh.deleted_at,
       fresh.load_id,
       {{ built_at() }} as built_at
  from fresh
  left join ruled on ruled.likeness = fresh.likeness
  left join told using (provider, account, message_id)
  left join {{ ref('delivery_vocabulary') }} as delivery
    on delivery.provider_delivery_status = lower(fresh.provider_delivery_status)
   and ruled.direction = 'out'
