"""People in Chatwoot's JSON: contacts, agents, bots and teams, as the views of v4.15.1 write them.

`app/views/api/v1/models/**` and `push_event_data` of the models in
https://github.com/chatwoot/chatwoot.
"""

from __future__ import annotations

from typing import Any

from talkhouse.simulator.answers import epoch
from talkhouse.simulator.credentials import ACCOUNT_ID
from talkhouse.simulator.entities import Agent, Channel, Contact, Message
from talkhouse.simulator.world import World

CHANNEL_TYPES = {
    "whatsapp": "Channel::Whatsapp",
    "sms": "Channel::Sms",
    "rcs": "Channel::TwilioSms",
    "webchat": "Channel::WebWidget",
    "api": "Channel::Api",
    "email": "Channel::Email",
}


class ChatwootPeople:
    """Documents about the people of one World, as one agent sees them; None is the public API."""

    def __init__(self, world: World, viewer: Agent | None) -> None:
        self.world = world
        self.viewer = viewer

    def contact(self, contact: Contact) -> dict[str, Any]:
        """`models/_contact.json.jbuilder`: a time that is null has no key."""
        document: dict[str, Any] = {
            "additional_attributes": additional_attributes(contact),
            "availability_status": "offline",
            "email": contact.email,
            "id": contact.id,
            "name": contact.name,
            "phone_number": contact.phone,
            "blocked": contact.blocked,
            "identifier": contact.identifier,
            "thumbnail": "",
            "custom_attributes": contact.attributes,
        }
        if contact.last_activity_at:
            document["last_activity_at"] = epoch(contact.last_activity_at)
        return document | {"created_at": epoch(contact.created_at)}

    def agent(self, agent: Agent) -> dict[str, Any]:
        """`models/_agent.json.jbuilder`."""
        return {
            "id": agent.id,
            "account_id": ACCOUNT_ID,
            "availability_status": self.availability(agent),
            "auto_offline": True,
            "confirmed": agent.confirmed,
            "email": agent.email,
            "provider": "email",
            "available_name": agent.first_name,
            "name": agent.name,
            "role": agent.role,
            "thumbnail": "",
            "custom_role_id": None,
        }

    def bot(self, bot_id: int) -> dict[str, Any]:
        bot = self.world.bots[bot_id]
        return {
            "id": bot.id,
            "name": bot.name,
            "description": bot.description,
            "thumbnail": "",
            "outgoing_url": "https://bot.example.com/hook",
            "bot_type": "webhook",
        }

    def team(self, team_id: int) -> dict[str, Any]:
        team = self.world.teams[team_id]
        return {
            "id": team.id,
            "name": team.name,
            "description": team.description,
            "allow_auto_assign": True,
            "account_id": ACCOUNT_ID,
            "is_member": self.viewer is not None and self.viewer.id in team.members,
        }

    def pushed_sender(self, m: Message) -> dict[str, Any] | None:
        """The sender, or None when it is the system or was deleted."""
        if m.sender_kind == "contact":
            contact = self.world.contacts.get(m.sender_id or 0)
            return pushed_contact(contact) if contact else None
        if m.sender_kind == "agent":
            agent = self.world.agents.get(m.sender_id or 0)
            return self.pushed_agent(agent) if agent else None
        if m.sender_kind == "bot":
            bot = self.world.bots[m.sender_id or 0]
            return {"id": bot.id, "name": bot.name, "avatar_url": "", "type": "agent_bot"}
        return None

    def pushed_agent(self, agent: Agent) -> dict[str, Any]:
        return {
            "id": agent.id,
            "name": agent.name,
            "available_name": agent.first_name,
            "avatar_url": "",
            "type": "user",
            "availability_status": self.availability(agent),
            "thumbnail": "",
        }

    def availability(self, agent: Agent) -> str | None:
        """Presence, which changes with the hour; the public API does not know it."""
        if self.viewer is None:
            return None
        return "online" if 8 <= (self.world.now.hour + agent.id % 3) % 24 < 18 else "offline"


def additional_attributes(contact: Contact) -> dict[str, Any]:
    if contact.city:
        place = {"city": contact.city, "country": contact.country}
        return {**place, "country_code": contact.country_code}
    return {"browser_language": "en", "created_at_ip": f"203.0.113.{contact.id % 250}"}


def pushed_contact(contact: Contact) -> dict[str, Any]:
    return {
        "additional_attributes": additional_attributes(contact),
        "custom_attributes": contact.attributes,
        "email": contact.email,
        "id": contact.id,
        "identifier": contact.identifier,
        "name": contact.name,
        "phone_number": contact.phone,
        "thumbnail": "",
        "blocked": contact.blocked,
        "type": "contact",
    }


def contact_inbox(source_id: str, channel: Channel) -> dict[str, Any]:
    return {
        "source_id": source_id,
        "inbox": {
            "id": channel.id,
            "avatar_url": "",
            "channel_id": channel.id + 100,
            "name": channel.name,
            "channel_type": CHANNEL_TYPES[channel.kind],
            "provider": "whatsapp_cloud" if channel.kind == "whatsapp" else None,
        },
    }
