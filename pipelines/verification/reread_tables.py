"""What was read of a provider, kept beside the warehouse for as long as it is compared with it."""

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from talkhouse.pipelines.warehouse.interface import Warehouse
from talkhouse.sources.rows.record import INT, Column, Record, table_columns
from talkhouse.sources.rows.table import Child, Table
from talkhouse.sources.scan.listing import Batch

READ = Column(("_read",), INT, "Which batch brought the row.")


class Scratch:
    """Tables of what was read, in a schema that is gone when the comparison is over."""

    def __init__(self, warehouse: Warehouse, schema: str) -> None:
        self._warehouse = warehouse
        self._schema = schema
        self._made: set[str] = set()
        self._read = 0

    def of(self, table: str) -> str:
        """The table's name, in SQL."""
        return f"{self._schema}.{table}"

    def make(self, tables: Iterable[Table]) -> None:
        """Makes the tables that are not there yet."""
        for record in {table.record for table in tables}:
            if record.table not in self._made:
                self._made.add(record.table)
                self._warehouse.make_table(self.of(record.table), [*table_columns(record), READ])

    def add(self, tables: Iterable[Table], batch: Batch) -> None:
        """Keeps the rows of a batch."""
        self.make(tables)
        self._read += 1
        for table in tables:
            rows = batch.tables[table.resource]
            if issubclass(table.record, Child):
                rows = rows.filter(pc.is_null(rows.column("_is_empty")))
            if rows.num_rows:
                read = pa.repeat(pa.scalar(self._read, pa.int64()), rows.num_rows)
                rows = rows.append_column("_read", read)
                self._warehouse.insert(self.of(table.record.table), rows)

    def newest(self, record: type[Record]) -> str:
        """The rows, of each key the one that was read last, as SQL to select from."""
        key = ", ".join(f'"{name}"' for name in ("account", *record.key))
        return (
            f"(select * from (select *, row_number() over (partition by {key} order by _read desc) "
            f"as _nth from {self.of(record.table)}) as every where _nth = 1)"
        )

    def count(self, record: type[Record]) -> int:
        """How many rows there are."""
        [row] = self._warehouse.rows(f"select count(*) as n from {self.newest(record)} as newest")
        return int(row["n"])
