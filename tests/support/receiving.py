"""A server on this machine that keeps what is sent to it, such as a Pushgateway, a collector or a
webhook.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any


@dataclass(frozen=True)
class Sent:
    """A request, as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Receiver(HTTPServer):
    """Answers with `statuses` first, then `status`."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.received: list[dict[str, Any]] = []
        """The JSON documents that it took."""
        self.statuses: list[int] = []
        self.status = 200
        self.meanwhile: Callable[[], None] = lambda: None
        """What happens while somebody waits for an answer."""
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    @property
    def url(self) -> str:
        """A webhook's address."""
        return f"http://{self.host}/hook/a-secret-path"


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def keep(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.sent.append(Sent(self.command, self.path, headers, body))
        self.server.meanwhile()
        status = self.server.statuses.pop(0) if self.server.statuses else self.server.status
        if status == 200 and headers.get("content-type") == "application/json":
            self.server.received.append(json.loads(body))
        self.send_response(status)
        self.end_headers()

    do_POST = do_PUT = keep

    def log_message(self, *said: object) -> None:
        pass


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver, for as long as the context lasts."""
    with Receiver() as receiver:
        thread = Thread(target=receiver.serve_forever)
        thread.start()
        try:
            yield receiver
        finally:
            receiver.shutdown()
            thread.join()
