"""Reads a chunk of a connection's lists or threads, and loads it: as one package of rows and state,
or if nothing of it is new, without one.
"""

import time
from datetime import datetime
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from talkhouse.pipelines.audit.outcome import Outcome
from talkhouse.pipelines.settings.connections import Connection
from talkhouse.pipelines.syncing.list_states import list_states
from talkhouse.pipelines.syncing.unchanged_chunk import is_unchanged, store_unchanged
from talkhouse.pipelines.syncing.worklist import first_worklist
from talkhouse.pipelines.telemetry.events import ChunkLoaded, tell
from talkhouse.pipelines.warehouse.interface import Warehouse
from talkhouse.sources.dlt_source.chunk import Chunk, Package
from talkhouse.sources.dlt_source.run import Run
from talkhouse.sources.rows.table import Child
from talkhouse.sources.scan.list_state import ListState
from talkhouse.sources.scan.listing import Listing
from talkhouse.sources.scan.scan_modes import is_fresh

if TYPE_CHECKING:
    from talkhouse.pipelines.syncing.load_package import Pipeline


DLT_FILES = ("normalize", "load")


class Loader:
    """Loads a connection's chunks. Their files are in `folder`, which is emptied before."""

    def __init__(
        self, connection: Connection, warehouse: Warehouse, outcome: Outcome, folder: Path
    ) -> None:
        self.folder = folder.absolute() / f"{connection.name}.chunks"
        # a run that was killed leaves rows in its files, and in those that dlt makes of them
        for left in (self.folder, *(folder / connection.name / each for each in DLT_FILES)):
            rmtree(left, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self._pipelines = folder
        self._connection = connection
        self._warehouse = warehouse
        self._outcome = outcome
        self._pipeline: Pipeline | None = None
        # when it began to read the threads of a first chunk, by the server's clock
        self.first_threads_at: datetime | None = None

    def close(self) -> None:
        """Removes the folder."""
        rmtree(self.folder, ignore_errors=True)

    def load(self, run: Run) -> None:
        """Reads the next chunk of the run's lists or threads, and loads it with their state.

        The threads of a first chunk are those of the conversations that it brings.

        Raises a SourceError, LoadFailed, or what the warehouse raises.
        """
        began = time.monotonic()
        connection, warehouse = self._connection, self._warehouse
        states = list_states(connection, warehouse)
        chunk = Chunk(connection.provider, run, connection.settings)
        with TemporaryDirectory(dir=self.folder) as folder:
            package = Package(str(time.time()), Path(folder))
            for listing in chunk.lists:
                state = states.get(listing.name, ListState())
                if not (run.skips_fresh and is_fresh(run.client, listing, state)):
                    chunk.read_list(listing, state, package)
            if chunk.threads:
                worklist = run.threads or self._first_worklist(chunk, run)
                chunk.read_threads(worklist, package)
            self._count_changes(chunk, run)
            read = time.monotonic()
            # a connection's first package makes the state that later ones are held against
            if states and is_unchanged(connection, warehouse, chunk, run):
                store_unchanged(connection, warehouse, chunk, package)
                # it knows the state of its own last package, and would load that again
                self._pipeline = None
            else:
                rows = self._loaded(chunk, package)
                self._note(run, chunk, rows, began, read)
        for part in chunk.parts:
            if part.error:
                raise part.error

    def _first_worklist(self, chunk: Chunk, run: Run) -> list[dict[str, Any]]:
        """The threads of conversations that the chunk brings, if it brings all of them."""
        self.first_threads_at = run.client.clock()
        if any(not run.report.is_done(listing.name) for listing in chunk.lists):
            return []
        files = {
            output.record.table: spool.file for _, output, spool in chunk.files() if spool.count
        }
        return first_worklist(self._connection, files, self.first_threads_at)

    def _loaded(self, chunk: Chunk, package: Package) -> dict[str, int]:
        if self._pipeline is None:
            # here: dlt takes longer to import than a sync in which nothing is new
            from talkhouse.pipelines.syncing.load_package import Pipeline

            self._pipeline = Pipeline(self._connection, self._warehouse, self._pipelines)
        return self._pipeline.load(chunk, package)

    def _count_changes(self, chunk: Chunk, run: Run) -> None:
        """Counts what of each list is new or changed, by its own table."""
        by_name = {listing.name: listing.tables[0] for listing in chunk.lists}
        for part, output, spool in chunk.files():
            table = by_name.get(part.name)
            if not table or table.shared or table.record is not output.record or not spool.count:
                continue
            progress = run.report.of(part.name)
            rows = new = spool.count
            changed = 0
            if part.name not in run.new:
                dataset, files = self._connection.provider.name, [str(spool.file)]
                rows, new, changed = self._warehouse.compared(dataset, output.record, files)
            progress.loaded += rows
            progress.new = (progress.new or 0) + new
            progress.changed += changed

    def _note(
        self, run: Run, chunk: Chunk, rows: dict[str, int], began: float, read: float
    ) -> None:
        outcome, ended = self._outcome, time.monotonic()
        for table, count in rows.items():
            outcome.rows[table] = outcome.rows.get(table, 0) + count
        tell(
            ChunkLoaded(
                run_id=outcome.run_id,
                connection=outcome.connection,
                provider=outcome.provider,
                lists=[part.name for part in chunk.parts],
                rows=rows,
                seconds=ended - began,
                load_seconds=ended - read,
            )
        )


def is_new(
    connection: Connection,
    warehouse: Warehouse,
    listing: Listing[Any],
    state: ListState,
    run: Run,
) -> bool:
    """Whether the tables have none of the rows that the list's next chunk brings: it goes on by ids
    in this run, and none is stored from the next one on.
    """
    if listing.by_id is None or run.report.of(listing.name).mode != "full":
        return False
    if state.full is None or state.full.way != "ids":
        return False
    first = (state.full.page - 1) * listing.by_id.size + 1
    for table in listing.tables:
        if table.shared:
            continue
        record = table.record
        key = record.parent[0] if issubclass(record, Child) else record.key[0]
        stored = f"select 1 from {connection.provider.name}.{record.table}"
        if warehouse.rows(
            f"{stored} where account = %s and {key} >= %s limit 1", [run.account, first]
        ):
            return False
    return True
