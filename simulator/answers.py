"""Routes and answers shared by the simulated APIs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from talkhouse.simulator.world import World

Handler = Callable[[Request], Response]


class Refused(Exception):
    """Carries the answer of a request that goes no further."""

    def __init__(self, answer: Response) -> None:
        self.answer = answer


def json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A compact JSON answer."""
    body = msgspec.json.encode(value)
    return Response(body, status, headers, media_type="application/json; charset=utf-8")


def route(world: World, path: str, handler: Handler, method: str = "GET") -> Route:
    """A route whose handler runs with the World locked and finds the body in `request.state`."""

    async def endpoint(request: Request) -> Response:
        request.state.body = await request.body()
        with world.lock:
            try:
                return handler(request)
            except Refused as refused:
                return refused.answer

    return Route(path, endpoint, methods=[method])


def leading_int(text: str | None) -> int:
    """What Ruby's `to_i` and PHP's `(int)` make of a text: its leading digits, or 0."""
    found = re.match(r"\s*[+-]?\d+", text or "")
    return int(found.group()) if found else 0


def epoch(time: datetime | None) -> int:
    """Whole seconds; 0 for none, as `nil.to_i` gives."""
    return int(time.timestamp()) if time else 0
