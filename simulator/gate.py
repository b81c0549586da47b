"""The way in and out of the simulator: the log of requests, the server's clock, and the faults."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.types import ASGIApp, Receive, Scope, Send

from talkhouse.simulator.answers import leading_int
from talkhouse.simulator.faults import HTML, Fault, Faults
from talkhouse.simulator.world import World

CONTROL = "/_simulator"
Headers = list[tuple[bytes, bytes]]


@dataclass(slots=True)
class LoggedRequest:
    """A request as it came; `status` is 0 until it is answered."""

    provider: str
    method: str
    path: str
    query: str
    status: int = 0


class Gate:
    """An ASGI application around another: what it answers passes through the faults."""

    def __init__(
        self, app: ASGIApp, world: World, faults: Faults, requests: deque[LoggedRequest]
    ) -> None:
        self.app = app
        self.world = world
        self.faults = faults
        self.requests = requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path, query = scope["path"], scope["query_string"].decode("latin-1")
        struck: list[Fault] = []
        logged = LoggedRequest(path.split("/")[1], scope["method"], path, query)
        if not path.startswith(CONTROL):
            self.requests.append(logged)
            struck = self.faults.striking(logged.method, path, query)
        scope["query_string"] = _spoiled_query(query, struck).encode("latin-1")
        answer = Answer()
        await self.app(scope, receive, answer.send)
        is_cut = answer.spoil(struck)
        await asyncio.sleep(sum(fault.seconds for fault in struck if fault.kind == "slow"))
        logged.status = answer.status
        headers = answer.headers + [(b"date", self.date())]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        body = answer.body[: len(answer.body) // 2] if is_cut else answer.body
        # uvicorn closes the connection of an application that stops before its body ends
        await send({"type": "http.response.body", "body": body, "more_body": is_cut})

    def date(self) -> bytes:
        with self.world.lock:
            return format_datetime(self.world.now, usegmt=True).encode()


class Answer:
    """A whole answer, held back to be spoiled."""

    def __init__(self) -> None:
        self.status = 200
        self.headers: Headers = []
        self.body = b""

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message["headers"])
        else:
            self.body += message.get("body", b"")

    def spoil(self, faults: Iterable[Fault]) -> bool:
        """Applies the faults; whether the connection is to be cut."""
        is_cut = False
        for fault in faults:
            match fault.kind:
                case "status":
                    self.replace(fault.status, b"text/plain", _refusal(fault.status))
                    if fault.retry_after is not None:
                        self.headers.append((b"retry-after", fault.retry_after.encode()))
                case "poison":
                    if str(fault.value).encode() in self.body:
                        self.replace(500, b"text/plain", _refusal(500))
                case "html":
                    self.replace(200, b"text/html", HTML)
                case "empty":
                    self.replace(200, b"application/json", b"")
                case "truncated":
                    self.set_body(self.body[: len(self.body) // 2])
                case "no_rows" | "extra_field" | "wrong_type" | "null_id":
                    if self.status == 200:
                        self.set_body(fault.spoiled(self.body))
                case "cut":
                    is_cut = True
        return is_cut

    def replace(self, status: int, content_type: bytes, body: bytes) -> None:
        self.status, self.headers = status, [(b"content-type", content_type)]
        self.set_body(body)

    def set_body(self, body: bytes) -> None:
        self.body = body
        self.headers = [h for h in self.headers if h[0] != b"content-length"]
        self.headers.append((b"content-length", str(len(body)).encode()))


def _refusal(status: int) -> bytes:
    return b"Retry later\n" if status == 429 else b"simulated fault\n"


def _spoiled_query(query: str, faults: Iterable[Fault]) -> str:
    """The query as a server reads it that ignores pages or clamps their size."""
    for fault in faults:
        pairs = parse_qsl(query, keep_blank_values=True)
        if fault.kind == "repeat_page":
            query = urlencode([(name, value) for name, value in pairs if name != "page"])
        if fault.kind == "clamp":
            sizes = [(n, v) for n, v in pairs if n in ("page_size", "per_page")]
            asked = [leading_int(v) for _, v in sizes] or [fault.size]
            kept = [pair for pair in pairs if pair not in sizes]
            size = str(min([fault.size, *asked]))
            query = urlencode([*kept, ("page_size", size), ("per_page", size)])
    return query
