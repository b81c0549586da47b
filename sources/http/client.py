"""One provider over HTTP: asked within its budget, retried, capped; never a secret in an error.

Only reads leave from here: GET, and POST for a search that its provider documents as one.
"""

import logging
import os
import random
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from ipaddress import ip_address
from typing import Any, TypeVar

import httpx
import msgspec
import stamina

from talkhouse.sources.http.body import ACCEPT_ENCODING, failure_of, read_capped
from talkhouse.sources.http.errors import (
    AuthError,
    BadAnswer,
    NotFound,
    PermissionDenied,
    RateLimited,
    Refused,
    SourceError,
    TransientError,
    Unavailable,
)
from talkhouse.sources.http.rate_limit import rate_limit_of

T = TypeVar("T")

ATTEMPTS = 6
LONGEST_WAIT_SECONDS = 300.0
TIMEOUT = httpx.Timeout(60.0, connect=10.0)

# both log addresses, and httpcore headers too: identifiers in paths and tokens must not get there
for noisy in ("httpx", "httpcore"):
    logging.getLogger(noisy).setLevel(logging.WARNING)
# it would print a line of its own, through the progress that is shown
stamina.instrumentation.set_on_retry_hooks([])


@dataclass(frozen=True)
class Request:
    """What to read. `shown` stands for the path in messages where the path itself is a secret."""

    path: str
    params: Mapping[str, str | int | None] = field(default_factory=dict)
    search: Any = None
    shown: str = ""

    def __str__(self) -> str:
        return f"{'GET' if self.search is None else 'POST'} {self.shown or self.path}"


@dataclass(frozen=True)
class Answer:
    """A provider's answer; `served_at` is the server's own clock (UTC, whole seconds)."""

    request: Request
    status: int
    headers: httpx.Headers
    body: bytes
    served_at: datetime


Refusal = Callable[[Answer, str], SourceError | None]


class Client:
    """Reads from one provider. Safe to use from several threads.

    `probe` is a cheap read whose answer tells the server's time before anything else was read.
    `refusal` may explain an answer better than its status does; None leaves it to the status.
    `decode` failures count as bad answers and are retried like them.
    """

    def __init__(
        self,
        provider: str,
        base_url: str,
        headers: dict[str, str],
        *,
        requests_per_second: float,
        in_flight: int,
        allow_http: bool = False,
        probe: Request | None = None,
        refusal: Refusal = lambda answer, what: None,
    ) -> None:
        self.provider = provider
        self.in_flight = in_flight
        self.requests = 0
        try:
            url = httpx.URL(base_url)
        except httpx.InvalidURL:
            raise Refused(f"{provider}: base_url is no address; it begins with https://") from None
        if url.scheme != "https" and not allow_http and not _is_loopback(url.host):
            raise Refused(
                f"{provider}: base_url is not https, and credentials would travel in the clear",
                "use https, or set allow_http = true for this connection",
            )
        origin = f"{url.scheme}://{url.netloc.decode()}"
        self.rate_limit = rate_limit_of(origin, requests_per_second, in_flight)
        self._probe = probe
        self._refusal = refusal
        self._served_at: tuple[datetime, float] | None = None
        self._told = datetime(1970, 1, 1, tzinfo=UTC)
        self._http = httpx.Client(
            base_url=base_url,
            headers={
                "User-Agent": "talkhouse",
                "Accept": "application/json",
                "Accept-Encoding": ACCEPT_ENCODING,
                **headers,
            },
            timeout=TIMEOUT,
            verify=_trusted(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")),
            limits=httpx.Limits(max_connections=in_flight, max_keepalive_connections=in_flight),
        )

    def close(self) -> None:
        self._http.close()

    @property
    def knows_time(self) -> bool:
        """Whether the server has told its time."""
        return self._served_at is not None

    def clock(self) -> datetime:
        """The server's time now (UTC, whole seconds), reckoned from its last answer; it never goes
        back, though the clocks of several servers behind one address may differ.
        """
        if self._served_at is None and self._probe is not None:
            self.read(self._probe, bytes)
        if self._served_at is None:
            now = datetime.now(UTC).replace(microsecond=0)
        else:
            served_at, at = self._served_at
            now = datetime.fromtimestamp(served_at.timestamp() + int(time.monotonic() - at), UTC)
        self._told = max(self._told, now)
        return self._told

    def read(self, request: Request, decode: Callable[[bytes], T], attempts: int = ATTEMPTS) -> T:
        """The decoded answer. Raises a SourceError: a TransientError only after retries."""
        for attempt in stamina.retry_context(
            on=_wait_before_retry, attempts=attempts, timeout=None, wait_initial=0.5, wait_max=30.0
        ):
            with attempt:
                answer = self._ask(request)
                try:
                    return decode(answer.body)
                except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as e:
                    raise BadAnswer(
                        f"{self.provider}: {request} answered {answer.status} with "
                        f"{len(answer.body)} bytes that are not the JSON expected"
                    ) from e
        raise AssertionError("stamina ends by returning or raising")

    def _ask(self, request: Request) -> Answer:
        with self.rate_limit.request() as asked_at:
            answer = self._send(request)
        if answer.status == 200:
            self._served_at = (answer.served_at, time.monotonic())
            self.rate_limit.answered()
            return answer
        what = f"{self.provider}: {request} answered {answer.status}"
        error = self._refusal(answer, what) or error_of(answer, what)
        if isinstance(error, RateLimited):
            self.rate_limit.slow_down(asked_at)
            self.rate_limit.pause(min(error.retry_after_seconds or 0, LONGEST_WAIT_SECONDS))
        raise error

    def _send(self, request: Request) -> Answer:
        # httpx sends None as an empty value, which Chatwoot takes for a filter that nothing meets
        params = {name: value for name, value in request.params.items() if value is not None}
        method = "GET" if request.search is None else "POST"
        self.requests += 1
        try:
            with self._http.stream(
                method, request.path, params=params, json=request.search
            ) as response:
                body = read_capped(response, f"{self.provider}: {request}")
        except httpx.HTTPError as e:
            raise failure_of(e, f"{self.provider}: {request}") from None
        return Answer(request, response.status_code, response.headers, body, _served_at(response))


def error_of(answer: Answer, what: str) -> SourceError:
    """The error that a status means where a provider gives it no other meaning."""
    status = answer.status
    if status == 429:
        return RateLimited(what, retry_after_seconds=retry_after_seconds(answer))
    if status >= 500 or status == 408:
        return Unavailable(what, retry_after_seconds=retry_after_seconds(answer))
    if status == 401:
        return AuthError(what)
    if status == 403:
        return PermissionDenied(what)
    if status in (404, 410):
        return NotFound(what)
    if 300 <= status < 400:
        return Refused(what, "the address moved: set base_url to the new one")
    return Refused(what)


def retry_after_seconds(answer: Answer) -> float | None:
    """Seconds to wait by Retry-After: given as seconds, or as a date by the server's clock."""
    value = answer.headers.get("retry-after", "").strip()
    if not value:
        return None
    if value.isdigit():
        return float(value)
    try:
        until = parsedate_to_datetime(value)
    except ValueError:
        return None
    seconds: float = (until.astimezone(UTC) - answer.served_at).total_seconds()
    return max(0.0, seconds)


def _wait_before_retry(error: Exception) -> bool | float:
    if not isinstance(error, TransientError):
        return False
    wait = error.retry_after_seconds
    if wait is None:
        return True
    # a provider that wants us gone for longer ends the run: the scheduler's next one goes on
    return wait + random.uniform(0, 1) if wait <= LONGEST_WAIT_SECONDS else False


def _served_at(response: httpx.Response) -> datetime:
    try:
        served_at = parsedate_to_datetime(response.headers["date"])
    except (KeyError, ValueError):
        return datetime.now(UTC).replace(microsecond=0)
    return served_at.replace(tzinfo=UTC) if served_at.tzinfo is None else served_at.astimezone(UTC)


@cache
def _trusted(file: str | None, folder: str | None) -> ssl.SSLContext:
    """Whom TLS trusts, where the environment names these: each reading takes 20 ms."""
    return httpx.create_ssl_context()


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
