"""A chunk in which every row equals the one that is stored: no package is loaded, and what is to be
noted is stored in one transaction. That is how most syncs of a quiet inbox end.

A row that was seen says so by its `_dlt_load_id`, whether it was loaded again or not: by that,
tombstones.py knows what two full scans missed.
"""

from talkhouse.pipelines.settings.connections import Connection
from talkhouse.pipelines.syncing.list_states import store_states
from talkhouse.pipelines.warehouse.interface import Warehouse
from talkhouse.pipelines.warehouse.row_comparison import differs, same_key
from talkhouse.sources.dlt_source.chunk import Chunk, Package
from talkhouse.sources.dlt_source.parquet_spool import Spool
from talkhouse.sources.dlt_source.run import MESSAGES, Run
from talkhouse.sources.rows.record import Record, table_columns
from talkhouse.sources.rows.table import Child


def is_unchanged(connection: Connection, warehouse: Warehouse, chunk: Chunk, run: Run) -> bool:
    """Whether nothing of the chunk would change a table. What changes by itself, such as an
    agent's presence, is loaded by full scans only.
    """
    dataset = connection.provider.name
    if run.is_first or any(part.name == MESSAGES for part in chunk.parts):
        return False
    modes = {part.name: run.report.of(part.name).mode for part in chunk.parts}
    return all(
        _is_stored(warehouse, dataset, output.record, spool, modes[part.name] == "full")
        for part, output, spool in chunk.files()
    )


def store_unchanged(
    connection: Connection, warehouse: Warehouse, chunk: Chunk, package: Package
) -> None:
    """Notes which rows were seen, and where the lists go on."""
    dataset = connection.provider.name
    states = {part.name: part.state for part in chunk.parts if part.state}
    with warehouse.loading(dataset), warehouse.transaction():
        for _, output, spool in chunk.files():
            # to touch rows that belong to another would have the models build them again
            if spool.count and not issubclass(output.record, Child):
                _note_seen(warehouse, dataset, output.record, spool, package.load_id)
        store_states(connection, warehouse, package.load_id, states)


def _is_stored(
    warehouse: Warehouse, dataset: str, record: type[Record], spool: Spool, with_volatile: bool
) -> bool:
    """Whether the table has each of the rows, and of a parent's rows no more than them."""
    columns = table_columns(record)
    there = {row["column_name"] for row in warehouse.columns(dataset, record.table)}
    if not {column.name for column in columns} <= there:
        return False
    if not spool.count:
        return True
    key = ("account", *record.key)
    compared = [
        column
        for column in columns
        if column.name not in key and (with_volatile or not column.is_volatile)
    ]
    unlike = ["stored.account is null", *(differs(each, "stored", "come") for each in compared)]
    with warehouse.staged([str(spool.file)], columns) as come:
        count = (
            f"select count(*) as n from {come} as come "
            f"left join {dataset}.{record.table} as stored on {same_key(record, 'stored', 'come')} "
            f"where ({' or '.join(unlike)})"
        )
        if not issubclass(record, Child):
            return not warehouse.rows(count)[0]["n"]
        if warehouse.rows(f"{count} and come._is_empty is not true")[0]["n"]:
            return False
        parent = ", ".join(("account", *record.parent))
        [rows] = warehouse.rows(
            f"select (select count(*) from {come} as come where _is_empty is not true) as come, "
            f"(select count(*) from {dataset}.{record.table} where ({parent}) in "
            f"(select {parent} from {come} as come)) as stored"
        )
    return bool(rows["come"] == rows["stored"])


def _note_seen(
    warehouse: Warehouse, dataset: str, record: type[Record], spool: Spool, load_id: str
) -> None:
    with warehouse.staged([str(spool.file)], table_columns(record)) as come:
        warehouse.execute(
            f"update {dataset}.{record.table} as stored set _dlt_load_id = %s from {come} as come "
            f"where {same_key(record, 'stored', 'come')}",
            [load_id],
        )
