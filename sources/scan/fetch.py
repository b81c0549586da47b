"""Fetches the pages of one scan, in the way that it goes: by number, by spans or by id.

A page that cannot be read, though the provider is there, is read in parts. That gets through a
timeout; and where one row spoils the page it costs that row alone, which is quarantined with the
reason, and tried again by later full scans.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

from talkhouse.sources.http.client import ATTEMPTS, Client
from talkhouse.sources.http.errors import BadAnswer, NotFound, SourceError, Unavailable, Unreachable
from talkhouse.sources.rows.page import Page
from talkhouse.sources.rows.record import Record
from talkhouse.sources.scan.list_state import ScanState
from talkhouse.sources.scan.listing import Listing
from talkhouse.sources.scan.overlapping_pages import span

R = TypeVar("R", bound=Record)

# a part is asked for when its page has just failed every attempt
ATTEMPTS_OF_A_PART = 2
# from so many rows in a row on, it is the provider that fails
UNREADABLE_IN_A_ROW = 5


class Fetch(Generic[R]):
    """Called with a page's number, gives the page. Safe to use from several threads.

    Page 0 are the rows that were updated lately."""

    def __init__(self, client: Client, listing: Listing[R], scan: ScanState) -> None:
        self._client = client
        self._listing = listing
        self._scan = scan
        self._is_answered = False
        self._parts_answered = 0
        self._unreadable = 0
        self._refused: SourceError | None = None

    def settle(self) -> None:
        """Raises what kept every single page from being read, if anything did."""
        if self._refused and not self._is_answered:
            raise self._refused

    def __call__(self, number: int) -> Page[R]:
        """The page. Raises a SourceError."""
        listing, scan = self._listing, self._scan
        if number == 0:
            return self._updated()
        if listing.by_id and scan.way == "ids":
            size = listing.by_id.size
            return self._whole_or_in_parts(self._ids, (number - 1) * size, size)
        if listing.by_id and scan.way == "others":
            request = listing.by_id.others(scan.excluded_ids, number)
            return self._client.read(request, listing.by_id.decode)
        if listing.sized:
            wanted = span(number, scan.page_size or listing.page_size)
            return self._whole_or_in_parts(self._rows, wanted.start, wanted.size)
        return self._numbered(number)

    def _updated(self) -> Page[R]:
        assert self._listing.updated
        request = self._listing.updated(self._scan.updated_seconds)
        try:
            return self._client.read(request, self._listing.decode, attempts=1)
        except (Unavailable, BadAnswer):
            return Page([])  # what only it would show waits for the next full scan

    def _numbered(self, number: int) -> Page[R]:
        assert self._listing.request
        request = self._listing.request(number, self._scan.mode)
        attempts = ATTEMPTS_OF_A_PART if self._unreadable else ATTEMPTS
        try:
            page = self._client.read(request, self._listing.decode, attempts)
        except Unreachable:
            raise
        except (Unavailable, BadAnswer) as e:
            self._unreadable += 1
            if self._listing.by_id or self._unreadable > UNREADABLE_IN_A_ROW:
                raise
            self._refused = e
            return self._quarantined(f"page {number}", e)
        self._unreadable = 0
        self._is_answered = True
        return page

    def _ids(self, start: int, size: int, attempts: int) -> Page[R]:
        by_id = self._listing.by_id
        assert by_id
        ids = range(start + 1, start + size + 1)
        page = self._client.read(by_id.rows(ids), by_id.decode, attempts)
        if not {self._listing.identity(row) for row in page.rows} <= set(ids):
            raise BadAnswer(f"{self._listing.name}: asked for some ids, and was given others")
        page.count, page.last = None, False
        return page

    def _rows(self, start: int, size: int, attempts: int) -> Page[R]:
        assert self._listing.sized
        request = self._listing.sized(start // size + 1, size)
        return self._client.read(request, self._listing.decode, attempts)

    def _whole_or_in_parts(
        self, read: Callable[[int, int, int], Page[R]], start: int, size: int
    ) -> Page[R]:
        part = self._scan.part_size or size
        if part < size and size % part == 0:
            return self._joined(read, start, size, part)
        answered = self._parts_answered
        try:
            page = read(start, size, ATTEMPTS)
        except Unreachable:
            raise
        except (Unavailable, BadAnswer) as e:
            if size == 1:  # the last row of the page before, by itself
                return self._without(start, e)
            page = self._in_parts(read, start, size)
            if self._parts_answered == answered:
                raise  # not one part of it: it is the provider that fails
        self._unreadable = 0
        return page

    def _in_parts(self, read: Callable[[int, int, int], Page[R]], start: int, size: int) -> Page[R]:
        part = next(each for each in range(size // 2, 0, -1) if size % each == 0)
        page = self._joined(read, start, size, part)
        if not page.quarantined:
            self._scan.part_size = part  # it was the size: pages after it are read so at once
        return page

    def _joined(
        self, read: Callable[[int, int, int], Page[R]], start: int, size: int, part: int
    ) -> Page[R]:
        """The page from its parts, each in parts itself if need be."""
        whole: Page[R] = Page([])
        for at in range(start, start + size, part):
            try:
                page = read(at, part, ATTEMPTS_OF_A_PART)
                self._parts_answered += 1
                self._unreadable = 0
            except NotFound:
                if at == start:
                    raise
                page = Page([], last=True)  # the list ends inside the page
            except Unreachable:
                raise
            except (Unavailable, BadAnswer) as e:
                page = self._in_parts(read, at, part) if part > 1 else self._without(at, e)
            whole.rows += page.rows
            whole.findings.add(page.findings)
            whole.quarantined += page.quarantined
            whole.count = page.count if page.count is not None else whole.count
            whole.last = page.last
            if page.last:
                break
        return whole

    def _without(self, at: int, why: SourceError) -> Page[R]:
        """Instead of a row that cannot be read. Raises `why` if those are too many."""
        self._unreadable += 1
        if self._unreadable > UNREADABLE_IN_A_ROW:
            raise why
        by_id = self._scan.way == "ids"
        return self._quarantined(at + 1 if by_id else f"row {at + 1}", why)

    def _quarantined(self, which: int | str, why: SourceError) -> Page[R]:
        page: Page[R] = Page([], quarantined=[which])
        # what is behind the semicolon is a remedy for a provider that fails, and it does not
        reason = str(why).partition(";")[0]
        page.findings.unreadable(self._listing.decode.record, which, reason)
        return page
