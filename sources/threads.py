"""The messages of the conversations that changed, several threads at a time."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import dlt
from dlt.extract import DltResource

from sources.pages import ordered
from sources.records import Record
from sources.run import Run
from sources.salvage import Findings
from sources.scan import BATCH_ROWS, Batch

M = TypeVar("M", bound=Record)
D = TypeVar("D", bound=Record)


@dataclass
class Thread(Generic[M, D]):
    """What was read of one conversation: its messages, and the note of how far it was read."""

    messages: list[M]
    read: D
    findings: Findings = field(default_factory=Findings)


def threads_of(run: Run, read: Callable[[Mapping[str, Any]], Thread[Any, Any]]) -> DltResource:
    """The hidden resource of threads: one run reads the work-list, up to a chunk of messages."""

    @dlt.resource(name="threads", selected=False)
    def threads() -> Iterator[Batch[Any]]:
        progress = run.report.of("messages")
        held: list[Thread[Any, Any]] = []
        is_first, messages, given = True, 0, 0
        with ThreadPoolExecutor(run.client.in_flight) as pool:
            for thread in ordered(pool, read, iter(run.threads), run.client.in_flight):
                held.append(thread)
                messages += len(thread.messages)
                progress.pages += 1
                progress.rows += len(thread.messages)
                if messages >= BATCH_ROWS:
                    yield _batch(run, held, is_first)
                    given += messages
                    held, is_first, messages = [], False, 0
                if given >= run.plan.chunk_rows:
                    break
        yield _batch(run, held, is_first, is_last=True)

    return threads


def _batch(
    run: Run, threads: list[Thread[Any, Any]], is_first: bool, is_last: bool = False
) -> Batch[Any]:
    findings = Findings()
    for thread in threads:
        findings.add(thread.findings)
    run.report.findings.add(findings)
    return Batch(threads, findings, is_first, is_last)
