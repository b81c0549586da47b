"""The warehouse as a Postgres database."""

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import psycopg2
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as parquet
from adbc_driver_postgresql import dbapi as adbc
from dlt.destinations.impl.postgres.configuration import PostgresCredentials
from psycopg2.extras import register_default_jsonb

from talkhouse.pipelines.warehouse.interface import (
    FETCHED_AT_ONCE,
    NOTHING_LOST,
    OLDER,
    AlreadySyncing,
    Warehouse,
    WarehouseError,
    WarehouseGone,
)
from talkhouse.pipelines.warehouse.migrations import up_to_date
from talkhouse.pipelines.warehouse.postgres.errors import refusal_of
from talkhouse.pipelines.warehouse.postgres.indexes import indexes_of
from talkhouse.pipelines.warehouse.postgres.locks import is_held, locked
from talkhouse.sources.rows.record import Column, Record

if TYPE_CHECKING:
    from dlt.destinations.impl.postgres.configuration import PostgresCredentials

TYPES = {
    "text": "varchar",
    "bigint": "bigint",
    "bool": "boolean",
    "double": "double precision",
    "timestamp": "timestamptz",
    "json": "jsonb",
}
COPIED_AT_ONCE = 10_000
GONE_WITHIN_SECONDS = 2


@dataclass(frozen=True)
class PostgresDatabase:
    """Where the warehouse is: a database, with the credentials to it."""

    credentials: "PostgresCredentials"

    def __str__(self) -> str:
        known = self.credentials
        # a password with an @ that is not escaped is taken for a part of the host
        host = (known.host or "its socket").rpartition("@")[2]
        return f"Postgres database {known.database} at {host}:{known.port}"

    @property
    def dbt_target(self) -> str:
        return "postgres"

    def dbt_environment(self) -> dict[str, str]:
        known = psycopg2.extensions.parse_dsn(self.credentials.to_native_representation())
        certificates = ("sslrootcert", "sslcert", "sslkey")
        # libpq reads those itself: dbt's profile is not asked for them
        return {f"PG{each.upper()}": known[each] for each in certificates if each in known} | {
            "PGTZ": "UTC",
            "TALKHOUSE_PG_HOST": known.get("host", ""),
            "TALKHOUSE_PG_PORT": known.get("port", "5432"),
            "TALKHOUSE_PG_USER": known.get("user", ""),
            "TALKHOUSE_PG_DATABASE": known.get("dbname", ""),
            "TALKHOUSE_PG_SSLMODE": known.get("sslmode", "prefer"),
            "DBT_ENV_SECRET_TALKHOUSE_PG_PASSWORD": known.get("password", ""),
        }

    @contextmanager
    def building(self) -> Iterator[None]:
        with PostgresWarehouse(self) as warehouse, warehouse.building():
            yield

    def used_by_dbt(self) -> AbstractContextManager[None]:
        return nullcontext()

    def exists(self) -> bool:
        """A database is there before anything is loaded."""
        return True

    def open(self, *, read_only: bool = False) -> "PostgresWarehouse":
        """Opens it; brings it up to date, if it is not to be read only. Raises WarehouseError."""
        return up_to_date(PostgresWarehouse(self, read_only=read_only), read_only)


class PostgresWarehouse(Warehouse):
    """A session with the database. The locks are its own: gone when it is, however it ended."""

    remedy = "is the disk full, or does the role lack one of this provider's two schemas?"
    errors = psycopg2.Error

    def __init__(self, database: PostgresDatabase, *, read_only: bool = False) -> None:
        self._database = database
        self._credentials = database.credentials
        self._uri = database.credentials.to_native_representation()
        # a session that waits for a provider is not idle: it holds the locks
        options = (
            f"{database.credentials.get_query().get('options', '')} -c timezone=UTC "
            "-c idle_session_timeout=0"
        )
        try:
            self.connection = psycopg2.connect(
                self._uri,
                options=options.strip(),
                fallback_application_name="talkhouse",
                keepalives_idle=60,
            )
        except psycopg2.OperationalError as e:
            why = str(e).strip().splitlines()[0].strip()
            remedy = "check destination.postgres.credentials, and whether it is up"
            raise WarehouseError(f"{database} cannot be opened: {why}; {remedy}") from None
        # only ever stricter than the database itself is
        self.connection.set_session(readonly=read_only or None, autocommit=True)
        register_default_jsonb(self.connection, loads=str)  # as it is written, as DuckDB gives it
        self._indexed: set[tuple[str, str]] = set()

    def close(self) -> None:
        self.connection.close()

    def meaning(self, error: BaseException) -> str:
        if self.is_older and isinstance(error, psycopg2.ProgrammingError):
            return f"{self._database} {OLDER}"
        if refused := refusal_of(error):
            return f"{self._database} {refused}; {NOTHING_LOST}"
        try:
            self.rows("select 1")
        except WarehouseGone as gone:
            return str(gone)
        except psycopg2.Error:
            pass
        return ""

    def destination(self) -> Any:
        from talkhouse.pipelines.warehouse.postgres.parquet_copy import JsonbPostgres

        return JsonbPostgres(self._credentials, destination_name="postgres")

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        with self._cursor() as cursor:
            cursor.execute(query, parameters or None)
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def each(self, query: str, parameters: Sequence[Any] = ()) -> Iterator[dict[str, Any]]:
        # a cursor of the server, which outlasts what else the session does meanwhile
        with self._cursor(name="each", withhold=True) as cursor:
            cursor.itersize = FETCHED_AT_ONCE
            cursor.execute(query, parameters or None)
            for row in cursor:
                names = [column[0] for column in cursor.description or ()]
                yield dict(zip(names, row, strict=True))

    def batches(self, query: str) -> Iterator[pa.RecordBatch]:
        with adbc.connect(self._uri) as connection, connection.cursor() as cursor:
            cursor.execute(query)
            reader = cursor.fetch_record_batch()
            yield pa.RecordBatch.from_pylist([], schema=reader.schema)
            yield from reader

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> int:
        with self._cursor() as cursor:
            cursor.execute(statement, parameters or None)
            return max(int(cursor.rowcount), 0)

    @contextmanager
    def _cursor(self, **how: Any) -> Iterator[Any]:
        try:
            with self.connection.cursor(**how) as cursor:
                yield cursor
        except psycopg2.Error:
            if not self.connection.closed:
                raise
            raise WarehouseGone(
                f"{self._database} cannot be reached any more; {NOTHING_LOST}"
            ) from None

    def comments(self, dataset: str) -> list[dict[str, Any]]:
        # a relation's own comment is stored as that of column 0
        return self.rows(
            "with columns as (select attrelid, attnum, attname from pg_attribute "
            "where attnum > 0 and not attisdropped union all select oid, 0, '' from pg_class) "
            "select relname as table_name, attname as column_name, case when attnum > 0 "
            "then 'column' when relkind = 'v' then 'view' else 'table' end as kind, "
            "description as comment from pg_class join columns on attrelid = pg_class.oid "
            "left join pg_description on objoid = attrelid and objsubid = attnum "
            "and classoid = 'pg_class'::regclass "
            "where relnamespace = to_regnamespace(%s) and relkind in ('r', 'p', 'v')",
            [dataset],
        )

    def make_table(self, name: str, columns: Sequence[Column]) -> None:
        declared = ", ".join(f'"{column.name}" {TYPES[column.type.dlt]}' for column in columns)
        self.execute(f"create table {name} ({declared})")

    def insert(self, name: str, rows: pa.Table) -> None:
        columns = ", ".join(f'"{column}"' for column in rows.column_names)
        plain = csv.WriteOptions(include_header=False)
        with self._cursor() as cursor:
            for batch in rows.to_batches(COPIED_AT_ONCE):
                # written so, an empty text has quotes, and null has none
                text = BytesIO()
                csv.write_csv(batch, text, plain)
                text.seek(0)
                cursor.copy_expert(f"copy {name} ({columns}) from stdin with (format csv)", text)

    @contextmanager
    def scratch(self) -> Iterator[str]:
        try:
            yield "pg_temp"
        finally:
            self.execute("discard temp")

    @contextmanager
    def staged(self, files: Sequence[str], columns: Sequence[Column]) -> Iterator[str]:
        names = [column.name for column in columns]
        self.make_table("pg_temp.come", columns)
        try:
            for file in files:
                for batch in parquet.ParquetFile(file).iter_batches(COPIED_AT_ONCE, columns=names):
                    self.insert("pg_temp.come", pa.Table.from_batches([batch]))
            yield "pg_temp.come"
        finally:
            self.execute("drop table pg_temp.come")

    @contextmanager
    def syncing(self, account: str) -> Iterator[None]:
        # of a process that was just killed the server takes a moment to notice
        with locked(self, f"talkhouse sync {account}", GONE_WITHIN_SECONDS) as is_ours:
            if not is_ours:
                raise AlreadySyncing(
                    f"another process is syncing {account} into this database; wait for it to end"
                )
            yield

    def is_syncing(self, account: str) -> bool:
        return is_held(self, f"talkhouse sync {account}")

    def is_building(self) -> bool:
        return is_held(self, "talkhouse build")

    @contextmanager
    def building(self) -> Iterator[None]:
        """Keeps other processes from building. Raises AlreadySyncing if one does."""
        with locked(self, "talkhouse build", GONE_WITHIN_SECONDS) as is_ours:
            if not is_ours:
                raise AlreadySyncing("another process builds in this database; wait for it to end")
            yield

    @contextmanager
    def loading(self, dataset: str) -> Iterator[None]:
        # dlt loads every pipeline of a dataset through the same staging tables, and empties them:
        # https://github.com/dlt-hub/dlt/issues/4297
        with locked(self, f"talkhouse load {dataset}", math.inf):
            yield

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self.connection.autocommit = False
        try:
            yield
            self.connection.commit()
        except BaseException:
            if not self.connection.closed:
                self.connection.rollback()
            raise
        finally:
            if not self.connection.closed:
                self.connection.autocommit = True

    def forget(self, tables: Iterable[str]) -> None:
        for table in tables:
            self.execute(f"vacuum full {table}")

    def index(self, dataset: str, records: Sequence[type[Record]]) -> None:
        lacking = [record for record in records if (dataset, record.table) not in self._indexed]
        if not lacking:
            return
        there = self.tables(dataset)
        for record in lacking:
            if record.table not in there:
                continue
            for statement in indexes_of(record, dataset):
                self.execute(statement)
            self._indexed.add((dataset, record.table))
