select account,
       id as contact_id,
       nullif(concat_ws(' ', first_name, last_name), '') as contact_name,
       case when phone like '+%' then phone else coalesce(canonical_phone, phone) end as provider_phone,
       email as provider_email,
       external_url as external_id,
       created_on as created_at,
       deleted_at
  from {{ raw('hilos', 'contacts') }}
