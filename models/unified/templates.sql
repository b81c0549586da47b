{{ union_staged('templates', [
    'account', 'template_id', 'template_name', 'template_language', 'template_category',
    'provider_status', 'deleted_at',
]) }}
