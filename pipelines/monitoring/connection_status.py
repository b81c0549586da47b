"""How a connection stands: what each list was read up to, what is still to do, what needs somebody.

The state of the lists is read where it was loaded, with the rows that it describes.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from talkhouse.pipelines.monitoring.health import (
    KINDS,
    RUNS_LOOKED_AT,
    SETTINGS,
    Health,
    Problem,
    health,
)
from talkhouse.pipelines.settings.connections import Connection
from talkhouse.pipelines.syncing.list_states import list_states
from talkhouse.pipelines.syncing.storage_rules import terms_of
from talkhouse.pipelines.syncing.worklist import Worklist, as_of
from talkhouse.pipelines.warehouse.interface import Warehouse
from talkhouse.sources.dlt_source.run import MESSAGES
from talkhouse.sources.scan.list_state import ListState
from talkhouse.sources.scan.listing import Listing
from talkhouse.sources.settings import SettingsError, duration

FINDINGS = ("drift", "rejects")


@dataclass(frozen=True)
class ListStatus:
    """One list, and what is promised of it: everything that moved before `complete_as_of` is in the
    warehouse; what moves the list's cursor is seen within `changes_within_seconds`, going by the
    runs so far; whatever else changes within `verified_within_seconds`, and what goes within twice
    that. `read_at` is when the sync began that last came to its end, by this machine's clock;
    `skipped` why the last one did not. `quarantined` rows cannot be read.
    """

    name: str
    complete_as_of: str | None
    full_scan_at: str | None
    read_at: datetime | None
    skipped: str | None
    unfinished: str
    changes_within_seconds: float | None
    verified_within_seconds: float | None
    quarantined: list[int | str]


@dataclass
class Status:
    """One connection. `threads_to_read` is None where no threads are read, and it takes
    `threads_seconds` to read them, at the rate of the syncs before, or at most the host's.
    `findings_in_last_run` are those of `drift` and `rejects` that the last run met.
    """

    connection: str
    provider: str
    health: Health = field(default_factory=Health)
    lists: list[ListStatus] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    findings_in_last_run: dict[str, int] = field(default_factory=dict)
    threads_to_read: int | None = None
    threads_seconds: float | None = None
    requests_per_second: float | None = None

    @property
    def is_synced(self) -> bool:
        return bool(self.lists)

    @property
    def state(self) -> str:
        """`ok`, or the worst kind of its problems."""
        kinds = {problem.kind for problem in self.health.problems}
        return next((kind for kind in KINDS if kind in kinds), "ok")


def status_of(connection: Connection, warehouse: Warehouse) -> Status:
    """How the connection stands."""
    dataset = connection.provider.name
    status = Status(connection.name, dataset, health(connection, warehouse))
    try:
        terms_of(connection, warehouse)
    except SettingsError as e:
        status.health.problems.append(Problem(SETTINGS, f"no sync begins: {e}"))
    status.requests_per_second = connection.settings.requests_per_second
    tables = warehouse.tables(dataset)
    if not tables:
        return status
    states = list_states(connection, warehouse)
    status.lists = [
        _list(
            listing,
            states[listing.name],
            connection,
            status.health.every_seconds,
            status.health.read_at.get(listing.name),
            status.health.skipped.get(listing.name),
        )
        for listing in connection.provider.lists(connection.settings)
        if listing.name in states
    ]
    for table in tables:
        query = f"select count(*) as n from {dataset}.{table} where account = %s"
        status.rows[table] = int(warehouse.rows(query, [connection.name])[0]["n"])
    status.findings_in_last_run = _findings(connection, warehouse, status)
    if connection.provider.worklist and connection.settings.messages:
        status.threads_to_read = Worklist(
            connection, warehouse, as_of(connection, warehouse)
        ).count()
        status.threads_seconds = status.threads_to_read / _threads_per_second(connection, warehouse)
    return status


def _list(
    listing: Listing[Any],
    state: ListState,
    connection: Connection,
    every: float | None,
    read_at: datetime | None,
    skipped: str | None,
) -> ListStatus:
    scan = state.full or state.recent or state.window
    unfinished = f"{scan.mode} scan, at page {scan.page}" if scan else ""
    verified = duration(connection.settings.full_scan_every).total_seconds()
    if every is not None:
        every = max(every, listing.fresh_for.total_seconds())
    return ListStatus(
        listing.name,
        state.watermark,
        state.full_scan_at,
        read_at,
        skipped,
        unfinished,
        every,
        verified if listing.cursor else every,
        state.quarantine,
    )


def _findings(connection: Connection, warehouse: Warehouse, status: Status) -> dict[str, int]:
    if status.health.last_run is None:
        return {}
    began = status.health.last_run["started_at"].timestamp()
    found = {}
    for table in FINDINGS:
        if table in status.rows:
            # a load is named by the time it began
            query = (
                f"select count(*) as n from {connection.provider.name}.{table} "
                "where account = %s and cast(_dlt_load_id as double precision) >= %s"
            )
            found[table] = int(warehouse.rows(query, [connection.name, began])[0]["n"])
    return found


def _threads_per_second(connection: Connection, warehouse: Warehouse) -> float:
    """How fast threads were read lately; where none was, as fast as the host may be asked."""
    found = warehouse.rows(
        "select scans.pages, scans.requests, runs.requests as asked, runs.started_at, "
        "runs.ended_at from audit.scans as scans "
        "join audit.runs as runs on runs.run_id = scans.run_id "
        "where scans.account = %s and scans.list = %s and scans.requests > 0 "
        f"and runs.ended_at is not null order by scans.run_id desc limit {RUNS_LOOKED_AT}",
        [connection.name, MESSAGES],
    )
    # the requests for threads take their share of the run's time
    seconds = sum(
        (row["ended_at"] - row["started_at"]).total_seconds() * row["requests"] / row["asked"]
        for row in found
    )
    threads = sum(row["pages"] for row in found)
    return threads / seconds if threads and seconds else connection.settings.requests_per_second
