{#- The rows of every provider's staging model of that name, with the provider's name before them. -#}
{% macro union_staged(name, columns) -%}
    {%- for provider in providers_with(name) %}
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


{#- The providers that have a staging model of that name. A variable says so: refs are made while dbt
    parses, when there is no graph to ask. -#}
{% macro providers_with(name) -%}
    {%- set found = [] -%}
    {%- for provider, names in var('staged').items() if name in names -%}
        {%- do found.append(provider) -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}


{#- Whether the provider of a row has a staging model of that name: where it has none, a count of its
    rows is null and not 0. -#}
{% macro gives(provider, name) -%}
    {{ provider }} in ('{{ providers_with(name) | join("', '") }}')
{%- endmacro %}


{#- What a column of ours is, by its name. -#}
{% macro column_type(name) -%}
    {%- if name.endswith('_at') or name == 'snoozed_until' -%} timestamp with time zone
    {%- elif name.startswith('is_') -%} boolean
    {%- elif name in ('rating', 'messages_declared', 'missing_messages') -%} bigint
    {%- else -%} {{ dbt.type_string() }}
    {%- endif -%}
{%- endmacro %}
