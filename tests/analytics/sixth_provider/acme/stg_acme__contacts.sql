select account,
       id as contact_id,
       name as contact_name,
       phone as provider_phone,
       cast(null as text) as provider_email,
       cast(null as text) as external_id,
       cast(null as timestamp with time zone) as created_at,
       cast(null as timestamp with time zone) as deleted_at
  from {{ raw('acme', 'contacts') }}
