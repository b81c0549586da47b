{#- A provider's raw table. Where it is not there, since a sync without `messages` makes no table of
    them, an empty one of the same columns. dbt is not asked whether it is there: while one thread
    fills its cache, another finds the half of it, and an empty table in place of a full one.
    What reads one is a staging model: a view, and disabled where the provider's dataset is not there. -#}
{% macro raw(provider, table) -%}
    {%- do config(materialized='view', enabled=provider in var('staged')) -%}
    {%- set relation = source(provider, table) -%}
    {%- if not execute or table in var('tables').get(provider, [table]) -%}
        {{ relation }}
    {%- else -%}
        {%- set declared = graph.sources['source.talkhouse.' ~ provider ~ '.' ~ table].columns -%}
        (select
        {%- for column in declared.values() %}
            cast(null as {{ column.data_type }}) as {{ adapter.quote(column.name) }}
            {%- if not loop.last %},{% endif %}
        {%- endfor %}
        where false) as {{ table }}
    {%- endif -%}
{%- endmacro %}
