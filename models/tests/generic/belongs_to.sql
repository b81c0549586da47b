{#- Rows name by these columns one that is there. What no row is named by is left out. -#}
{% test belongs_to(model, to, columns) %}
with theirs as (
    select distinct {{ columns | join(', ') }} from {{ model }}
)

select theirs.*
  from theirs
  left join {{ to }} as named
    on {% for column in columns -%}
       named.{{ column }} = theirs.{{ column }}{% if not loop.last %} and {% endif %}
       {%- endfor %}
 where theirs.{{ columns[-1] }} is not null
   and named.{{ columns[-1] }} is null
{% endtest %}
