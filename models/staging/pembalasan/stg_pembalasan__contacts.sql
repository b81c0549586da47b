select account,
       cast(id as text) as contact_id,
       name as contact_name,
       phone_number as provider_phone,
       email as provider_email,
       identifier as external_id,
       created_at,
       deleted_at
  from {{ raw('pembalasan', 'contacts') }}
