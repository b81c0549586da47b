{#- How many there are, or null where nothing is known of any of them. -#}
{% macro known_count(condition) -%}
    case when count(messages.delivery_status) > 0 then count(*) filter (where {{ condition }}) end
{%- endmacro %}
