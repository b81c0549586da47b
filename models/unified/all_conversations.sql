-- The conversations of every provider, in the provider's own words.
{{ config(materialized='ephemeral') }}
{{ union_staged('conversations', [
    'account', 'conversation_id', 'contact_id', 'channel_id', 'provider_status', 'priority',
    'opened_by', 'created_at', 'provider_updated_at', 'first_message_at', 'last_activity_at',
    'provider_first_reply_at', 'provider_waiting_since_at', 'snoozed_until', 'assignee_id',
    'bot_id', 'team_id', 'messages_declared', 'thread_at_best', 'deleted_at',
]) }}
