"""The simulator's own API: change the World, move its clock and add faults from any language."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict
from typing import Any, get_type_hints

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from talkhouse.simulator.answers import json, route
from talkhouse.simulator.changes import CHANGES
from talkhouse.simulator.faults import Fault, Faults
from talkhouse.simulator.gate import CONTROL, LoggedRequest
from talkhouse.simulator.world import World


class Control:
    def __init__(self, world: World, faults: Faults, requests: deque[LoggedRequest]) -> None:
        self.world = world
        self.faults = faults
        self.requests = requests

    def routes(self) -> list[Route]:
        return [
            route(self.world, f"{CONTROL}/world", self.summary),
            route(self.world, f"{CONTROL}/change", self.change, "POST"),
            route(self.world, f"{CONTROL}/clock", self.clock, "POST"),
            route(self.world, f"{CONTROL}/faults", self.list_faults),
            route(self.world, f"{CONTROL}/faults", self.add_fault, "POST"),
            route(self.world, f"{CONTROL}/faults", self.clear_faults, "DELETE"),
            route(self.world, f"{CONTROL}/requests", self.list_requests),
            route(self.world, f"{CONTROL}/requests", self.clear_requests, "DELETE"),
        ]

    def summary(self, request: Request) -> Response:
        return json(self.world.summary())

    def change(self, request: Request) -> Response:
        """What changed; 422 when the World has nothing to change so."""
        arguments = _body(request)
        name = arguments.pop("change", None)
        if name not in CHANGES:
            return json({"error": f"change must be one of: {', '.join(CHANGES)}"}, 422)
        change = getattr(self.world, name)
        types = get_type_hints(change)
        unknown = arguments.keys() - types.keys()
        if unknown:
            return json({"error": f"{name} takes no {', '.join(sorted(unknown))}"}, 422)
        try:
            changed = change(**{k: msgspec.convert(v, types[k]) for k, v in arguments.items()})
        except (LookupError, msgspec.ValidationError) as error:
            return json({"error": str(error)}, 422)
        return json({"changed": type(changed).__name__.lower(), "id": changed.id})

    def clock(self, request: Request) -> Response:
        now = self.world.advance(float(_body(request).get("advance_seconds", 0)))
        return json({"now": now.isoformat()})

    def list_faults(self, request: Request) -> Response:
        return json(self.faults.as_documents())

    def add_fault(self, request: Request) -> Response:
        try:
            fault = self.faults.add(msgspec.convert(_body(request), Fault))
        except msgspec.ValidationError as error:
            return json({"error": str(error)}, 422)
        return json(asdict(fault))

    def clear_faults(self, request: Request) -> Response:
        self.faults.clear()
        return Response(status_code=204)

    def list_requests(self, request: Request) -> Response:
        return json([asdict(logged) for logged in list(self.requests)])

    def clear_requests(self, request: Request) -> Response:
        self.requests.clear()
        return Response(status_code=204)


def _body(request: Request) -> dict[str, Any]:
    body = msgspec.json.decode(request.state.body or b"{}")
    return body if isinstance(body, dict) else {}
