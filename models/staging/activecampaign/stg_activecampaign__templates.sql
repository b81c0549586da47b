select account,
       id as template_id,
       name as template_name,
       language as template_language,
       category as template_category,
       status as provider_status,
       deleted_at
  from {{ raw('activecampaign', 'templates') }}
