"""THE algorithm: read a list that moves while it is read, completely, and know when it was.

No provider's list can be asked for what changed since, so a list is read in one of three modes:

- `full`: to its end. Late changes (a status, an assignment, a tag) move no cursor on any provider,
  so full scans are scheduled.
- `recent`: newest first, until the cursor is older than the watermark less the lookback. Stopping
  there is earned: only if the cursor was seen to fall and never to rise, page after page.
- `window`: a backfill of the rows whose cursor is in [since, until). It leaves the watermark alone.

The watermark is the server's clock when the scan began: whatever moved during the scan is read
again by the next one. A scan goes on in chunks; between two of them all it needs is in its state,
of constant size, which is loaded together with the chunk's rows.
"""

import math
from collections.abc import Callable, Hashable, Iterator, MutableMapping
from contextlib import ExitStack
from datetime import datetime
from typing import Any, TypeVar

from sources.errors import NotFound
from sources.http import Client
from sources.listing import Batch, Listing, Mode, Plan, Progress, Readers
from sources.pages import Page, PagesAhead
from sources.records import Record
from sources.salvage import Findings
from sources.walk import Walk

R = TypeVar("R", bound=Record)

# rows that are held as Python objects at a time
BATCH_ROWS = 2_000
# rows for which other processes are worth their start
WORTH_READERS = 10_000

State = MutableMapping[str, Any]


def scan(
    client: Client,
    listing: Listing[R],
    plan: Plan,
    account: str,
    state: State,
    progress: Progress,
    readers: Callable[[str, int], Readers] | None = None,
) -> Iterator[Batch]:
    """The next chunk of the list. `state` then says where to go on, or what is complete.

    A row that comes again (the list moved) replaces the one before it, or if that one was already
    given, ends the chunk: a package then never holds a row twice. Raises a SourceError; the state
    then is not to be kept. `readers` are used only for pages about which nothing is remarkable;
    all else is read here.
    """
    at = "window" if plan.is_window else "scan"
    bounds = [str(plan.start_date), str(plan.since), str(plan.until)]
    if plan.full or at not in state or state[at]["bounds"] != bounds:
        state[at] = {**_begin(client, listing, plan, state), "bounds": bounds}
    going = state[at]
    if listing.last_page is None:
        # the list may have moved since the last chunk: its last page is read again
        going["page"] = max(1, going["page"] - 1)
        going.pop("lowest", None)
    mode: Mode = going["mode"]
    progress.mode = mode
    walk = Walk(listing, plan, going, _stop_before(plan, going, state))

    def fetch(number: int) -> Page[R]:
        return client.read(listing.request(number, mode), listing.decode)

    def batch(is_last: bool) -> Batch:
        tables = {
            table.resource: table.arrow(list(rows.values()), account) for table in listing.tables
        }
        return Batch(tables, findings, is_last)

    rows: dict[Hashable, R] = {}
    given: set[Hashable] = set()
    findings = Findings()
    over, absent, end = False, 0, 0
    many: Readers | None = None
    in_flight = client.in_flight if listing.ahead and mode == "full" else 1
    # until the first page tells the list's count, there may be no second one
    with PagesAhead(fetch, in_flight, listing.last_page or 1) as pages, ExitStack() as opened:
        # two pages at the least, for the first may be one that was read before
        begun = progress.pages
        while not over and (len(given) + len(rows) < plan.chunk_rows or progress.pages < begun + 2):
            number = going["page"]
            asked = many is not None and many.ready
            group = many.group(number, end) if many and asked else None
            if group and walk.is_clean(group, given.union(rows)):
                if rows:
                    yield batch(is_last=False)
                    given.update(rows)
                    rows, findings = {}, Findings()
                client.requests += len(group.seen)
                for seen in group.seen:
                    walk.read(seen, going["page"])
                    given.update(seen.identities)
                    progress.pages += 1
                    progress.rows += len(seen.identities)
                yield Batch(group.tables, Findings(), is_last=False)
                continue
            if asked:
                many = None  # the end, or something to look at closely
            page, missing = _page_or_end(pages, number, listing)
            absent += missing is not None
            if missing and number == absent == listing.last_page:
                raise missing  # not one page is there: it is the address that is wrong
            wanted = {listing.identity(row): row for row in page.rows if walk.wants(row)}
            if not given.isdisjoint(wanted):
                if progress.pages >= begun + 2:
                    break
                wanted = {key: row for key, row in wanted.items() if key not in given}
            rows.update(wanted)
            findings.add(page.findings)
            over = walk.read(walk.seen(page), number)
            progress.pages += 1
            progress.rows += len(page.rows)
            if page.count is not None and walk.size:
                chunk = plan.chunk_rows - len(given) - len(rows)
                end = min(math.ceil(page.count / walk.size), number + math.ceil(chunk / walk.size))
                left = (end - number) * walk.size
                if readers and in_flight > 1 and not plan.start_date and left >= WORTH_READERS:
                    many = readers(listing.name, walk.size)
                    opened.callback(many.close)
                    readers = None
                # what is fetched here while they start is not to be fetched by them again
                pages.last = min(end, number + in_flight) if many else end
            if len(rows) >= BATCH_ROWS and not over:
                yield batch(is_last=False)
                given.update(rows)
                rows, findings = {}, Findings()
    yield batch(is_last=True)
    progress.finished = over
    if over:
        del state[at]
        if mode != "window":
            state["watermark"] = going["started_at"]
        if mode == "full":
            state["full_scan_at"] = going["started_at"]


def _page_or_end(
    pages: PagesAhead[Page[R]], number: int, listing: Listing[R]
) -> tuple[Page[R], NotFound | None]:
    """The page, or an empty one and the 404 that it was."""
    try:
        return pages.page(number), None
    except NotFound as e:
        if number == 1 and listing.missing_page_is_end:
            raise
        return Page([], last=listing.missing_page_is_end), e


def _begin(client: Client, listing: Listing[R], plan: Plan, state: State) -> dict[str, Any]:
    now = client.clock()
    if plan.is_window and listing.window_cursor:
        mode: Mode = "window"
    elif plan.full or not listing.cursor or _full_scan_due(plan, state, now):
        mode = "full"
    else:
        mode = "recent"
    return {"mode": mode, "started_at": now.isoformat(), "page": 1, "falling": True}


def _full_scan_due(plan: Plan, state: State, now: datetime) -> bool:
    watermark, last = state.get("watermark"), state.get("full_scan_at")
    if watermark is None or last is None or now < datetime.fromisoformat(watermark):
        return True  # never read whole, or the server's clock went back
    return now - datetime.fromisoformat(last) >= plan.full_scan_every


def _stop_before(plan: Plan, going: dict[str, Any], state: State) -> datetime | None:
    if going["mode"] == "window":
        return plan.since
    if going["mode"] == "recent":
        return datetime.fromisoformat(state["watermark"]) - plan.lookback
    return None
