"""A chunk's rows of one resource as a Parquet file, which dlt takes into its package as it is.

Given Arrow tables, dlt would look at the schema of each again, which takes it milliseconds, and
write the same file.
"""

from pathlib import Path
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as parquet

LOAD_ID = pa.field("_dlt_load_id", pa.string(), nullable=False)
# rows of a row group: what is held of a table before it is written
WRITTEN_AT_ONCE = 10_000


class Spool:
    """Takes the rows of a chunk table by table, and writes them to one file in `folder`, each with
    the load package that brings it. `empty` has their columns; there is no file if `count` is 0.
    """

    def __init__(self, resource: str, folder: Path, load_id: str, empty: pa.Table) -> None:
        self.file = folder / f"{resource}-{uuid4().hex}.parquet"
        self.count = 0
        self.empty = empty
        self._load_id = load_id
        self._writer: parquet.ParquetWriter | None = None
        self._held: list[pa.Table] = []

    def add(self, rows: pa.Table) -> None:
        """Takes some rows."""
        if rows.num_rows:
            self.count += rows.num_rows
            self._held.append(rows)
        if sum(part.num_rows for part in self._held) >= WRITTEN_AT_ONCE:
            self._write()

    def close(self) -> None:
        """Writes what is held, and ends the file."""
        if self._held:
            self._write()
        if self._writer:
            self._writer.close()

    def _write(self) -> None:
        rows = pa.concat_tables(self._held)
        self._held.clear()
        brought_by = pa.repeat(pa.scalar(self._load_id), rows.num_rows)
        rows = rows.append_column(LOAD_ID, brought_by)
        if self._writer is None:
            self._writer = parquet.ParquetWriter(self.file, rows.schema)
        self._writer.write_table(rows)
