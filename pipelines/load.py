"""Loads one chunk of a connection's lists or threads, as one package of dlt's."""

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dlt
import pyarrow.parquet as parquet

from pipelines.audit import Outcome
from pipelines.changes import changing
from pipelines.connections import Connection
from pipelines.events import ChunkLoaded, tell
from pipelines.state import list_states
from pipelines.warehouse import Warehouse
from sources.listing import Listing
from sources.run import Run
from sources.salvage import Drift, Reject
from sources.tables import Child


def is_new(connection: Connection, warehouse: Warehouse, listing: Listing[Any], run: Run) -> bool:
    """Whether the tables have none of the rows that the list's next chunk brings: it goes on by ids
    in this run, and none is stored from the next one on.
    """
    if listing.by_id is None or run.report.of(listing.name).mode != "full":
        return False
    going = list_states(connection, warehouse).get(listing.name, {}).get("full", {})
    if going.get("way") != "ids":
        return False
    first = (going["page"] - 1) * listing.by_id.size + 1
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


def load_chunk(
    pipeline: dlt.Pipeline,
    connection: Connection,
    warehouse: Warehouse,
    run: Run,
    outcome: Outcome,
) -> None:
    """Loads the next chunk of the run's lists, as one package with their state."""
    began = time.monotonic()
    with TemporaryDirectory(dir=pipeline.working_dir) as folder:
        source = connection.provider.source(replace(run, folder=Path(folder)), connection.settings)
        pipeline.extract(source, loader_file_format="parquet")
    normalized = pipeline.normalize()
    for load_id in normalized.loads_ids:
        files = _files(pipeline, load_id)
        for listing in connection.provider.lists(connection.settings):
            if run.reads(listing.name):
                _compare(warehouse, connection.provider.name, listing, run, files)
    counts = normalized.row_counts.items()
    loaded = {table: rows for table, rows in counts if not table.startswith("_dlt")}
    read = time.monotonic()
    with ExitStack() as held:
        held.enter_context(warehouse.loading(connection.provider.name))
        if any(loaded.values()):
            held.enter_context(changing(warehouse, connection.name))
        pipeline.load()
        warehouse.index(connection.provider.name, [*connection.provider.records, Drift, Reject])
    for table, rows in loaded.items():
        outcome.rows[table] = outcome.rows.get(table, 0) + rows
    ended = time.monotonic()
    tell(
        ChunkLoaded(
            run_id=outcome.run_id,
            connection=outcome.connection,
            provider=outcome.provider,
            lists=list(run.lists or ()),
            rows=loaded,
            seconds=ended - began,
            load_seconds=ended - read,
        )
    )


def _files(pipeline: dlt.Pipeline, load_id: str) -> dict[str, list[str]]:
    """The files of a package, by their table."""
    files: dict[str, list[str]] = {}
    for job in pipeline.get_load_package_info(load_id).jobs["new_jobs"]:
        files.setdefault(job.job_file_info.table_name, []).append(job.file_path)
    return files


def _compare(
    warehouse: Warehouse,
    dataset: str,
    listing: Listing[Any],
    run: Run,
    files: Mapping[str, list[str]],
) -> None:
    """Counts what of a list is new or changed, by its own table."""
    table, progress = listing.tables[0], run.report.of(listing.name)
    found = [file for file in files.get(table.record.table, []) if file.endswith(".parquet")]
    if not found or table.shared:
        return
    if listing.name in run.new:
        rows = new = sum(parquet.read_metadata(file).num_rows for file in found)
        changed = 0
    else:
        rows, new, changed = warehouse.compared(dataset, table.record, found)
    progress.loaded += rows
    progress.new = (progress.new or 0) + new
    progress.changed += changed
