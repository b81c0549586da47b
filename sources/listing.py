"""What the scan is told: a provider's list, how far to read it; and what it gives: batches."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, Literal, Protocol, TypeVar

import pyarrow as pa

from sources.http import Request
from sources.pages import Page, PageDecoder
from sources.records import Record, microseconds
from sources.salvage import Findings
from sources.tables import Table

R = TypeVar("R", bound=Record)
Mode = Literal["full", "recent", "window"]
# agents, inboxes, teams, labels, templates
SHORT_LIST_FRESH_FOR = timedelta(hours=1)


@dataclass(frozen=True)
class Plan:
    """How far this run reads: every list's lookback and schedule, or a window to backfill.

    `full_scan_requests` spreads a full scan that is due over several runs, with so many pages of
    each list in one; 0 reads it at once. A first scan, and one that is asked for, are never spread.
    A chunk ends after `chunk_rows`, or `chunk_seconds`: that is what a run that is killed may lose.
    """

    lookback: timedelta = timedelta(hours=1)
    full_scan_every: timedelta = timedelta(hours=24)
    full_scan_requests: int = 0
    start_date: datetime | None = None
    full: bool = False
    since: datetime | None = None
    until: datetime | None = None
    chunk_rows: int = 100_000
    chunk_seconds: float = 60.0

    @property
    def is_window(self) -> bool:
        return self.since is not None or self.until is not None


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
class Progress:
    """How far one list has come in this run, and what the run can say of it in the end.

    `mode` is empty until it has begun. `skipped` and `error`: why it was not read to its end.
    `full_is_due`, `is_spread` and `caught_up`: whether a full scan is due, is spread over several
    runs, and what is recent has been read. `is_whole`: a full scan was completed; `declared` is the
    least that the list said it had meanwhile. `is_in_order`: whether rows came in the order that
    was taken for granted. `left`: how many of the work-list the run left to the next; `missing`:
    how many messages were not in threads that should have them. `deleted`: how many rows were
    marked so. `loaded` rows of the list's own table were loaded, of which `new` and `changed`
    differ from what was stored; None where that was not looked at. A full scan brought `distinct`
    rows. `failed` threads could not be read, with the reason; of them those that are `quarantined`
    are taken to be at fault themselves, unless so many are that it `is_doubtful`, or
    the run `gave_up`. It was read from `began_at` to `ended_at`, by this machine's clock.
    """

    mode: str = ""
    pages: int = 0
    rows: int = 0
    requests: int = 0
    finished: bool = False
    skipped: str = ""
    error: str = ""
    failed: dict[Any, str] = field(default_factory=dict)
    full_is_due: bool = False
    is_spread: bool = False
    caught_up: bool = False
    full_pages: int = 0
    read_again: int = 0
    is_whole: bool = False
    is_in_order: bool | None = None
    declared: int | None = None
    started_at: str = ""
    loaded_from: str = ""
    quarantined: list[int | str] = field(default_factory=list)
    is_doubtful: bool = False
    gave_up: bool = False
    left: int = 0
    missing: int = 0
    deleted: int = 0
    watermark: str = ""
    waited_seconds: float = 0.0
    loaded: int = 0
    new: int | None = None
    changed: int = 0
    distinct: int | None = None
    began_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def seconds(self) -> float:
        """How long it took, with what was loaded meanwhile."""
        if self.began_at is None or self.ended_at is None:
            return 0.0
        return (self.ended_at - self.began_at).total_seconds()


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
