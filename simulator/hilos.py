"""Hilos' API over the World: a Django REST framework application.

Documented at https://hilos-40.mintlify.app/docs/developer/apidocs; what the documents leave open is
as https://github.com/encode/django-rest-framework does it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

from starlette.datastructures import URL
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from talkhouse.simulator.answers import Handler, Refused, json, route
from talkhouse.simulator.credentials import HILOS_KEY
from talkhouse.simulator.entities import Conversation
from talkhouse.simulator.hilos_json import HilosJson
from talkhouse.simulator.settings import Settings
from talkhouse.simulator.world import Provider, World

NOT_GIVEN = {"detail": "Authentication credentials were not provided."}
INVALID_TOKEN = {"detail": "Invalid token."}
INVALID_PAGE = {"detail": "Invalid page."}
CHALLENGE = {"WWW-Authenticate": "Token"}


class HilosApi:
    """The documented lists; what is not documented is not there."""

    provider: Provider = "hilos"

    def __init__(self, world: World, settings: Settings) -> None:
        self.world = world
        self.settings = settings
        self.out = HilosJson(world)

    def routes(self) -> list[Route]:
        return [
            self.route("/api/inbox/conversation", self.conversations),
            self.route("/api/contact", self.contacts),
            self.route("/api/contact/{id}", self.contact),
            self.route("/api/account-member", self.members),
            self.route("/api/channels/whatsapp/template", self.templates),
        ]

    def route(self, path: str, handler: Handler) -> Route:
        def signed(request: Request) -> Response:
            self.check_key(request)
            return handler(request)

        return route(self.world, path, signed)

    def check_key(self, request: Request) -> None:
        """Refuses a request without `Authorization: Token <key>`, word and all."""
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "token":
            raise Refused(json(NOT_GIVEN, 401, CHALLENGE))
        if key.strip() != HILOS_KEY:
            raise Refused(json(INVALID_TOKEN, 401, CHALLENGE))

    def conversations(self, request: Request) -> Response:
        query = request.query_params
        found = self.ordered(self.world.served(self.provider))
        if query.get("contact"):
            found = [c for c in found if self.contact_uuid(c) == _uuid(query["contact"])]
        if query.get("search"):
            found = [c for c in found if query["search"].lower() in self.searched(c)]
        return self.paginated(request, [self.out.conversation(c) for c in found])

    def contacts(self, request: Request) -> Response:
        search = request.query_params.get("search", "").lower()
        found = [
            c
            for c in reversed(self.world.served_contacts("hilos"))
            if search in f"{c.name} {c.phone or ''} {c.email or ''}".lower()
        ]
        return self.paginated(request, [self.out.contact(c) for c in found])

    def contact(self, request: Request) -> Response:
        for contact in self.world.served_contacts("hilos"):
            if contact.uuid == request.path_params["id"]:
                return json(self.out.contact_detail(contact))
        return json({"detail": "Not found."}, 404)

    def members(self, request: Request) -> Response:
        rows = [self.out.member(agent) for agent in self.world.agents.values()]
        for name, wanted in request.query_params.items():
            field, _, lookup = name.partition("__")
            if field in ("email", "first_name", "last_name") and lookup in LOOKUPS:
                rows = [r for r in rows if LOOKUPS[lookup](r[field].lower(), wanted.lower())]
        search = request.query_params.get("search", "").lower()
        rows = [
            r for r in rows if search in f"{r['first_name']} {r['last_name']} {r['email']}".lower()
        ]
        return json(_ordered_by(rows, request.query_params.get("ordering")))

    def templates(self, request: Request) -> Response:
        rows = [self.template(t) for t in self.world.templates]
        for field in ("category", "status"):
            wanted = request.query_params.get(f"{field}__in") or request.query_params.get(field)
            rows = [r for r in rows if not wanted or r[field] in wanted.split(",")]
        search = request.query_params.get("search", "").lower()
        rows = [r for r in rows if search in r["name"]]
        return self.paginated(request, _ordered_by(rows, request.query_params.get("ordering")))

    def template(self, uuid: str) -> dict[str, Any]:
        return self.out.template(self.world.templates[uuid])

    def ordered(self, found: list[Conversation]) -> list[Conversation]:
        if self.settings.hilos_order == "unordered":
            return sorted(found, key=lambda c: c.uuid)
        return sorted(found, key=lambda c: c.created_at, reverse=True)

    def contact_uuid(self, c: Conversation) -> str:
        return self.world.person(c.contact_id).uuid

    def searched(self, c: Conversation) -> str:
        contact = self.world.person(c.contact_id)
        return f"{contact.name} {contact.phone or ''}".lower()

    def paginated(self, request: Request, rows: list[dict[str, Any]]) -> Response:
        """One page of rows; 404 past the end, though page 1 is always there."""
        size, query = self.page_size(request), request.query_params
        last = max(-(-len(rows) // size), 1)
        asked = query.get("page", "1")
        number = last if asked == "last" else int(asked) if re.fullmatch(r"\d+", asked) else 0
        if not 1 <= number <= last:
            return json(INVALID_PAGE, 404)
        url = self.public_url(request)
        before = url.remove_query_params("page")
        before = before if number == 2 else before.include_query_params(page=number - 1)
        return json(
            {
                "count": len(rows),
                "next": str(url.include_query_params(page=number + 1)) if number < last else None,
                "previous": str(before) if number > 1 else None,
                "results": rows[(number - 1) * size : number * size],
            }
        )

    def page_size(self, request: Request) -> int:
        """A bad size is the default and a large one the maximum, both without a word."""
        asked = request.query_params.get("page_size", "")
        size = int(asked) if re.fullmatch(r"\d+", asked) else 0
        return min(size or self.settings.hilos_page_size, self.settings.hilos_max_page_size)

    def public_url(self, request: Request) -> URL:
        """The URL of this request as the server believes it to be."""
        return request.url


LOOKUPS: dict[str, Callable[[str, str], bool]] = {
    "icontains": lambda value, wanted: wanted in value,
    "iexact": lambda value, wanted: value == wanted,
    "istartswith": lambda value, wanted: value.startswith(wanted),
    "iendswith": lambda value, wanted: value.endswith(wanted),
    "isnull": lambda value, wanted: wanted != "true",
}


def _uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError as error:
        raise Refused(json({"contact": ["Enter a valid UUID."]}, 400)) from error


def _ordered_by(rows: list[dict[str, Any]], ordering: str | None) -> list[dict[str, Any]]:
    """Rows by one field, descending with `-`; an unknown field orders nothing."""
    field = (ordering or "").removeprefix("-")
    if not rows or field not in rows[0]:
        return rows
    return sorted(rows, key=lambda row: str(row[field]), reverse=(ordering or "").startswith("-"))
