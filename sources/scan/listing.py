"""What the scan is told: a provider's list, how far to read it; and what it gives: batches."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, Literal, Protocol, TypeVar

import pyarrow as pa

from talkhouse.sources.http.client import Request
from talkhouse.sources.rows.lenient_decode import Findings
from talkhouse.sources.rows.page import Page, PageDecoder
from talkhouse.sources.rows.record import Record, microseconds
from talkhouse.sources.rows.table import Table

R = TypeVar("R", bound=Record)
Mode = Literal["full", "recent", "window"]
# agents, inboxes, teams, labels, templates
SHORT_LIST_FRESH_FOR = timedelta(hours=1)


@dataclass(frozen=True)
class ById(Generic[R]):
    """How a list is read by the ids of its rows, which no row that comes or goes can disturb.

    Ids count up from 1, with gaps. `newest` is page n of the list by creation, the newest first;
    `rows` asks for the rows of some ids, `others` for page n of all rows but some, by the list's
    cursor, the newest first. `size` is how many ids a request may have.
    """

    newest: Callable[[int], Request]
    rows: Callable[[Sequence[int]], Request]
    others: Callable[[Sequence[int], int], Request]
    decode: PageDecoder[R]
    size: int


@dataclass(frozen=True)
class Listing(Generic[R]):
    """A provider's list, as the scan must know it.

    It is read in pages: `request` gives the request of a page (from 1) in a mode. Where the size of
    pages can be asked for, `sized` is given instead, with the `page_size` to ask for: its two
    parameters are the page and the size. Such pages are made to overlap, and one that cannot be
    read is read in parts. `by_id` is a better way for full scans, where the server has it;
    `updated` asks for the rows that the provider says it updated in the last n seconds.

    `identity` is what tells a row from another. `cursor` is the field that new activity moves and
    by which `recent` falls; `window_cursor` the field that windows are cut by, and by which
    `window` falls. A list without a cursor is always read whole. `last_page` is the number of pages
    where it is known, so that they may be fetched ahead; `pages_stand_alone` says that one which is
    not there, or cannot be read, says nothing of the others. `may_be_forbidden` marks a list
    without which the connection is still worth reading; `from_start_date` one that is only wanted
    from the connection's start_date on. `fresh_for` is how long after a full scan a list is not
    read again: the short ones, which seldom change.
    """

    name: str
    decode: PageDecoder[R]
    tables: tuple[Table, ...]
    request: Callable[[int, Mode], Request] | None = None
    sized: Callable[[int, int], Request] | None = None
    page_size: int = 0
    by_id: ById[R] | None = None
    updated: Callable[[int], Request] | None = None
    identity: Callable[[R], Hashable] = lambda row: row.id  # type: ignore[attr-defined]
    cursor: str | None = None
    window_cursor: str | None = None
    last_page: int | None = None
    pages_stand_alone: bool = False
    may_be_forbidden: bool = False
    from_start_date: bool = False
    fresh_for: timedelta = timedelta()


@dataclass
class Batch:
    """Some rows of a chunk, as Arrow tables by their resource. No two batches of a chunk hold the
    same row of the list.
    """

    tables: Mapping[str, pa.Table]
    findings: Findings
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

    @property
    def ready(self) -> bool: ...

    def group(self, number: int, last: int) -> Group | None:
        """Pages from `number`; None if they are not all before `last`, or not all whole."""

    def close(self) -> None: ...


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
