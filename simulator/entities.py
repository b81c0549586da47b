"""What exists in a World: people, channels, conversations, messages, in no provider's words."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

ChannelKind = Literal["whatsapp", "sms", "rcs", "webchat", "api", "email"]
Status = Literal["open", "resolved", "pending", "snoozed"]
Priority = Literal["low", "medium", "high", "urgent"]
MessageKind = Literal["incoming", "outgoing", "activity", "template"]
SenderKind = Literal["contact", "agent", "bot"]
Delivery = Literal["sent", "delivered", "read", "failed"]
Origin = Literal["INBOUND", "INBOX", "AUTO_RESPONSE", "API", "BROADCAST", "FLOW"]
Opening = Literal["INBOX", "AUTO_RESPONSE", "API", "BROADCAST", "FLOW", "UNKNOWN"]


@dataclass(slots=True)
class Agent:
    id: int
    first_name: str
    last_name: str
    email: str
    role: Literal["administrator", "agent"]
    joined_at: datetime
    confirmed: bool = True

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}"


@dataclass(slots=True)
class Bot:
    id: int
    name: str
    description: str


@dataclass(slots=True)
class Team:
    id: int
    name: str
    description: str | None
    members: list[int]


@dataclass(slots=True)
class Tag:
    id: int
    name: str
    description: str | None
    color: str


@dataclass(slots=True)
class Channel:
    id: int
    kind: ChannelKind
    name: str
    sender: str
    """The number, address or site that customers see."""
    members: list[int]
    identifier: str | None = None
    """What the public API calls the inbox; only channels of kind `api` have one."""


@dataclass(slots=True)
class Address:
    """Where one channel reaches a contact."""

    channel_id: int
    source_id: str
    verified: bool = False


@dataclass(slots=True)
class Contact:
    id: int
    uuid: str
    first_name: str
    last_name: str
    created_at: datetime
    updated_at: datetime
    email: str | None = None
    phone: str | None = None
    identifier: str | None = None
    last_activity_at: datetime | None = None
    blocked: bool = False
    city: str | None = None
    country: str | None = None
    country_code: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    addresses: list[Address] = field(default_factory=list)
    tags: list[int] = field(default_factory=list)
    created_by: int | None = None

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    @property
    def is_resolved(self) -> bool:
        """Whether anything but a browser session identifies the contact."""
        return bool(self.email or self.phone or self.identifier)

    def address(self, channel_id: int, source_id: str | None = None) -> Address | None:
        """Its first address on a channel, or the one that is asked for."""
        for address in self.addresses:
            if address.channel_id == channel_id and source_id in (None, address.source_id):
                return address
        return None


@dataclass(slots=True)
class Attachment:
    id: int
    message_id: int
    file_type: Literal["image", "audio", "video", "file", "location"]
    file_name: str
    content_type: str
    size: int
    width: int | None = None
    height: int | None = None
    transcript: str | None = None
    latitude: float | None = None
    longitude: float | None = None


@dataclass(slots=True)
class Message:
    id: int
    uuid: str
    conversation_id: int
    kind: MessageKind
    content: str | None
    created_at: datetime
    updated_at: datetime
    sender_kind: SenderKind | None
    sender_id: int | None
    origin: Origin
    private: bool = False
    content_type: str = "text"
    content_attributes: dict[str, Any] = field(default_factory=dict)
    attachments: list[Attachment] = field(default_factory=list)
    delivery: Delivery = "sent"
    source_id: str | None = None
    template: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    delivered_at: datetime | None = None
    read_at: datetime | None = None
    failed_at: datetime | None = None
    deleted: bool = False

    @property
    def is_public(self) -> bool:
        """Whether the customer sees it."""
        return self.kind != "activity" and not self.private


@dataclass(slots=True)
class Conversation:
    id: int
    """The number that people see; it has gaps."""
    record_id: int
    """The database key, which Chatwoot shows only in reporting events."""
    uuid: str
    channel_id: int
    contact_id: int
    source_id: str
    """The contact's address on this channel when the conversation began."""
    origin: Opening
    created_at: datetime
    updated_at: datetime
    last_activity_at: datetime
    status: Status = "open"
    priority: Priority | None = None
    assignee_id: int | None = None
    bot_id: int | None = None
    team_id: int | None = None
    participants: list[int] = field(default_factory=list)
    tags: list[int] = field(default_factory=list)
    attributes: dict[str, Any] = field(default_factory=dict)
    browser: dict[str, Any] = field(default_factory=dict)
    snoozed_until: datetime | None = None
    agent_seen_at: datetime | None = None
    assignee_seen_at: datetime | None = None
    contact_seen_at: datetime | None = None
    first_reply_at: datetime | None = None
    waiting_since: datetime | None = None
    purpose: Literal["alert", "wholesale"] = "alert"
    color: int = 0
    messages: list[Message] = field(default_factory=list)

    @property
    def public_messages(self) -> list[Message]:
        return [m for m in self.messages if m.is_public]


@dataclass(slots=True)
class Template:
    uuid: str
    name: str
    language: str
    category: str
    status: str
    body: str
    channel_id: int


@dataclass(slots=True)
class CsatResponse:
    id: int
    conversation_id: int
    message_id: int
    contact_id: int
    agent_id: int | None
    rating: int
    feedback: str | None
    created_at: datetime
    review_notes: str | None = None
    reviewed_at: datetime | None = None
    reviewed_by: int | None = None
