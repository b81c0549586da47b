"""Pages fetched ahead of their use."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")
S = TypeVar("S")


PAGES_READY = 8


class PagesAhead(Generic[T]):
    """Numbered pages in the order asked, `in_flight` at a time fetched ahead of the one in hand.

    `last` is the page after which none is fetched ahead. Asking for an earlier page again drops
    what was fetched: the list has moved.
    """

    def __init__(
        self,
        fetch: Callable[[int], T],
        in_flight: int,
        last: int | None = None,
        *,
        ready: int = PAGES_READY,
    ) -> None:
        self.last = last
        self._fetch = fetch
        # pages wait here while those before them are worked on, so that the network never does
        self._ahead = 1 if in_flight == 1 else in_flight * ready
        self._threads = ThreadPoolExecutor(max_workers=in_flight)
        self._waiting: dict[int, Future[T]] = {}
        self._highest = 0

    def __enter__(self) -> "PagesAhead[T]":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)

    def page(self, number: int) -> T:
        """Page `number`; raises what fetching it raised."""
        if number < self._highest:
            for stale in self._waiting.values():
                stale.cancel()
            self._waiting.clear()
        self._highest = number
        for ahead in range(number, number + self._ahead):
            wanted = ahead == number or self.last is None or ahead <= self.last
            if wanted and ahead not in self._waiting:
                self._waiting[ahead] = self._threads.submit(self._fetch, ahead)
        return self._waiting.pop(number).result()


def ordered(
    threads: ThreadPoolExecutor, work: Callable[[S], T], items: Iterator[S], ahead: int
) -> Iterator[T]:
    """The results of `work`, in the order of `items`, at most `ahead` at work at a time."""
    running: deque[Future[T]] = deque()
    try:
        for item in items:
            running.append(threads.submit(work, item))
            if len(running) >= ahead:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
    finally:
        for future in running:
            future.cancel()
