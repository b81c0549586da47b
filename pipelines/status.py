"""How complete the DuckDB file is: what each list was read up to, and what is still to do.

The state of the lists is read where it was loaded, with the rows that it describes.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dlt.common.versioned_state import decompress_state
from rich.table import Table

from pipelines.connections import Connection
from pipelines.dry_run import backlog
from pipelines.summary import print_json, results
from pipelines.warehouse import Warehouse

FINDINGS = ("drift", "rejects")


@dataclass(frozen=True)
class ListStatus:
    """One list: everything that moved before `complete_as_of` is in the file."""

    name: str
    complete_as_of: str | None
    full_scan_at: str | None
    unfinished: str


@dataclass
class Status:
    """One connection. `threads_to_read` is None where the provider has no threads."""

    connection: str
    provider: str
    lists: list[ListStatus] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    threads_to_read: int | None = None

    @property
    def is_synced(self) -> bool:
        return bool(self.lists)


def statuses(chosen: Sequence[Connection], file: Path) -> list[Status]:
    """The status of each. Raises WarehouseError if the file cannot be read."""
    if not file.exists():
        return [Status(each.name, each.provider.name) for each in chosen]
    with Warehouse(file, read_only=True) as warehouse:
        return [_status(each, warehouse) for each in chosen]


def _status(connection: Connection, warehouse: Warehouse) -> Status:
    dataset = connection.provider.name
    status = Status(connection.name, dataset)
    tables = warehouse.tables(dataset)
    if not tables:
        return status
    status.lists = [
        _list(name.removesuffix("_pages"), state)
        for name, state in sorted(_states(connection, warehouse).items())
        if name.endswith("_pages")
    ]
    for table in tables:
        query = f"select count(*) as n from {dataset}.{table} where account = %s"
        status.rows[table] = int(warehouse.rows(query, [connection.name])[0]["n"])
    if connection.provider.worklist:
        status.threads_to_read = backlog(connection, warehouse)
    return status


def _states(connection: Connection, warehouse: Warehouse) -> dict[str, dict[str, Any]]:
    dataset = connection.provider.name
    found = warehouse.rows(
        f"select state from {dataset}._dlt_pipeline_state where pipeline_name = %s "
        # of a load that was cut off, the rows are not all in
        f"and _dlt_load_id in (select load_id from {dataset}._dlt_loads where status = 0) "
        "order by version desc limit 1",
        [connection.name],
    )
    if not found:
        return {}
    state = decompress_state(found[0]["state"])
    states: dict[str, dict[str, Any]] = state["sources"].get(dataset, {}).get("resources", {})
    return states


def _list(name: str, state: dict[str, Any]) -> ListStatus:
    going = state.get("scan") or state.get("window")
    unfinished = f"{going['mode']} scan, at page {going['page']}" if going else ""
    return ListStatus(name, state.get("watermark"), state.get("full_scan_at"), unfinished)


def show_statuses(found: Sequence[Status], as_json: bool) -> None:
    """Prints every list of every connection, and the rows of its tables."""
    if as_json:
        print_json([asdict(status) | {"is_synced": status.is_synced} for status in found])
        return
    console = results()
    lists = Table("connection", "list", "complete as of", "last full scan", "unfinished")
    for status in found:
        if not status.is_synced:
            lists.add_row(status.connection, "", "never synced")
        for each in status.lists:
            lists.add_row(
                status.connection,
                each.name,
                _shown(each.complete_as_of),
                _shown(each.full_scan_at),
                each.unfinished,
            )
    console.print(lists)
    for status in found:
        rows = ", ".join(
            f"{table} {n:,}" for table, n in status.rows.items() if table not in FINDINGS
        )
        told = {f"{table} {status.rows.get(table, 0):,}" for table in FINDINGS}
        if status.is_synced:
            console.print(f"{status.connection}: {rows}", soft_wrap=True)
            if status.threads_to_read is not None:
                console.print(f"  threads to read: {status.threads_to_read:,}")
            console.print(f"  {', '.join(sorted(told))}")


def _shown(moment: str | None) -> str:
    return moment[:19].replace("T", " ") + " UTC" if moment else "never"
