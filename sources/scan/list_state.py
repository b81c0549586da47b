"""What of a list is to be read next, and what is known when it was: the scan's state."""

from collections.abc import Mapping, MutableMapping
from datetime import datetime, timedelta
from typing import Any

from talkhouse.sources.http.client import Client
from talkhouse.sources.http.errors import SourceError
from talkhouse.sources.scan.by_id import begin_by_id
from talkhouse.sources.scan.listing import Listing, Mode
from talkhouse.sources.scan.progress import Plan, Progress

State = MutableMapping[str, Any]

# for how long a gap the rows updated since are few enough to be asked for at once
UPDATED_AT_MOST_SECONDS = 1_800
UPDATED_OVERLAP_SECONDS = 120
QUARANTINED_AT_MOST = 1_000
STATE_VERSION = 2
"""Of a list's state. A change of its shape raises it, and is told in `_up_to_date`."""


def begin(
    client: Client, listing: Listing[Any], plan: Plan, state: State, progress: Progress
) -> Mode:
    """The mode to read the list in; `state` then has where that begins, or goes on."""
    _up_to_date(state)
    mode = _mode(client.clock(), listing, plan, state, progress)
    bounds = [str(plan.start_date), str(plan.since), str(plan.until)]
    anew = plan.full and mode == "full" and not progress.mode
    if anew or mode not in state or state[mode]["bounds"] != bounds:
        state[mode] = _beginning(client, listing, mode, state) | {"bounds": bounds}
    return mode


def is_fresh(client: Client, listing: Listing[Any], state: Mapping[str, Any]) -> bool:
    """Whether a short list was read whole so lately that it need not be read again; not where the
    server has not told its time yet.
    """
    if not client.knows_time or "full" in state or "full_scan_at" not in state:
        return False
    age = client.clock() - datetime.fromisoformat(state["full_scan_at"])
    # a negative age: the server's clock went back
    return timedelta() <= age < listing.fresh_for


def _up_to_date(state: State) -> None:
    """Brings the state that an earlier release left to today's shape."""
    if state.get("version", 1) < 2:
        # 0.1.0a1 had one scan for two modes, and no ways: what it left unfinished begins anew
        for scan in ("scan", "window"):
            if "way" not in state.get(scan, {"way": None}):
                del state[scan]
    state["version"] = STATE_VERSION


def _mode(
    now: datetime, listing: Listing[Any], plan: Plan, state: State, progress: Progress
) -> Mode:
    if plan.is_window and listing.window_cursor:
        return "window"
    if "watermark" in state and now < datetime.fromisoformat(state["watermark"]):
        del state["watermark"]  # the server's clock went back
    if plan.full or not listing.cursor or "watermark" not in state:
        return "full"
    since = now - datetime.fromisoformat(state["full_scan_at"])
    progress.full_is_due = "full" in state or since >= plan.full_scan_every
    progress.is_spread = plan.full_scan_requests > 0
    if progress.full_is_due and (progress.caught_up or not progress.is_spread):
        return "full"
    return "recent"


def _beginning(client: Client, listing: Listing[Any], mode: Mode, state: State) -> dict[str, Any]:
    now = client.clock()
    going: dict[str, Any] = {
        "mode": mode,
        "way": "pages",
        "started_at": now.isoformat(),
        "page": 1,
        "falling": True,
    }
    if mode == "full":
        begin_by_id(client, listing, going)
    if mode == "recent":
        gap = int((now - datetime.fromisoformat(state["watermark"])).total_seconds())
        if listing.updated and gap <= UPDATED_AT_MOST_SECONDS:
            going |= {"page": 0, "updated_seconds": gap + UPDATED_OVERLAP_SECONDS}
        if listing.by_id and state.get("quarantine"):
            going |= {"way": "others", "but": state["quarantine"]}
    return going


def go_by_id(
    client: Client, listing: Listing[Any], state: State, mode: Mode, error: SourceError
) -> Mode:
    """The mode to go on in after `error`, by id: the one way around a page that is never given.

    Raises the error if there is no such way.
    """
    going = state[mode]
    if listing.by_id is None or going["way"] == "ids":
        raise error
    if mode == "recent":
        # which row it is that spoils the page, only a full scan tells
        del state["recent"]
        mode = "full"
        if state.get("full", {}).get("way") == "ids":
            return mode
        # begun when the recent one was: what that read is left out where it comes again
        going = going | {"mode": mode}
        state["full"] = going
    if not begin_by_id(client, listing, going):
        raise error
    return mode


def is_enough(plan: Plan, progress: Progress, mode: Mode) -> bool:
    """Whether this run has read its part of a full scan that is spread over several: a page that
    was read before does not count.
    """
    is_spread = mode == "full" and progress.is_spread and not plan.full
    return is_spread and progress.full_pages - progress.read_again >= plan.full_scan_requests


def stop_before(plan: Plan, state: State, mode: Mode) -> datetime | None:
    """Where the mode's reading may end."""
    if mode == "window":
        return plan.since
    if mode == "recent":
        return datetime.fromisoformat(state["watermark"]) - plan.lookback
    return None


def conclude(plan: Plan, state: State, progress: Progress, mode: Mode, is_over: bool) -> None:
    """Notes what is complete after a chunk, and whether this run has more to do."""
    going = state[mode]
    progress.started_at = going["started_at"]
    progress.loaded_from = going["loaded_from"]
    progress.declared = going.get("least_count")
    progress.is_in_order = going["falling"] if mode != "full" else None
    progress.watermark = state.get("watermark", "")
    if not is_over:
        progress.finished = is_enough(plan, progress, mode)
        return
    del state[mode]
    progress.finished = True
    if pages := unread_pages(going):
        progress.error = f"{', '.join(pages)} cannot be read; all else was"
    if mode == "recent":
        progress.watermark = state["watermark"] = going["started_at"]
        progress.caught_up = True
        progress.finished = not (progress.is_spread and progress.full_is_due)
    if mode == "full":
        progress.is_whole = True
        state["watermark"] = max(going["started_at"], state.get("watermark", ""))
        progress.watermark = state["watermark"]
        state["full_scan_at"] = going["started_at"]
        state["quarantine"] = progress.quarantined = going.get("quarantine", [])
        # by how far its loads go back: what is older than those of two scans was missed by both
        state["full_scans"] = [*state.get("full_scans", []), going["loaded_from"]][-2:]


def quarantine(going: dict[str, Any], rows: list[int | str]) -> None:
    """Notes rows that cannot be read, so that later scans go around them."""
    known = going.setdefault("quarantine", [])
    known += [row for row in rows if row not in known][: QUARANTINED_AT_MOST - len(known)]


def unread_pages(going: dict[str, Any]) -> list[str]:
    """The whole pages that could not be read: how many rows they had nobody knows."""
    return [str(row) for row in going.get("quarantine", []) if str(row).startswith("page ")]
