"""A page of a list: its body decoded into typed rows, and pages fetched ahead of their use."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar, cast

import msgspec

from sources.mending import mended
from sources.records import Record
from sources.salvage import Findings, salvage

R = TypeVar("R", bound=Record)
T = TypeVar("T")
S = TypeVar("S")

PAGES_READY = 8


@dataclass
class Page(Generic[R]):
    """The rows of a page.

    `count` is the number of rows that the provider says the whole list has, where it says one;
    `last` tells that no page follows; `quarantined` are rows that could not be read at all, by id
    or by place.
    """

    rows: list[R]
    count: int | None = None
    last: bool = False
    findings: Findings = field(default_factory=Findings)
    quarantined: list[int | str] = field(default_factory=list)


class Envelope(Protocol):
    """What a provider wraps its rows in, decoded; a bare array needs none."""

    @property
    def rows(self) -> list[Any]: ...
    @property
    def count(self) -> int | None: ...
    @property
    def last(self) -> bool: ...


class PageDecoder(Generic[R]):
    """Decodes a body strictly; only if that is refused, row by row, each as far as it fits.

    `envelope` is a generic msgspec type over its row, or `list`. Raises msgspec.DecodeError for a
    body that is not the envelope at all.
    """

    def __init__(self, record: type[R], envelope: Any = list) -> None:
        self.record = record
        self._strict = msgspec.json.Decoder(envelope[record])
        self._one = msgspec.json.Decoder(record)
        self._raw = msgspec.json.Decoder(envelope[msgspec.Raw])

    def __call__(self, body: bytes) -> Page[R]:
        body, found = mended(body)
        try:
            page: Page[R] = _page(self._strict.decode(body))
        except msgspec.ValidationError:
            page = self._row_by_row(body)
        for where, problem in sorted(found):
            page.findings.drifted(self.record.table, where, problem)
        return page

    def _row_by_row(self, body: bytes) -> Page[R]:
        page: Page[Any] = _page(self._raw.decode(body))
        kept = [self._row(raw, page.findings) for raw in page.rows]
        page.rows = [row for row in kept if row is not None]
        return page

    def _row(self, raw: msgspec.Raw, findings: Findings) -> R | None:
        try:
            return self._one.decode(raw)
        except msgspec.ValidationError:
            return salvage(self.record, raw, findings)


def _page(decoded: Any) -> Page[Any]:
    if isinstance(decoded, list):
        return Page(decoded, last=not decoded)
    envelope = cast(Envelope, decoded)
    return Page(envelope.rows, envelope.count, envelope.last)


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
