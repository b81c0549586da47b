"""Reads the threads of the conversations that changed, chunk by chunk, off the work-list."""

from dataclasses import replace
from typing import Any

from talkhouse.pipelines.settings.connections import Connection
from talkhouse.pipelines.syncing.load_chunk import Loader
from talkhouse.pipelines.syncing.tombstones import mark_deleted_messages
from talkhouse.pipelines.syncing.worklist import BEFORE_ALL, Worklist
from talkhouse.pipelines.warehouse.interface import Warehouse
from talkhouse.sources.dlt_source.run import MESSAGES, Run
from talkhouse.sources.http.errors import PagingLoop, Unavailable

THREADS_PER_CHUNK = 20_000


def sync_messages(connection: Connection, warehouse: Warehouse, run: Run, loader: Loader) -> None:
    """Loads the threads until none is left, or the run's budget is spent. Those that a first sync
    read with its lists are not read again.

    Raises a SourceError; Unavailable if threads could not be read, all else was, and it may not be
    those threads that are at fault.
    """
    provider, progress = connection.provider, run.report.of(MESSAGES)
    progress.mode = "threads"
    tables = warehouse.tables(provider.name)
    if "message_reads" not in tables:
        loader.load(run)  # of no thread: it makes the tables
    if "conversations" not in tables:
        return
    began = loader.first_threads_at or run.client.clock()
    worklist = Worklist(connection, warehouse, began, began if run.plan.full else BEFORE_ALL)
    mark_deleted_messages(connection, warehouse)  # what a run that was killed had not come to
    done: list[dict[str, Any]] = []
    while not run.is_spent():
        left = worklist.first(THREADS_PER_CHUNK + len(progress.failed))
        todo = [row for row in left if row["conversation_id"] not in progress.failed]
        if not todo:
            break
        if todo == done:
            raise PagingLoop(f"{provider.name}: threads that were read are still to be read")
        loader.load(replace(run, threads=todo))
        mark_deleted_messages(connection, warehouse)
        done = todo
        if progress.gave_up:
            break
    progress.left = worklist.count() - len(progress.failed)
    progress.finished = not progress.left
    if progress.is_doubtful or len(progress.failed) > len(progress.quarantined):
        raise Unavailable(
            f"{provider.name}: {len(progress.failed)} threads could not be read, all else was; the "
            f"first: {next(iter(progress.failed.values()))}",
            "the next run tries them again",
        )
