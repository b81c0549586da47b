"""What a simulated product's administrator could have set otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(slots=True)
class Settings:
    chatwoot_version: str = "4.15.1"
    chatwoot_page_size: int = 25
    """CONVERSATION_RESULTS_PER_PAGE, which clients cannot see."""
    chatwoot_requests_per_minute: int = 0
    """RACK_ATTACK_LIMIT; 0 is no limit. Chatwoot's own default is 3000."""
    chatwoot_ties: Literal["stable", "shuffled"] = "stable"
    """Rows that tie in what a list is sorted by: `shuffled` is another order at every request."""
    chatwoot_updated_within: bool = True
    """Whether the parameter is read; before v3.6.0 it is ignored."""
    chatwoot_filter: bool = True
    """Whether conversations can be filtered; a proxy that lets only GET through answers 404."""
    hilos_page_size: int = 50
    hilos_max_page_size: int = 100
    hilos_order: Literal["newest first", "unordered"] = "newest first"
    activecampaign_auth: Literal["api_token", "authorization_token", "token_header"] = "api_token"
    activecampaign_requests_per_second: int = 0
    """0 is no limit. ActiveCampaign's own limit is 5 for the whole account."""
    octopush_max_per_page: int = 0
    """0 is no maximum; otherwise larger pages are cut without a word."""
    octopush_order: Literal["newest first", "unordered"] = "newest first"
