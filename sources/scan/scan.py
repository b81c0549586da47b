"""THE algorithm: read a list that moves while it is read, completely, and know when it was.

No provider's list can be asked for what changed since, so a list is read in one of three modes:

- `full`: to its end. Late changes (a status, an assignment, a tag) move no cursor on any provider,
  so full scans are scheduled. One may be spread over several runs.
- `recent`: newest first, until the cursor is older than the watermark less the lookback. Stopping
  there is earned: only if the cursor was seen to fall and never to rise, page after page.
- `window`: a backfill of the rows whose cursor is in [since, until). It leaves the watermark alone.

The watermark is the server's clock when the scan began: whatever moved during the scan is read
again by the next one. A scan goes on in chunks; between two of them all it needs is in its state,
of constant size, which is loaded together with the chunk's rows. list_state.py is that state,
fetch.py gets the pages, walk.py decides page by page.
"""

import math
import time
from collections.abc import Callable, Generator, Hashable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from talkhouse.sources.http.client import Client
from talkhouse.sources.http.errors import BadAnswer, NotFound, Unavailable, Unreachable
from talkhouse.sources.rows.lenient_decode import Findings
from talkhouse.sources.rows.page import Page
from talkhouse.sources.rows.record import Record
from talkhouse.sources.rows.storage_rules import Terms
from talkhouse.sources.rows.table import tables_of
from talkhouse.sources.scan.fetch import Fetch
from talkhouse.sources.scan.list_state import ListState, Way
from talkhouse.sources.scan.listing import Batch, Group, Listing, Mode, Readers
from talkhouse.sources.scan.overlapping_pages import spans_of
from talkhouse.sources.scan.prefetch import PagesAhead
from talkhouse.sources.scan.progress import Plan, Progress, counting
from talkhouse.sources.scan.scan_modes import (
    begin,
    conclude,
    go_by_id,
    is_enough,
    quarantine,
    stop_before,
)
from talkhouse.sources.scan.walk import Walk, is_clean

R = TypeVar("R", bound=Record)
OpenReaders = Callable[[str, int, Way], Readers]

# rows that are held as Python objects at a time
BATCH_ROWS = 2_000
# rows for which other processes are worth their start
WORTH_READERS = 10_000


@dataclass(frozen=True)
class Reading:
    """What lists are read with, how far, and the terms on which their rows are stored.

    `load_id` is the load package that the chunk goes into. `readers` start other processes, which
    are used only for pages about which nothing is remarkable; they may read on past the chunk if it
    `reads_ahead`.
    """

    client: Client
    plan: Plan
    terms: Terms
    load_id: str = ""
    readers: OpenReaders | None = None
    reads_ahead: bool = True


def scan(
    reading: Reading, listing: Listing[R], state: ListState, progress: Progress
) -> Iterator[Batch]:
    """The next chunk of the list. `state` then says where to go on, or what is complete.

    A row that comes again in a chunk is left out, since it was read after the scan began: a package
    then never holds a row twice. Raises a SourceError; the state then is not to be kept.
    """
    with counting(reading.client, progress):
        mode, is_over = yield from _read(reading, listing, state, progress)
    conclude(reading.plan, state, progress, mode, is_over)


def _read(
    reading: Reading, listing: Listing[R], state: ListState, progress: Progress
) -> Generator[Batch, None, tuple[Mode, bool]]:
    """The chunk; returns the mode that it was read in, and whether the scan is over with it."""
    chunk = _Chunk(reading, listing, progress)
    mode = begin(reading.client, listing, reading.plan, state, progress)
    try:
        is_over = yield from chunk.read(state, mode)
    except Unreachable:
        raise
    except (Unavailable, BadAnswer) as e:
        mode = go_by_id(reading.client, listing, state, mode, e)
        is_over = yield from chunk.read(state, mode)
    return mode, is_over


class _Chunk(Generic[R]):
    """One chunk of a list, as batches. `given` are the rows that are in it already."""

    def __init__(self, reading: Reading, listing: Listing[R], progress: Progress) -> None:
        self._reading = reading
        self._client = reading.client
        self._plan = reading.plan
        self._listing = listing
        self._progress = progress
        self._open_readers = reading.readers
        self._readers: Readers | None = None
        self._given: set[Hashable] = set()
        self._rows: dict[Hashable, R] = {}
        self._findings = Findings()
        self._looked_at = 0
        self._until = time.monotonic() + reading.plan.chunk_seconds

    def read(self, state: ListState, mode: Mode) -> Generator[Batch, None, bool]:
        """The chunk in a mode; returns whether the scan is over with it."""
        under_way, load_id = state.scan(mode), self._reading.load_id
        assert under_way
        self._progress.mode = mode
        under_way.loaded_from = min(under_way.loaded_from or load_id, load_id)
        walk = Walk(self._listing, self._plan, under_way, stop_before(self._plan, state, mode))
        if again := under_way.page > 1 and walk.end is None:
            # the list may have moved since the last chunk: its last page is read again
            under_way.page -= 1
            under_way.lowest_cursor = None
            self._progress.course.read_again += mode == "full"
        fetch = Fetch(self._client, self._listing, under_way)
        begun, over, absent = self._progress.pages, False, 0
        with PagesAhead(fetch, self._in_flight(walk, mode)) as pages:
            while not over:
                is_enough_read = is_enough(self._plan, self._progress, mode) or (
                    # one page more than the one that was read before
                    self._room <= 0 and self._progress.pages > begun + again
                )
                # where the next one would begin is known once the last one's end is found
                if is_enough_read and not walk.is_seeking:
                    break
                number = under_way.page
                pages.last = self._last_ahead(walk, number)
                if group := self._group(walk, number):
                    if self._rows:
                        yield self._batch(is_last=False)
                    yield self._batch_of(group, walk, mode)
                    continue
                page, missing = _page_or_end(pages, number, self._listing)
                absent += missing is not None
                if missing and number == absent == self._listing.last_page:
                    raise missing  # not one page is there: it is the address that is wrong
                quarantine(under_way, page.quarantined)
                self._take(page, walk)
                over = walk.read(walk.seen(page), number)
                self._count(mode, len(page.rows))
                if len(self._rows) >= BATCH_ROWS and not over:
                    yield self._batch(is_last=False)
        if over and self._readers:
            self._readers.close()
        fetch.settle()
        yield self._batch(is_last=True)
        return over

    @property
    def _room(self) -> int:
        if time.monotonic() > self._until:
            return 0
        return self._plan.chunk_rows - self._looked_at

    def _in_flight(self, walk: Walk[R], mode: Mode) -> int:
        """Pages may be fetched at once where they do not depend on each other (by id), or tell
        whether they fit together (spans); recent ones are too few.
        """
        can = walk.end is not None or (self._listing.sized is not None and mode == "full")
        return self._client.in_flight if can else 1

    def _last_ahead(self, walk: Walk[R], number: int) -> int:
        """The last page that is worth fetching ahead; where it pays, starts other readers."""
        end, size = walk.end, walk.size
        if end is None:
            count = walk.scan.count
            return spans_of(count, size) if self._listing.sized and count and size else number
        if self._listing.last_page:
            return end
        in_flight = self._client.in_flight
        if not size:  # the first page tells how many are worth it
            return min(end, number + in_flight)
        end = min(end, number + math.ceil(max(self._room, 0) / size))
        if self._open_readers and in_flight > 1 and (end - number) * size >= WORTH_READERS:
            self._readers = self._open_readers(self._listing.name, size, walk.scan.way)
            self._open_readers = None
        if self._readers is None:
            return end
        # what is fetched here while they start is not to be fetched by them again
        return end if self._readers.ready else min(end, number + in_flight)

    def _group(self, walk: Walk[R], number: int) -> Group | None:
        """What other processes read of the pages from `number`, if there is nothing to it."""
        if self._readers is None or walk.end is None or not self._readers.ready:
            return None
        # they read on while a chunk is loaded, so that the next one finds its pages there
        last = walk.end if self._reading.reads_ahead else self._last_ahead(walk, number)
        group = self._readers.group(number, last)
        if group and is_clean(group, self._given, self._rows):
            return group
        self._readers.close()  # the end, or something to look at closely
        self._readers = None
        return None

    def _batch_of(self, group: Group, walk: Walk[R], mode: Mode) -> Batch:
        self._client.requests += len(group.seen)
        for seen in group.seen:
            walk.read(seen, walk.scan.page)
            self._count(mode, len(seen.identities))
        return Batch(group.tables, Findings(), is_last=False)

    def _take(self, page: Page[R], walk: Walk[R]) -> None:
        for row in page.rows:
            key = self._listing.identity(row)
            if key not in self._given and walk.wants(row):
                self._rows[key] = row
        self._findings.add(page.findings)

    def _batch(self, is_last: bool) -> Batch:
        rows = list(self._rows.values())
        tables = tables_of(self._listing.tables, rows, self._reading.terms)
        self._given.update(self._rows)
        batch = Batch(tables, self._findings, is_last)
        self._rows, self._findings = {}, Findings()
        return batch

    def _count(self, mode: Mode, rows: int) -> None:
        self._progress.pages += 1
        self._progress.course.full_pages += mode == "full"
        self._progress.rows += rows
        self._looked_at += rows


def _page_or_end(
    pages: PagesAhead[Page[R]], number: int, listing: Listing[R]
) -> tuple[Page[R], NotFound | None]:
    """The page, or an empty one and the 404 that it was."""
    try:
        return pages.page(number), None
    except NotFound as e:
        if number <= 1 and not listing.pages_stand_alone:
            raise
        return Page([], last=not listing.pages_stand_alone), e
