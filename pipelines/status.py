"""How complete the warehouse is: what each list was read up to, and what is still to do.

The state of the lists is read where it was loaded, with the rows that it describes.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from statistics import median
from typing import Any

from pipelines.connections import Connection
from pipelines.state import MODES, list_states
from pipelines.summary import print_json, results
from pipelines.warehouse import Destination, Warehouse
from pipelines.worklist import Worklist, as_of
from sources.listing import Listing
from sources.settings import duration

FINDINGS = ("drift", "rejects")
RUNS_LOOKED_AT = 20
QUARANTINED_SHOWN = 10


@dataclass(frozen=True)
class ListStatus:
    """One list, and what is promised of it: everything that moved before `complete_as_of` is in the
    warehouse; what moves the list's cursor is seen within `changes_within_seconds`, going by the
    runs so far; whatever else changes within `verified_within_seconds`, and what goes within twice
    that. `quarantined` rows cannot be read.
    """

    name: str
    complete_as_of: str | None
    full_scan_at: str | None
    unfinished: str
    changes_within_seconds: float | None
    verified_within_seconds: float | None
    quarantined: list[int | str]

    @property
    def promise(self) -> str:
        """The promise in words."""
        return (
            f"{self.name}: complete as of {_shown(self.complete_as_of)}, changes seen within "
            f"{_within(self.changes_within_seconds)}, everything re-verified within "
            f"{_within(self.verified_within_seconds)}"
        )


@dataclass
class Status:
    """One connection. `threads_to_read` is None where the provider has no threads."""

    connection: str
    provider: str
    lists: list[ListStatus] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    threads_to_read: int | None = None
    last_run: dict[str, Any] | None = None

    @property
    def is_synced(self) -> bool:
        return bool(self.lists)


def statuses(chosen: Sequence[Connection], destination: Destination) -> list[Status]:
    """The status of each. Raises WarehouseError if the destination cannot be read."""
    if not destination.exists():
        return [Status(each.name, each.provider.name) for each in chosen]
    with destination.open(read_only=True) as warehouse:
        return [_status(each, warehouse) for each in chosen]


def _status(connection: Connection, warehouse: Warehouse) -> Status:
    dataset = connection.provider.name
    status = Status(connection.name, dataset)
    tables = warehouse.tables(dataset)
    if not tables:
        return status
    status.last_run = _last_run(connection, warehouse)
    states, every = list_states(connection, warehouse), _cadence(connection, warehouse)
    status.lists = [
        _list(listing, states[listing.name], connection, every)
        for listing in connection.provider.lists(connection.settings)
        if listing.name in states
    ]
    for table in tables:
        query = f"select count(*) as n from {dataset}.{table} where account = %s"
        status.rows[table] = int(warehouse.rows(query, [connection.name])[0]["n"])
    if connection.provider.worklist:
        status.threads_to_read = Worklist(
            connection, warehouse, as_of(connection, warehouse)
        ).count()
    return status


def _list(
    listing: Listing[Any], state: dict[str, Any], connection: Connection, every: float | None
) -> ListStatus:
    going = next((state[mode] for mode in MODES if mode in state), None)
    unfinished = f"{going['mode']} scan, at page {going['page']}" if going else ""
    verified = duration(connection.settings.full_scan_every).total_seconds()
    return ListStatus(
        listing.name,
        state.get("watermark"),
        state.get("full_scan_at"),
        unfinished,
        every,
        verified if listing.cursor else every,
        state.get("quarantine", []),
    )


def _last_run(connection: Connection, warehouse: Warehouse) -> dict[str, Any] | None:
    if "runs" not in warehouse.tables("audit"):
        return None
    found = warehouse.rows(
        "select started_at, outcome, error from audit.runs where account = %s "
        "order by run_id desc limit 1",
        [connection.name],
    )
    return found[0] if found else None


def _cadence(connection: Connection, warehouse: Warehouse) -> float | None:
    """The seconds between runs, as they have been lately: their median."""
    if "runs" not in warehouse.tables("audit"):
        return None
    found = warehouse.rows(
        "select started_at from audit.runs where account = %s and outcome = 'ok' "
        f"order by started_at desc limit {RUNS_LOOKED_AT}",
        [connection.name],
    )
    times = [row["started_at"] for row in found]
    gaps = [(later - earlier).total_seconds() for later, earlier in pairwise(times)]
    return median(gaps) if gaps else None


def show_statuses(found: Sequence[Status], destination: Destination, as_json: bool) -> None:
    """Prints every list of every connection, and the rows of its tables in the destination."""
    if as_json:
        print_json([asdict(status) | {"is_synced": status.is_synced} for status in found])
        return
    console = results()
    console.print(f"In {destination}:", markup=False, soft_wrap=True)
    for status in found:
        console.print(f"[bold]{status.connection}[/bold] ({status.provider})")
        if not status.is_synced:
            console.print("  never synced")
        if status.last_run:
            run, why = status.last_run, status.last_run["error"]
            ended = f"{run['outcome']}: {why}" if why else run["outcome"]
            began = _shown(run["started_at"].isoformat())
            console.print(f"  last run {began}: {ended}", markup=False, soft_wrap=True)
        for each in status.lists:
            console.print(f"  {each.promise}", markup=False, soft_wrap=True)
            if each.unfinished:
                console.print(f"    unfinished: {each.unfinished}", markup=False)
            if each.quarantined:
                some = ", ".join(map(str, each.quarantined[:QUARANTINED_SHOWN]))
                console.print(
                    f"    cannot be read ({len(each.quarantined):,}): {some}", markup=False
                )
        rows = ", ".join(
            f"{table} {n:,}" for table, n in status.rows.items() if table not in FINDINGS
        )
        told = {f"{table} {status.rows.get(table, 0):,}" for table in FINDINGS}
        if status.is_synced:
            console.print(f"  rows: {rows}", soft_wrap=True)
            if status.threads_to_read is not None:
                console.print(f"  threads to read: {status.threads_to_read:,}")
            console.print(f"  {', '.join(sorted(told))}")


def _within(seconds: float | None) -> str:
    if seconds is None:
        return "a run"
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        # 24 h say more than 1 d
        if seconds >= (2 if unit == "d" else 1) * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def _shown(moment: str | None) -> str:
    return moment[:19].replace("T", " ") + " UTC" if moment else "never"
