"""Pembalasan's public API over the World: Chatwoot's, under another name and without a token.

https://docs.pembalasan.id/panduan/api/conversations-api/list-all-contact-conversations and
`app/controllers/public/api/v1/**` of https://github.com/chatwoot/chatwoot at v4.15.1.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from talkhouse.simulator.answers import Refused, epoch, json, leading_int, route
from talkhouse.simulator.chatwoot import ChatwootApi
from talkhouse.simulator.chatwoot_json import MESSAGE_TYPES, ChatwootJson, attachment, iso
from talkhouse.simulator.chatwoot_people import additional_attributes
from talkhouse.simulator.credentials import ACCOUNT_ID
from talkhouse.simulator.entities import Contact, Conversation, Message
from talkhouse.simulator.settings import Settings
from talkhouse.simulator.world import World

# the public controllers do not handle the exception, so Rails words it
NOT_FOUND = {"status": 404, "error": "Not Found"}


class PembalasanApi:
    def __init__(self, world: World, settings: Settings) -> None:
        self.world = world
        self.account = ChatwootApi(world, settings, "pembalasan")
        self.out = ChatwootJson(world, viewer=None)

    def routes(self) -> list[Route]:
        base = "/public/api/v1/inboxes/{inbox}/contacts/{source_id}/conversations"
        return [
            route(self.world, base, self.conversations),
            route(self.world, base + "/{id:int}", self.conversation),
            route(self.world, base + "/{id:int}/messages", self.messages),
            *self.account.routes(),
        ]

    def found(self, request: Request) -> tuple[Contact, list[Conversation]]:
        """The contact of the path and its conversations: everywhere, once it proved who it is."""
        inbox, source_id = request.path_params["inbox"], request.path_params["source_id"]
        channels = [c for c in self.world.channels.values() if c.identifier == inbox]
        for contact in self.world.contacts.values() if channels else ():
            address = contact.address(channels[0].id, source_id)
            if address is None:
                continue
            owned = [c for c in self.world.conversations.values() if c.contact_id == contact.id]
            if not address.verified:
                here = (address.channel_id, source_id)
                owned = [c for c in owned if (c.channel_id, c.source_id) == here]
            return contact, owned
        raise Refused(json(NOT_FOUND, 404))

    def one(self, request: Request) -> tuple[Contact, Conversation]:
        contact, owned = self.found(request)
        for c in owned:
            if c.id == request.path_params["id"]:
                return contact, c
        raise Refused(json(NOT_FOUND, 404))

    def conversations(self, request: Request) -> Response:
        contact, owned = self.found(request)
        return json([self.document(c, contact) for c in owned])

    def conversation(self, request: Request) -> Response:
        contact, c = self.one(request)
        return json(self.document(c, contact))

    def messages(self, request: Request) -> Response:
        """Twenty messages, the newest before `before`; no other parameter is read."""
        _, c = self.one(request)
        found, before = c.public_messages, request.query_params.get("before")
        if before:
            found = [m for m in found if m.id < leading_int(before)]
        return json([self.message(m) for m in found[-20:]])

    def document(self, c: Conversation, contact: Contact) -> dict[str, Any]:
        return {
            "id": c.id,
            "uuid": c.uuid,
            "inbox_id": c.channel_id,
            "contact_last_seen_at": epoch(c.contact_seen_at),
            "status": c.status,
            "agent_last_seen_at": epoch(c.agent_seen_at),
            "messages": [self.message(m) for m in c.public_messages],
            "contact": self.contact(contact),
        }

    def message(self, m: Message) -> dict[str, Any]:
        document: dict[str, Any] = {
            "id": m.id,
            "content": m.content,
            "message_type": MESSAGE_TYPES[m.kind],
            "content_type": m.content_type,
            "content_attributes": m.content_attributes,
            "created_at": epoch(m.created_at),
            "conversation_id": m.conversation_id,
        }
        if m.attachments:
            document["attachments"] = [attachment(a) for a in m.attachments]
        sender = self.out.pushed_sender(m)
        return document | ({"sender": sender} if sender else {})

    def contact(self, contact: Contact) -> dict[str, Any]:
        """The whole row of the contacts table: its times are ISO 8601, unlike the rest."""
        return {
            "id": contact.id,
            "name": contact.name,
            "email": contact.email,
            "phone_number": contact.phone,
            "account_id": ACCOUNT_ID,
            "created_at": iso(contact.created_at),
            "updated_at": iso(contact.updated_at),
            "additional_attributes": additional_attributes(contact),
            "identifier": contact.identifier,
            "custom_attributes": contact.attributes,
            "last_activity_at": iso(contact.last_activity_at),
            "contact_type": "lead" if contact.is_resolved else "visitor",
            "middle_name": "",
            "last_name": "",
            "location": contact.city or "",
            "country_code": contact.country_code or "",
            "blocked": contact.blocked,
            "company_id": None,
            "label_list": [],
        }
