"""What the scan is told: a provider's list, how far to read it; and what it gives: batches."""

from collections.abc import Callable, Hashable, Mapping
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
    list without which the connection is still worth reading; `from_start_date` one that is only
    wanted from the connection's start_date on.
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
    from_start_date: bool = False


@dataclass
class Progress:
    """How far one list has come in this run."""

    mode: str = ""
    pages: int = 0
    rows: int = 0
    finished: bool = False
    skipped: str = ""
    failed: dict[Any, str] = field(default_factory=dict)


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
