"""The World: one company and its customers, the truth behind every simulated API."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from talkhouse.simulator.changes import Changes
from talkhouse.simulator.entities import ChannelKind, Contact, Conversation
from talkhouse.simulator.history import History, furnish

Provider = Literal["chatwoot", "hilos", "activecampaign", "octopush", "pembalasan"]

CARRIES: dict[Provider, tuple[ChannelKind, ...]] = {
    "chatwoot": ("whatsapp", "sms", "rcs", "webchat", "api", "email"),
    "hilos": ("whatsapp",),
    "activecampaign": ("whatsapp",),
    "octopush": ("sms", "rcs"),
    "pembalasan": ("api",),
}
"""The kinds of channel that each product could carry."""


class World(Changes):
    """Agents, channels, contacts and conversations, the same for the same seed, size and time."""

    def __init__(
        self,
        seed: int = 7,
        conversations: int = 60,
        now: datetime = datetime(2026, 6, 1, tzinfo=UTC),
    ) -> None:
        super().__init__(seed, now)
        furnish(self)
        History(self).tell(conversations)

    def served(self, provider: Provider) -> list[Conversation]:
        """The conversations that a provider's API can show, by id."""
        with self.lock:
            channels = self.carried(provider)
            found = [c for c in self.conversations.values() if c.channel_id in channels]
            # Octopush has no conversation without a message
            return [c for c in found if c.public_messages] if provider == "octopush" else found

    def served_contacts(self, provider: Provider) -> list[Contact]:
        """The contacts that a provider's contact list shows, by id."""
        with self.lock:
            channels = self.carried(provider)
            resolved_only = provider in ("chatwoot", "pembalasan")
            return [
                contact
                for contact in self.contacts.values()
                if any(a.channel_id in channels for a in contact.addresses)
                and (contact.is_resolved or not resolved_only)
            ]

    def carried(self, provider: Provider) -> set[int]:
        """The ids of the channels that a provider carries."""
        return {c.id for c in self.channels.values() if c.kind in CARRIES[provider]}

    def summary(self) -> dict[str, Any]:
        """The World in numbers."""
        with self.lock:
            return {
                "seed": self.seed,
                "now": self.now.isoformat(),
                "conversations": len(self.conversations),
                "messages": len(self.messages),
                "contacts": len(self.contacts),
                "agents": len(self.agents),
                "csat": len(self.csat),
                "served": {provider: len(self.served(provider)) for provider in CARRIES},
            }
