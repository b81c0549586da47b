"""The way through a list's pages: what to keep, which page is next, and when it is over."""

import math
from collections.abc import Collection, Hashable, Sequence
from datetime import datetime
from typing import Generic, TypeVar

from talkhouse.sources.http.errors import BadAnswer, PagingLoop
from talkhouse.sources.rows.page import Page
from talkhouse.sources.rows.record import Record, microseconds
from talkhouse.sources.scan.list_state import ScanState
from talkhouse.sources.scan.listing import Group, Listing, Seen, seen_of
from talkhouse.sources.scan.overlapping_pages import span
from talkhouse.sources.scan.progress import Plan
from talkhouse.sources.scan.scan_modes import unread_pages

R = TypeVar("R", bound=Record)

SAME_PAGE_AT_MOST = 3
STEPS_BACK_AT_MOST = 100
# rows at the end of a page by which a later run finds it again
SEAM_ROWS = 10
# pages on which they are looked for, before they are looked for further back
PAGES_AHEAD = 3


def is_clean(group: Group, *before: Collection[Hashable]) -> bool:
    """Whether the pages are whole, and have no row twice, or one of those before."""
    identities = [identity for seen in group.seen for identity in seen.identities]
    distinct = set(identities)
    return (
        len(distinct) == len(identities)
        and all(distinct.isdisjoint(known) for known in before)
        and not any(seen.last or seen.rejected or seen.drifted for seen in group.seen)
    )


class Walk(Generic[R]):
    """Follows the pages of one scan.

    What must outlast the chunk is in `scan`.
    """

    def __init__(
        self, listing: Listing[R], plan: Plan, scan: ScanState, stop_before: datetime | None
    ) -> None:
        self.listing = listing
        self.scan = scan
        window = scan.mode == "window"
        self._cursor = listing.window_cursor if window else listing.cursor
        start_date = plan.start_date if listing.from_start_date else None
        self._from = microseconds(plan.since if window else start_date)
        self._until = microseconds(plan.until) if window else None
        self._stop_before = microseconds(stop_before)
        self._met: set[Hashable] = set()
        self._nothing_new = 0
        self._first: Hashable = None
        self._steps_back = 0
        self._stride = 1
        # in a list with spans: what a run before this one read last, until it is found
        self._seam: set[Hashable] = set(scan.seam)
        self._sought_from = 0

    @property
    def size(self) -> int:
        """Rows of a page, as far as is known."""
        return self.scan.page_size

    @property
    def end(self) -> int | None:
        """The last page's number, where it is known."""
        return self.listing.last_page if self.scan.last_page is None else self.scan.last_page

    @property
    def is_seeking(self) -> bool:
        """Whether it looks for the rows that the run before this one read last."""
        return bool(self._seam)

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

    def read(self, seen: Seen, number: int) -> bool:
        """Takes note of a page and sets the next one's number; True if the scan is over."""
        scan = self.scan
        if number == 0:  # what was updated: of it nothing follows
            scan.page = 1
            return False
        fresh = self._check(seen, number)
        if self.end is not None:
            scan.page = number + 1
            if scan.way == "ids" and number == self.end and seen.identities:
                scan.last_page = number + 1  # there may be higher ids than the newest rows showed
            return number >= self.end
        back = self._elsewhere(seen, fresh, number)
        if back is not None:
            scan.page = back
            return False
        # not before: a page that is gone back from would be taken to reach into the one before it
        self._met.update(seen.identities)
        if seen.cursors:
            self._follow_cursor([seen.cursors[place] for place in fresh])
        if self.listing.sized and seen.identities:
            scan.seam = seen.identities[-SEAM_ROWS:]
            if fresh:
                scan.ended_on = None  # rows moved up to here: the list may end elsewhere now
        scan.page = number + 1
        return self._is_end(seen, number) or self._may_stop()

    def _check(self, seen: Seen, number: int) -> list[int]:
        """The places of the rows that were not met before."""
        if number == 1 and not seen.identities and seen.count and not seen.rejected:
            raise BadAnswer(f"{self.listing.name}: the list says it has rows, and gave none")
        fresh = [place for place, one in enumerate(seen.identities) if one not in self._met]
        first = seen.identities[0] if seen.identities else None
        # overlapping pages, and pages that rows were pushed down to, may have nothing new
        again = first == self._first if self.listing.sized else not fresh
        self._nothing_new = self._nothing_new + 1 if first is not None and again else 0
        self._first = first
        # where the number of pages is known, pages may be alike and still come to an end
        if self._nothing_new >= SAME_PAGE_AT_MOST and self.end is None:
            raise PagingLoop(f"{self.listing.name}: page {number} repeats the pages before it")
        rows = len(seen.identities) + seen.rejected
        if number == 1 or not self.listing.sized:
            self.scan.page_size = rows if self.listing.sized else max(self.size, rows)
        return fresh

    def _elsewhere(self, seen: Seen, fresh: Sequence[int], number: int) -> int | None:
        """The page to go to instead of the next one, since rows moved; None if none did."""
        scan = self.scan
        dropped = self._note_count(seen.count)
        if number == 1:
            self._seam.clear()
            if not seen.identities and not seen.rejected and scan.ended_on != 1:
                scan.ended_on = 1  # an empty list is asked for twice
                return 1
            return None
        if self._seam and not seen.rejected:
            return self._sought(seen, number)
        if self.listing.sized and seen.identities and not seen.rejected:
            if len(fresh) == len(seen.identities) and span(number, self.size).overlaps:
                # none of its rows was met: others went away, and those behind moved up past us
                return self._back_from(number)
            self._stride = 1
        elif dropped and not self.listing.sized:
            self._step_back()
            return max(1, number - math.ceil(dropped / max(self.size, 1)))
        declares = self._declared is not None
        if self._ends_early(seen, number):
            if scan.ended_on == number:
                if not declares:
                    return None
                raise BadAnswer(
                    f"{self.listing.name}: the list ends at page {number}, and says it has more"
                )
            scan.ended_on = number
            self._step_back()
            # rows that went away may explain it: the page before tells the count that is now, or
            # where the list is by now
            return number - 1 if declares or self.listing.sized else number
        return None

    def _note_count(self, declared: int | None) -> int:
        """Takes note of how many rows the list says it has; by how many it fell."""
        if declared is None:
            return 0
        scan = self.scan
        before = declared if scan.count is None else scan.count
        least = declared if scan.least_count is None else scan.least_count
        scan.count, scan.least_count = declared, min(least, declared)
        return max(0, before - declared)

    def _sought(self, seen: Seen, number: int) -> int | None:
        """Where to look next for the rows that the run before read last: what came since pushed
        them down, what went let them move up. None where they are.
        """
        self._sought_from = self._sought_from or number
        if not self._seam.isdisjoint(seen.identities):
            self._seam.clear()
            return None
        if self._sought_from <= number < self._sought_from + PAGES_AHEAD - 1 and not seen.last:
            return number + 1
        return self._back_from(min(number, self._sought_from))

    def _back_from(self, number: int) -> int:
        """A page before that one; each time twice as far, and in the end the first."""
        self._step_back()
        back = max(1, number - self._stride)
        self._stride *= 2
        return back

    def _ends_early(self, seen: Seen, number: int) -> bool:
        """Whether the list ends here though it declares more rows than its pages had; where it
        declares nothing, an empty page is believed when it comes twice. One that was to begin in
        the page before it is empty only because rows went away.
        """
        if not seen.last:
            return False
        declared, is_empty = self._declared, not (seen.identities or seen.rejected)
        if declared is None or (self.listing.sized and is_empty):
            return not seen.identities
        before = span(number, self.size).start if self.listing.sized else (number - 1) * self.size
        return before + len(seen.identities) + seen.rejected < declared

    @property
    def _declared(self) -> int | None:
        """How many rows the list says it has, where that can be held against the pages: not if one
        of them could not be read.
        """
        found: int | None = None if unread_pages(self.scan) else self.scan.count
        return found

    def _is_end(self, seen: Seen, number: int) -> bool:
        if seen.last:
            return True
        if not self.listing.sized or seen.count is not None:
            return False
        # of a first page that is short the size was cut down: so many rows are what a page has
        return len(seen.identities) + seen.rejected < span(number, self.size).size

    def _step_back(self) -> None:
        """Pages are read again: what they show was met before, and is no sign of a loop."""
        self._steps_back += 1
        if self._steps_back > STEPS_BACK_AT_MOST:
            raise BadAnswer(
                f"{self.listing.name}: the list moves faster than it can be read",
                "the next run goes on; a higher requests_per_second helps, or a quieter hour",
            )
        self.scan.lowest_cursor = None
        if not self.listing.sized:
            self._met.clear()

    def _follow_cursor(self, values: Sequence[int | None]) -> None:
        scan = self.scan
        for value in values:
            lowest = scan.lowest_cursor
            if value is None:
                continue
            if lowest is not None and value > lowest:
                scan.is_falling = False
            if lowest is not None and value < lowest:
                scan.has_fallen = True
            scan.lowest_cursor = value

    def _may_stop(self) -> bool:
        scan = self.scan
        return (
            self._stop_before is not None
            and scan.is_falling
            and scan.has_fallen
            and scan.lowest_cursor is not None
            and scan.lowest_cursor < self._stop_before
        )
