{#- The columns together are the key: each is there, and no two rows are alike in them. -#}
{% test unique_key(model, columns) %}
select {{ columns | join(', ') }}, count(*) as rows_alike
  from {{ model }}
 group by {{ columns | join(', ') }}
having count(*) > 1
{%- for column in columns %}
    or {{ column }} is null
{%- endfor %}
{% endtest %}
