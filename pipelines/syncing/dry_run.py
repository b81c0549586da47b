"""Reads what a sync would read, into a copy of what the sync needs, which is then thrown away."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from talkhouse.pipelines.audit.outcome import Outcome
from talkhouse.pipelines.settings.connections import Connection
from talkhouse.pipelines.syncing.storage_rules import terms_of
from talkhouse.pipelines.syncing.sync_connection import ConnectionSync, sync
from talkhouse.pipelines.syncing.worklist import Worklist, as_of, worklist_tables
from talkhouse.pipelines.warehouse.duckdb_file import DuckDbWarehouse
from talkhouse.pipelines.warehouse.interface import Destination, Warehouse
from talkhouse.sources.scan.progress import Plan


def dry_run(
    connection: Connection,
    destination: Destination,
    plan: Plan,
    only: Sequence[str],
    outcome: Outcome,
) -> None:
    """Fills the outcome as a sync would. Threads are counted, not read: their number is the
    `pages` of the list `messages`.
    """
    lists = [name for name in only if name != "messages"]
    quiet = replace(
        connection, settings=msgspec.structs.replace(connection.settings, messages=False)
    )
    with (
        TemporaryDirectory() as folder,
        DuckDbWarehouse(Path(folder, "dry_run.duckdb")) as warehouse,
    ):
        terms = terms_of(connection, warehouse)
        if destination.exists():
            with destination.open(read_only=True) as kept:
                terms = terms_of(connection, kept)
                _copy(connection, kept, warehouse)
        if lists or not only:
            wanted = ConnectionSync(
                quiet, warehouse, plan, lists, folder=Path(folder, "pipelines"), terms=terms
            )
            sync(replace(wanted, outcome=outcome))
        wants_threads = connection.settings.messages and (not only or "messages" in only)
        if outcome.ok and connection.provider.worklist and wants_threads:
            messages = outcome.report.of("messages")
            messages.mode = "to read"
            messages.pages = Worklist(connection, warehouse, as_of(connection, warehouse)).count()


def _copy(connection: Connection, kept: Warehouse, into: DuckDbWarehouse) -> None:
    """Copies the dataset's tables, but only the rows that a sync looks at: dlt's own, with the
    state of every list, and those that tell which threads are to be read.
    """
    dataset = connection.provider.name
    looked_at = worklist_tables(connection)
    tables = kept.rows(
        "select table_name from information_schema.tables where table_schema = %s", [dataset]
    )
    if tables:
        into.execute(f"create schema {dataset}")
    for table in (row["table_name"] for row in tables):
        if table.startswith("_dlt"):
            rows = "true"
        else:
            rows = f"account = '{connection.name}'" if table in looked_at else "false"
        into.copy(
            f"{dataset}.{table}", kept.batches(f"select * from {dataset}.{table} where {rows}")
        )
