"""ActiveCampaign's WhatsApp API over the World: Hilos behind another gateway.

https://developers.activecampaign.com/reference/list-conversations
"""

from __future__ import annotations

from typing import Any

from starlette.datastructures import URL
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from talkhouse.simulator.answers import Handler, Refused, json
from talkhouse.simulator.credentials import ACTIVECAMPAIGN_KEY
from talkhouse.simulator.entities import Agent, Conversation, Template
from talkhouse.simulator.hilos import HilosApi
from talkhouse.simulator.hilos_json import HilosJson
from talkhouse.simulator.limits import Window
from talkhouse.simulator.settings import Settings
from talkhouse.simulator.world import Provider, World

PREFIX = "/api/3/channel/whatsapp"
REFUSED = {"message": "You are not authorized to access this resource."}


class ActiveCampaignJson(HilosJson):
    """The fields in which ActiveCampaign's document differs from Hilos'."""

    def conversation(self, c: Conversation) -> dict[str, Any]:
        document = super().conversation(c)
        paused = document["status"] == "FLOW_PAUSED"
        return document | ({"status": "FLOW"} if paused else {})

    def role(self, agent: Agent) -> str | int:
        """A number here, a word at Hilos."""
        return 1 if agent.role == "administrator" else 3

    def template(self, template: Template) -> dict[str, Any]:
        return super().template(template) | {"show_in_sandbox": False}


class ActiveCampaignApi(HilosApi):
    """Conversations and templates; contacts and members are not in this gateway's specification."""

    provider: Provider = "activecampaign"

    def __init__(self, world: World, settings: Settings) -> None:
        super().__init__(world, settings)
        self.out = ActiveCampaignJson(world)
        self.window = Window(1)

    def routes(self) -> list[Route]:
        return [
            self.route(f"{PREFIX}/inbox/conversation", self.conversations),
            self.route(f"{PREFIX}/channels/whatsapp/template", self.templates),
        ]

    def route(self, path: str, handler: Handler) -> Route:
        def limited(request: Request) -> Response:
            limit = self.settings.activecampaign_requests_per_second
            left = self.window.left(limit) if limit else 0
            headers = {"RateLimit-Limit": str(limit), "RateLimit-Remaining": str(max(left, 0))}
            if left < 0:
                wait = headers | {"Retry-After": "1"}
                raise Refused(json({"message": "Too Many Requests"}, 429, wait))
            answer = handler(request)
            answer.headers.update(headers if limit else {})
            return answer

        return super().route(path, limited)

    def check_key(self, request: Request) -> None:
        """Refuses with 403 whatever is not the key in the one header this server wants."""
        header, prefix = {
            "api_token": ("api-token", ""),
            "authorization_token": ("authorization", "Token "),
            "token_header": ("token", "Token "),
        }[self.settings.activecampaign_auth]
        if request.headers.get(header) != prefix + ACTIVECAMPAIGN_KEY:
            raise Refused(json(REFUSED, 403))

    def public_url(self, request: Request) -> URL:
        """The upstream's URL: `next` points at a host that must not get the key."""
        query = request.url.query
        return URL(f"https://api.hilos.io/api/inbox/conversation{'?' if query else ''}{query}")
