"""The DuckDB file that everything is loaded into."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import dlt
import duckdb
import pyarrow as pa

from pipelines.compare import changed, same_key
from sources import PROVIDERS
from sources.records import Record, table_columns

AUDIT = "audit"
FETCHED_AT_ONCE = 1_000
DEFAULT_FILE = "talkhouse.duckdb"
# what DuckDB may hold in memory before it spills to disk. A chunk's merge is small: a second thread
# would cost more processor time than it saves.
CONFIG: dict[str, str | bool | int | float | list[str]] = {"memory_limit": "160MB", "threads": 1}


class WarehouseError(Exception):
    """The warehouse cannot be opened; the message says what to do."""


class Warehouse:
    """An open DuckDB file. It is kept open through a sync: opening it again for every load job, as
    dlt does by itself, takes most of the time of a small load.
    """

    def __init__(self, file: str | Path, *, read_only: bool = False) -> None:
        self.file = Path(file)
        if self.file.stem in (*PROVIDERS, AUDIT):
            raise WarehouseError(
                f"a DuckDB file named {self.file.name} hides its own dataset {self.file.stem}; "
                "give it another name in destination.duckdb"
            )
        try:
            self.connection = duckdb.connect(self.file, read_only=read_only, config=CONFIG)
        except duckdb.IOException as e:
            raise WarehouseError(_why_not(self.file, str(e))) from None

    def __enter__(self) -> "Warehouse":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, e: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.close()

    def destination(self) -> Any:
        """This file as dlt's destination."""
        return dlt.destinations.duckdb(self.connection)

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """The rows of a query, whose parameters are written `%s`."""
        cursor = self.connection.cursor()
        cursor.execute("SET TimeZone = 'UTC'")
        cursor.execute(query.replace("%s", "?"), parameters)
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> int:
        """Runs a statement, whose parameters are written `%s`; the number of rows it changed."""
        cursor = self.connection.cursor()
        cursor.execute(statement.replace("%s", "?"), parameters)
        changed = cursor.fetchone()
        return int(changed[0]) if changed and isinstance(changed[0], int) else 0

    def each(self, query: str, parameters: Sequence[Any] = ()) -> Iterator[dict[str, Any]]:
        """The rows of a query one by one, however many there are."""
        cursor = self.connection.cursor()
        cursor.execute("SET TimeZone = 'UTC'")
        cursor.execute(query.replace("%s", "?"), parameters)
        names = [column[0] for column in cursor.description or ()]
        while rows := cursor.fetchmany(FETCHED_AT_ONCE):
            for row in rows:
                yield dict(zip(names, row, strict=True))

    def load_arrow(self, statement: str, batch: pa.Table) -> None:
        """Runs a statement that reads the Arrow table `batch`."""
        cursor = self.connection.cursor()
        cursor.register("batch", batch)
        cursor.execute(statement)
        cursor.unregister("batch")

    def compared(
        self, dataset: str, record: type[Record], files: Sequence[str]
    ) -> tuple[int, int, int]:
        """Of the rows of Parquet files that are about to be loaded: how many there are, how many
        are new to the table, and how many differ from the stored ones.
        """
        columns = {row["column_name"] for row in self.columns(dataset, record.table)}
        if not {column.name for column in table_columns(record)} <= columns:
            # the table, or columns of a newer release, come with this very load
            [found] = self.rows("select count(*) as n from read_parquet(%s)", [list(files)])
            return int(found["n"]), 0 if columns else int(found["n"]), 0
        [found] = self.rows(
            "select count(*) as n, count(*) filter (where stored.account is null) as new, "
            "count(*) filter (where stored.account is not null "
            f"and ({changed(record, 'stored', 'come')})) as changed "
            f"from read_parquet(%s) as come left join {dataset}.{record.table} as stored "
            f"on {same_key(record, 'stored', 'come')}",
            [list(files)],
        )
        return int(found["n"]), int(found["new"]), int(found["changed"])

    def columns(self, dataset: str, table: str) -> list[dict[str, Any]]:
        """The names and types of a table's columns."""
        return self.rows(
            "select column_name, data_type from information_schema.columns "
            "where table_schema = %s and table_name = %s order by ordinal_position",
            [dataset, table],
        )

    def tables(self, dataset: str) -> list[str]:
        """The dataset's tables, without dlt's own."""
        found = self.rows(
            "select table_name from information_schema.tables where table_schema = %s "
            "and not starts_with(table_name, '_dlt') order by table_name",
            [dataset],
        )
        return [row["table_name"] for row in found]


def configured_file() -> str:
    """The file that `destination.duckdb` names, or `talkhouse.duckdb` in the working folder."""
    value: Any = dlt.config.get("destination.duckdb")
    if isinstance(value, dict):
        value = value.get("credentials")
    return str(value or DEFAULT_FILE)


def _why_not(file: Path, message: str) -> str:
    held = re.search(r"Conflicting lock is held in (.+?) \(PID (\d+)\)", message)
    if held:
        return (
            f"{file} is open in another process ({Path(held[1]).name}, PID {held[2]}), and DuckDB "
            "lets one process at a time write; close it there, or wait for that sync to end"
        )
    return f"{file} cannot be opened: {message.splitlines()[0]}"
