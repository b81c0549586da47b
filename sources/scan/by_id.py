"""Whether a list is read by the ids of its rows: what comes and goes does not disturb that."""

import math
from typing import TypeVar

from talkhouse.sources.http.client import Client
from talkhouse.sources.http.errors import BadAnswer, TerminalError, Unavailable, Unreachable
from talkhouse.sources.rows.page import Page
from talkhouse.sources.rows.record import Record
from talkhouse.sources.scan.fetch import ATTEMPTS_OF_A_PART
from talkhouse.sources.scan.list_state import ScanState
from talkhouse.sources.scan.listing import Listing

R = TypeVar("R", bound=Record)

# pages of the newest rows that are tried for the highest id; an unreadable one hides the ids of it
NEWEST_PAGES = 4
ROOM_FOR_IDS = 100
# reading by id is worth it while half the ids are rows, or the others are not many
IDS_PER_ROW = 2
IDS_TO_SPARE = 2_500


def begin_by_id(client: Client, listing: Listing[R], scan: ScanState) -> bool:
    """Sets the scan to go by id, if the server can and it is worth it. Raises a SourceError."""
    by_id = listing.by_id
    if by_id is None:
        return False
    room = 0
    for number in range(1, NEWEST_PAGES + 1):
        try:
            newest = client.read(by_id.newest(number), listing.decode, ATTEMPTS_OF_A_PART)
            break
        except Unreachable:
            raise
        except (Unavailable, BadAnswer):
            room = number * ROOM_FOR_IDS
            if number == NEWEST_PAGES:
                raise
    pages = pages_by_id(listing, newest, room)
    if pages is None:
        return False
    ids = [row.id for row in newest.rows]  # type: ignore[attr-defined]
    if ids:
        try:
            some = client.read(by_id.rows(ids[: by_id.size]), by_id.decode, ATTEMPTS_OF_A_PART)
        except (TerminalError, BadAnswer):
            return False
        if {listing.identity(row) for row in some.rows} != set(ids[: by_id.size]):
            return False  # it does not filter as it should, or a row went away: pages are as well
    scan.way, scan.page, scan.last_page = "ids", 1, pages
    scan.least_count, scan.count = newest.count, None
    scan.page_size, scan.part_size, scan.lowest_cursor, scan.excluded_ids = 0, None, None, []
    return True


def pages_by_id(listing: Listing[R], newest: Page[R], room: int = 0) -> int | None:
    """How many pages the list has by id, if that is worth it; `room` is for ids unseen."""
    if listing.by_id is None:
        return None
    size = listing.by_id.size
    highest = max((row.id for row in newest.rows), default=0)  # type: ignore[attr-defined]
    if highest > IDS_PER_ROW * (newest.count or 0) + IDS_TO_SPARE:
        return None
    return max(1, math.ceil((highest + room) / size))
