"""The messages of the conversations that changed, several threads at a time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from sources.listing import Batch, Plan, Progress
from sources.pages import ordered
from sources.records import Record
from sources.salvage import Findings
from sources.scan import BATCH_ROWS
from sources.tables import Table

M = TypeVar("M", bound=Record)
D = TypeVar("D", bound=Record)


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
    """The threads on the work-list, up to a chunk of messages. Raises a SourceError."""

    def batch(is_last: bool) -> Batch:
        findings = Findings()
        for thread in held:
            findings.add(thread.findings)
        tables = {table.resource: table.arrow(held, account) for table in threads.tables}
        return Batch(tables, findings, is_first, is_last)

    held: list[Thread[Any, Any]] = []
    is_first, messages, given = True, 0, 0
    with ThreadPoolExecutor(in_flight) as pool:
        for thread in ordered(pool, threads.read, iter(worklist), in_flight):
            held.append(thread)
            messages += len(thread.messages)
            progress.pages += 1
            progress.rows += len(thread.messages)
            if messages >= BATCH_ROWS:
                yield batch(is_last=False)
                given += messages
                held, is_first, messages = [], False, 0
            if given >= plan.chunk_rows:
                break
    yield batch(is_last=True)
