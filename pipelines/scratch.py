"""What was read of a provider, kept beside the warehouse for as long as it is compared with it."""

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

import pyarrow.compute as pc

from pipelines.warehouse import Warehouse
from sources.listing import Batch
from sources.records import Record, arrow_table
from sources.tables import Child, Table

DATABASE = "scratch"


class Scratch:
    """Tables of what was read, in a DuckDB file of their own, attached to the warehouse."""

    def __init__(self, warehouse: Warehouse, folder: Path) -> None:
        self._warehouse = warehouse
        self._file = folder / "scratch.duckdb"
        self._made: set[str] = set()
        self._read = 0

    def __enter__(self) -> "Scratch":
        self._warehouse.execute(f"attach '{self._file}' as {DATABASE}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, e: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._warehouse.execute(f"detach {DATABASE}")

    def of(self, table: str) -> str:
        """The table's name, in SQL."""
        return f"{DATABASE}.main.{table}"

    def make(self, tables: Iterable[Table]) -> None:
        """Makes the tables that are not there yet."""
        for record in {table.record for table in tables}:
            if record.table not in self._made:
                self._made.add(record.table)
                empty = arrow_table(record, [], "")
                self._warehouse.load_arrow(
                    f"create table {self.of(record.table)} as select *, 0 as _read from batch",
                    empty,
                )

    def add(self, tables: Iterable[Table], batch: Batch) -> None:
        """Keeps the rows of a batch."""
        self.make(tables)
        self._read += 1
        for table in tables:
            rows = batch.tables[table.resource]
            if issubclass(table.record, Child):
                rows = rows.filter(pc.is_null(rows.column("_is_empty")))
            if rows.num_rows:
                self._warehouse.load_arrow(
                    f"insert into {self.of(table.record.table)} select *, {self._read} from batch",
                    rows,
                )

    def newest(self, record: type[Record]) -> str:
        """The rows, of each key the one that was read last, as SQL to select from."""
        key = ", ".join(f'"{name}"' for name in ("account", *record.key))
        return (
            f"(select * from {self.of(record.table)} "
            f"qualify row_number() over (partition by {key} order by _read desc) = 1)"
        )

    def count(self, record: type[Record]) -> int:
        """How many rows there are."""
        [row] = self._warehouse.rows(f"select count(*) as n from {self.newest(record)}")
        return int(row["n"])
