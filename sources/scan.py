"""THE algorithm: read a list that moves while it is read, completely, and know when it was.

No provider's list can be asked for what changed since, so a list is read in one of three modes:

- `full`: to its end. Late changes (a status, an assignment, a tag) move no cursor on any provider,
  so full scans are scheduled.
- `recent`: newest first, until the cursor is older than the watermark less the lookback. Stopping
  there is earned: only if the cursor was seen to fall and never to rise, page after page.
- `window`: a backfill of the rows whose cursor is in [since, until). It leaves the watermark alone.

The watermark is the server's clock when the scan began: whatever moved during the scan is read
again by the next one. A scan goes on in chunks; between two of them all it needs is in its state,
of constant size, which is loaded together with the chunk's rows.
"""

import math
from collections.abc import Callable, Hashable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, Literal, TypeVar

from sources.errors import BadAnswer, NotFound, PagingLoop
from sources.http import Client, Request
from sources.pages import Page, PageDecoder, PagesAhead
from sources.records import Record, microseconds
from sources.salvage import Findings

R = TypeVar("R", bound=Record)
Mode = Literal["full", "recent", "window"]

SAME_PAGE_AT_MOST = 3
# rows that are held as Python objects at a time
BATCH_ROWS = 2_000


@dataclass(frozen=True)
class Plan:
    """How far this run reads: every list's lookback and schedule, or a window to backfill."""

    lookback: timedelta = timedelta(hours=1)
    full_scan_every: timedelta = timedelta(hours=24)
    start_date: datetime | None = None
    full: bool = False
    since: datetime | None = None
    until: datetime | None = None
    chunk_rows: int = 50_000

    @property
    def is_window(self) -> bool:
        return self.since is not None or self.until is not None


@dataclass(frozen=True)
class Listing(Generic[R]):
    """A provider's list, as the scan must know it.

    `request` gives the request of a page (from 1) in a mode; `identity` what tells a row from
    another. `cursor` is the field that new activity moves and by which `recent` falls;
    `window_cursor` the field that windows are cut by, and by which `window` falls. A list without
    a cursor is always read whole. `ahead` says that pages may be fetched before the ones in front
    of them have answered: safe where rows are only appended, or where each answer declares the
    list's count, which tells of a shift. `last_page` is the number of pages where it is known;
    `missing_page_is_end` is false where a 404 concerns that page alone. `may_be_forbidden` marks a
    list without which the connection is still worth reading.
    """

    name: str
    request: Callable[[int, Mode], Request]
    decode: PageDecoder[R]
    identity: Callable[[R], Hashable] = lambda row: row.id  # type: ignore[attr-defined]
    cursor: str | None = None
    window_cursor: str | None = None
    ahead: bool = False
    last_page: int | None = None
    missing_page_is_end: bool = True
    may_be_forbidden: bool = False


@dataclass
class Progress:
    """How far one list has come in this run."""

    mode: str = ""
    pages: int = 0
    rows: int = 0
    finished: bool = False
    skipped: str = ""


@dataclass
class Batch(Generic[R]):
    """Some rows of a chunk. No two batches of a chunk hold the same row."""

    rows: Sequence[R]
    findings: Findings
    is_first: bool
    is_last: bool


State = MutableMapping[str, Any]


def scan(
    client: Client, listing: Listing[R], plan: Plan, state: State, progress: Progress
) -> Iterator[Batch[R]]:
    """The next chunk of the list. `state` then says where to go on, or what is complete.

    A row that comes again (the list moved) replaces the one before it, or if that one was already
    given, ends the chunk: a package then never holds a row twice. Raises a SourceError; the state
    then is not to be kept.
    """
    at = "window" if plan.is_window else "scan"
    if plan.full or at not in state:
        state[at] = _begin(client, listing, plan, state)
    going = state[at]
    if listing.last_page is None:
        # the list may have moved since the last chunk: its last page is read again
        going["page"] = max(1, going["page"] - 1)
        going.pop("lowest", None)
    mode: Mode = going["mode"]
    progress.mode = mode
    walk = _Walk(listing, plan, going, _stop_before(plan, going, state))

    def fetch(number: int) -> Page[R]:
        return client.read(listing.request(number, mode), listing.decode)

    rows: dict[Hashable, R] = {}
    given: set[Hashable] = set()
    findings = Findings()
    is_first, over = True, False
    ahead = client.in_flight if listing.ahead and mode == "full" else 1
    # until the first page tells the list's count, there may be no second one
    last = listing.last_page or 1
    with PagesAhead(fetch, ahead, last) as pages:
        while not over and len(given) < plan.chunk_rows:
            number = going["page"]
            page = _page_or_end(pages, number, listing)
            wanted = {listing.identity(row): row for row in page.rows if walk.wants(row)}
            if not given.isdisjoint(wanted):
                break
            rows.update(wanted)
            findings.add(page.findings)
            over = walk.read(page, number)
            progress.pages += 1
            progress.rows += len(page.rows)
            if page.count is not None and walk.size:
                chunk = plan.chunk_rows - len(given) - len(rows)
                pages.last = min(
                    math.ceil(page.count / walk.size), number + math.ceil(chunk / walk.size)
                )
            if len(rows) >= BATCH_ROWS and not over:
                yield Batch(list(rows.values()), findings, is_first, is_last=False)
                given.update(rows)
                rows, findings, is_first = {}, Findings(), False
    yield Batch(list(rows.values()), findings, is_first, is_last=True)
    progress.finished = over
    if over:
        del state[at]
        if mode != "window":
            state["watermark"] = going["started_at"]
        if mode == "full":
            state["full_scan_at"] = going["started_at"]


def _page_or_end(pages: PagesAhead[Page[R]], number: int, listing: Listing[R]) -> Page[R]:
    try:
        return pages.page(number)
    except NotFound:
        if number == 1 and listing.missing_page_is_end:
            raise
        return Page([], last=listing.missing_page_is_end)


def _begin(client: Client, listing: Listing[R], plan: Plan, state: State) -> dict[str, Any]:
    now = client.clock()
    if plan.is_window and listing.window_cursor:
        mode: Mode = "window"
    elif plan.full or not listing.cursor or _full_scan_due(plan, state, now):
        mode = "full"
    else:
        mode = "recent"
    return {"mode": mode, "started_at": now.isoformat(), "page": 1, "falling": True}


def _full_scan_due(plan: Plan, state: State, now: datetime) -> bool:
    watermark, last = state.get("watermark"), state.get("full_scan_at")
    if watermark is None or last is None or now < datetime.fromisoformat(watermark):
        return True  # never read whole, or the server's clock went back
    return now - datetime.fromisoformat(last) >= plan.full_scan_every


def _stop_before(plan: Plan, going: dict[str, Any], state: State) -> datetime | None:
    if going["mode"] == "window":
        return plan.since
    if going["mode"] == "recent":
        return datetime.fromisoformat(state["watermark"]) - plan.lookback
    return None


class _Walk(Generic[R]):
    """Follows the pages of one scan: what to keep, which page is next, and when it is over.

    What must outlast the chunk is in `going`.
    """

    def __init__(
        self, listing: Listing[R], plan: Plan, going: dict[str, Any], stop_before: datetime | None
    ) -> None:
        self.listing = listing
        self.going = going
        self.size = 0
        window = going["mode"] == "window"
        self._cursor = listing.window_cursor if window else listing.cursor
        self._from = microseconds(plan.since if window else plan.start_date)
        self._until = microseconds(plan.until) if window else None
        self._stop_before = microseconds(stop_before)
        self._last_page: list[Hashable] = []
        self._same = 0

    def wants(self, row: R) -> bool:
        value = self._value(row)
        if value is None:
            return True
        return (self._from is None or value >= self._from) and (
            self._until is None or value < self._until
        )

    def read(self, page: Page[R], number: int) -> bool:
        """Takes note of a page and sets the next one's number; True if the scan is over."""
        self._check(page, number)
        going = self.going
        dropped = max(0, going.get("count", 0) - page.count) if page.count is not None else 0
        if page.count is not None:
            going["count"] = page.count
        if dropped and number > 1:
            # rows went away: those behind moved up, some from the pages ahead into the pages read
            going["page"] = max(1, number - math.ceil(dropped / max(self.size, 1)))
            going.pop("lowest", None)
            return False
        self._follow_cursor(page)
        going["page"] = number + 1
        end = self.listing.last_page
        over = page.last if end is None else number >= end
        return over or self._may_stop()

    def _check(self, page: Page[R], number: int) -> None:
        if number == 1 and not page.rows and page.count and not page.findings.rejects:
            raise BadAnswer(f"{self.listing.name}: the list says it has rows, and gave none")
        identities = [self.listing.identity(row) for row in page.rows]
        self._same = self._same + 1 if identities and identities == self._last_page else 0
        # where the number of pages is known the list ends, and its pages may well be alike
        if self._same >= SAME_PAGE_AT_MOST and self.listing.last_page is None:
            raise PagingLoop(f"{self.listing.name}: page {number} repeats the pages before it")
        self._last_page = identities
        self.size = max(self.size, len(page.rows))

    def _follow_cursor(self, page: Page[R]) -> None:
        for row in page.rows:
            value, lowest = self._value(row), self.going.get("lowest")
            if value is None:
                continue
            if lowest is not None and value > lowest:
                self.going["falling"] = False
            if lowest is not None and value < lowest:
                self.going["fell"] = True
            self.going["lowest"] = value if lowest is None else min(lowest, value)

    def _may_stop(self) -> bool:
        going = self.going
        return (
            self._stop_before is not None
            and going["falling"]
            and going.get("fell", False)
            and going["lowest"] < self._stop_before
        )

    def _value(self, row: R) -> int | None:
        return microseconds(getattr(row, self._cursor)) if self._cursor else None
