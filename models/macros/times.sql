{#- Seconds from one moment to another, with their fraction. -#}
{% macro seconds_between(start, finish) -%}
    cast(extract(epoch from ({{ finish }} - {{ start }})) as double precision)
{%- endmacro %}


{#- The day of a moment in the time zone of the reports. -#}
{% macro local_date(moment) -%}
    cast({{ moment }} at time zone '{{ var("time_zone") }}' as date)
{%- endmacro %}


{#- The moment at which a build began: what it holds was true then. -#}
{% macro built_at() -%}
    cast('{{ run_started_at.isoformat() }}' as timestamp with time zone)
{%- endmacro %}


{#- The middle of some values. -#}
{% macro median(value) -%}
    percentile_cont(0.5) within group (order by {{ value }})
{%- endmacro %}


{#- The moment that "today" and "still open" are told by: of the build, or one that is given. -#}
{% macro as_of() -%}
    {%- if var('as_of', none) -%}
        cast('{{ var("as_of") }}' as timestamp with time zone)
    {%- else -%}
        {{ built_at() }}
    {%- endif -%}
{%- endmacro %}


{#- The same for a view: the moment that it is read at, or one that is given. -#}
{% macro as_of_reading() -%}
    {%- if var('as_of', none) -%} {{ as_of() }} {%- else -%} current_timestamp {%- endif -%}
{%- endmacro %}


{#- The moment of a time of day, such as 09:30, on a day in a time zone. 26:00 is two o'clock in the
    night after. -#}
{% macro zoned(day, time_of_day, time_zone) -%}
    ((cast({{ day }} as timestamp)
      + cast(split_part({{ time_of_day }}, ':', 1) as integer) * interval '1 hour'
      + cast(split_part({{ time_of_day }}, ':', 2) as integer) * interval '1 minute')
     at time zone {{ time_zone }})
{%- endmacro %}
