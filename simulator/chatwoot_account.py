"""The lists of a Chatwoot account beside its conversations: people, inboxes, labels, surveys.

`app/controllers/api/v1/accounts/**` of https://github.com/chatwoot/chatwoot at v4.15.1.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from talkhouse.simulator.answers import epoch, json, leading_int
from talkhouse.simulator.chatwoot_filter import CrashError
from talkhouse.simulator.chatwoot_inboxes import inbox
from talkhouse.simulator.chatwoot_json import ChatwootJson
from talkhouse.simulator.chatwoot_lists import NOT_FOUND
from talkhouse.simulator.chatwoot_people import contact_inbox
from talkhouse.simulator.credentials import ACCOUNT_ID, CANARY
from talkhouse.simulator.entities import Agent, Contact, CsatResponse
from talkhouse.simulator.world import Provider, World

NOT_ALLOWED = {"error": "You are not authorized to do this action"}


class AccountLists:
    """The answers for one World, to whoever the token belongs to."""

    def __init__(self, world: World, provider: Provider) -> None:
        self.world = world
        self.provider = provider

    def profile(self, request: Request, viewer: Agent, out: ChatwootJson) -> Response:
        account = {
            "id": ACCOUNT_ID,
            "name": "Talkhouse",
            "status": "active",
            "active_at": "2026-05-29T08:00:00.000Z",
            "role": viewer.role,
            "permissions": [viewer.role],
            "availability": "online",
            "availability_status": out.availability(viewer),
            "auto_offline": True,
            "custom_role_id": None,
            "custom_role": None,
        }
        return json(
            {
                "access_token": CANARY + "profile-access-token",
                "account_id": ACCOUNT_ID,
                "available_name": viewer.first_name,
                "avatar_url": "",
                "confirmed": viewer.confirmed,
                "display_name": viewer.first_name,
                "message_signature": None,
                "email": viewer.email,
                "id": viewer.id,
                "inviter_id": None,
                "name": viewer.name,
                "provider": "email",
                "pubsub_token": CANARY + "profile-pubsub-token",
                "role": viewer.role,
                "ui_settings": {},
                "uid": viewer.email,
                "type": None,
                "accounts": [account],
            }
        )

    def contacts(self, request: Request, viewer: Agent, out: ChatwootJson) -> Response:
        query = request.query_params
        found = self.world.served_contacts(self.provider)
        sort = query.get("sort", "")
        keys: dict[str, Callable[[Contact], Any]] = {
            "name": lambda c: c.name.lower(),
            "email": lambda c: (c.email is None, c.email),
            "phone_number": lambda c: (c.phone is None, c.phone),
            "last_activity_at": lambda c: (c.last_activity_at is None, c.last_activity_at),
            "created_at": lambda c: c.created_at,
            "city": lambda c: (c.city is None, c.city),
            "country": lambda c: (c.country is None, c.country),
        }
        if sort.removeprefix("-") in keys:
            found.sort(key=keys[sort.removeprefix("-")], reverse=sort.startswith("-"))
        page = max(leading_int(query.get("page")), 1)
        inboxes = query.get("include_contact_inboxes") != "false"
        rows = [self.contact_row(c, out, inboxes) for c in found[(page - 1) * 15 : page * 15]]
        # the page comes back as it was sent: a string, and a number only when it was not sent
        meta = {"count": len(found), "current_page": query.get("page", 1)}
        return json({"meta": meta, "payload": rows})

    def contact_row(self, contact: Contact, out: ChatwootJson, inboxes: bool) -> dict[str, Any]:
        row = out.contact(contact)
        if inboxes:
            carried = self.world.carried(self.provider)
            row["contact_inboxes"] = [
                contact_inbox(a.source_id, self.world.channels[a.channel_id])
                for a in contact.addresses
                if a.channel_id in carried
            ]
        return row

    def contact(self, request: Request, viewer: Agent, out: ChatwootJson) -> Response:
        contact = self.world.contacts.get(request.path_params["id"])
        if contact is None:
            return json(NOT_FOUND, 404)
        return json({"payload": self.contact_row(contact, out, inboxes=True)})

    def inboxes(self, request: Request, viewer: Agent, out: ChatwootJson) -> Response:
        carried = self.world.carried(self.provider)
        is_admin = viewer.role == "administrator"
        found = [
            c
            for c in self.world.channels.values()
            if c.id in carried and (is_admin or viewer.id in c.members)
        ]
        found.sort(key=lambda c: c.name.lower())
        return json({"payload": [inbox(c, self.world, is_admin) for c in found]})

    def agents(self, request: Request, viewer: Agent, out: ChatwootJson) -> Response:
        found = sorted(self.world.agents.values(), key=lambda a: a.name.lower())
        return json([out.agent(agent) for agent in found])

    def teams(self, request: Request, viewer: Agent, out: ChatwootJson) -> Response:
        return json([out.team(team) for team in self.world.teams])

    def labels(self, request: Request, viewer: Agent, out: ChatwootJson) -> Response:
        rows = [
            {
                "id": tag.id,
                "title": tag.name,
                "description": tag.description,
                "color": tag.color,
                "show_on_sidebar": True,
            }
            for tag in self.world.tags.values()
        ]
        return json({"payload": rows})

    def csat(self, request: Request, viewer: Agent, out: ChatwootJson) -> Response:
        if viewer.role != "administrator":
            return json(NOT_ALLOWED, 401)
        query = request.query_params
        served = {c.id for c in self.world.served(self.provider)}
        found = [r for r in self.world.csat.values() if r.conversation_id in served]
        if query.get("since") and query.get("until"):
            try:
                since = datetime.fromtimestamp(int(query["since"]), UTC)
                until = datetime.fromtimestamp(int(query["until"]), UTC)
            except (ValueError, OverflowError, OSError) as error:
                raise CrashError from error
            found = [r for r in found if since <= r.created_at < until]
        if query.get("rating"):
            found = [r for r in found if r.rating == leading_int(query["rating"])]
        sort = query.get("sort")
        if sort in ("created_at", "-created_at"):
            found.sort(key=lambda r: r.created_at, reverse=sort == "-created_at")
        page = max(leading_int(query.get("page")), 1)
        return json([self.csat_row(r, out) for r in found[(page - 1) * 25 : page * 25]])

    def csat_row(self, r: CsatResponse, out: ChatwootJson) -> dict[str, Any]:
        row: dict[str, Any] = {
            "id": r.id,
            "rating": r.rating,
            "feedback_message": r.feedback,
            "csat_review_notes": r.review_notes,
            "review_notes_updated_at": epoch(r.reviewed_at) if r.reviewed_at else None,
            "account_id": ACCOUNT_ID,
            "message_id": r.message_id,
        }
        reviewer = self.world.agents.get(r.reviewed_by or 0)
        if reviewer:
            row["review_notes_updated_by"] = {"id": reviewer.id, "name": reviewer.name}
        contact = self.world.contacts.get(r.contact_id)
        if contact:
            row["contact"] = out.contact(contact)
        row["conversation_id"] = r.conversation_id
        agent = self.world.agents.get(r.agent_id or 0)
        if agent:
            row["assigned_agent"] = out.agent(agent)
        return row | {"created_at": epoch(r.created_at)}
