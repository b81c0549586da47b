"""Which part of a list is to be read next, and what is known once it was read."""

from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from talkhouse.sources.http.client import Client
from talkhouse.sources.http.errors import SourceError
from talkhouse.sources.scan.by_id import begin_by_id
from talkhouse.sources.scan.list_state import ListState, ScanState
from talkhouse.sources.scan.listing import Listing, Mode
from talkhouse.sources.scan.progress import Plan, Progress

# for how long a gap the rows updated since are few enough to be asked for at once
UPDATED_AT_MOST_SECONDS = 1_800
UPDATED_OVERLAP_SECONDS = 120
QUARANTINED_AT_MOST = 1_000


def begin(
    client: Client, listing: Listing[Any], plan: Plan, state: ListState, progress: Progress
) -> Mode:
    """The mode to read the list in; `state` then has where that begins, or goes on."""
    mode = _mode(client.clock(), listing, plan, state, progress)
    bounds = [str(plan.start_date), str(plan.since), str(plan.until)]
    scan = state.scan(mode)
    starts_over = plan.full and mode == "full" and not progress.mode
    if starts_over or scan is None or scan.bounds != bounds:
        scan = _beginning(client, listing, mode, state)
        scan.bounds = bounds
        state.set_scan(mode, scan)
    return mode


def is_fresh(client: Client, listing: Listing[Any], state: ListState) -> bool:
    """Whether a short list was read whole so lately that it need not be read again; not where the
    server has not told its time yet.
    """
    if not client.knows_time or state.full or state.full_scan_at is None:
        return False
    age = client.clock() - datetime.fromisoformat(state.full_scan_at)
    # a negative age: the server's clock went back
    return timedelta() <= age < listing.fresh_for


def _mode(
    now: datetime, listing: Listing[Any], plan: Plan, state: ListState, progress: Progress
) -> Mode:
    if plan.is_window and listing.window_cursor:
        return "window"
    if state.watermark and now < datetime.fromisoformat(state.watermark):
        state.watermark = None  # the server's clock went back
    if plan.full or not listing.cursor or not (state.watermark and state.full_scan_at):
        return "full"
    since = now - datetime.fromisoformat(state.full_scan_at)
    progress.course.full_is_due = state.full is not None or since >= plan.full_scan_every
    progress.course.is_spread = plan.full_scan_requests > 0
    if progress.course.full_is_due and (progress.course.caught_up or not progress.course.is_spread):
        return "full"
    return "recent"


def _beginning(client: Client, listing: Listing[Any], mode: Mode, state: ListState) -> ScanState:
    now = client.clock()
    scan = ScanState(mode=mode, way="pages", started_at=now.isoformat(), page=1)
    if mode == "full":
        begin_by_id(client, listing, scan)
    if mode == "recent" and state.watermark:
        gap = int((now - datetime.fromisoformat(state.watermark)).total_seconds())
        if listing.updated and gap <= UPDATED_AT_MOST_SECONDS:
            scan.page, scan.updated_seconds = 0, gap + UPDATED_OVERLAP_SECONDS
        if listing.by_id and state.quarantine:
            scan.way, scan.excluded_ids = "others", state.quarantine
    return scan


def go_by_id(
    client: Client, listing: Listing[Any], state: ListState, mode: Mode, error: SourceError
) -> Mode:
    """The mode to go on in after `error`, by id: the one way around a page that is never given.

    Raises the error if there is no such way.
    """
    scan = state.scan(mode)
    assert scan
    if listing.by_id is None or scan.way == "ids":
        raise error
    if mode == "recent":
        # which row it is that spoils the page, only a full scan tells
        state.recent, mode = None, "full"
        if state.full and state.full.way == "ids":
            return mode
        # begun when the recent one was: what that read is left out where it comes again
        scan = state.full = replace(scan, mode=mode)
    if not begin_by_id(client, listing, scan):
        raise error
    return mode


def is_enough(plan: Plan, progress: Progress, mode: Mode) -> bool:
    """Whether this run has read its part of a full scan that is spread over several: a page that
    was read before does not count.
    """
    is_spread = mode == "full" and progress.course.is_spread and not plan.full
    return (
        is_spread
        and progress.course.full_pages - progress.course.read_again >= plan.full_scan_requests
    )


def stop_before(plan: Plan, state: ListState, mode: Mode) -> datetime | None:
    """Where the mode's reading may end."""
    if mode == "window":
        return plan.since
    if mode == "recent" and state.watermark:
        return datetime.fromisoformat(state.watermark) - plan.lookback
    return None


def conclude(plan: Plan, state: ListState, progress: Progress, mode: Mode, is_over: bool) -> None:
    """Notes what is complete after a chunk, and whether this run has more to do."""
    scan = state.scan(mode)
    assert scan
    progress.started_at = scan.started_at
    progress.loaded_from = scan.loaded_from
    progress.declared = scan.least_count
    progress.is_in_order = scan.is_falling if mode != "full" else None
    progress.watermark = state.watermark or ""
    if not is_over:
        progress.finished = is_enough(plan, progress, mode)
        return
    state.set_scan(mode, None)
    progress.finished = True
    if pages := unread_pages(scan):
        progress.error = f"{', '.join(pages)} cannot be read; all else was"
    if mode == "recent":
        progress.watermark = state.watermark = scan.started_at
        progress.course.caught_up = True
        progress.finished = not (progress.course.is_spread and progress.course.full_is_due)
    if mode == "full":
        progress.is_whole = True
        progress.watermark = state.watermark = max(scan.started_at, state.watermark or "")
        state.full_scan_at = scan.started_at
        state.quarantine = progress.quarantined = scan.quarantine
        # by how far its loads go back: what is older than those of two scans was missed by both
        state.full_scans = [*state.full_scans, scan.loaded_from][-2:]


def quarantine(scan: ScanState, rows: list[int | str]) -> None:
    """Notes rows that cannot be read, so that later scans go around them."""
    known = scan.quarantine
    known += [row for row in rows if row not in known][: QUARANTINED_AT_MOST - len(known)]


def unread_pages(scan: ScanState) -> list[str]:
    """The whole pages that could not be read: how many rows they had nobody knows."""
    return [str(row) for row in scan.quarantine if str(row).startswith("page ")]
