"""Conversations and messages in Chatwoot's JSON, as the views of v4.15.1 write them.

`app/views/api/v1/conversations/**` and `push_event_data` of the models in
https://github.com/chatwoot/chatwoot.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from talkhouse.simulator.answers import epoch
from talkhouse.simulator.chatwoot_people import CHANNEL_TYPES, ChatwootPeople, pushed_contact
from talkhouse.simulator.credentials import ACCOUNT_ID
from talkhouse.simulator.entities import Attachment, Contact, Conversation, Message

MESSAGE_TYPES = {"incoming": 0, "outgoing": 1, "activity": 2, "template": 3}
SENDER_TYPES = {"contact": "Contact", "agent": "User", "bot": "AgentBot"}
FILES = "https://chat.example.com/rails/active_storage"


class OrphanError(Exception):
    """A conversation without its contact: the views fail on it, and with it the whole page."""


def iso(time: datetime | None) -> str | None:
    """ISO 8601 in UTC with milliseconds."""
    if time is None:
        return None
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03d}Z"


class ChatwootJson(ChatwootPeople):
    """Documents about one World."""

    def conversation(self, c: Conversation) -> dict[str, Any]:
        """A row of the conversation list; OrphanError when its contact is gone."""
        contact = self.world.contacts.get(c.contact_id)
        if contact is None:
            raise OrphanError
        last = max(c.messages, key=lambda m: (m.created_at, m.id), default=None)
        chat = [m for m in c.messages if m.kind != "activity"]
        last_chat = max(chat, key=lambda m: (m.created_at, m.id), default=None)
        return {
            "meta": self.conversation_meta(c, contact),
            "id": c.id,
            "messages": [self.pushed_message(last, c)] if last else [],
            "account_id": ACCOUNT_ID,
            "uuid": c.uuid,
            "additional_attributes": c.browser,
            "agent_last_seen_at": epoch(c.agent_seen_at),
            "assignee_last_seen_at": epoch(c.assignee_seen_at),
            "can_reply": self.can_reply(c),
            "contact_last_seen_at": epoch(c.contact_seen_at),
            "custom_attributes": c.attributes,
            "inbox_id": c.channel_id,
            "labels": self.labels(c),
            "muted": contact.blocked,
            "snoozed_until": iso(c.snoozed_until),
            "status": c.status,
            "created_at": epoch(c.created_at),
            "updated_at": c.updated_at.timestamp(),
            "timestamp": epoch(c.last_activity_at),
            "first_reply_created_at": epoch(c.first_reply_at),
            "unread_count": self.unread(c),
            "last_non_activity_message": self.pushed_message(last_chat, c) if last_chat else None,
            "last_activity_at": epoch(c.last_activity_at),
            "priority": c.priority,
            "waiting_since": epoch(c.waiting_since),
            "sla_policy_id": None,
        }

    def conversation_meta(self, c: Conversation, contact: Contact) -> dict[str, Any]:
        address = contact.address(c.channel_id, c.source_id)
        meta: dict[str, Any] = {
            "sender": self.contact(contact),
            "channel": CHANNEL_TYPES[self.world.channels[c.channel_id].kind],
        }
        assignee = self.world.agents.get(c.assignee_id or 0)
        if assignee is not None:
            meta |= {"assignee": self.agent(assignee), "assignee_type": "User"}
        elif c.bot_id is not None:
            meta |= {"assignee": self.bot(c.bot_id), "assignee_type": "AgentBot"}
        if c.team_id is not None:
            meta["team"] = self.team(c.team_id)
        return meta | {"hmac_verified": bool(address and address.verified)}

    def pushed_message(self, m: Message, c: Conversation) -> dict[str, Any]:
        """A message as the list embeds it: every database column, and ISO `updated_at`."""
        document: dict[str, Any] = {
            "id": m.id,
            "content": m.content,
            "account_id": ACCOUNT_ID,
            "inbox_id": c.channel_id,
            "conversation_id": c.id,
            "message_type": MESSAGE_TYPES[m.kind],
            "created_at": epoch(m.created_at),
            "updated_at": iso(m.updated_at),
            "private": m.private,
            "status": m.delivery,
            "source_id": m.source_id,
            "content_type": m.content_type,
            "content_attributes": m.content_attributes,
            "sender_type": SENDER_TYPES[m.sender_kind] if m.sender_kind else None,
            "sender_id": m.sender_id,
            "external_source_ids": {},
            "additional_attributes": {},
            "processed_message_content": m.content,
            "sentiment": {},
            "conversation": {
                "assignee_id": c.assignee_id,
                "unread_count": self.unread(c),
                "last_activity_at": epoch(c.last_activity_at),
                "contact_inbox": {"source_id": c.source_id},
            },
        }
        if m.attachments:
            document["attachments"] = [attachment(a) for a in m.attachments]
        sender = self.pushed_sender(m)
        return document | ({"sender": sender} if sender else {})

    def thread_message(self, m: Message, c: Conversation) -> dict[str, Any]:
        """A row of the messages list (`models/_message.json.jbuilder`)."""
        document: dict[str, Any] = {
            "id": m.id,
            "content": m.content,
            "inbox_id": c.channel_id,
            "conversation_id": c.id,
            "message_type": MESSAGE_TYPES[m.kind],
            "content_type": m.content_type,
            "status": m.delivery,
            "content_attributes": m.content_attributes,
            "created_at": epoch(m.created_at),
            "private": m.private,
            "source_id": m.source_id,
        }
        sender = self.pushed_sender(m)
        if sender:
            document["sender"] = sender
        if m.attachments:
            document["attachments"] = [attachment(a) for a in m.attachments]
        return document

    def thread_meta(self, c: Conversation) -> dict[str, Any]:
        """What stands above a thread: ISO times here, epoch in the list; OrphanError as there."""
        contact = self.world.contacts.get(c.contact_id)
        if contact is None:
            raise OrphanError
        meta: dict[str, Any] = {
            "labels": self.labels(c),
            "additional_attributes": c.browser,
            "contact": pushed_contact(contact),
        }
        assignee = self.world.agents.get(c.assignee_id or 0)
        if assignee:
            meta["assignee"] = self.pushed_agent(assignee)
        return meta | {
            "agent_last_seen_at": iso(c.agent_seen_at),
            "assignee_last_seen_at": iso(c.assignee_seen_at),
        }

    def labels(self, c: Conversation) -> list[str]:
        return [self.world.tags[tag].name for tag in c.tags]

    def unread(self, c: Conversation) -> int:
        """Unread incoming messages, at most 10."""
        seen = c.agent_seen_at
        unread = [
            m for m in c.messages if m.kind == "incoming" and (not seen or m.created_at > seen)
        ]
        return min(len(unread), 10)

    def can_reply(self, c: Conversation) -> bool:
        """Whether WhatsApp's window of 24 hours is open; other channels are always."""
        if self.world.channels[c.channel_id].kind != "whatsapp":
            return True
        incoming = [m.created_at for m in c.messages if m.kind == "incoming"]
        return bool(incoming) and self.world.now - max(incoming) < timedelta(hours=24)


def attachment(a: Attachment) -> dict[str, Any]:
    """`app/models/attachment.rb#push_event_data`: its keys depend on the type of the file."""
    document: dict[str, Any] = {
        "id": a.id,
        "message_id": a.message_id,
        "file_type": a.file_type,
        "account_id": ACCOUNT_ID,
    }
    if a.file_type == "location":
        place = {"coordinates_lat": a.latitude, "coordinates_long": a.longitude}
        return document | place | {"fallback_title": None, "data_url": None}
    blob = f"{FILES}/blobs/redirect/eyJ{a.id:08x}--{a.message_id:08x}/{a.file_name}"
    thumbnail = f"{FILES}/representations/redirect/eyJ{a.id:08x}/{a.file_name}"
    document |= {
        "extension": a.file_name.rpartition(".")[2],
        "content_type": a.content_type,
        "data_url": blob,
        "thumb_url": thumbnail if a.file_type == "image" else "",
        "file_size": a.size,
        "width": a.width,
        "height": a.height,
    }
    return document | ({"transcribed_text": a.transcript} if a.file_type == "audio" else {})
