"""What the simulated products accept, and the planted secrets that must never reach a warehouse."""

from __future__ import annotations

ACCOUNT_ID = 1
FOREIGN_ACCOUNT_ID = 2
"""An account that exists and to which no token here belongs."""

CHATWOOT_ADMIN = "simulated-chatwoot-admin"
CHATWOOT_AGENT = "simulated-chatwoot-agent"
"""The token of an agent who sees two of the inboxes."""
HILOS_KEY = "simulated-hilos-key"
ACTIVECAMPAIGN_KEY = "simulated-activecampaign-key"
OCTOPUSH_LOGIN = "owner@talkhouse.example"
OCTOPUSH_KEY = "simulated-octopush-key"

CANARY = "canary-"
"""Every planted secret begins so: finding it in a warehouse, a log or a report is a leak."""
