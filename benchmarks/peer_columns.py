"""What the peers ask for, and the columns of a conversation for those that want to be told them."""

PATH = "/api/v1/accounts/1/conversations"
QUERY = {"status": "all", "sort_by": "created_at_asc"}
TOKEN = {"Api-Access-Token": "simulated-chatwoot-admin"}

# by JSON's type; what is nested is kept as JSON
COLUMNS = {
    "integer": [
        "id",
        "account_id",
        "agent_last_seen_at",
        "assignee_last_seen_at",
        "contact_last_seen_at",
        "inbox_id",
        "created_at",
        "timestamp",
        "first_reply_created_at",
        "unread_count",
        "last_activity_at",
        "waiting_since",
        "sla_policy_id",
    ],
    "number": ["updated_at"],
    "string": ["uuid", "snoozed_until", "status", "priority"],
    "boolean": ["can_reply", "muted"],
    "object": ["meta", "additional_attributes", "custom_attributes", "last_non_activity_message"],
    "array": ["messages", "labels"],
}
TYPES = {name: type_ for type_, names in COLUMNS.items() for name in names}
