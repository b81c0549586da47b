{#- Relations without the database's name: DuckDB's is that of the file, and a view that said it would
    break in a copy of another name. -#}
{% macro ref() %}
    {%- do return(builtins.ref(*varargs, **kwargs).include(database=false)) -%}
{% endmacro %}


{% macro source() %}
    {%- do return(builtins.source(*varargs, **kwargs).include(database=false)) -%}
{% endmacro %}
