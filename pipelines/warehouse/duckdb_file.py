"""The warehouse as a DuckDB file."""

import os
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pyarrow as pa

from talkhouse.pipelines.warehouse.duckdb_errors import remedy_of, why_not
from talkhouse.pipelines.warehouse.interface import (
    AUDIT,
    BUILT,
    FETCHED_AT_ONCE,
    OLDER,
    AlreadySyncing,
    Warehouse,
    WarehouseError,
)
from talkhouse.pipelines.warehouse.migrations import up_to_date
from talkhouse.sources.registry import PROVIDERS
from talkhouse.sources.rows.record import Column, Record

# what DuckDB may hold in memory before it spills to disk. A chunk's merge is small: a second thread
# would cost more processor time than it saves.
CONFIG: dict[str, str | bool | int | float | list[str]] = {"memory_limit": "160MB", "threads": 1}
TYPES = {
    "text": "varchar",
    "bigint": "bigint",
    "bool": "boolean",
    "double": "double",
    "timestamp": "timestamptz",
    "json": "json",
}
SCRATCH = "scratch"
FREE_WITHIN_SECONDS = 3
TRIED_EVERY_SECONDS = 0.1


@dataclass(frozen=True)
class DuckDbFile:
    """Where the warehouse is: a file."""

    file: Path

    def __str__(self) -> str:
        return str(self.file)

    def exists(self) -> bool:
        """Whether anything was ever loaded."""
        return self.file.exists()

    @property
    def dbt_target(self) -> str:
        return "duckdb"

    def dbt_environment(self) -> dict[str, str]:
        file = str(self.file.absolute())
        if "'" in file:
            raise WarehouseError(f"{file}: dbt cannot open a file or folder with a ' in its name")
        return {"TALKHOUSE_DUCKDB": file}

    def building(self) -> AbstractContextManager[None]:
        # the file has one writer as it is
        return nullcontext()

    @contextmanager
    def used_by_dbt(self) -> Iterator[None]:
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager

        # it leaves the file open, and so locked
        try:
            yield
        finally:
            DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]

    def open(self, *, read_only: bool = False) -> "DuckDbWarehouse":
        """Opens it; brings it up to date, if it is not to be read only. Raises WarehouseError."""
        return up_to_date(self._when_free(read_only), read_only)

    def _when_free(self, read_only: bool) -> "DuckDbWarehouse":
        """Waits a few seconds for a process that only looks something up to be done."""
        until = time.monotonic() + FREE_WITHIN_SECONDS
        while True:
            try:
                return DuckDbWarehouse(self.file, read_only=read_only)
            except AlreadySyncing:
                if time.monotonic() > until:
                    raise
            time.sleep(TRIED_EVERY_SECONDS)


class DuckDbWarehouse(Warehouse):
    """An open DuckDB file. It is kept open through a sync: opening it again for every load job, as
    dlt does by itself, takes most of the time of a small load.
    """

    remedy = "is the disk full, or the file held by another program?"
    errors = duckdb.Error

    def __init__(self, file: str | Path, *, read_only: bool = False) -> None:
        self._only: duckdb.DuckDBPyConnection | None = None
        self.file = Path(file)
        if hidden := hidden_dataset(self.file):
            raise WarehouseError(
                f"a DuckDB file named {self.file.name} hides its own dataset {hidden}; "
                "give it another name in destination.duckdb"
            )
        try:
            self.connection = duckdb.connect(self.file, read_only=read_only, config=CONFIG)
        except duckdb.Error as e:
            raise why_not(self.file, str(e)) from None

    def close(self) -> None:
        self.connection.close()

    def meaning(self, error: BaseException) -> str:
        if self.is_older and isinstance(error, duckdb.ProgrammingError):
            return f"{self.file} {OLDER}"
        found, remedy = remedy_of(str(error)) if isinstance(error, duckdb.Error) else ("", "")
        return f"{self.file} cannot be used: {found}; {remedy}" if found else ""

    def destination(self) -> Any:
        from talkhouse.pipelines.warehouse.duckdb_load import OpenDuckDb

        return OpenDuckDb(self.connection, destination_name="duckdb")

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        return list(self.each(query, parameters))

    def each(self, query: str, parameters: Sequence[Any] = ()) -> Iterator[dict[str, Any]]:
        cursor = self._cursor()
        cursor.execute(_with_marks(query), parameters)
        names = [column[0] for column in cursor.description or ()]
        while rows := cursor.fetchmany(FETCHED_AT_ONCE):
            for row in rows:
                yield dict(zip(names, row, strict=True))

    def batches(self, query: str) -> Iterator[pa.RecordBatch]:
        reader = self._cursor().execute(query).to_arrow_reader(FETCHED_AT_ONCE)
        yield pa.RecordBatch.from_pylist([], schema=reader.schema)
        yield from reader

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> int:
        cursor = self._only or self.connection.cursor()
        cursor.execute(_with_marks(statement), parameters)
        changed = cursor.fetchone()
        return int(changed[0]) if changed and isinstance(changed[0], int) else 0

    def columns(self, dataset: str, table: str) -> list[dict[str, Any]]:
        # the information schema of DuckDB looks at every table for one
        try:
            return self.rows(
                "select name as column_name, type as data_type from pragma_table_info(%s)",
                [f"{dataset}.{table}"],
            )
        except duckdb.CatalogException:
            return []

    def comments(self, dataset: str) -> list[dict[str, Any]]:
        its = "where database_name = current_database() and schema_name = %s"
        return self.rows(
            "select table_name, '' as column_name, 'table' as kind, comment "
            f"from duckdb_tables() {its} "
            f"union all select view_name, '', 'view', comment from duckdb_views() {its} "
            "union all select table_name, column_name, 'column', comment "
            f"from duckdb_columns() {its}",
            [dataset] * 3,
        )

    def make_table(self, name: str, columns: Sequence[Column]) -> None:
        declared = ", ".join(f'"{column.name}" {TYPES[column.type.dlt]}' for column in columns)
        self.execute(f"create table {name} ({declared})")

    def insert(self, name: str, rows: pa.Table) -> None:
        cursor = self.connection.cursor()
        cursor.register("come", rows)
        cursor.execute(f"insert into {name} by name select * from come")
        cursor.unregister("come")

    def copy(self, name: str, batches: Iterator[pa.RecordBatch]) -> None:
        """Makes a table of these rows."""
        cursor = self.connection.cursor()
        first = next(batches)
        cursor.register("come", pa.RecordBatchReader.from_batches(first.schema, batches))
        cursor.execute(f"create table {name} as select * from come")
        cursor.unregister("come")

    @contextmanager
    def scratch(self) -> Iterator[str]:
        # a file of its own: a temporary table would be held in memory, and the warehouse's own file
        # would keep the room that it once took
        with TemporaryDirectory() as folder:
            self.execute(f"attach '{Path(folder, 'scratch.duckdb')}' as {SCRATCH}")
            try:
                yield f"{SCRATCH}.main"
            finally:
                self.execute(f"detach {SCRATCH}")

    def staged(
        self, files: Sequence[str], columns: Sequence[Column]
    ) -> AbstractContextManager[str]:
        names = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
        return nullcontext(f"read_parquet([{names}])")

    def index(self, dataset: str, records: Sequence[type[Record]]) -> None:
        # a join reads the columns that it needs, and an index would cost every load its time
        return

    @contextmanager
    def transaction(self) -> Iterator[None]:
        # another cursor would be another transaction
        self._only = self.connection
        try:
            self.connection.begin()
            yield
            self.connection.commit()
        except BaseException:
            self.connection.rollback()
            raise
        finally:
            self._only = None

    def forget(self, tables: Iterable[str]) -> None:
        # a free block keeps its bytes, whatever they were: so the whole file is written anew
        file = self.file.resolve()
        new = file.with_name(f".{file.name}.anew")
        new.unlink(missing_ok=True)
        try:
            self._copy_to(new)
            shutil.copymode(file, new)
            # before it is closed: whoever comes next opens the new one
            os.replace(new, file)
        finally:
            new.unlink(missing_ok=True)
        self.connection.close()
        try:
            self.connection = duckdb.connect(self.file, config=CONFIG)
        except duckdb.IOException as e:
            raise why_not(self.file, str(e)) from None

    def _copy_to(self, new: Path) -> None:
        """Writes everything to a new file. Raises WarehouseError if a table would lose rows."""
        self.execute("checkpoint")
        [current] = self.rows("select current_database() as name")
        self.execute(f"attach '{_quoted(new)}' as anew")
        self.execute(f'copy from database "{current["name"]}" to anew')
        for row in self.rows(
            "select schema_name as schema, table_name as name from duckdb_tables() "
            "where database_name = current_database()"
        ):
            name = f'"{row["schema"]}"."{row["name"]}"'
            [both] = self.rows(
                f"select (select count(*) from {name}) as old, (select count(*) from anew.{name}) "
                "as new"
            )
            if both["old"] != both["new"]:
                raise WarehouseError(f"{self.file} cannot be written anew: {name} would lose rows")
        self.execute("detach anew")

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        cursor = self._only or self.connection.cursor()
        cursor.execute("set TimeZone = 'UTC'")
        return cursor


def _quoted(file: Path) -> str:
    return str(file).replace("'", "''")


def hidden_dataset(file: Path) -> str:
    """The dataset that cannot be named in the file, since DuckDB takes its name for the file's,
    which goes up to the first dot; empty if none.
    """
    name = file.name.partition(".")[0].lower()
    return name if name in (*PROVIDERS, AUDIT, *BUILT) else ""


def _with_marks(statement: str) -> str:
    """The statement with the marks that DuckDB has for parameters; ours are those of psycopg."""
    return statement.replace("%s", "?")
