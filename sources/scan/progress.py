"""How far a list is to be read, and how far it has come."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from talkhouse.sources.http.client import Client


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


@dataclass
class Course:
    """What a run decides by while it reads a list: whether a full scan is due, is spread over
    several runs, and what is recent has been read; how many pages of the full scan it read, and how
    many of those had been read by the run before.
    """

    full_is_due: bool = False
    is_spread: bool = False
    caught_up: bool = False
    full_pages: int = 0
    read_again: int = 0


@dataclass
class Progress:
    """What a run reports of one list, how far it has come and how it ended; `course` is what it
    decides by.

    `mode` is empty until it has begun; threads have one of their own. `skipped` and `error`: why it
    was not read to its end. `is_whole`: a full scan was completed; `declared` is the
    least that the list said it had meanwhile. `is_in_order`: whether rows came in the order that
    was taken for granted. `left`: how many of the work-list the run left to the next; `missing`:
    how many messages were not in threads that should have them. `deleted`: how many rows were
    marked so. `loaded` rows of the list's own table were loaded, of which `new` and `changed`
    differ from what was stored; None where that was not looked at. A full scan brought `distinct`
    rows. `failed` threads could not be read, with the reason; of them those that are `quarantined`
    are taken to be at fault themselves, unless so many are that it `is_doubtful`, or the run
    `gave_up`. It was read from `began_at` to `ended_at`, by this machine's clock.
    """

    mode: str = ""
    pages: int = 0
    rows: int = 0
    requests: int = 0
    finished: bool = False
    skipped: str = ""
    error: str = ""
    failed: dict[Any, str] = field(default_factory=dict)
    course: Course = field(default_factory=Course)
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


@contextmanager
def counting(client: Client, progress: Progress) -> Iterator[None]:
    """Adds to the progress what the client asks meanwhile, also if that fails."""
    requests, waited = client.requests, client.rate_limit.waited_seconds
    try:
        yield
    finally:
        progress.requests += client.requests - requests
        progress.waited_seconds += client.rate_limit.waited_seconds - waited
