"""A server on this machine that keeps what is sent to it, such as a Pushgateway or a collector."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread


@dataclass(frozen=True)
class Sent:
    """A request, as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Receiver(HTTPServer):
    """Answers with `status`."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.status = 200
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def keep(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.sent.append(Sent(self.command, self.path, headers, body))
        self.send_response(self.server.status)
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
