"""A chunk's rows of one table as a Parquet file, which dlt takes into its package as it is.

Given Arrow tables, dlt would look at the schema of each again, which takes it milliseconds, and
write the same file.
"""

from pathlib import Path
from typing import Any
from uuid import uuid4

import dlt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as parquet
from dlt.common.storages.exceptions import CurrentLoadPackageStateNotAvailable

from sources.listing import Batch
from sources.tables import Child, Table

LOAD_ID = pa.field("_dlt_load_id", pa.string(), nullable=False)
# rows of a row group: what is held of a table before it is written
WRITTEN_AT_ONCE = 10_000


def load_id() -> str:
    """The load package at work; none where a source's rows are just looked at."""
    try:
        return str(dlt.current.load_package_state()["load_id"])
    except CurrentLoadPackageStateNotAvailable:
        return ""


class Spool:
    """Takes the batches of a chunk, and gives the table's rows with the last of them.

    `without_markers` leaves out the rows that only say that a parent has none: where nothing is
    stored yet, nothing is to be replaced.
    """

    def __init__(self, table: Table, folder: Path | None, *, without_markers: bool) -> None:
        self._table = table
        self._file = folder and folder / f"{table.resource}-{uuid4().hex}.parquet"
        self._without_markers = without_markers and issubclass(table.record, Child)
        self._writer: parquet.ParquetWriter | None = None
        self._held: list[pa.Table] = []
        self._rows = 0

    def of_batch(self, batch: Batch) -> Any:
        """The file as an item for dlt, or the empty table if there were no rows; None before.

        The rows themselves where there is no folder for a file.
        """
        rows = batch.tables[self._table.resource]
        if self._without_markers:
            rows = rows.filter(pc.is_null(rows.column("_is_empty")))
        if self._file is None:
            return rows
        self._held.append(rows)
        if batch.is_last or sum(part.num_rows for part in self._held) >= WRITTEN_AT_ONCE:
            self._write(self._file)
        if not batch.is_last:
            return None
        empty = rows.slice(0, 0)
        if self._writer is None:
            return empty
        self._writer.close()
        return dlt.mark.with_file_import(str(self._file), "parquet", self._rows, empty)

    def _write(self, file: Path) -> None:
        rows = pa.concat_tables(self._held)
        self._held.clear()
        if not rows.num_rows:
            return
        brought_by = pa.repeat(pa.scalar(load_id()), rows.num_rows)
        rows = rows.append_column(LOAD_ID, brought_by)
        if self._writer is None:
            self._writer = parquet.ParquetWriter(file, rows.schema)
        self._writer.write_table(rows)
        self._rows += rows.num_rows
