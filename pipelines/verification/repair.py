"""Mends what `verify` found: reads again what differs, and marks what is no more."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from talkhouse.pipelines.audit.outcome import Outcome
from talkhouse.pipelines.audit.row_changes import change
from talkhouse.pipelines.settings.connections import Connection
from talkhouse.pipelines.settings.project import HERE
from talkhouse.pipelines.syncing.list_states import list_states
from talkhouse.pipelines.syncing.sync_connection import ConnectionSync, sync
from talkhouse.pipelines.syncing.tombstones import lists_filling, mark
from talkhouse.pipelines.verification.verify import SHORT_THREADS, Difference, Verified, verified
from talkhouse.pipelines.warehouse.interface import Warehouse
from talkhouse.sources.dlt_source.run import MESSAGES
from talkhouse.sources.scan.progress import Plan
from talkhouse.sources.scan.threads import Budget


def repair(
    connection: Connection,
    warehouse: Warehouse,
    plan: Plan,
    budget: Budget,
    folder: Path = HERE.pipelines_folder,
) -> tuple[Verified, list[Outcome]]:
    """What differed, and the syncs that mended it: verify again to see whether it is.

    A list that differs is read whole again. Rows that neither that nor the comparison has seen are
    marked deleted: two full scans missed them. Threads that differ are read from their first
    message.
    """
    with warehouse.syncing(connection.name):
        return _repaired(connection, warehouse, plan, budget, folder)


def _repaired(
    connection: Connection, warehouse: Warehouse, plan: Plan, budget: Budget, folder: Path
) -> tuple[Verified, list[Outcome]]:
    dataset = connection.provider.name
    with verified(connection, warehouse, plan, budget) as (found, scratch):
        if found.error:
            return found, []
        if found.threads_short:
            change(
                warehouse,
                connection.name,
                f"delete from {dataset}.message_reads where account = %s and conversation_id in "
                f"(select conversation_id from {scratch.of(SHORT_THREADS)})",
                [connection.name],
            )
    unlike = {table.table: table for table in found.tables if not table.ok}
    lists = [
        listing
        for listing in connection.provider.lists(connection.settings)
        if any(table.record.table in unlike for table in listing.tables)
    ]
    mended = []
    wanted = ConnectionSync(connection, warehouse, plan, folder=folder)
    if lists:
        names = [listing.name for listing in lists]
        outcome = sync(replace(wanted, plan=replace(plan, full=True), only=names))
        mended.append(outcome)
        _mark_extra_rows(connection, warehouse, plan, unlike, outcome)
    if found.threads_short:
        mended.append(sync(replace(wanted, only=[MESSAGES])))
    return found, mended


def _mark_extra_rows(
    connection: Connection,
    warehouse: Warehouse,
    plan: Plan,
    unlike: Mapping[str, Difference],
    outcome: Outcome,
) -> None:
    states = list_states(connection, warehouse)
    for listing in connection.provider.lists(connection.settings):
        for table in listing.tables:
            difference = unlike.get(table.record.table)
            if difference is None or not difference.extra or not table.record.has_tombstones:
                continue
            filling = lists_filling(connection, table.record)
            scans = [outcome.report.lists.get(each.name) for each in filling]
            if all(scan and scan.is_whole for scan in scans):
                before = min(scan.loaded_from for scan in scans if scan)
                mark(connection, warehouse, plan, table, states, before)
