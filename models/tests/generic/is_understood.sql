{#- Wherever the provider has a word for it, we have one: it is in the vocabulary. -#}
{% test is_understood(model, column_name, word) %}
select {{ word }}, count(*) as rows_with_it
  from {{ model }}
 where {{ word }} is not null
   and {{ column_name }} is null
 group by {{ word }}
{% endtest %}
