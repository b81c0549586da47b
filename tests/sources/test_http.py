"""The client: how fast it asks, what it retries, what it refuses, and what it never tells."""

import gzip
import json
import random
import socket
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx
import msgspec
import pytest
import stamina

from talkhouse.sources.chatwoot.connect import refusal as chatwoot_refusal
from talkhouse.sources.http import body, rate_limit
from talkhouse.sources.http.client import Answer, Client, Request, error_of, retry_after_seconds
from talkhouse.sources.http.errors import (
    AuthError,
    BadAnswer,
    NotFound,
    PermissionDenied,
    RateLimited,
    Refused,
    SourceError,
    TerminalError,
    TransientError,
    Unavailable,
)
from talkhouse.sources.http.rate_limit import RateLimit, rate_limit_of

SERVED_AT = datetime(2026, 6, 1, 9, 0, 20, tzinfo=UTC)


class Server:
    """A host that gives the answers it is told to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str], bytes]] = []
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                headers = {name.lower(): value for name, value in self.headers.items()}
                body = self.rfile.read(length)
                server.asked.append((self.command, self.path, headers, body))
                many = len(server.answers) > 1
                status, sent, body = server.answers.pop(0) if many else server.answers[0]
                self.send_response_only(status)
                for name, value in {"Content-Length": str(len(body)), **sent}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"

    def gives(self, body: Any = None, status: int = 200, **headers: str) -> None:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answers.append((status, sent, raw))


@contextmanager
def serving() -> Iterator[Server]:
    server = Server()
    thread = Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.http.shutdown()
    thread.join()
    server.http.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture
def elsewhere() -> Iterator[Server]:
    with serving() as server:
        yield server


Connect = Callable[..., Client]


@pytest.fixture
def connect(server: Server) -> Iterator[Connect]:
    opened: list[Client] = []

    def connect(url: str = "", **how: Any) -> Client:
        how = {"requests_per_second": 1_000, "in_flight": 2} | how
        client = Client("acme", url or server.url, {"Api-Key": "s3cret"}, **how)
        opened.append(client)
        return client

    yield connect
    for client in opened:
        client.close()


def answer(status: int = 200, body: bytes = b"", **headers: str) -> Answer:
    sent = httpx.Headers({name.replace("_", "-"): value for name, value in headers.items()})
    return Answer(Request("/things"), status, sent, body, SERVED_AT)


def test_an_answer_is_decoded(server: Server, connect: Connect) -> None:
    server.gives({"a": 1})
    assert connect().read(Request("/things"), msgspec.json.decode) == {"a": 1}
    [(method, path, headers, _)] = server.asked
    assert (method, path, headers["api-key"]) == ("GET", "/things", "s3cret")


def test_a_parameter_that_is_none_is_not_sent(server: Server, connect: Connect) -> None:
    server.gives([])
    connect().read(Request("/things", {"page": 1, "status": None, "q": ""}), bytes)
    assert server.asked[0][1] == "/things?page=1&q="


def test_a_search_is_posted(server: Server, connect: Connect) -> None:
    server.gives([])
    request = Request("/filter", {"page": 2}, search={"payload": []})
    connect().read(request, bytes)
    method, path, _, body = server.asked[0]
    assert (method, path, json.loads(body)) == ("POST", "/filter?page=2", {"payload": []})


def test_requests_are_counted_with_their_retries(server: Server, connect: Connect) -> None:
    server.gives(status=500)
    server.gives([])
    client = connect()
    client.read(Request("/things"), bytes)
    assert client.requests == len(server.asked) == 2


@pytest.mark.parametrize(
    "status, error",
    [
        (400, Refused),
        (401, AuthError),
        (403, PermissionDenied),
        (404, NotFound),
        (410, NotFound),
        (422, Refused),
        (302, Refused),
        (408, Unavailable),
        (429, RateLimited),
        (500, Unavailable),
        (503, Unavailable),
    ],
)
def test_a_status_is_an_error_of_its_kind(status: int, error: type[SourceError]) -> None:
    assert type(error_of(answer(status), "acme: GET /things answered")) is error


@pytest.mark.parametrize("status", [400, 401, 403, 404, 302])
def test_what_would_fail_again_is_asked_once(server: Server, connect: Connect, status: int) -> None:
    server.gives(status=status)
    with pytest.raises(TerminalError, match=f"GET /things answered {status}"):
        connect().read(Request("/things"), bytes)
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_may_pass_is_asked_again(server: Server, connect: Connect, status: int) -> None:
    server.gives(status=status)
    with pytest.raises(TransientError, match=f"GET /things answered {status}"):
        connect().read(Request("/things"), bytes)
    assert len(server.asked) == 3  # as many as the tests' own limit


def test_an_answer_that_cannot_be_decoded_is_asked_for_again(
    server: Server, connect: Connect
) -> None:
    server.gives(b"<html>")
    server.gives({"a": 1})
    assert connect().read(Request("/things"), msgspec.json.decode) == {"a": 1}


def test_text_that_is_no_utf8_is_a_bad_answer(server: Server, connect: Connect) -> None:
    server.gives(b'{"a": "\xff"}')
    with pytest.raises(BadAnswer, match="acme: GET /things answered 200 with 10 bytes"):
        connect().read(Request("/things"), msgspec.json.Decoder(dict[str, str]).decode)


def test_an_answer_nested_too_deep_is_a_bad_answer(server: Server, connect: Connect) -> None:
    server.gives(b"[" * 100_000)
    with pytest.raises(BadAnswer, match="100000 bytes that are not the JSON expected"):
        connect().read(Request("/things"), msgspec.json.decode)


def test_a_host_that_is_not_there_is_unavailable(connect: Connect) -> None:
    with pytest.raises(Unavailable, match="acme: GET /things failed: ConnectError"):
        connect("http://127.0.0.1:9").read(Request("/things"), bytes)


def test_no_redirect_is_followed(server: Server, elsewhere: Server, connect: Connect) -> None:
    elsewhere.gives([])
    server.gives(status=302, location=f"{elsewhere.url}/things")
    with pytest.raises(Refused, match="the address moved: set base_url to the new one"):
        connect().read(Request("/things"), bytes)
    assert elsewhere.asked == []
    assert len(server.asked) == 1


def test_an_error_tells_the_path_and_no_more(server: Server, connect: Connect) -> None:
    server.gives(b"the body of +351910000100", status=404, x_token="s3cret")
    with pytest.raises(NotFound) as raised:
        connect().read(Request("/things", {"phone": "+351910000100"}), bytes)
    assert str(raised.value) == (
        "acme: GET /things answered 404; check base_url and the ids in the connection's settings"
    )


def test_a_path_that_is_a_secret_is_shown_as_another(server: Server, connect: Connect) -> None:
    server.gives(status=500)
    request = Request("/inboxes/s3cret/contacts/c0ntact", shown="/inboxes/.../contacts/...")
    with pytest.raises(Unavailable) as raised:
        connect().read(request, bytes)
    assert str(raised.value).startswith("acme: GET /inboxes/.../contacts/... answered 500")
    assert server.asked[0][1] == "/inboxes/s3cret/contacts/c0ntact"


def test_a_cut_connection_tells_no_address(connect: Connect, server: Server) -> None:
    server.gives(b"half", content_length="99")
    with pytest.raises(Unavailable) as raised:
        connect().read(Request("/things", {"phone": "+351"}), bytes)
    assert "351" not in str(raised.value) and server.url not in str(raised.value)
    assert raised.value.__cause__ is None


def test_plain_http_is_refused() -> None:
    with pytest.raises(Refused, match="credentials would travel in the clear; use https, or set"):
        Client("acme", "http://api.example.com", {}, requests_per_second=1, in_flight=1)


@pytest.mark.parametrize(
    "url, allow",
    [
        ("https://api.example.com", False),
        ("http://127.0.0.1:8000", False),
        ("http://[::1]:8000", False),
        ("http://localhost", False),
        ("http://api.example.com", True),
    ],
)
def test_https_loopback_and_what_is_allowed_are_not(
    url: str, allow: bool, connect: Connect
) -> None:
    assert connect(url, allow_http=allow).provider == "acme"


def test_an_answer_beyond_the_cap_is_refused(
    server: Server, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body, "LARGEST_ANSWER_BYTES", 100)
    server.gives(b"x" * 101)
    with pytest.raises(Refused, match="acme: GET /things answered more than 100 bytes"):
        connect().read(Request("/things"), bytes)
    assert len(server.asked) == 1


def test_an_answer_that_takes_too_long_is_unavailable(
    server: Server, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body, "LONGEST_ANSWER_SECONDS", -1.0)
    server.gives(b"x")
    with pytest.raises(Unavailable, match="was still answering"):
        connect().read(Request("/things"), bytes)


def test_what_is_compressed_is_undone(server: Server, connect: Connect) -> None:
    server.gives(gzip.compress(b'{"a": 1}'), content_encoding="gzip")
    assert connect().read(Request("/things"), msgspec.json.decode) == {"a": 1}
    assert server.asked[0][2]["accept-encoding"] == "gzip"


def test_a_bomb_is_refused_before_it_takes_the_memory(
    server: Server, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body, "LARGEST_ANSWER_BYTES", 1_000_000)
    server.gives(gzip.compress(bytes(200_000_000), 1), content_encoding="gzip")
    client = connect()
    tracemalloc.start()
    with pytest.raises(Refused, match="acme: GET /things answered more than 1000000 bytes"):
        client.read(Request("/things"), bytes)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # of it all, no more was ever undone than the cap
    assert most < 10_000_000
    assert len(server.asked) == 1


@pytest.mark.parametrize("encoding", ["gzip, gzip", "br", "zstd", "deflate"])
def test_no_other_compression_is_undone(encoding: str, server: Server, connect: Connect) -> None:
    server.gives(gzip.compress(gzip.compress(b"[]")), content_encoding=encoding)
    with pytest.raises(Refused, match="answered in an encoding that was not asked for"):
        connect().read(Request("/things"), bytes)


@pytest.mark.parametrize("body", [b"[]", gzip.compress(b"[]", mtime=0) + b"more"])
def test_what_is_not_compressed_as_it_says_is_a_bad_answer(
    body: bytes, server: Server, connect: Connect
) -> None:
    server.gives(body, content_encoding="gzip")
    with pytest.raises(BadAnswer):
        connect().read(Request("/things"), bytes)


def test_a_body_that_drips_nothing_ends(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "LONGEST_ANSWER_SECONDS", 0.5)
    with dripping() as url, stamina.set_testing(True, attempts=1):
        with pytest.raises(Unavailable, match="was still answering after 0 s"):
            connect(url).read(Request("/things"), bytes)


@contextmanager
def dripping() -> Iterator[str]:
    """A host that answers with gzip's empty blocks for ever: there is always more, and nothing."""

    def drip() -> None:
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n")
            connection.sendall(gzip.compress(b"")[:10])
            while True:
                connection.sendall(b"\x00\x00\x00\xff\xff")
                time.sleep(0.01)  # what drips is slow: without it the cap on bytes would end it

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=drip)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


@pytest.mark.parametrize("url", ["https://chat.example:port", "https://chat.example/\r\n"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(Refused, match="acme: base_url is no address; it begins with https://"):
        Client("acme", url, {}, requests_per_second=1, in_flight=1)


@pytest.mark.parametrize(
    "value, seconds",
    [
        ("7", 7.0),
        ("0", 0.0),
        ("Mon, 01 Jun 2026 09:00:50 GMT", 30.0),
        ("Mon, 01 Jun 2026 09:00:00 GMT", 0.0),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, seconds: float | None) -> None:
    assert retry_after_seconds(answer(429, retry_after=value)) == seconds


def test_chatwoot_waits_for_the_next_minute() -> None:
    error = chatwoot_refusal(answer(429, b"Retry later\n"), "chatwoot: GET /things answered 429")
    assert isinstance(error, RateLimited)
    assert error.retry_after_seconds == 40


@pytest.mark.parametrize(
    "body, error",
    [
        (b'{"errors": ["You need to sign in or sign up before continuing."]}', AuthError),
        (b'{"error": "Invalid Access Token"}', AuthError),
        (b'{"error": "You are not authorized to do this action"}', PermissionDenied),
        (b"<html>", AuthError),
        (b"[]", AuthError),
        (b'"no"', AuthError),
        (b"null", AuthError),
    ],
)
def test_chatwoot_says_in_the_body_what_a_401_means(body: bytes, error: type[Any]) -> None:
    assert type(chatwoot_refusal(answer(401, body), "chatwoot: GET /things answered 401")) is error


def test_a_refusal_by_the_provider_goes_before_the_status(server: Server, connect: Connect) -> None:
    server.gives(status=418)
    client = connect(refusal=lambda answer, what: AuthError(what, "brew coffee"))
    with pytest.raises(AuthError, match="acme: GET /things answered 418; brew coffee"):
        client.read(Request("/things"), bytes)


def test_a_limit_halves_the_rate_and_good_answers_restore_it() -> None:
    budget = RateLimit(requests_per_second=8, in_flight=2)
    with budget.request() as first, budget.request() as second:
        pass
    budget.slow_down(first)
    assert budget.rate == 4
    budget.slow_down(second)  # asked before the rate was halved
    assert budget.rate == 4
    with budget.request() as third:
        budget.slow_down(third)
    assert budget.rate == 2
    budget.answered()
    assert budget.rate == pytest.approx(2.04)
    for _ in range(200):
        budget.answered()
    assert budget.rate == 8


def test_the_rate_never_falls_to_nothing() -> None:
    budget = RateLimit(requests_per_second=1, in_flight=1)
    for _ in range(50):
        budget.slow_down(time.monotonic())
    assert budget.rate == 0.1


def test_a_429_slows_the_host_down_and_an_answer_speeds_it_up(
    server: Server, connect: Connect
) -> None:
    server.gives(status=429)
    server.gives([])
    client = connect(requests_per_second=1_000)
    client.read(Request("/things"), bytes)
    assert client.rate_limit.rate == 500 * rate_limit.RESTORED_PER_ANSWER


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(rate_limit, "time", clock)
    return clock


def test_requests_are_spaced_by_the_rate(clock: Clock) -> None:
    paced = RateLimit(requests_per_second=4, in_flight=2)
    begun = []
    for _ in range(5):
        with paced.request():
            begun.append(clock.now - 1_000)
    assert begun == [0, 0.25, 0.5, 0.75, 1.0]
    assert paced.waited_seconds == 1.0


def test_a_pause_holds_everyone(clock: Clock) -> None:
    paced = RateLimit(requests_per_second=4, in_flight=2)
    paced.pause(30)
    with paced.request():
        assert clock.now == 1_030
    with paced.request():
        assert clock.now == 1_030.25


def test_no_more_requests_are_in_flight_than_there_are_places(clock: Clock) -> None:
    paced = RateLimit(requests_per_second=1_000, in_flight=1)
    third = Thread(target=lambda: paced.request().__enter__(), daemon=True)
    with paced.request():
        third.start()
        third.join(0.05)
        assert third.is_alive()
    third.join()


def test_connections_to_one_host_share_its_budget_and_the_strictest_wins() -> None:
    first = rate_limit_of("https://a.example", 8, 4)
    assert rate_limit_of("https://a.example", 2, 4) is first
    assert (first.limit, first.rate) == (2, 2)
    assert rate_limit_of("https://a.example", 5, 4).limit == 2
    assert rate_limit_of("https://b.example", 5, 4).limit == 5


def test_retry_after_is_waited_for(
    server: Server, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random, "uniform", lambda low, high: low)
    server.gives(status=429, retry_after="1")
    server.gives([])
    client = connect()
    began = time.monotonic()
    with stamina.set_testing(False):
        client.read(Request("/things"), bytes)
    assert time.monotonic() - began >= 1
    assert len(server.asked) == 2


def test_a_host_that_wants_a_long_wait_ends_the_run(
    server: Server, connect: Connect, clock: Clock
) -> None:
    server.gives(status=429, retry_after="86400")
    with pytest.raises(RateLimited, match="lower requests_per_second"):
        connect().read(Request("/things"), bytes)
    assert len(server.asked) == 1


def test_the_clock_is_the_servers(server: Server, connect: Connect) -> None:
    server.gives([], date="Sun, 01 Mar 2026 10:00:00 GMT")
    client = connect(probe=Request("/time"))
    assert client.clock().date().isoformat() == "2026-03-01"
    assert server.asked[0][1] == "/time"
    client.clock()
    assert len(server.asked) == 1


def test_a_date_without_a_zone_is_taken_for_utc(server: Server, connect: Connect) -> None:
    server.gives([], date="Sun, 01 Mar 2026 10:00:00 -0000")
    client = connect(probe=Request("/time"))
    assert client.clock().isoformat()[:13] == "2026-03-01T10"
    assert client.clock().tzinfo is UTC
