"""The state of a list: what is known when its next scan begins, and the scans that are under way.

It is stored with the rows that it describes, as JSON. `version` names its shape; the fields that
are renamed have the names that the first releases gave them.
"""

from collections.abc import Mapping
from typing import Any, Literal, get_args

from msgspec import Struct, convert, field, to_builtins

from talkhouse.sources.scan.listing import Mode

Way = Literal["pages", "ids", "others"]
STATE_VERSION = 2


class ScanState(Struct, kw_only=True, omit_defaults=True):
    """A scan that goes on over several chunks. Times are the server's, in ISO 8601.

    `way` is how it asks: for `pages`, for `ids`, or for pages of all rows but `excluded_ids`
    (`others`). `page` is the next one, 0 the rows updated in the last `updated_seconds`.
    `last_page` is where it ends, if that is known; `ended_on` the page on which the list seemed to
    end. `page_size` is what pages were seen to hold; `part_size` what is asked for at once where
    whole pages cannot be read. The list declared `count` rows last, and never fewer than
    `least_count`. `is_falling` until the cursor rises; `has_fallen` once it fell; `lowest_cursor`
    in microseconds. `seam` are the rows read last. `quarantine` are rows or pages that cannot be
    read. `loaded_from` is the first load package that has rows of it. `bounds` are the start date
    and the window that it was begun with.
    """

    mode: Mode
    way: Way
    started_at: str = ""
    page: int = 1
    bounds: list[str] = field(default_factory=list)
    last_page: int | None = field(default=None, name="last")
    ended_on: int | None = field(default=None, name="ended_at")
    page_size: int = field(default=0, name="size")
    part_size: int | None = field(default=None, name="part")
    count: int | None = None
    least_count: int | None = None
    is_falling: bool = field(default=True, name="falling")
    has_fallen: bool = field(default=False, name="fell")
    lowest_cursor: int | None = field(default=None, name="lowest")
    seam: list[Any] = field(default_factory=list)
    updated_seconds: int = 0
    excluded_ids: list[Any] = field(default_factory=list, name="but")
    quarantine: list[int | str] = field(default_factory=list)
    loaded_from: str = ""


class ListState(Struct, kw_only=True, omit_defaults=True):
    """What is known of a list. All up to the `watermark` has been read; `full_scan_at` is when the
    last full scan began, `full_scans` the first load packages of the last two, and `quarantine`
    what the last one could not read.
    """

    watermark: str | None = None
    full_scan_at: str | None = None
    full_scans: list[str] = field(default_factory=list)
    quarantine: list[int | str] = field(default_factory=list)
    full: ScanState | None = None
    recent: ScanState | None = None
    window: ScanState | None = None

    def scan(self, mode: Mode) -> ScanState | None:
        """The scan of that mode that is under way."""
        found: ScanState | None = getattr(self, mode)
        return found

    def set_scan(self, mode: Mode, scan: ScanState | None) -> None:
        setattr(self, mode, scan)


def state_of(stored: Mapping[str, Any]) -> ListState:
    """The state as it was stored, by this release or an earlier one."""
    found = dict(stored)
    # 0.1.0a1 had no ways: a scan that it left unfinished begins again
    for mode in get_args(Mode):
        if "way" not in found.get(mode, {"way": ""}):
            del found[mode]
    return convert(found, ListState)


def stored_state(state: ListState) -> dict[str, Any]:
    """The state as JSON has it."""
    found: dict[str, Any] = to_builtins(state) | {"version": STATE_VERSION}
    return found
