"""What a sync would cost, before it is begun: requests, rows, and minutes at the rate limit.

What the warehouse knows is taken from there. Of a list that was never read, its first page is asked
for, and where no count comes with that, a few more.
"""

import math
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from rich.table import Table

from talkhouse.pipelines.console import print_json, results
from talkhouse.pipelines.settings.connections import Connection
from talkhouse.pipelines.syncing.list_states import list_states
from talkhouse.pipelines.syncing.worklist import BEFORE_ALL, Worklist, as_of
from talkhouse.pipelines.warehouse.interface import Destination, Warehouse
from talkhouse.sources.dlt_source.run import MESSAGES
from talkhouse.sources.http.client import Client
from talkhouse.sources.http.errors import NotFound, PermissionDenied, SourceError
from talkhouse.sources.scan.by_id import pages_by_id
from talkhouse.sources.scan.fetch import Fetch
from talkhouse.sources.scan.list_state import ListState, ScanState
from talkhouse.sources.scan.listing import Listing, Mode
from talkhouse.sources.scan.overlapping_pages import spans_of
from talkhouse.sources.scan.progress import Plan
from talkhouse.sources.scan.scan_modes import is_fresh

RUNS_LOOKED_AT = 20


@dataclass(frozen=True)
class Cost:
    """What reading one list would cost. `basis` says where the figures are from."""

    connection: str
    list: str
    mode: str
    requests: int
    rows: int
    minutes: float
    basis: str


@dataclass
class Planned:
    """What a sync of a connection would cost; `asked` is how many requests it took to know."""

    connection: str
    costs: list[Cost]
    asked: int = 0
    error: str = ""


def plan_all(
    chosen: Sequence[Connection], plans: Sequence[Plan], destination: Destination
) -> list[Planned]:
    """What the next sync of each connection would cost."""
    if not destination.exists():
        return [_planned(each, plan, None) for each, plan in zip(chosen, plans, strict=True)]
    with destination.open(read_only=True) as warehouse:
        return [_planned(each, plan, warehouse) for each, plan in zip(chosen, plans, strict=True)]


def _planned(connection: Connection, plan: Plan, warehouse: Warehouse | None) -> Planned:
    planned = Planned(connection.name, [])
    states = list_states(connection, warehouse) if warehouse else {}
    with closing(connection.provider.connect(connection.settings)) as client:
        try:
            for listing in connection.provider.lists(connection.settings):
                state = states.get(listing.name, ListState())
                for mode in _modes(client, listing, plan, state):
                    past = _past(connection, warehouse, listing.name, mode)
                    requests, rows, basis = past or _asked(client, listing)
                    if mode == "full" and plan.full_scan_requests and state.watermark:
                        requests = min(requests, plan.full_scan_requests)
                        basis += ", of which this run reads a part"
                    name = listing.name
                    planned.costs.append(_cost(connection, name, mode, requests, rows, basis))
        except SourceError as e:
            planned.error = str(e)
        planned.asked = client.requests
    if connection.provider.threads and connection.settings.messages and not planned.error:
        planned.costs.append(_threads(connection, plan, warehouse, planned))
    return planned


def _cost(
    connection: Connection, name: str, mode: str, requests: int, rows: int, basis: str
) -> Cost:
    minutes = requests / connection.settings.requests_per_second / 60
    return Cost(connection.name, name, mode, requests, rows, round(minutes, 1), basis)


def _modes(client: Client, listing: Listing[Any], plan: Plan, state: ListState) -> list[Mode]:
    """How the list would be read, by the server's clock if that matters."""
    if plan.is_window and listing.window_cursor:
        return ["window"]
    if not plan.full and is_fresh(client, listing, state):
        return []
    if plan.full or not listing.cursor or not (state.watermark and state.full_scan_at):
        return ["full"]
    age = client.clock() - datetime.fromisoformat(state.full_scan_at)
    if state.full is None and age < plan.full_scan_every:
        return ["recent"]
    return ["recent", "full"] if plan.full_scan_requests else ["full"]


def _past(
    connection: Connection, warehouse: Warehouse | None, name: str, mode: Mode
) -> tuple[int, int, str] | None:
    """What the last such scan took, or on the average of some recent ones."""
    if warehouse is None or not warehouse.has_table("audit", "scans"):
        return None
    how = "is_whole" if mode == "full" else f"mode = '{mode}' and is_finished"
    last = 1 if mode == "full" else RUNS_LOOKED_AT
    [found] = warehouse.rows(
        "select count(*) as n, avg(requests) as requests, avg(rows_seen) as seen from ("
        "select requests, rows_seen from audit.scans where account = %s and list = %s "
        f"and {how} order by run_id desc limit {last}) as scans",
        [connection.name, name],
    )
    if not found["n"]:
        return None
    basis = "as the last one" if last == 1 else f"as the last {found['n']} on the average"
    return math.ceil(found["requests"]), math.ceil(found["seen"]), basis


def _asked(client: Client, listing: Listing[Any]) -> tuple[int, int, str]:
    """What the list's first page tells of the whole."""
    if listing.last_page:
        return listing.last_page, 0, "it has so many pages"
    fetch: Fetch[Any] = Fetch(client, listing, ScanState(mode="window", way="pages"))
    try:
        first = fetch(1)
    except PermissionDenied as e:
        if not listing.may_be_forbidden:
            raise
        return 0, 0, f"skipped: {e}"
    size = len(first.rows)
    if not size:
        return 1, 0, "asked: it is empty"
    if first.count is not None:
        if pages := pages_by_id(listing, first):
            return pages + 2, first.count, "asked: by its ids"
        pages = spans_of(first.count, size) if listing.sized else math.ceil(first.count / size)
        return pages + 1, first.count, "asked: it says its count"
    rows = _pages(client, listing, size) * size
    pages = spans_of(rows, size) if listing.sized else rows // size
    return pages + 1, rows, "asked: so many at most"


def _pages(client: Client, listing: Listing[Any], size: int) -> int:
    """The number of a list's last page that has rows: doubled until there is none, then halved."""

    def has_rows(number: int) -> bool:
        if listing.sized:
            request = listing.sized(number, size)
        else:
            assert listing.request
            request = listing.request(number, "window")
        try:
            return bool(client.read(request, listing.decode).rows)
        except NotFound:
            return False

    low, high = 1, 2
    while has_rows(high):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if has_rows(middle) else (low, middle)
    return low


def _threads(
    connection: Connection, plan: Plan, warehouse: Warehouse | None, planned: Planned
) -> Cost:
    listed = next(cost.rows for cost in planned.costs if cost.list == "conversations")
    threads, basis = listed, "a request for each conversation, at least"
    if warehouse is not None and warehouse.has_table(connection.provider.name, "conversations"):
        now = as_of(connection, warehouse)
        before = now + timedelta(days=1) if plan.full else BEFORE_ALL
        threads = Worklist(connection, warehouse, now, before).count()
        basis = "the work-list, a request each at least; more with what the lists will bring"
    return _cost(connection, MESSAGES, "threads", threads, threads, basis)


def show_plans(found: Sequence[Planned], as_json: bool) -> None:
    """Prints what each list would cost, and all of them."""
    if as_json:
        print_json([asdict(planned) for planned in found])
        return
    table = Table("connection", "list", "mode")
    for name in ("requests", "rows", "minutes"):
        table.add_column(name, justify="right")
    table.add_column("how it was reckoned")
    for planned in found:
        for cost in planned.costs:
            table.add_row(
                cost.connection,
                cost.list,
                cost.mode,
                f"{cost.requests:,}",
                f"{cost.rows:,}",
                f"{cost.minutes:,.1f}",
                cost.basis,
            )
        requests = sum(cost.requests for cost in planned.costs)
        minutes = sum(cost.minutes for cost in planned.costs)
        table.add_row(planned.connection, "in all", "", f"{requests:,}", "", f"{minutes:,.1f}", "")
    console = results()
    console.print(table)
    for planned in found:
        if planned.error:
            console.print(f"{planned.connection}: {planned.error}", markup=False, soft_wrap=True)
    asked = sum(planned.asked for planned in found)
    console.print(f"{asked:,} requests were made to know this; nothing was loaded.")
