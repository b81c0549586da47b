{#- The conversations of which a message was built since `this` was, all of them at first. -#}
{% macro changed_threads() -%}
    select provider, account, conversation_id, max(built_at) as messages_built_at
      from {{ ref('messages') }}
    {%- if is_incremental() %}
     where built_at > (
         select coalesce(max(messages_built_at), cast('1970-01-01' as timestamp with time zone))
           from {{ this }}
     )
    {%- endif %}
     group by provider, account, conversation_id
{%- endmacro %}


{#- How the tables are built that hold some rows of each conversation: those of changed ones anew. The
    hook takes away what a conversation had that has none any more. -#}
{% macro by_thread() -%}
    {{ return({
        'materialized': 'incremental',
        'incremental_strategy': 'delete+insert',
        'unique_key': ['provider', 'account', 'conversation_id'],
        'on_schema_change': 'fail',
        'pre_hook': "{% if is_incremental() %}{{ forget_changed_threads() }}{% endif %}",
        'indexes': [{'columns': ['provider', 'account', 'conversation_id']}]
        if target.type == 'postgres' else [],
    }) }}
{%- endmacro %}


{% macro forget_changed_threads() -%}
    delete from {{ this }}
     where (provider, account, conversation_id) in (
         select provider, account, conversation_id from ({{ changed_threads() }}) as changed
     )
{%- endmacro %}
