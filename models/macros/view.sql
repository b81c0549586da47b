{#- A view of DuckDB. dbt's own makes another one and renames it. -#}
{% materialization view, adapter='duckdb' %}
    {%- set view = this.incorporate(type='view') -%}
    {%- set there = load_cached_relation(this) -%}
    {%- if there is not none and not there.is_view -%}
        {%- do adapter.drop_relation(there) -%}
    {%- endif -%}
    {{ run_hooks(pre_hooks) }}
    {%- call statement('main') -%}
        create or replace view {{ view }} as ({{ sql }})
    {%- endcall -%}
    {%- do persist_docs(view, model) -%}
    {{ run_hooks(post_hooks) }}
    {%- do adapter.commit() -%}
    {{ return({'relations': [view]}) }}
{% endmaterialization %}
