{#- Seconds that a schedule was open until a moment, counted from its beginning: what a row of
    business_clock, joined by `clock_at`, says of it. -#}
{% macro business_seconds(clock, moment) -%}
    ({{ clock }}.open_seconds_before + case when {{ clock }}.is_open
        then {{ seconds_between(clock ~ '.begins_at', moment) }} else 0 end)
{%- endmacro %}


{#- The row of business_clock that a moment falls into. The day makes it a join of equals. -#}
{% macro clock_at(clock, schedule, moment) -%}
    {{ ref('business_clock') }} as {{ clock }}
    on {{ clock }}.schedule = {{ schedule }}
   and {{ clock }}.utc_day = cast({{ moment }} at time zone 'UTC' as date)
   and {{ clock }}.begins_at <= {{ moment }}
   and {{ clock }}.ends_at > {{ moment }}
{%- endmacro %}
