"""The messages of the conversations that changed, several threads at a time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from sources.errors import AuthError, RateLimited, SourceError
from sources.listing import Batch, Plan, Progress
from sources.pages import ordered
from sources.records import Record
from sources.salvage import Findings
from sources.scan import BATCH_ROWS
from sources.tables import Table

M = TypeVar("M", bound=Record)
D = TypeVar("D", bound=Record)

# from so many on it is the provider that fails, not a thread
FAILED_IN_A_ROW = 5


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


def read_threads(
    threads: Threads,
    worklist: Sequence[Mapping[str, Any]],
    in_flight: int,
    plan: Plan,
    account: str,
    progress: Progress,
) -> Iterator[Batch]:
    """The threads on the work-list, up to a chunk of messages.

    One that cannot be read is left for the next run, with the reason in `progress.failed`, and
    keeps no other from being read. Raises a SourceError if several in a row cannot.
    """

    def read(todo: Mapping[str, Any]) -> Thread[Any, Any] | tuple[Any, SourceError]:
        try:
            return threads.read(todo)
        except (AuthError, RateLimited):
            raise
        except SourceError as e:
            return todo["conversation_id"], e

    def batch(is_last: bool) -> Batch:
        findings = Findings()
        for thread in held:
            findings.add(thread.findings)
        tables = {table.resource: table.arrow(held, account) for table in threads.tables}
        return Batch(tables, findings, is_last)

    held: list[Thread[Any, Any]] = []
    messages, given, failed_in_a_row = 0, 0, 0
    with ThreadPoolExecutor(in_flight) as pool:
        for thread in ordered(pool, read, iter(worklist), in_flight):
            if not isinstance(thread, Thread):
                conversation_id, error = thread
                failed_in_a_row += 1
                if failed_in_a_row == FAILED_IN_A_ROW:
                    raise error
                progress.failed[conversation_id] = str(error)
                continue
            failed_in_a_row = 0
            held.append(thread)
            messages += len(thread.messages)
            progress.pages += 1
            progress.rows += len(thread.messages)
            if messages >= BATCH_ROWS:
                yield batch(is_last=False)
                given += messages
                held, messages = [], 0
            if given >= plan.chunk_rows:
                break
    yield batch(is_last=True)
