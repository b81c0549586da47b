"""Chatwoot's JSON and its tables: conversations, messages, contacts, and the account's lists."""
