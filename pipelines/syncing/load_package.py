"""Loads a chunk as one load package, by dlt. This is the one module of a sync that imports it, and
a sync comes here only if there is something to load.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from typing import Any

import dlt
import dlt.extract.storage
from dlt.pipeline.exceptions import PipelineStepFailed

from talkhouse.pipelines.audit.row_changes import changing
from talkhouse.pipelines.settings.connections import Connection
from talkhouse.pipelines.syncing.dlt_setup import TraceWithoutRows, dlt_set_up
from talkhouse.pipelines.warehouse.comments import comment
from talkhouse.pipelines.warehouse.failures import LoadFailed
from talkhouse.pipelines.warehouse.interface import Warehouse
from talkhouse.sources.dlt_source.chunk import Chunk, Package
from talkhouse.sources.dlt_source.resources import source_of
from talkhouse.sources.rows.lenient_decode import Drift, Reject


class Pipeline:
    """A connection's pipeline, in `folder`. What it knows is what was loaded."""

    def __init__(self, connection: Connection, warehouse: Warehouse, folder: Path) -> None:
        self._connection = connection
        self._warehouse = warehouse
        self._is_commented = False
        # the state that counts is the one that was loaded with its rows: dlt restores it from
        # there. A local one may be of a file that is gone, of a run that was killed before its
        # rows came in, or no longer what dlt can read
        if (folder / connection.name).exists():
            rmtree(folder / connection.name)
        with dlt_set_up(), _failing():
            self._pipeline = dlt.pipeline(
                connection.name,
                destination=warehouse.destination(),
                dataset_name=connection.provider.name,
                pipelines_dir=str(folder.absolute()),
                progress=TraceWithoutRows(),
            )
            self._pipeline.sync_destination()

    def load(self, chunk: Chunk, package: Package) -> dict[str, int]:
        """Loads the chunk; how many rows came into each table. Raises LoadFailed."""
        provider = self._connection.provider
        with dlt_set_up(), _failing():
            self._pipeline.activate()
            with _named(package.load_id):
                extracted = self._pipeline.extract(
                    source_of(provider, chunk), loader_file_format="parquet"
                )
            # the rows say already which package brings them
            assert extracted.loads_ids == [package.load_id]
            normalized = self._pipeline.normalize()
            with (
                self._warehouse.loading(provider.name),
                changing(self._warehouse, self._connection.name),
            ):
                loaded = self._pipeline.load()
                self._warehouse.index(provider.name, [*provider.records, Drift, Reject])
                changed = any(each.schema_update for each in loaded.load_packages)
                # once in any case: a load may have been cut off before its comments
                if changed or not self._is_commented:
                    with self._warehouse.transaction():
                        comment(self._warehouse, provider.name)
                    self._is_commented = True
        counts = normalized.row_counts.items()
        return {table: rows for table, rows in counts if not table.startswith("_dlt")}


@contextmanager
def _failing() -> Iterator[None]:
    try:
        yield
    except PipelineStepFailed as e:
        raise LoadFailed from e


@contextmanager
def _named(load_id: str) -> Iterator[None]:
    """While the context lasts, dlt gives this name to a package: it takes none, and makes one of
    the time.
    """
    storage: Any = dlt.extract.storage
    before = storage.create_load_id
    storage.create_load_id = lambda: load_id
    try:
        yield
    finally:
        storage.create_load_id = before
