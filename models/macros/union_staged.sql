{#- The rows of every provider's staging model of that name, with the provider's name before them.
    `only` are the providers that have such a thing at all. -#}
{% macro union_staged(name, columns, only=none) -%}
    {%- set having = [] -%}
    {%- for provider in var('providers') if only is none or provider in only -%}
        {%- do having.append(provider) -%}
    {%- endfor -%}
    {%- for provider in having %}
    select cast('{{ provider }}' as {{ dbt.type_string() }}) as provider, {{ columns | join(', ') }}
      from {{ ref('stg_' ~ provider ~ '__' ~ name) }}
        {%- if not loop.last %} union all{% endif %}
    {%- else %}
    select
        {%- for column in ['provider'] + columns %}
        cast(null as {{ column_type(column) }}) as {{ column }}{% if not loop.last %},{% endif %}
        {%- endfor %}
     where false
    {%- endfor %}
{%- endmacro %}


{#- What a column of ours is, by its name. -#}
{% macro column_type(name) -%}
    {%- if name.endswith('_at') or name == 'snoozed_until' -%} timestamp with time zone
    {%- elif name.startswith('is_') -%} boolean
    {%- elif name in ('rating', 'messages_declared', 'missing_messages') -%} bigint
    {%- else -%} {{ dbt.type_string() }}
    {%- endif -%}
{%- endmacro %}
