"""The World in Hilos' JSON: its OpenAPI schemas, with Django's local times.

https://hilos-40.mintlify.app/docs/developer/apidocs/schema.yml
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid5

from talkhouse.simulator.entities import Agent, Channel, Contact, Conversation, Message, Template
from talkhouse.simulator.world import World

MEXICO_CITY = timezone(timedelta(hours=-6))
ACCOUNT = 4071
FILE_TYPES = {
    "image": "image",
    "audio": "audio",
    "video": "video",
    "file": "document",
    "location": "location",
}


def local(time: datetime | None) -> str | None:
    """ISO 8601 at Mexico City's offset, microseconds only when there are any: Django's zone."""
    return time.astimezone(MEXICO_CITY).isoformat() if time else None


def status_of(c: Conversation) -> str:
    """The conversation's status in Hilos' words."""
    if not any(m.kind == "incoming" for m in c.messages):
        return "CREATED"
    if c.status == "pending":
        return "FLOW"
    if c.status == "snoozed":
        return "FLOW_PAUSED"
    if c.status == "resolved":
        waits = any(m.content_type == "input_csat" and not m.content_attributes for m in c.messages)
        return "RESOLVED" if waits else "CLOSED"
    return "IN_PROGRESS" if c.assignee_id else "NEW"


class HilosJson:
    """Documents about one World."""

    def __init__(self, world: World) -> None:
        self.world = world

    def conversation(self, c: Conversation) -> dict[str, Any]:
        """`ConversationReadSimple`; a contact that was deleted leaves its id behind."""
        public = c.public_messages
        assigned = [a for a in (c.assignee_id, *c.participants) if a in self.world.agents]
        return {
            "id": c.uuid,
            "contact": self.world.person(c.contact_id).uuid,
            "status": status_of(c),
            "first_message": self.message(public[0], c) if public else None,
            "assigned": [self.assigned(self.world.agents[a]) for a in assigned if a is not None],
            "tags": [{"id": t, "name": self.world.tags[t].name} for t in c.tags],
            "created_on": local(c.created_at),
            "source": c.origin,
            "assigned_team": c.team_id,
            "channel": c.channel_id,
        }

    def message(self, m: Message, c: Conversation) -> dict[str, Any]:
        """`WhatsAppMessageSimple`."""
        contact = self.world.person(c.contact_id)
        theirs = contact.phone or f"+{c.source_id}"
        ours = self.world.channels[c.channel_id].sender
        is_inbound = m.kind == "incoming"
        agent = self.world.agents.get(m.sender_id or 0) if m.sender_kind == "agent" else None
        file = m.attachments[0] if m.attachments else None
        return {
            "id": m.uuid,
            "to_number": ours if is_inbound else theirs,
            "from_number": theirs if is_inbound else ours,
            "body": m.content,
            "direction": "INBOUND" if is_inbound else "OUTBOUND",
            "timestamp": local(m.created_at),
            "contact": inbox_contact(contact, c.channel_id),
            "status": "deleted" if m.deleted else "received" if is_inbound else m.delivery,
            "queued_on": None if is_inbound else local(m.created_at),
            "accepted_on": None if is_inbound else local(m.created_at),
            "sent_on": None if is_inbound or m.failed_at else local(m.created_at),
            "delivered_on": local(m.delivered_at),
            "read_on": local(m.read_at),
            "failed_on": local(m.failed_at),
            "provider_id": m.source_id,
            "provider_error_code": m.error_code,
            "provider_error_message": m.error_message,
            "sent_by": self.user(agent) if agent else None,
            "is_deleted": m.deleted,
            "content": {"text": {"body": m.content}} if m.content else None,
            "whatsapp_template": m.template,
            "content_type": file.content_type if file else None,
            "content_url": f"https://files.example.com/{m.uuid}/{file.file_name}" if file else None,
            "msg_type": FILE_TYPES[file.file_type]
            if file
            else "template"
            if m.template
            else "text",
            "failed_attempts": 1 if m.failed_at else 0,
            "source": m.origin,
        }

    def user(self, agent: Agent) -> dict[str, Any]:
        """`SimpleUser`."""
        return {
            "first_name": agent.first_name,
            "last_name": agent.last_name,
            "email": agent.email,
            "id": agent.id,
            "profile_image": None,
            "role": self.role(agent),
        }

    def role(self, agent: Agent) -> str | int:
        return "ADMIN" if agent.role == "administrator" else "AGENT"

    def assigned(self, agent: Agent) -> dict[str, Any]:
        return {
            "id": agent.id,
            "first_name": agent.first_name,
            "last_name": agent.last_name,
            "email": agent.email,
            "account": ACCOUNT,
            "profile_image": None,
            "date_joined": local(agent.joined_at),
        }

    def contact(self, contact: Contact) -> dict[str, Any]:
        """`ContactListReadPublic`."""
        return {
            "first_name": contact.first_name,
            "last_name": contact.last_name or None,
            "email": contact.email,
            "meta": contact.attributes,
            "external_url": f"https://crm.example.com/{contact.identifier}"
            if contact.identifier
            else None,
            "canonical_phone": (contact.phone or "").removeprefix("+"),
            "created_by": contact.created_by,
            "phone": contact.phone or "",
            "created_on": local(contact.created_at),
            "last_updated_on": local(contact.updated_at),
            "source": "FRONTEND" if contact.created_by else "INBOUND",
            "tags": [{"id": t, "name": self.world.tags[t].name} for t in contact.tags],
            "id": contact.uuid,
        }

    def contact_detail(self, contact: Contact) -> dict[str, Any]:
        """`ContactDetailRead`."""
        channels = self.world.carried("hilos")
        addresses = [a for a in contact.addresses if a.channel_id in channels]
        inbox = "https://app.hilos.io/inbox"
        return self.contact(contact) | {
            "is_deleted": False,
            "notes": [],
            "default_assignees": [],
            "contact_import": None,
            "inbox_contacts": [
                {
                    "id": inbox_contact(contact, a.channel_id),
                    "url": f"{inbox}/{inbox_contact(contact, a.channel_id)}",
                    "channel": a.channel_id,
                }
                for a in addresses
            ],
            "default_channel": addresses[0].channel_id if addresses else None,
            "default_conversation_url": f"{inbox}/{contact.uuid}",
        }

    def member(self, agent: Agent) -> dict[str, Any]:
        """A row of the account's members, with the teams and channels it works in."""
        teams = [t for t in self.world.teams.values() if agent.id in t.members]
        whatsapp = [c for c in self.world.channels.values() if c.kind == "whatsapp"]
        return self.assigned(agent) | {
            "user_permissions": ["inbox.view_conversation"],
            "role": self.role(agent),
            "teams": [
                {"id": t.id, "name": t.name, "assignment_strategy": "ROUND_ROBIN"} for t in teams
            ],
            "available_channels": [self.channel(c) for c in whatsapp if agent.id in c.members],
        }

    def channel(self, channel: Channel) -> dict[str, Any]:
        return {
            "id": channel.id,
            "channel_type": "WHATSAPP",
            "name": channel.name,
            "channel_id": channel.sender.removeprefix("+"),
            "status": "ACTIVE",
            "created_on": local(next(iter(self.world.agents.values())).joined_at),
            "channel_provider": "META_CLOUD_API",
            "is_sandbox": False,
        }

    def template(self, template: Template) -> dict[str, Any]:
        return {
            "id": template.uuid,
            "name": template.name,
            "language": template.language,
            "category": template.category,
            "status": template.status,
            "components": [{"type": "BODY", "text": template.body}],
            "rejected_reason": "INVALID_FORMAT" if template.status == "rejected" else None,
            "is_deleted": False,
            "channel": self.channel(self.world.channels[template.channel_id]),
        }


def inbox_contact(contact: Contact, channel_id: int) -> str:
    """The id of the contact within one channel, which is not the contact's own."""
    return str(uuid5(UUID(contact.uuid), str(channel_id)))
