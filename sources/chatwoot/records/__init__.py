"""Chatwoot's JSON and its tables: conversations, messages, contacts, and the account's lists;
`pages.py` has what lists come wrapped in.
"""
