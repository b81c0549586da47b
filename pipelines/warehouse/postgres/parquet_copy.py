"""How Parquet files get into Postgres: dlt's own destination, with JSON as jsonb.

ADBC copies in Postgres' binary format, in two thirds of the time that CSV takes
(benchmarks/RESULTS.md). dlt has it make `json` columns, since it sends JSON as text; the binary
form of a jsonb is that text after a byte that says its version:
https://github.com/postgres/postgres/blob/REL_18_0/src/backend/utils/adt/jsonb.c (jsonb_recv)
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as parquet
from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.destination.client import FollowupJobRequest, LoadJob
from dlt.common.destination.typing import PreparedTableSchema
from dlt.common.schema import TColumnSchema, TTableSchema
from dlt.common.storages.load_package import LoadJobInfo
from dlt.destinations import postgres
from dlt.destinations.impl.postgres.factory import PostgresTypeMapper
from dlt.destinations.impl.postgres.postgres import PostgresClient, PostgresParquetCopyJob
from dlt.destinations.sql_client import SqlClientBase
from dlt.destinations.sql_jobs import SqlMergeFollowupJob

from talkhouse.pipelines.warehouse.resolved_once import ResolvedOnce

JSONB_VERSION = "\x01"
COPIED_AT_ONCE = 20_000


class JsonbPostgres(ResolvedOnce, postgres):
    """Postgres as dlt's destination."""

    def _raw_capabilities(self) -> DestinationCapabilitiesContext:
        capabilities = super()._raw_capabilities()
        capabilities.preferred_loader_file_format = "parquet"
        capabilities.supported_loader_file_formats = ["parquet", "insert_values", "model"]
        # dlt's own looks whether ADBC is there, and would else take CSV
        capabilities.loader_file_format_selector = _only_parquet
        capabilities.type_mapper = JsonbMapper
        return capabilities

    @property
    def client_class(self) -> type[PostgresClient]:
        return JsonbClient


def _only_parquet(
    preferred: Any, supported: Sequence[Any], *, table_schema: TTableSchema
) -> tuple[Any, Sequence[Any]]:
    return preferred, supported


class JsonbMapper(PostgresTypeMapper):
    """JSON is jsonb, whatever the file it comes in."""

    def to_destination_type(self, column: TColumnSchema, table: PreparedTableSchema) -> str:
        if column.get("data_type") == "json":
            return "jsonb"
        return super().to_destination_type(column, table)


class JsonbClient(PostgresClient):
    """Copies Parquet files by JsonbCopyJob."""

    # of the table that is to be merged
    _staged_rows = 0

    def create_load_job(
        self, table: PreparedTableSchema, file_path: str, load_id: str, restore: bool = False
    ) -> LoadJob:
        job = super().create_load_job(table, file_path, load_id, restore)
        return JsonbCopyJob(file_path) if isinstance(job, PostgresParquetCopyJob) else job

    def create_table_chain_completed_followup_jobs(
        self,
        table_chain: Sequence[PreparedTableSchema],
        completed_table_chain_jobs: Sequence[LoadJobInfo] | None = None,
    ) -> list[FollowupJobRequest]:
        self._staged_rows = sum(map(_rows_of, completed_table_chain_jobs or ()))
        return super().create_table_chain_completed_followup_jobs(
            table_chain, completed_table_chain_jobs
        )

    def _create_merge_followup_jobs(
        self, table_chain: Sequence[PreparedTableSchema]
    ) -> list[FollowupJobRequest]:
        return [_merge_of(self._staged_rows).from_table_chain(table_chain, self.sql_client)]


def _rows_of(job: LoadJobInfo) -> int:
    if job.job_file_info.file_format != "parquet":
        return 0  # a merge is a job of its table, too
    named = Path(job.file_path)
    # dlt moves it to the folder that it names once all this is done
    [file] = named.parent.parent.glob(f"*_jobs/{named.name}")
    rows: int = parquet.read_metadata(file).num_rows
    return rows


def _merge_of(rows: int) -> type[SqlMergeFollowupJob]:
    """Merges what was staged, if it is so many rows: another load empties the staging table, if the
    session that holds the lock was lost. It fails then, and the chunk is read again.
    """

    class FencedMerge(SqlMergeFollowupJob):
        @classmethod
        def generate_sql(
            cls, table_chain: Sequence[PreparedTableSchema], sql_client: SqlClientBase[Any]
        ) -> list[str]:
            with sql_client.with_staging_dataset():
                staged = sql_client.make_qualified_table_name(str(table_chain[0]["name"]))
            return [
                f"LOCK TABLE {staged} IN SHARE MODE;",
                f"SELECT 1 / (count(*) = {rows})::int FROM {staged};",
                *super().generate_sql(table_chain, sql_client),
            ]

    return FencedMerge


class JsonbCopyJob(PostgresParquetCopyJob):
    """Copies one Parquet file into its table."""

    def run(self) -> None:
        declared = self._job_client.schema.get_table_columns(self.load_table_name)
        documents = {name for name, hints in declared.items() if hints.get("data_type") == "json"}
        with (
            parquet.ParquetFile(self._file_path) as file,
            self._connect() as connection,
            connection.cursor() as cursor,
        ):
            copied = pa.RecordBatchReader.from_batches(
                file.schema_arrow, _with_version(file, documents)
            )
            cursor.adbc_ingest(
                self.load_table_name,
                copied,
                mode="append",
                db_schema_name=self._job_client.sql_client.dataset_name,
            )
            connection.commit()


def _with_version(file: Any, documents: set[str]) -> Iterator[pa.RecordBatch]:
    for batch in file.iter_batches(COPIED_AT_ONCE):
        for position, name in enumerate(batch.schema.names):
            if name in documents:
                versioned = pc.binary_join_element_wise("", batch.column(position), JSONB_VERSION)
                batch = batch.set_column(position, name, versioned)
        yield batch
