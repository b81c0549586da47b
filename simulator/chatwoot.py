"""Chatwoot's account API over the World: its routes, tokens and error bodies.

`app/controllers/api/v1/accounts/**` of https://github.com/chatwoot/chatwoot at v4.15.1.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from random import Random

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from talkhouse.simulator import chatwoot_lists as lists
from talkhouse.simulator.answers import Handler, Refused, epoch, json, leading_int, route
from talkhouse.simulator.chatwoot_account import NOT_ALLOWED, AccountLists
from talkhouse.simulator.chatwoot_filter import CrashError, InvalidFilterError, filtered
from talkhouse.simulator.chatwoot_json import ChatwootJson, OrphanError, attachment
from talkhouse.simulator.credentials import (
    ACCOUNT_ID,
    CHATWOOT_ADMIN,
    CHATWOOT_AGENT,
    FOREIGN_ACCOUNT_ID,
)
from talkhouse.simulator.entities import Agent, Conversation
from talkhouse.simulator.limits import Window
from talkhouse.simulator.settings import Settings
from talkhouse.simulator.world import Provider, World

TOKENS = {CHATWOOT_ADMIN: 11, CHATWOOT_AGENT: 15}
NOT_SIGNED_IN = {"errors": ["You need to sign in or sign up before continuing."]}
UNROUTED = {"status": 404, "error": "Not Found"}
CRASH = {"status": 500, "error": "Internal Server Error"}

Answer = Callable[[Request, Agent, ChatwootJson], Response]


class ChatwootApi(AccountLists):
    """The account API, of Chatwoot and of products that are Chatwoot under another name."""

    def __init__(self, world: World, settings: Settings, provider: Provider = "chatwoot") -> None:
        super().__init__(world, provider)
        self.settings = settings
        self.minute = Window(60)
        self.meta_minute = Window(60)
        self.random = Random(world.seed)

    def routes(self) -> list[Route]:
        account = "/api/v1/accounts/{account}"
        conversation = account + "/conversations/{id:int}"
        signed: list[tuple[str, Answer]] = [
            ("/api/v1/profile", self.profile),
            (account + "/conversations", self.conversations),
            (account + "/conversations/meta", self.meta),
            (conversation, self.conversation),
            (conversation + "/messages", self.messages),
            (conversation + "/attachments", self.attachments),
            (account + "/contacts", self.contacts),
            (account + "/contacts/{id:int}", self.contact),
            (account + "/contacts/{id:int}/conversations", self.contact_conversations),
            (account + "/inboxes", self.inboxes),
            (account + "/agents", self.agents),
            (account + "/teams", self.teams),
            (account + "/labels", self.labels),
            (account + "/csat_survey_responses", self.csat),
        ]
        routes = [route(self.world, path, self.signed(answer)) for path, answer in signed]
        post = account + "/conversations/filter"
        routes.append(route(self.world, post, self.signed(self.filter), "POST"))
        return [route(self.world, "/api", self.version), *routes]

    def signed(self, answer: Answer) -> Handler:
        """The answer for whoever the token belongs to."""

        def handler(request: Request) -> Response:
            limit = self.settings.chatwoot_requests_per_minute
            if limit and self.minute.left(limit) < 0:
                return throttled()
            viewer = self.viewer(request)
            if "account" in request.path_params:
                account = leading_int(request.path_params["account"])
                if account == FOREIGN_ACCOUNT_ID:
                    refusal = {"error": "You are not authorized to access this account"}
                    return json(refusal, 401)
                if account != ACCOUNT_ID:
                    return json(lists.NOT_FOUND, 404)
            try:
                return answer(request, viewer, ChatwootJson(self.world, viewer))
            except (OrphanError, CrashError):
                return json(CRASH, 500)

        return handler

    def viewer(self, request: Request) -> Agent:
        # Rack reads both spellings as HTTP_API_ACCESS_TOKEN
        headers = request.headers
        token = headers.get("api_access_token") or headers.get("api-access-token")
        if not token:
            raise Refused(json(NOT_SIGNED_IN, 401))
        viewer = self.world.agents.get(TOKENS.get(token, 0))
        if viewer is None:
            raise Refused(json({"error": "Invalid Access Token"}, 401))
        return viewer

    def version(self, request: Request) -> Response:
        return json(
            {
                "version": self.settings.chatwoot_version,
                "timestamp": f"{self.world.now.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
                "queue_services": "ok",
                "data_services": "ok",
            }
        )

    def conversations(self, request: Request, viewer: Agent, out: ChatwootJson) -> Response:
        query = request.query_params
        found = self.found(request, viewer)
        meta = lists.counts(found, viewer)
        found = lists.of_assignee(found, query, viewer)
        page = lists.page_of(self.world, found, query, self.settings)
        return json({"data": {"meta": meta, "payload": [out.conversation(c) for c in page]}})

    def meta(self, request: Request, viewer: Agent, out: ChatwootJson) -> Response:
        # throttled on its own, 30 a minute: `config/initializers/rack_attack.rb`
        if self.meta_minute.left(30) < 0:
            return throttled()
        return json({"meta": lists.counts(self.found(request, viewer), viewer)})

    def found(self, request: Request, viewer: Agent) -> list[Conversation]:
        visible = self.visible(viewer)
        return lists.matching(self.world, visible, request.query_params, viewer)

    def visible(self, viewer: Agent) -> list[Conversation]:
        """What the viewer may see, in the order in which ties are left: all sorts are stable."""
        found = lists.visible(self.world, self.provider, viewer)
        if self.settings.chatwoot_ties == "shuffled":
            self.random.shuffle(found)
        return found

    def filter(self, request: Request, viewer: Agent, out: ChatwootJson) -> Response:
        if not self.settings.chatwoot_filter:
            return json(UNROUTED, 404)
        try:
            body = msgspec.json.decode(request.state.body)
            visible = self.visible(viewer)
            found = filtered(self.world, visible, body)
        except msgspec.DecodeError as error:
            raise CrashError from error
        except InvalidFilterError as error:
            return json({"error": str(error)}, 422)
        meta = lists.counts(found, viewer)
        del meta["assigned_count"]
        page = max(leading_int(request.query_params.get("page")), 1)
        # kaminari's own page size, whatever CONVERSATION_RESULTS_PER_PAGE says
        rows = [out.conversation(c) for c in found[(page - 1) * 25 : page * 25]]
        return json({"meta": meta, "payload": rows})

    def one(self, request: Request, viewer: Agent) -> Conversation:
        """The conversation of the path; 404 when there is none, 401 when it is not the viewer's."""
        wanted = request.path_params["id"]
        served = {c.id: c for c in self.world.served(self.provider)}
        if wanted not in served:
            raise Refused(json(lists.NOT_FOUND, 404))
        conversation = served[wanted]
        team = self.world.teams.get(conversation.team_id or 0)
        members = self.world.channels[conversation.channel_id].members
        allowed = viewer.id in members or (team is not None and viewer.id in team.members)
        if viewer.role != "administrator" and not allowed:
            raise Refused(json(NOT_ALLOWED, 401))
        return conversation

    def conversation(self, request: Request, viewer: Agent, out: ChatwootJson) -> Response:
        return json(out.conversation(self.one(request, viewer)))

    def messages(self, request: Request, viewer: Agent, out: ChatwootJson) -> Response:
        c = self.one(request, viewer)
        page = lists.thread_page(c.messages, request.query_params)
        rows = [out.thread_message(m, c) for m in page]
        return json({"meta": out.thread_meta(c), "payload": rows})

    def attachments(self, request: Request, viewer: Agent, out: ChatwootJson) -> Response:
        c = self.one(request, viewer)
        messages = sorted(c.messages, key=lambda m: m.created_at, reverse=True)
        found = [
            attachment(a) | {"created_at": epoch(m.created_at), "sender": out.pushed_sender(m)}
            for m in messages
            for a in m.attachments
        ]
        page = max(leading_int(request.query_params.get("page")), 1)
        rows = found[(page - 1) * 100 : page * 100]
        return json({"meta": {"total_count": len(found)}, "payload": rows})

    def contact_conversations(self, request: Request, viewer: Agent, out: ChatwootJson) -> Response:
        visible = self.visible(viewer)
        contact = request.path_params["id"]
        if contact not in self.world.contacts:
            return json(lists.NOT_FOUND, 404)
        owned = [c for c in visible if c.contact_id == contact]
        newest = lists.ordered(self.world, owned, "last_activity_at_desc")[:20]
        return json({"payload": [out.conversation(c) for c in newest]})


def throttled() -> Response:
    """Rack-attack's refusal: no JSON and no Retry-After."""
    return Response("Retry later\n", 429, media_type="text/plain")
