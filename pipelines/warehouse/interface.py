"""What is asked of the database that everything is loaded into, be it DuckDB or Postgres.

duckdb_file.py and postgres/database.py are the two; destination.py says which one is configured.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Any, ClassVar, Protocol, Self

import pyarrow as pa

from talkhouse.pipelines.warehouse.row_comparison import changed, same_key
from talkhouse.sources.rows.record import Column, Record, table_columns

AUDIT = "audit"
# the schemas that `talkhouse build` fills
BUILT = ("staging", "unified", "marts", "seeds", "snapshots")
FETCHED_AT_ONCE = 1_000
NOTHING_LOST = "what was loaded is kept, and the next run goes on from there"
OLDER = (
    "is of an earlier release, and lacks what this needs: run `talkhouse sync` first, which brings "
    "it up to date"
)


class WarehouseError(Exception):
    """The warehouse cannot be opened or used; the message says what to do."""


class AlreadySyncing(WarehouseError):
    """Another process is at it."""


class WarehouseGone(WarehouseError):
    """It was open, and cannot be used any more."""


class Destination(Protocol):
    """Where the warehouse is; its name, as text, has no secret."""

    def exists(self) -> bool:
        """Whether anything may have been loaded."""

    def open(self, *, read_only: bool = False) -> "Warehouse":
        """Opens it; brings it up to date, if it is not to be read only. Raises WarehouseError."""

    @property
    def dbt_target(self) -> str:
        """Its name in `models/profiles.yml`."""

    def dbt_environment(self) -> dict[str, str]:
        """What that asks the environment for. Raises WarehouseError."""

    def building(self) -> AbstractContextManager[None]:
        """Keeps other processes from building. Raises AlreadySyncing if one does."""

    def used_by_dbt(self) -> AbstractContextManager[None]:
        """What dbt opens while it lasts is closed at its end."""


class Warehouse(ABC):
    """An open database. Queries write their parameters `%s`; times come back in UTC. `remedy` is
    what to look at if a load fails; `errors` is what its library raises. One that `is_older` lacks
    what this release would make in it.
    """

    remedy: ClassVar[str]
    errors: ClassVar[type[Exception]]
    is_older = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, e: BaseException | None, trace: TracebackType | None
    ) -> None:
        is_its = isinstance(e, Exception) and not isinstance(e, WarehouseError)
        why = self.meaning(e) if e and is_its else ""
        self.close()
        if why:
            raise WarehouseGone(why) from None

    @abstractmethod
    def close(self) -> None: ...

    @abstractmethod
    def meaning(self, error: BaseException) -> str:
        """What an error means that this database made, and what to do; empty where neither is
        known. Its own message is left out, since it may quote a row.
        """

    @abstractmethod
    def destination(self) -> Any:
        """This database as dlt's destination."""

    @abstractmethod
    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """The rows of a query."""

    @abstractmethod
    def each(self, query: str, parameters: Sequence[Any] = ()) -> Iterator[dict[str, Any]]:
        """The rows of a query one by one, however many there are."""

    @abstractmethod
    def batches(self, query: str) -> Iterator[pa.RecordBatch]:
        """The rows of a query as Arrow, however many there are; at least one batch."""

    @abstractmethod
    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> int:
        """Runs a statement; the number of rows it changed."""

    @abstractmethod
    def make_table(self, name: str, columns: Sequence[Column]) -> None:
        """Makes an empty table."""

    @abstractmethod
    def insert(self, name: str, rows: pa.Table) -> None:
        """Adds rows, whose columns are those of the table, to a table that `make_table` made."""

    @abstractmethod
    def scratch(self) -> AbstractContextManager[str]:
        """Room for tables that are gone when the context ends: the schema to make them in."""

    @abstractmethod
    def staged(
        self, files: Sequence[str], columns: Sequence[Column]
    ) -> AbstractContextManager[str]:
        """Rows of Parquet files, as SQL to select from."""

    def syncing(self, account: str) -> AbstractContextManager[None]:
        """Keeps other processes from syncing the account. Raises AlreadySyncing if one does."""
        return nullcontext()

    def building(self) -> AbstractContextManager[None]:
        """Keeps other processes from building. Raises AlreadySyncing if one does."""
        return nullcontext()

    @abstractmethod
    def transaction(self) -> AbstractContextManager[None]:
        """What is executed while it lasts happens as a whole, or if it raises, not at all."""

    def is_syncing(self, account: str) -> bool:
        """Whether another process syncs the account now."""
        return False

    def is_building(self) -> bool:
        """Whether another process builds now."""
        return False

    def loading(self, dataset: str) -> AbstractContextManager[None]:
        """Waits until no other process loads into the dataset, and keeps others from it."""
        return nullcontext()

    @abstractmethod
    def index(self, dataset: str, records: Sequence[type[Record]]) -> None:
        """Makes the indexes that the records' tables lack, where the database needs any."""

    @abstractmethod
    def forget(self, tables: Iterable[str]) -> None:
        """Writes these tables anew, so that what was deleted in them, or written over, is nowhere
        on the disk any more.
        """

    @abstractmethod
    def comments(self, dataset: str) -> list[dict[str, Any]]:
        """The comment of each table, view and column: `table_name`, `column_name`, which is empty
        for a table or view, `kind`, which is table, view or column, and `comment`.
        """

    def compared(
        self, dataset: str, record: type[Record], files: Sequence[str]
    ) -> tuple[int, int, int]:
        """Of the rows of Parquet files that are about to be loaded: how many there are, how many
        are new to the table, and how many differ from the stored ones.
        """
        there = {row["column_name"] for row in self.columns(dataset, record.table)}
        columns = table_columns(record)
        with self.staged(files, columns) as come:
            if not {column.name for column in columns} <= there:
                # the table, or columns of a newer release, come with this very load
                [found] = self.rows(f"select count(*) as n from {come} as come")
                return int(found["n"]), 0 if there else int(found["n"]), 0
            [found] = self.rows(
                "select count(*) as n, count(*) filter (where stored.account is null) as new, "
                "count(*) filter (where stored.account is not null "
                f"and ({changed(record, 'stored', 'come')})) as changed "
                f"from {come} as come left join {dataset}.{record.table} as stored "
                f"on {same_key(record, 'stored', 'come')}"
            )
        return int(found["n"]), int(found["new"]), int(found["changed"])

    def columns(self, dataset: str, table: str) -> list[dict[str, Any]]:
        """The names and types of a table's columns."""
        return self.rows(
            "select column_name, data_type from information_schema.columns "
            "where table_schema = %s and table_name = %s order by ordinal_position",
            [dataset, table],
        )

    def has_table(self, dataset: str, table: str) -> bool:
        """Whether the table is there."""
        return bool(self.columns(dataset, table))

    def tables(self, dataset: str) -> list[str]:
        """The dataset's tables, without dlt's own."""
        found = self.rows(
            "select table_name from information_schema.tables where table_schema = %s "
            "and not starts_with(table_name, '_dlt') order by table_name",
            [dataset],
        )
        return [row["table_name"] for row in found]

    def has_schema(self, name: str) -> bool:
        """Whether there is a schema of this name, with or without tables."""
        query = "select 1 as there from information_schema.schemata where schema_name = %s"
        return bool(self.rows(query, [name]))
