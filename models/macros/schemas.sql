{#- The folder that a file is in: staging, unified, marts, seeds, snapshots. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ node.original_file_path.split('/')[0] }}
{%- endmacro %}
