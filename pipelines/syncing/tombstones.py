"""Marks the rows that a provider has no more: `deleted_at` is when that was noticed.

Every row that a scan sees is loaded, or noted as unchanged, and says by its `_dlt_load_id` when
that was last. So a row that two full scans in a row missed is one whose load is older than both. No
row is ever removed; one that comes back is loaded without the mark.
"""

from collections.abc import Mapping
from typing import Any

from talkhouse.pipelines.audit.row_changes import change
from talkhouse.pipelines.settings.connections import Connection
from talkhouse.pipelines.syncing.storage_rules import aged, oldest_of
from talkhouse.pipelines.warehouse.interface import Warehouse
from talkhouse.sources.dlt_source.run import Report
from talkhouse.sources.rows.record import Record
from talkhouse.sources.rows.table import Table, ThreadRead
from talkhouse.sources.scan.list_state import ListState
from talkhouse.sources.scan.listing import Listing
from talkhouse.sources.scan.progress import Plan
from talkhouse.sources.scan.scan_modes import QUARANTINED_AT_MOST

States = Mapping[str, ListState]


def mark_deleted_rows(
    connection: Connection, warehouse: Warehouse, plan: Plan, report: Report, states: States
) -> None:
    """Marks the rows of every table whose lists were read whole in this run, and twice by now."""
    for listing in connection.provider.lists(connection.settings):
        progress = report.lists.get(listing.name)
        if not progress or not progress.is_whole:
            continue
        for table in listing.tables:
            if table.record.has_tombstones:
                progress.deleted += mark(connection, warehouse, plan, table, states)
    mark_messages_of_deleted_conversations(connection, warehouse)


def count_distinct_rows(connection: Connection, warehouse: Warehouse, report: Report) -> None:
    """Counts what full scans of this run brought, to be held against what the lists declare."""
    dataset = connection.provider.name
    for listing in connection.provider.lists(connection.settings):
        progress, table = report.lists.get(listing.name), listing.tables[0]
        if progress and progress.is_whole and not table.shared:
            [found] = warehouse.rows(
                f"select count(*) as n from {dataset}.{table.record.table} "
                "where account = %s and _dlt_load_id >= %s",
                [connection.name, progress.loaded_from],
            )
            progress.distinct = int(found["n"])


def mark_deleted_messages(connection: Connection, warehouse: Warehouse) -> None:
    """Marks the messages that were not in their thread when it was last read whole.

    What was looked at is noted in the same place, so a run that is killed before leaves it to the
    next one.
    """
    dataset = connection.provider.name
    read_whole = (
        "r.account = %s and r.is_whole and r.is_checked is not true and r._dlt_load_id in "
        f"(select load_id from {dataset}._dlt_loads where status = 0)"
    )
    [messages] = [each for each in connection.provider.records if each.table == "messages"]
    too_old, oldest = aged(messages, oldest_of(connection))
    change(
        warehouse,
        connection.name,
        f"update {dataset}.messages set deleted_at = r.read_at from {dataset}.message_reads r "
        "where messages.account = r.account and messages.conversation_id = r.conversation_id "
        f"and messages.deleted_at is null and messages._dlt_load_id < r._dlt_load_id "
        f"and {read_whole} and not coalesce({too_old}, false)",
        [connection.name, *oldest],
    )
    warehouse.execute(
        f"update {dataset}.message_reads as r set is_checked = true where {read_whole}",
        [connection.name],
    )


def mark_messages_of_deleted_conversations(connection: Connection, warehouse: Warehouse) -> None:
    """Marks them with their conversation; if it comes back, its thread is read anew."""
    provider = connection.provider
    listing = next(iter(provider.lists(connection.settings)))
    conversation = listing.tables[0].record
    # messages alone may have been asked for
    if not provider.threads or not all(
        warehouse.has_table(provider.name, each.table) for each in (ThreadRead, conversation)
    ):
        return
    gone = (
        f"select {conversation.key[0]} from {provider.name}.{conversation.table} "
        "where account = %s and deleted_at is not null"
    )
    change(
        warehouse,
        connection.name,
        f"update {provider.name}.messages set deleted_at = c.deleted_at "
        f"from {provider.name}.{conversation.table} c where messages.account = c.account "
        f"and messages.conversation_id = c.{conversation.key[0]} and messages.deleted_at is null "
        "and c.account = %s and c.deleted_at is not null",
        [connection.name],
    )
    change(
        warehouse,
        connection.name,
        f"delete from {provider.name}.message_reads where account = %s "
        f"and conversation_id in ({gone})",
        [connection.name, connection.name],
    )


def lists_filling(connection: Connection, record: type[Record]) -> list[Listing[Any]]:
    """The lists whose rows the record's table has."""
    lists = connection.provider.lists(connection.settings)
    return [each for each in lists if record in {table.record for table in each.tables}]


def mark(
    connection: Connection,
    warehouse: Warehouse,
    plan: Plan,
    table: Table,
    states: States,
    before: str = "",
) -> int:
    """Marks the table's rows whose load is older than both of the last two full scans of every
    list that fills it, or than the load id that is given; how many they are.
    """
    lists = lists_filling(connection, table.record)
    state = [states.get(listing.name, ListState()) for listing in lists]
    scans = [each.full_scans for each in state]
    unreadable = [row for each in state for row in each.quarantine]
    # load ids are times: where this machine's clock went back, they tell nothing
    if not before and any(len(each) < 2 or each[0] >= each[1] for each in scans):
        return 0
    is_own = len(lists) == 1 and not table.rows
    # which row it is that could not be read must be known, lest it be taken for deleted
    is_known = all(isinstance(row, int) for row in unreadable)
    if unreadable and not (is_own and is_known and len(unreadable) < QUARANTINED_AT_MOST):
        return 0
    where = ["account = %s", "deleted_at is null", "_dlt_load_id < %s"]
    values: list[Any] = [connection.name, before or min(each[0] for each in scans)]
    # what is too old to be stored is not read for deleted
    condition, oldest = aged(table.record, oldest_of(connection))
    where.append(f"not coalesce({condition}, false)")
    values += oldest
    if unreadable:
        where.append(f"{table.record.key[0]} not in ({', '.join(map(str, unreadable))})")
    if plan.start_date and any(listing.from_start_date for listing in lists):
        if not is_own:
            return 0
        cursor = lists[0].cursor
        where.append(f"({cursor} is null or {cursor} >= %s)")
        values.append(plan.start_date)
    return change(
        warehouse,
        connection.name,
        f"update {connection.provider.name}.{table.record.table} set deleted_at = %s "
        f"where {' and '.join(where)}",
        [max(each.full_scan_at or "" for each in state), *values],
    )
