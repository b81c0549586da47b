"""The conversations whose threads are to be read, as the warehouse tells them.

Nothing else remembers what is left to do: what was read is noted with the messages themselves.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet

from talkhouse.pipelines.settings.connections import Connection
from talkhouse.pipelines.syncing.list_states import list_states
from talkhouse.pipelines.warehouse.duckdb_file import DuckDbWarehouse
from talkhouse.pipelines.warehouse.interface import Warehouse
from talkhouse.sources.dlt_source.parquet_spool import LOAD_ID
from talkhouse.sources.rows.arrow import arrow_schema

BEFORE_ALL = datetime(1970, 1, 1, tzinfo=UTC)
ALL = 2**62
NO_LOADS = pa.table({"load_id": pa.array([], pa.string()), "status": pa.array([], pa.int64())})


def as_of(connection: Connection, warehouse: Warehouse) -> datetime:
    """When the connection's lists were last read, by the server's clock; now, if never."""
    known = [state.watermark for state in list_states(connection, warehouse).values()]
    latest = max((each for each in known if each), default=None)
    return datetime.fromisoformat(latest) if latest else datetime.now(UTC)


@dataclass(frozen=True)
class Worklist:
    """One connection's work-list at a time; threads last read before `read_before` are due, too."""

    connection: Connection
    warehouse: Warehouse
    now: datetime
    read_before: datetime = BEFORE_ALL

    def first(self, rows: int) -> list[dict[str, Any]]:
        """The conversations to read first."""
        return self.warehouse.rows(self._query, self._parameters(rows))

    def each(self) -> Iterator[dict[str, Any]]:
        """All of them, one by one."""
        return self.warehouse.each(self._query, self._parameters(ALL))

    def count(self) -> int:
        """How many there are; all that are stored, where no thread was ever read."""
        dataset = self.connection.provider.name
        tables = self.warehouse.tables(dataset)
        if "conversations" not in tables:
            return 0
        if "message_reads" not in tables:
            query = f"select count(*) as n from {dataset}.conversations where account = %s"
            return int(self.warehouse.rows(query, [self.connection.name])[0]["n"])
        query = f"select count(*) as n from ({self._query}) as worklist"
        return int(self.warehouse.rows(query, self._parameters(ALL))[0]["n"])

    @property
    def _query(self) -> str:
        provider = self.connection.provider
        return (provider.worklist or "").format(dataset=provider.name)

    def _parameters(self, rows: int) -> list[Any]:
        return [self.read_before, self.now, self.connection.name, rows]


def worklist_tables(connection: Connection) -> set[str]:
    """The tables that the provider's work-list looks at."""
    return set(re.findall(r"{dataset}\.(\w+)", connection.provider.worklist or ""))


def first_worklist(
    connection: Connection, files: Mapping[str, Path], now: datetime
) -> list[dict[str, Any]]:
    """The work-list of an account of which nothing is stored, given the files of its tables."""
    provider = connection.provider
    found = {
        record.table: arrow_schema(record).append(LOAD_ID).empty_table()
        for record in provider.records
    }
    found["_dlt_loads"] = NO_LOADS
    found |= {table: parquet.read_table(file) for table, file in files.items()}
    with DuckDbWarehouse(":memory:") as warehouse:
        warehouse.execute(f"create schema {provider.name}")
        for table in worklist_tables(connection):
            columns = pa.RecordBatch.from_pylist([], schema=found[table].schema)
            rows = iter([columns, *found[table].to_batches()])
            warehouse.copy(f"{provider.name}.{table}", rows)
        return Worklist(connection, warehouse, now).first(ALL)
