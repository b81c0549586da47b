"""Octopush's API over the World: bare arrays of SMS and RCS conversations, without statuses or ids.

https://octopush-api.readme.io/reference/get_public_apiconversationsget_conversations
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from talkhouse.simulator.answers import Handler, json, leading_int, route
from talkhouse.simulator.credentials import OCTOPUSH_KEY, OCTOPUSH_LOGIN
from talkhouse.simulator.entities import Agent, Conversation, Message
from talkhouse.simulator.settings import Settings
from talkhouse.simulator.world import World

T = TypeVar("T")
PARIS = ZoneInfo("Europe/Paris")
DELIVERIES = {
    "sent": None,
    "delivered": "DELIVERED",
    "read": "DELIVERED",
    "failed": "NOT_DELIVERED",
}


def local(time: datetime) -> str:
    """ISO 8601 in whole seconds with Paris' offset, which summer time changes."""
    return time.astimezone(PARIS).isoformat(timespec="seconds")


class OctopushApi:
    def __init__(self, world: World, settings: Settings) -> None:
        self.world = world
        self.settings = settings

    def routes(self) -> list[Route]:
        base = "/v1/public"
        return [
            self.route(f"{base}/conversations/list", self.conversations),
            self.route(f"{base}/conversations/messages/list", self.messages),
            self.route(f"{base}/agents/list", self.agents),
        ]

    def route(self, path: str, handler: Handler) -> Route:
        def signed(request: Request) -> Response:
            login, key = request.headers.get("api-login"), request.headers.get("api-key")
            if (login, key) != (OCTOPUSH_LOGIN, OCTOPUSH_KEY):
                return json({"code": 401, "message": "Unauthorized."}, 401)
            return handler(request)

        return route(self.world, path, signed)

    def conversations(self, request: Request) -> Response:
        found = self.world.served("octopush")
        if self.settings.octopush_order == "newest first":
            found.sort(key=lambda c: c.public_messages[-1].created_at, reverse=True)
        return json([self.conversation(c) for c in self.page(request, found, 100)])

    def messages(self, request: Request) -> Response:
        """The messages of what the filters name; a filter that is not understood is ignored."""
        query = request.query_params
        found = self.world.served("octopush")
        wanted = query.get("conversation_id", "")
        if wanted.startswith("cid_"):
            found = [c for c in found if f"cid_{c.uuid}" == wanted]
        phone = query.get("phone_number")
        if phone:
            found = [c for c in found if self.world.person(c.contact_id).phone == phone]
        rows = [(m, c) for c in found for m in c.public_messages]
        rows.sort(key=lambda row: row[0].created_at)
        return json([self.message(m, c) for m, c in self.page(request, rows, 50)])

    def agents(self, request: Request) -> Response:
        return json([self.agent(agent) for agent in self.world.agents.values()])

    def page(self, request: Request, rows: list[T], default: int) -> list[T]:
        """One page; a wrong page or size is the default and a page past the end is empty."""
        query, most = request.query_params, self.settings.octopush_max_per_page
        size = leading_int(query.get("per_page"))
        size = size if size > 0 else default
        size = min(size, most) if most else size
        page = max(leading_int(query.get("page")), 1)
        return rows[(page - 1) * size : page * size]

    def conversation(self, c: Conversation) -> dict[str, Any]:
        """A row of the list; nobody assigned means no key."""
        messages, contact = c.public_messages, self.world.person(c.contact_id)
        channel = self.world.channels[c.channel_id]
        agent = self.world.agents.get(c.assignee_id or 0)
        return {
            "conversation_id": c.uuid,
            "last_user_channel": channel.kind,
            "recipient_details": {
                "phone_number": contact.phone,
                "name": contact.name,
            },
            **({"agent_assigned_to": agent.email} if agent else {}),
            "from": channel.sender,
            "first_message_at": local(messages[0].created_at),
            "last_message_at": local(messages[-1].created_at),
            "last_message": messages[-1].content,
            "purpose": c.purpose,
            "color": c.color,
            "number_of_messages": len(messages),
        }

    def message(self, m: Message, c: Conversation) -> dict[str, Any]:
        """Only the documented fields: neither a time nor the conversation is among them."""
        contact = self.world.person(c.contact_id)
        sender = self.world.agents.get(m.sender_id or 0) if m.sender_kind == "agent" else None
        return {
            "message_id": m.source_id or f"sms_{m.uuid}",
            "text": m.content,
            "direction": "inbound" if m.kind == "incoming" else "outbound",
            "delivery_status": None if m.kind == "incoming" else DELIVERIES[m.delivery],
            "channel": self.world.channels[c.channel_id].kind,
            "user_identifier": contact.phone,
            "user_identifiers": {
                "phone_number": contact.phone,
                "email": contact.email,
                "facebook_page_id": None,
            },
            "agent_assigned_to": sender.email if sender else None,
        }

    def agent(self, agent: Agent) -> dict[str, Any]:
        is_owner = agent.role == "administrator"
        return {
            "email": agent.email,
            "first_name": agent.first_name,
            "last_name": agent.last_name,
            "role": "ROLE_OWNER" if is_owner else "ROLE_AGENT",
            "status": "active" if agent.confirmed else "invited",
            "is_current_user": is_owner,
            "created_at": local(agent.joined_at),
            "last_authentication_date": None,
            "can_consume_credit": True,
            "system_avatar": None,
            "is_allowed_to_manage_foreign_conversations": is_owner,
            "can_order": is_owner,
            "is_only_chat_visible": not is_owner,
        }
