"""Reads what a sync would read, into a copy of what the sync needs, which is then thrown away."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from pipelines.audit import Outcome
from pipelines.connections import Connection
from pipelines.sync import sync
from pipelines.warehouse import Warehouse
from pipelines.worklist import Worklist, as_of
from sources.listing import Plan


def dry_run(
    connection: Connection, file: Path, plan: Plan, only: Sequence[str], outcome: Outcome
) -> None:
    """Fills the outcome as a sync would. Threads are counted, not read: their number is the
    `pages` of the list `messages`.
    """
    lists = [name for name in only if name != "messages"]
    quiet = replace(
        connection, settings=msgspec.structs.replace(connection.settings, messages=False)
    )
    with TemporaryDirectory() as folder, Warehouse(Path(folder, "dry_run.duckdb")) as warehouse:
        if file.exists():
            _copy(connection, file, warehouse)
        if lists or not only:
            sync(
                quiet,
                warehouse,
                plan,
                only=lists,
                outcome=outcome,
                folder=Path(folder, "pipelines"),
            )
        wants_threads = connection.settings.messages and (not only or "messages" in only)
        if outcome.ok and connection.provider.worklist and wants_threads:
            messages = outcome.report.of("messages")
            messages.mode = "to read"
            messages.pages = Worklist(connection, warehouse, as_of(connection, warehouse)).count()


def _copy(connection: Connection, file: Path, into: Warehouse) -> None:
    """Copies the dataset's tables, but only the rows that a sync looks at: dlt's own, with the
    state of every list, and those that tell which threads are to be read.
    """
    with Warehouse(file, read_only=True):
        pass  # if another process holds it, this says so
    dataset = connection.provider.name
    looked_at = re.findall(r"{dataset}\.(\w+)", connection.provider.worklist or "")
    into.connection.execute(
        f"attach '{str(file).replace(chr(39), chr(39) * 2)}' as kept (read_only)"
    )
    tables = into.rows(
        "select table_name from duckdb_tables() where database_name = 'kept' and schema_name = %s",
        [dataset],
    )
    if tables:
        into.connection.execute(f"create schema {dataset}")
    for row in tables:
        table = row["table_name"]
        if table.startswith("_dlt"):
            rows = "true"
        else:
            rows = f"account = '{connection.name}'" if table in looked_at else "false"
        into.connection.execute(
            f"create table {dataset}.{table} as select * from kept.{dataset}.{table} where {rows}"
        )
    into.connection.execute("detach kept")
