{#- Rows name by these columns one that is there. What no row is named by is left out. -#}
{% test belongs_to(model, to, columns) %}
select distinct {% for column in columns %}theirs.{{ column }}{% if not loop.last %}, {% endif %}{% endfor %}
  from {{ model }} as theirs
  left join {{ to }} as named
    on {% for column in columns -%}
       named.{{ column }} = theirs.{{ column }}{% if not loop.last %} and {% endif %}
       {%- endfor %}
 where theirs.{{ columns[-1] }} is not null
   and named.{{ columns[-1] }} is null
{% endtest %}
