"""What each provider's tables must hold, told from the World alone.

Nothing here knows the providers' JSON, nor how it is read. Times are UTC, as exact as the provider
tells them. What depends on the hour of reading (presence, reply windows) is left out, and so is
what a message repeats of its sender, since no thread is read again when a sender is renamed.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from talkhouse.simulator import World
from talkhouse.simulator.entities import Attachment, Contact, Conversation, Message

Row = dict[str, Any]
Tables = dict[str, list[Row]]

KEYS: dict[str, dict[str, tuple[str, ...]]] = {
    "chatwoot": {
        "conversations": ("id",),
        "conversation_labels": ("conversation_id", "label"),
        "last_messages": ("conversation_id", "id"),
        "messages": ("id",),
        "attachments": ("message_id", "id"),
        "message_reads": ("conversation_id",),
        "contacts": ("id",),
        "contact_inboxes": ("contact_id", "inbox_id", "source_id"),
        "csat_responses": ("id",),
        "agents": ("id",),
        "inboxes": ("id",),
        "teams": ("id",),
        "labels": ("id",),
    },
    "hilos": {
        "conversations": ("id",),
        "first_messages": ("conversation_id",),
        "conversation_assignees": ("conversation_id", "id"),
        "conversation_tags": ("conversation_id", "id"),
        "contacts": ("id",),
        "contact_tags": ("contact_id", "id"),
        "users": ("id",),
        "teams": ("id",),
        "channels": ("id",),
        "templates": ("id",),
    },
    "activecampaign": {
        "conversations": ("id",),
        "first_messages": ("conversation_id",),
        "conversation_assignees": ("conversation_id", "id"),
        "conversation_tags": ("conversation_id", "id"),
        "users": ("id",),
        "templates": ("id",),
    },
    "octopush": {
        "conversations": ("conversation_id",),
        "messages": ("message_id",),
        "message_reads": ("conversation_id",),
        "agents": ("email",),
    },
    "pembalasan": {
        "conversations": ("id",),
        "messages": ("id",),
        "attachments": ("message_id", "id"),
        "contacts": ("id",),
    },
}
"""What makes a row of each table unique within an account."""

THREADS = {"messages", "attachments", "message_reads"}
"""What is not loaded where a connection leaves messages out."""

CONVERSATIONS = {
    "chatwoot": ("conversations", "conversation_labels", "last_messages"),
    "hilos": (
        "conversations",
        "first_messages",
        "conversation_assignees",
        "conversation_tags",
    ),
    "activecampaign": tuple(t for t in KEYS["activecampaign"] if t != "templates"),
    "octopush": ("conversations",),
    "pembalasan": tuple(KEYS["pembalasan"]),
}
"""What the list of conversations alone fills whole."""

CHANNEL_TYPES = {
    "whatsapp": "Channel::Whatsapp",
    "sms": "Channel::Sms",
    "rcs": "Channel::TwilioSms",
    "webchat": "Channel::WebWidget",
    "api": "Channel::Api",
    "email": "Channel::Email",
}
MESSAGE_TYPES = {"incoming": 0, "outgoing": 1, "activity": 2, "template": 3}
FILE_TYPES = {"file": "document"}


def tables(world: World, provider: str, identifiers: Sequence[str] = ()) -> Tables:
    """The rows of every table; `identifiers` are the contacts that pembalasan is asked for."""
    with world.lock:
        match provider:
            case "chatwoot":
                return chatwoot(world)
            case "hilos":
                return hilos(world)
            case "activecampaign":
                return activecampaign(world)
            case "octopush":
                return octopush(world)
    with world.lock:
        return pembalasan(world, identifiers)


def contact_identifiers(world: World) -> list[str]:
    """Where the inbox of kind `api` reaches its contacts."""
    inboxes = {channel.id for channel in world.channels.values() if channel.kind == "api"}
    addresses = (a for contact in world.contacts.values() for a in contact.addresses)
    return [address.source_id for address in addresses if address.channel_id in inboxes]


def seconds(moment: datetime | None) -> datetime | None:
    return moment.replace(microsecond=0) if moment else None


def milliseconds(moment: datetime | None) -> datetime | None:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000) if moment else None


def place(contact: Contact) -> Row:
    if contact.city:
        return {
            "city": contact.city,
            "country": contact.country,
            "country_code": contact.country_code,
        }
    return {"browser_language": "en", "created_at_ip": f"203.0.113.{contact.id % 250}"}


def chatwoot(world: World) -> Tables:
    threads = world.served("chatwoot")
    messages = [message for thread in threads for message in thread.messages]
    served = {thread.id for thread in threads}
    listed = world.served_contacts("chatwoot")
    talking = {thread.contact_id for thread in threads}
    known = {c.id: c for c in listed} | {id: world.contacts[id] for id in talking}
    return {
        "conversations": [chatwoot_conversation(world, thread) for thread in threads],
        "conversation_labels": [
            {"conversation_id": thread.id, "label": world.tags[tag].name}
            for thread in threads
            for tag in thread.tags
        ],
        "last_messages": [row for thread in threads for row in chatwoot_last_messages(thread)],
        "messages": [chatwoot_message(world, message) for message in messages],
        "attachments": [attachment(a) for message in messages for a in message.attachments],
        "message_reads": [
            {
                "conversation_id": thread.id,
                "last_activity_at": seconds(thread.last_activity_at),
                "last_message_id": max((m.id for m in thread.messages), default=0),
            }
            for thread in threads
        ],
        "contacts": [
            {
                "id": contact.id,
                "name": contact.name,
                "email": contact.email,
                "phone_number": contact.phone,
                "identifier": contact.identifier,
                "blocked": contact.blocked,
                "additional_attributes": place(contact),
                "custom_attributes": contact.attributes,
                "last_activity_at": seconds(contact.last_activity_at),
                "created_at": seconds(contact.created_at),
            }
            for contact in known.values()
        ],
        "contact_inboxes": [
            {
                "contact_id": contact.id,
                "inbox_id": address.channel_id,
                "source_id": address.source_id,
                "inbox__id": address.channel_id,
                "inbox__name": world.channels[address.channel_id].name,
                "inbox__channel_type": CHANNEL_TYPES[world.channels[address.channel_id].kind],
            }
            for contact in listed
            for address in contact.addresses
        ],
        "csat_responses": [
            {
                "id": answer.id,
                "rating": answer.rating,
                "feedback_message": answer.feedback,
                "message_id": answer.message_id,
                "conversation_id": answer.conversation_id,
                "contact__id": answer.contact_id,
                "assigned_agent__id": answer.agent_id if answer.agent_id in world.agents else None,
                "csat_review_notes": answer.review_notes,
                "review_notes_updated_at": seconds(answer.reviewed_at),
                "created_at": seconds(answer.created_at),
            }
            for answer in world.csat.values()
            if answer.conversation_id in served
        ],
        "agents": [
            {
                "id": agent.id,
                "account_id": 1,
                "name": agent.name,
                "available_name": agent.first_name,
                "email": agent.email,
                "role": agent.role,
                "confirmed": agent.confirmed,
            }
            for agent in world.agents.values()
        ],
        "inboxes": [
            {
                "id": channel.id,
                "name": channel.name,
                "channel_id": channel.id + 100,
                "channel_type": CHANNEL_TYPES[channel.kind],
                "phone_number": channel.sender
                if channel.kind in ("whatsapp", "sms", "rcs")
                else None,
                "website_url": channel.sender if channel.kind == "webchat" else None,
                "email": channel.sender if channel.kind == "email" else None,
            }
            for channel in world.channels.values()
        ],
        "teams": [
            {"id": team.id, "name": team.name, "description": team.description}
            for team in world.teams.values()
        ],
        "labels": [
            {
                "id": tag.id,
                "title": tag.name,
                "description": tag.description,
                "color": tag.color,
                "show_on_sidebar": True,
            }
            for tag in world.tags.values()
        ],
    }


def chatwoot_conversation(world: World, thread: Conversation) -> Row:
    agent = world.agents.get(thread.assignee_id or 0)
    bot = world.bots.get(thread.bot_id or 0) if agent is None else None
    team = world.teams.get(thread.team_id or 0)
    seen = thread.agent_seen_at
    unread = [
        m for m in thread.messages if m.kind == "incoming" and (not seen or m.created_at > seen)
    ]
    return {
        "id": thread.id,
        "uuid": thread.uuid,
        "account_id": 1,
        "inbox_id": thread.channel_id,
        "status": thread.status,
        "priority": thread.priority,
        "created_at": seconds(thread.created_at),
        "updated_at": thread.updated_at,
        "last_activity_at": seconds(thread.last_activity_at),
        "timestamp": seconds(thread.last_activity_at),
        "first_reply_created_at": seconds(thread.first_reply_at),
        "waiting_since": seconds(thread.waiting_since),
        "snoozed_until": thread.snoozed_until,
        "agent_last_seen_at": seconds(thread.agent_seen_at),
        "assignee_last_seen_at": seconds(thread.assignee_seen_at),
        "contact_last_seen_at": seconds(thread.contact_seen_at),
        "unread_count": min(len(unread), 10),
        "muted": world.contacts[thread.contact_id].blocked,
        "additional_attributes": thread.browser,
        "custom_attributes": thread.attributes,
        "meta__sender__id": thread.contact_id,
        "meta__channel": CHANNEL_TYPES[world.channels[thread.channel_id].kind],
        "meta__assignee__id": agent.id if agent else bot.id if bot else None,
        "meta__assignee__name": agent.name if agent else bot.name if bot else None,
        "meta__assignee__email": agent.email if agent else None,
        "meta__assignee_type": "User" if agent else "AgentBot" if bot else None,
        "meta__team__id": team.id if team else None,
        "meta__team__name": team.name if team else None,
        "meta__hmac_verified": False,
    }


def chatwoot_last_messages(thread: Conversation) -> Iterator[Row]:
    talk = [m for m in thread.messages if m.kind != "activity"]
    last, last_talk = thread.messages[-1:], talk[-1:]
    for message in {m.id: m for m in (*last, *last_talk)}.values():
        yield {
            "conversation_id": thread.id,
            "id": message.id,
            "content": message.content,
            "message_type": MESSAGE_TYPES[message.kind],
            "private": message.private,
            "status": message.delivery,
            "sender_id": message.sender_id,
            "created_at": seconds(message.created_at),
            "updated_at": milliseconds(message.updated_at),
            "is_last": message in last,
            "is_last_non_activity": message in last_talk,
        }


def chatwoot_message(world: World, message: Message) -> Row:
    return {
        **sent(world, message),
        "inbox_id": world.conversations[message.conversation_id].channel_id,
        "status": message.delivery,
        "private": message.private,
        "source_id": message.source_id,
    }


def sent(world: World, message: Message) -> Row:
    """What Chatwoot's account API and its public one both tell of a message."""
    people = {"contact": world.contacts, "agent": world.agents, "bot": world.bots}
    kind = message.sender_kind
    known = kind is not None and message.sender_id in people[kind]
    kinds = {"contact": "contact", "agent": "user", "bot": "agent_bot"}
    return {
        "id": message.id,
        "conversation_id": message.conversation_id,
        "content": message.content,
        "message_type": MESSAGE_TYPES[message.kind],
        "content_type": message.content_type,
        "content_attributes": message.content_attributes,
        "created_at": seconds(message.created_at),
        "sender__id": message.sender_id if known else None,
        "sender__type": kinds[kind] if kind and known else None,
    }


def attachment(a: Attachment) -> Row:
    is_file = a.file_type != "location"
    return {
        "message_id": a.message_id,
        "id": a.id,
        "account_id": 1,
        "file_type": a.file_type,
        "extension": a.file_name.rpartition(".")[2] if is_file else None,
        "content_type": a.content_type if is_file else None,
        "file_size": a.size if is_file else None,
        "width": a.width,
        "height": a.height,
        "coordinates_lat": a.latitude,
        "coordinates_long": a.longitude,
        "transcribed_text": a.transcript,
    }


def hilos(world: World) -> Tables:
    threads = world.served("hilos")
    contacts = world.served_contacts("hilos")
    whatsapp = [c for c in world.channels.values() if c.kind == "whatsapp"]
    return hilos_conversations(world, threads) | {
        "contacts": [
            {
                "id": contact.uuid,
                "phone": contact.phone or "",
                "first_name": contact.first_name,
                "last_name": contact.last_name or None,
                "email": contact.email,
                "meta": contact.attributes,
                "created_by": contact.created_by,
                "created_on": contact.created_at,
                "last_updated_on": contact.updated_at,
                "source": "FRONTEND" if contact.created_by else "INBOUND",
            }
            for contact in contacts
        ],
        "contact_tags": [
            {"contact_id": contact.uuid, "id": tag, "name": world.tags[tag].name}
            for contact in contacts
            for tag in contact.tags
        ],
        "users": [
            {
                "id": agent.id,
                "first_name": agent.first_name,
                "last_name": agent.last_name,
                "email": agent.email,
                "account_id": 4071,
                "date_joined": agent.joined_at,
                "role": "ADMIN" if agent.role == "administrator" else "AGENT",
            }
            for agent in world.agents.values()
        ],
        "teams": [
            {"id": team.id, "name": team.name, "assignment_strategy": "ROUND_ROBIN"}
            for team in world.teams.values()
        ],
        "channels": [
            {
                "id": channel.id,
                "name": channel.name,
                "channel_type": "WHATSAPP",
                "channel_id": channel.sender.removeprefix("+"),
                "status": "ACTIVE",
                "is_sandbox": False,
            }
            for channel in whatsapp
        ],
        "templates": templates(world),
    }


def hilos_conversations(world: World, threads: Iterable[Conversation]) -> Tables:
    threads = list(threads)
    return {
        "conversations": [
            {
                "id": thread.uuid,
                "contact": world.person(thread.contact_id).uuid,
                "status": hilos_status(thread),
                "created_on": thread.created_at,
                "source": thread.origin,
                "assigned_team": thread.team_id,
                "channel": thread.channel_id,
            }
            for thread in threads
        ],
        "first_messages": [
            first_message(world, thread) for thread in threads if thread.public_messages
        ],
        "conversation_assignees": [
            {
                "conversation_id": thread.uuid,
                "id": agent,
                "first_name": world.agents[agent].first_name,
                "last_name": world.agents[agent].last_name,
                "email": world.agents[agent].email,
                "account_id": 4071,
                "date_joined": world.agents[agent].joined_at,
            }
            for thread in threads
            for agent in assigned(world, thread)
        ],
        "conversation_tags": [
            {"conversation_id": thread.uuid, "id": tag, "name": world.tags[tag].name}
            for thread in threads
            for tag in thread.tags
        ],
    }


def assigned(world: World, thread: Conversation) -> list[int]:
    return [a for a in (thread.assignee_id, *thread.participants) if a in world.agents]


def hilos_status(thread: Conversation) -> str:
    if not any(m.kind == "incoming" for m in thread.messages):
        return "CREATED"
    surveys = [m for m in thread.messages if m.content_type == "input_csat"]
    asks = any(not m.content_attributes for m in surveys)
    return {
        "pending": "FLOW",
        "snoozed": "FLOW_PAUSED",
        "resolved": "RESOLVED" if asks else "CLOSED",
        "open": "IN_PROGRESS" if thread.assignee_id else "NEW",
    }[thread.status]


def first_message(world: World, thread: Conversation) -> Row:
    message = thread.public_messages[0]
    theirs = world.person(thread.contact_id).phone or f"+{thread.source_id}"
    ours = world.channels[thread.channel_id].sender
    inbound = message.kind == "incoming"
    by_agent = message.sender_kind == "agent" and message.sender_id in world.agents
    files = [FILE_TYPES.get(a.file_type, a.file_type) for a in message.attachments]
    return {
        "conversation_id": thread.uuid,
        "id": message.uuid,
        "to_number": ours if inbound else theirs,
        "from_number": theirs if inbound else ours,
        "body": message.content,
        "direction": "INBOUND" if inbound else "OUTBOUND",
        "timestamp": message.created_at,
        "status": "deleted" if message.deleted else "received" if inbound else message.delivery,
        "sent_on": None if inbound or message.failed_at else message.created_at,
        "delivered_on": message.delivered_at,
        "read_on": message.read_at,
        "failed_on": message.failed_at,
        "provider_id": message.source_id,
        "provider_error_code": message.error_code,
        "sent_by__id": message.sender_id if by_agent else None,
        "is_deleted": message.deleted,
        "whatsapp_template": message.template,
        "msg_type": files[0] if files else "template" if message.template else "text",
        "failed_attempts": 1 if message.failed_at else 0,
        "source": message.origin,
    }


def templates(world: World) -> list[Row]:
    return [
        {
            "id": template.uuid,
            "name": template.name,
            "language": template.language,
            "category": template.category,
            "status": template.status,
            "components": [{"type": "BODY", "text": template.body}],
            "is_deleted": False,
            "channel__id": template.channel_id,
        }
        for template in world.templates.values()
    ]


def activecampaign(world: World) -> Tables:
    threads = world.served("activecampaign")
    made = hilos_conversations(world, threads)
    for row in made["conversations"]:
        row["status"] = {"FLOW_PAUSED": "FLOW"}.get(row["status"], row["status"])
    seen = {agent for thread in threads for agent in assigned(world, thread)}
    seen |= {row["sent_by__id"] for row in made["first_messages"] if row["sent_by__id"]}
    users = [
        {
            "id": agent,
            "first_name": world.agents[agent].first_name,
            "last_name": world.agents[agent].last_name,
            "email": world.agents[agent].email,
        }
        for agent in seen
    ]
    offered = [row | {"show_in_sandbox": False} for row in templates(world)]
    return made | {"users": users, "templates": offered}


def octopush(world: World) -> Tables:
    threads = world.served("octopush")
    deliveries = {"delivered": "DELIVERED", "read": "DELIVERED", "failed": "NOT_DELIVERED"}
    messages = []
    for thread in threads:
        contact = world.person(thread.contact_id)
        for message in thread.public_messages:
            agent = world.agents.get(message.sender_id or 0)
            by_agent = agent if message.sender_kind == "agent" else None
            inbound = message.kind == "incoming"
            messages.append(
                {
                    "message_id": message.source_id or f"sms_{message.uuid}",
                    "conversation_id": thread.uuid,
                    "text": message.content,
                    "direction": "inbound" if inbound else "outbound",
                    "delivery_status": None if inbound else deliveries.get(message.delivery),
                    "channel": world.channels[thread.channel_id].kind,
                    "user_identifier": contact.phone,
                    "user_identifiers__phone_number": contact.phone,
                    "user_identifiers__email": contact.email,
                    "agent_assigned_to": by_agent.email if by_agent else None,
                }
            )
    return {
        "conversations": [octopush_conversation(world, thread) for thread in threads],
        "messages": messages,
        "message_reads": [
            {
                "conversation_id": thread.uuid,
                "last_message_at": seconds(thread.public_messages[-1].created_at),
                "number_of_messages": len(thread.public_messages),
            }
            for thread in threads
        ],
        "agents": [
            {
                "email": agent.email,
                "first_name": agent.first_name,
                "last_name": agent.last_name,
                "role": "ROLE_OWNER" if agent.role == "administrator" else "ROLE_AGENT",
                "status": "active",
                "is_current_user": agent.role == "administrator",
                "created_at": seconds(agent.joined_at),
                "can_consume_credit": True,
            }
            for agent in world.agents.values()
        ],
    }


def octopush_conversation(world: World, thread: Conversation) -> Row:
    contact, messages = world.person(thread.contact_id), thread.public_messages
    agent = world.agents.get(thread.assignee_id or 0)
    return {
        "conversation_id": thread.uuid,
        "last_user_channel": world.channels[thread.channel_id].kind,
        "recipient_details__phone_number": contact.phone,
        "recipient_details__name": contact.name,
        "agent_assigned_to": agent.email if agent else None,
        "from": world.channels[thread.channel_id].sender,
        "first_message_at": seconds(messages[0].created_at),
        "last_message_at": seconds(messages[-1].created_at),
        "last_message": messages[-1].content,
        "purpose": thread.purpose,
        "color": thread.color,
        "number_of_messages": len(messages),
    }


def pembalasan(world: World, identifiers: Sequence[str]) -> Tables:
    inbox = next(c.id for c in world.channels.values() if c.kind == "api")
    threads = [
        thread
        for thread in world.conversations.values()
        if thread.channel_id == inbox and thread.source_id in identifiers
    ]
    messages = [message for thread in threads for message in thread.public_messages]
    contacts = [world.contacts[id] for id in sorted({thread.contact_id for thread in threads})]
    return {
        "conversations": [
            {
                "id": thread.id,
                "uuid": thread.uuid,
                "inbox_id": thread.channel_id,
                "status": thread.status,
                "contact_last_seen_at": seconds(thread.contact_seen_at),
                "agent_last_seen_at": seconds(thread.agent_seen_at),
                "contact__id": thread.contact_id,
            }
            for thread in threads
        ],
        "messages": [sent(world, message) for message in messages],
        "attachments": [attachment(a) for message in messages for a in message.attachments],
        "contacts": [
            {
                "id": contact.id,
                "account_id": 1,
                "name": contact.name,
                "email": contact.email,
                "phone_number": contact.phone,
                "identifier": contact.identifier,
                "blocked": contact.blocked,
                "additional_attributes": place(contact),
                "custom_attributes": contact.attributes,
                "contact_type": "lead" if contact.is_resolved else "visitor",
                "location": contact.city or "",
                "label_list": [],
                "last_activity_at": milliseconds(contact.last_activity_at),
                "created_at": milliseconds(contact.created_at),
                "updated_at": milliseconds(contact.updated_at),
            }
            for contact in contacts
        ],
    }
