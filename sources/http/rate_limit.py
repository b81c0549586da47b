"""How fast one host may be asked, shared by every connection in this process that talks to it. How
fast that is, each provider's `connect.py` says, and the setting `requests_per_second`.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

RESTORED_PER_ANSWER = 1.02
SLOWEST = 0.1


class RateLimit:
    """Requests per second, and requests in flight, of one host.

    A 429 halves the rate, but only once for all that was asked before; every good answer restores
    2 % of it, up to the limit.
    """

    def __init__(self, requests_per_second: float, in_flight: int) -> None:
        self.limit = requests_per_second
        self.rate = requests_per_second
        self.waited_seconds = 0.0
        self._places = threading.BoundedSemaphore(in_flight)
        self._lock = threading.Lock()
        self._next_at = 0.0
        self._slowed_at = 0.0

    @contextmanager
    def request(self) -> Iterator[float]:
        """A place in flight, taken when it is this request's turn; gives the time of it."""
        with self._places:
            with self._lock:
                now = time.monotonic()
                turn = max(self._next_at, now)
                self._next_at = turn + 1 / self.rate
                self.waited_seconds += turn - now
            if turn > now:
                time.sleep(turn - now)
            yield time.monotonic()

    def pause(self, seconds: float) -> None:
        """Nobody asks this host for so long: its answer to one of us was meant for all."""
        with self._lock:
            self._next_at = max(self._next_at, time.monotonic() + seconds)

    def slow_down(self, asked_at: float) -> None:
        """The host said 429 to what was asked at that time: half the rate."""
        with self._lock:
            if asked_at > self._slowed_at:
                self.rate = max(self.rate / 2, SLOWEST)
                self._slowed_at = time.monotonic()

    def answered(self) -> None:
        """The host answered well: a little of the rate comes back."""
        if self.rate < self.limit:
            with self._lock:
                self.rate = min(self.rate * RESTORED_PER_ANSWER, self.limit)


_rate_limits: dict[str, RateLimit] = {}
_rate_limits_lock = threading.Lock()


def rate_limit_of(origin: str, requests_per_second: float, in_flight: int) -> RateLimit:
    """The rate limit of an origin such as `https://a.example.com`; the strictest setting wins."""
    with _rate_limits_lock:
        found = _rate_limits.get(origin)
        if found is None:
            found = _rate_limits[origin] = RateLimit(requests_per_second, in_flight)
        elif requests_per_second < found.limit:
            found.limit = requests_per_second
            found.rate = min(found.rate, requests_per_second)
        return found
