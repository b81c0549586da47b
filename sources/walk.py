"""The way through a list's pages: what to keep, which page is next, and when it is over."""

import math
from collections.abc import Hashable
from datetime import datetime
from typing import Any, Generic, TypeVar

from sources.errors import BadAnswer, PagingLoop
from sources.listing import Group, Listing, Plan, Seen, seen_of
from sources.pages import Page
from sources.records import Record, microseconds

R = TypeVar("R", bound=Record)

SAME_PAGE_AT_MOST = 3


class Walk(Generic[R]):
    """Follows the pages of one scan.

    What must outlast the chunk is in `going`.
    """

    def __init__(
        self, listing: Listing[R], plan: Plan, going: dict[str, Any], stop_before: datetime | None
    ) -> None:
        self.listing = listing
        self.going = going
        self.size: int = going.get("size", 0)
        window = going["mode"] == "window"
        self._cursor = listing.window_cursor if window else listing.cursor
        start_date = plan.start_date if listing.from_start_date else None
        self._from = microseconds(plan.since if window else start_date)
        self._until = microseconds(plan.until) if window else None
        self._stop_before = microseconds(stop_before)
        self._met: set[Hashable] = set()
        self._nothing_new = 0

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
            self._step_back()
            return False
        if self._ends_early(seen, number):
            if going.get("ended_at") == number:
                raise BadAnswer(
                    f"{self.listing.name}: the list ends at page {number}, and says it has more"
                )
            # rows that went away may explain it: the page before tells the count that is now
            going["ended_at"] = number
            going["page"] = max(1, number - 1)
            self._step_back()
            return False
        self._follow_cursor(seen)
        going["page"] = number + 1
        end = self.listing.last_page
        over = seen.last if end is None else number >= end
        return over or self._may_stop()

    def _check(self, seen: Seen, number: int) -> None:
        if number == 1 and not seen.identities and seen.count and not seen.rejected:
            raise BadAnswer(f"{self.listing.name}: the list says it has rows, and gave none")
        nothing_new = bool(seen.identities) and self._met.issuperset(seen.identities)
        self._nothing_new = self._nothing_new + 1 if nothing_new else 0
        # where the number of pages is known, pages may be alike and still come to an end
        if self._nothing_new >= SAME_PAGE_AT_MOST and self.listing.last_page is None:
            raise PagingLoop(f"{self.listing.name}: page {number} repeats the pages before it")
        self._met.update(seen.identities)
        self.size = self.going["size"] = max(self.size, len(seen.identities) + seen.rejected)

    def _ends_early(self, seen: Seen, number: int) -> bool:
        """Whether the list ends here though it declares more rows than its pages had."""
        if not seen.last or number == 1 or self.listing.last_page is not None:
            return False
        had = (number - 1) * self.size + len(seen.identities) + seen.rejected
        declared: int = self.going.get("count", 0)
        return had < declared

    def _step_back(self) -> None:
        """Pages are read again: what they show was met before, and is no sign of a loop."""
        self.going.pop("lowest", None)
        self._met.clear()

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
            and "lowest" in going
            and going["lowest"] < self._stop_before
        )
