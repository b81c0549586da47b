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
from collections.abc import Callable, Hashable, Iterator, Mapping, MutableMapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, Literal, Protocol, TypeVar

import pyarrow as pa

from sources.errors import BadAnswer, NotFound, PagingLoop
from sources.http import Client, Request
from sources.pages import Page, PageDecoder, PagesAhead
from sources.records import Record, microseconds
from sources.salvage import Findings
from sources.tables import Table

R = TypeVar("R", bound=Record)
Mode = Literal["full", "recent", "window"]

SAME_PAGE_AT_MOST = 3
# rows that are held as Python objects at a time
BATCH_ROWS = 2_000
# rows for which other processes are worth their start
WORTH_READERS = 10_000


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
    tables: tuple[Table, ...]
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
class Batch:
    """Some rows of a chunk, as Arrow tables by their resource. No two batches of a chunk hold the
    same row of the list.
    """

    tables: Mapping[str, pa.Table]
    findings: Findings
    is_first: bool
    is_last: bool


@dataclass(frozen=True)
class Seen:
    """What the scan must know of a page's rows: which they are, where their cursors stand."""

    identities: list[Hashable]
    cursors: list[int | None]
    count: int | None
    last: bool
    rejected: int = 0
    drifted: bool = False


@dataclass(frozen=True)
class Group:
    """Consecutive pages that another process read: their rows as tables, already."""

    seen: list[Seen]
    tables: dict[str, pa.Table]


class Readers(Protocol):
    """Other processes that read pages of a list, for where this one's processor is the limit."""

    pages: int

    def group(self, number: int, last: int) -> Group | None:
        """Pages from `number`; None if they are not all before `last`, or not all whole."""

    def close(self) -> None: ...


State = MutableMapping[str, Any]


def scan(
    client: Client,
    listing: Listing[R],
    plan: Plan,
    account: str,
    state: State,
    progress: Progress,
    readers: Callable[[str, int], Readers] | None = None,
) -> Iterator[Batch]:
    """The next chunk of the list. `state` then says where to go on, or what is complete.

    A row that comes again (the list moved) replaces the one before it, or if that one was already
    given, ends the chunk: a package then never holds a row twice. Raises a SourceError; the state
    then is not to be kept. `readers` are used only for pages about which nothing is remarkable;
    all else is read here.
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

    def batch(is_last: bool) -> Batch:
        tables = {
            table.resource: table.arrow(list(rows.values()), account) for table in listing.tables
        }
        return Batch(tables, findings, is_first, is_last)

    rows: dict[Hashable, R] = {}
    given: set[Hashable] = set()
    findings = Findings()
    is_first, over = True, False
    many: Readers | None = None
    in_flight = client.in_flight if listing.ahead and mode == "full" else 1
    # until the first page tells the list's count, there may be no second one
    with PagesAhead(fetch, in_flight, listing.last_page or 1) as pages, ExitStack() as opened:
        # two pages at the least, for the first may be one that was read before
        begun = progress.pages
        while not over and (len(given) + len(rows) < plan.chunk_rows or progress.pages < begun + 2):
            number = going["page"]
            group = many.group(number, pages.last or 0) if many else None
            if group and walk.is_clean(group, given.union(rows)):
                if rows:
                    yield batch(is_last=False)
                    given.update(rows)
                    rows, findings, is_first = {}, Findings(), False
                client.requests += len(group.seen)
                for seen in group.seen:
                    walk.read(seen, going["page"])
                    given.update(seen.identities)
                    progress.pages += 1
                    progress.rows += len(seen.identities)
                yield Batch(group.tables, Findings(), is_first, is_last=False)
                is_first = False
                continue
            many = None  # the end, or something to look at closely
            page = _page_or_end(pages, number, listing)
            wanted = {listing.identity(row): row for row in page.rows if walk.wants(row)}
            if not given.isdisjoint(wanted):
                break
            rows.update(wanted)
            findings.add(page.findings)
            over = walk.read(walk.seen(page), number)
            progress.pages += 1
            progress.rows += len(page.rows)
            if page.count is not None and walk.size:
                chunk = plan.chunk_rows - len(given) - len(rows)
                pages.last = min(
                    math.ceil(page.count / walk.size), number + math.ceil(chunk / walk.size)
                )
                left = (pages.last - number) * walk.size
                if readers and in_flight > 1 and not plan.start_date and left >= WORTH_READERS:
                    many = readers(listing.name, walk.size)
                    opened.callback(many.close)
                    readers = None
            if len(rows) >= BATCH_ROWS and not over:
                yield batch(is_last=False)
                given.update(rows)
                rows, findings, is_first = {}, Findings(), False
    yield batch(is_last=True)
    progress.finished = over
    if over:
        del state[at]
        if mode != "window":
            state["watermark"] = going["started_at"]
        if mode == "full":
            state["full_scan_at"] = going["started_at"]


def seen_of(page: Page[R], listing: Listing[R], cursor: str | None) -> Seen:
    """What the scan must know of a page."""
    return Seen(
        [listing.identity(row) for row in page.rows],
        [microseconds(getattr(row, cursor)) for row in page.rows] if cursor else [],
        page.count,
        page.last,
        len(page.findings.rejects),
        bool(page.findings.drift),
    )


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
        if self._from is None and self._until is None:
            return True
        value = microseconds(getattr(row, self._cursor)) if self._cursor else None
        if value is None:
            return True
        return (self._from is None or value >= self._from) and (
            self._until is None or value < self._until
        )

    def seen(self, page: Page[R]) -> Seen:
        return seen_of(page, self.listing, self._cursor if self._stop_before else None)

    def is_clean(self, group: Group, before: set[Hashable]) -> bool:
        """Whether the pages are whole, and nothing moved: no row twice, the same count."""
        identities = [identity for seen in group.seen for identity in seen.identities]
        distinct = set(identities)
        return (
            len(distinct) == len(identities)
            and before.isdisjoint(distinct)
            and all(
                len(seen.identities) == self.size
                and seen.count == self.going.get("count")
                and not seen.last
                and not (seen.rejected or seen.drifted)
                for seen in group.seen
            )
        )

    def read(self, seen: Seen, number: int) -> bool:
        """Takes note of a page and sets the next one's number; True if the scan is over."""
        self._check(seen, number)
        going = self.going
        dropped = max(0, going.get("count", 0) - seen.count) if seen.count is not None else 0
        if seen.count is not None:
            going["count"] = seen.count
        if dropped and number > 1:
            # rows went away: those behind moved up, some from the pages ahead into the pages read
            going["page"] = max(1, number - math.ceil(dropped / max(self.size, 1)))
            going.pop("lowest", None)
            return False
        self._follow_cursor(seen)
        going["page"] = number + 1
        end = self.listing.last_page
        over = seen.last if end is None else number >= end
        return over or self._may_stop()

    def _check(self, seen: Seen, number: int) -> None:
        if number == 1 and not seen.identities and seen.count and not seen.rejected:
            raise BadAnswer(f"{self.listing.name}: the list says it has rows, and gave none")
        same = bool(seen.identities) and seen.identities == self._last_page
        self._same = self._same + 1 if same else 0
        # where the number of pages is known, pages may be alike and still come to an end
        if self._same >= SAME_PAGE_AT_MOST and self.listing.last_page is None:
            raise PagingLoop(f"{self.listing.name}: page {number} repeats the pages before it")
        self._last_page = seen.identities
        self.size = max(self.size, len(seen.identities))

    def _follow_cursor(self, seen: Seen) -> None:
        for value in seen.cursors:
            lowest = self.going.get("lowest")
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
