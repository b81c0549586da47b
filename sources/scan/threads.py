"""The messages of the conversations that changed, several threads at a time.

Which they are, the provider's work-list query says: those whose activity moved since their thread
was read, and those that are due to be read again from their first message, since an edit, a
deletion or a receipt moves nothing that a list shows.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Generic, TypeVar

from talkhouse.sources.http.client import ATTEMPTS, Client
from talkhouse.sources.http.errors import (
    AuthError,
    RateLimited,
    SourceError,
    Unavailable,
    Unreachable,
)
from talkhouse.sources.rows.lenient_decode import Findings
from talkhouse.sources.rows.record import Record
from talkhouse.sources.rows.table import Table, ThreadRead
from talkhouse.sources.scan.listing import Batch
from talkhouse.sources.scan.prefetch import ordered
from talkhouse.sources.scan.progress import Progress, counting
from talkhouse.sources.scan.scan import BATCH_ROWS, Reading
from talkhouse.sources.settings import Settings, duration

M = TypeVar("M", bound=Record)
D = TypeVar("D", bound=ThreadRead)

# from so many on it may not be the threads that are at fault, and from so many it surely is not
DOUBTFUL_IN_A_ROW = 5
FAILED_IN_A_ROW = 25


@dataclass
class Thread(Generic[M, D]):
    """What was read of one conversation: its messages, and the note of how far it was read."""

    messages: list[M]
    read: D
    findings: Findings = field(default_factory=Findings)


@dataclass(frozen=True)
class Threads:
    """How a thread is read, given a row of the provider's work-list, and the tables they fill."""

    read: Callable[[Mapping[str, Any]], Thread[Any, Any]]
    tables: tuple[Table, ...]


@dataclass(frozen=True)
class Schedule:
    """When a thread is read again: every `full_scan_every`, until a read comes `messages_lookback`
    after its last activity, when no more receipts are to be expected.
    """

    every_seconds: float
    lookback_seconds: float

    @classmethod
    def of(cls, settings: Settings) -> "Schedule":
        return cls(
            duration(settings.full_scan_every).total_seconds(),
            duration(settings.messages_lookback).total_seconds(),
        )

    def noted(self, note: D, read_at: datetime, active_at: datetime | None) -> D:
        """The note of a thread that is about to be read, with when it is due again, given its last
        activity.
        """
        age = (read_at - active_at).total_seconds() if active_at else 0.0
        note.read_at, note.is_whole = read_at, False
        if age <= self.lookback_seconds:
            # what comes later in the second of the last activity does not move it
            is_settled = active_at is None or read_at > active_at
            note.reread_at = read_at + timedelta(seconds=self.every_seconds if is_settled else 1)
        return note


@dataclass(frozen=True)
class Budget:
    """What a run may spend on threads, in requests or in seconds; what is left is the next run's
    first work.
    """

    requests: int | None = None
    seconds: float | None = None

    @classmethod
    def of(cls, text: str) -> "Budget":
        """`500` requests, or a duration such as `10m`; no limit if empty. Raises ValueError."""
        if text.isdigit():
            return cls(requests=int(text))
        return cls(seconds=duration(text).total_seconds()) if text else cls()

    def spender(self, client: Client) -> Callable[[], bool]:
        """Tells whether it is spent, counting from when it is first asked."""

        @cache
        def began() -> tuple[int, float]:
            return client.requests, time.monotonic()

        def is_spent() -> bool:
            asked, began_at = began()
            return (self.requests is not None and client.requests - asked >= self.requests) or (
                self.seconds is not None and time.monotonic() - began_at >= self.seconds
            )

        return is_spent


def read_threads(
    threads: Threads,
    worklist: Iterable[Mapping[str, Any]],
    reading: Reading,
    progress: Progress,
    is_spent: Callable[[], bool] = lambda: False,
) -> Iterator[Batch]:
    """The threads on the work-list, up to a chunk of messages, or until the budget is spent.

    One that cannot be read stays on the work-list, behind the others, with the reason in
    `progress.failed`, and keeps none from being read. It is quarantined if it is the provider that
    cannot give it. If very many in a row cannot be read, the run gives up on threads.
    """

    def read(todo: Mapping[str, Any]) -> Thread[Any, Any] | tuple[Mapping[str, Any], SourceError]:
        try:
            return threads.read(todo)
        except (AuthError, RateLimited, Unreachable):
            raise
        except SourceError as e:
            return todo, e

    def batch(is_last: bool) -> Batch:
        findings = Findings()
        for thread in held:
            findings.add(thread.findings)
            thread.messages = list(terms.wanted(thread.messages))
        tables = {table.resource: table.arrow(held, terms) for table in threads.tables}
        return Batch(tables, findings, is_last)

    client, plan, terms = reading.client, reading.plan, reading.terms
    held: list[Thread[Any, Any]] = []
    messages, given, failed_in_a_row = 0, 0, 0
    until = time.monotonic() + plan.chunk_seconds
    affordable = (todo for todo in worklist if not is_spent())
    with counting(client, progress), ThreadPoolExecutor(client.in_flight) as pool:
        for thread in ordered(pool, read, affordable, client.in_flight):
            if not isinstance(thread, Thread):
                todo, error = thread
                failed_in_a_row += 1
                progress.is_doubtful |= failed_in_a_row >= DOUBTFUL_IN_A_ROW
                progress.failed[todo["conversation_id"]] = str(error)
                thread = _failed(threads, todo)
                if isinstance(error, Unavailable):
                    progress.quarantined.append(todo["conversation_id"])
                    which = f"of conversation {todo['conversation_id']}"
                    reason = str(error).partition(";")[0]
                    thread.findings.unreadable(threads.tables[0].record, which, reason)
                held.append(thread)
                if failed_in_a_row == FAILED_IN_A_ROW:
                    progress.gave_up = True
                    break
                continue
            failed_in_a_row = 0
            held.append(thread)
            messages += len(thread.messages)
            progress.pages += 1
            progress.rows += len(thread.messages)
            progress.missing += thread.read.missing_messages or 0
            if messages >= BATCH_ROWS:
                yield batch(is_last=False)
                given += messages
                held, messages = [], 0
            if given >= plan.chunk_rows or time.monotonic() > until:
                break
    yield batch(is_last=True)


def attempts(todo: Mapping[str, Any]) -> int:
    """How often a thread is asked for: once is enough where it failed before."""
    return 1 if todo["failed_at"] else ATTEMPTS


def _failed(threads: Threads, todo: Mapping[str, Any]) -> Thread[Any, Any]:
    """A note that the thread is still to be read, from its first message."""
    note = threads.tables[-1].record
    assert issubclass(note, ThreadRead)
    known = {"conversation_id": todo["conversation_id"], "failed_at": datetime.now(UTC)}
    return Thread([], note(**known))
