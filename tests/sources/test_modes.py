"""What a run reads of a list, where it stops, and what it then takes for complete."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from support import moving_list
from support.moving_list import IDS_AT_ONCE, PAGE_ROWS, THEN, AtOnce, Copy, MovingList, listed
from talkhouse.sources.http.client import ATTEMPTS, Request
from talkhouse.sources.http.errors import BadAnswer, NotFound, PagingLoop, Unavailable, Unreachable
from talkhouse.sources.rows.page import Page
from talkhouse.sources.scan import fetch, prefetch, scan, scan_modes
from talkhouse.sources.scan.list_state import (
    STATE_VERSION,
    ListState,
    ScanState,
    state_of,
    stored_state,
)
from talkhouse.sources.scan.listing import Listing
from talkhouse.sources.scan.overlapping_pages import span, spans_of
from talkhouse.sources.scan.progress import Plan, Progress

KINDS = ["numbered", "sized", "ids"]
every_kind = pytest.mark.parametrize("kind", KINDS)
ROWS = 40


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(prefetch, "ThreadPoolExecutor", AtOnce)
    yield


def copy_of(kind: str, rows: int = ROWS, *, plan: Plan | None = None, **how: Any) -> Copy:
    """A list that grew for a while, a minute a row, and nothing of it read yet."""
    source = MovingList(**how)
    for _ in range(rows):
        source.later(minutes=1)
        source.add()
    source.later(hours=3)
    return Copy(source, listed(kind), plan or Plan(full_scan_every=timedelta(days=99)))


def asked(copy: Copy, **plan: Any) -> list[str]:
    """What one sync asks for."""
    before = len(copy.source.asked)
    copy.sync(**plan)
    return copy.source.asked[before:]


@pytest.mark.parametrize(
    "kind, requests",
    # of ids: the newest rows, some by their ids, and as many pages as hold them all, and one more
    [
        ("numbered", -(-ROWS // PAGE_ROWS)),
        ("sized", spans_of(ROWS, PAGE_ROWS)),
        ("ids", 2 + -(-ROWS // IDS_AT_ONCE) + 1),
    ],
)
@pytest.mark.parametrize("in_flight", [1, 2])
def test_a_full_scan_asks_for_no_page_twice(kind: str, requests: int, in_flight: int) -> None:
    copy = copy_of(kind, in_flight=in_flight)
    progress = copy.sync()
    assert (progress.mode, progress.requests, len(copy.rows)) == ("full", requests, ROWS)
    assert (progress.finished, progress.is_whole, progress.declared) == (True, True, ROWS)
    assert progress.is_in_order is None
    assert copy.chunks == 1


@pytest.mark.parametrize(
    "kind, requests",
    # an empty page is believed when it comes twice, and a short one at once
    [("numbered", -(-ROWS // PAGE_ROWS) + 2), ("sized", spans_of(ROWS + 1, PAGE_ROWS))],
)
@pytest.mark.parametrize("ends_in_404", [False, True])
def test_a_list_that_counts_nothing_is_asked_for_little_beyond_its_end(
    kind: str, requests: int, ends_in_404: bool
) -> None:
    copy = copy_of(kind, counts=False, ends_in_404=ends_in_404)
    assert copy.sync().requests == requests
    assert copy.lacks() == set()


@pytest.mark.parametrize("kind", ["numbered", "sized"])
def test_a_list_of_one_page_may_end_in_a_404(kind: str) -> None:
    copy = copy_of(kind, PAGE_ROWS, counts=False, ends_in_404=True)
    copy.sync()
    assert copy.lacks() == set()


def test_pages_that_a_server_makes_smaller_than_asked_for_overlap_all_the_same() -> None:
    copy = copy_of("sized", counts=False)
    sized = copy.listing.sized
    assert sized
    copy.listing = replace(copy.listing, sized=lambda page, size: sized(page, min(size, 5)))
    copy.sync()
    assert copy.lacks() == set()


def test_a_short_page_is_no_end_where_the_list_says_that_it_has_more() -> None:
    copy = copy_of("sized")
    answer = copy.source._answer

    def short(request: Request) -> Page[Any]:
        page = answer(request)
        page.rows = [row for row in page.rows if row.id != ROWS - 10]
        return page

    copy.source._answer = short  # type: ignore[method-assign]
    copy.sync()
    assert copy.lacks() == {ROWS - 10}


@every_kind
@pytest.mark.parametrize("in_flight", [1, 2])
def test_a_quiet_recent_run_asks_for_the_newest_page_alone(kind: str, in_flight: int) -> None:
    copy = copy_of(kind, in_flight=in_flight)
    copy.sync()
    copy.source.later(hours=2)
    progress = copy.sync()
    assert (progress.mode, progress.requests, progress.rows) == ("recent", 1, PAGE_ROWS)
    assert copy.source.asked[-1].startswith("/list")
    assert (progress.finished, progress.is_whole, progress.is_in_order) == (True, False, True)


@every_kind
def test_a_recent_run_fetches_nothing_ahead(kind: str) -> None:
    copy = copy_of(kind, in_flight=2)
    copy.sync()
    copy.source.later(hours=2)
    copy.source.add(PAGE_ROWS)
    progress = copy.sync()
    assert (progress.mode, copy.lacks()) == ("recent", set())
    assert progress.requests == progress.pages > 1


@every_kind
def test_a_recent_run_reads_to_the_watermark_less_the_lookback(kind: str) -> None:
    copy = copy_of(kind)
    copy.sync()
    copy.rows.clear()
    # the newest row is three hours old: a lookback that reaches the 20th newest
    progress = copy.sync(lookback=timedelta(hours=3, minutes=20))
    assert progress.mode == "recent"
    assert set(range(ROWS - 18, ROWS + 1)) <= copy.rows.keys()
    assert len(copy.rows) < 20 + 2 * PAGE_ROWS


@every_kind
def test_the_watermark_is_the_clock_when_the_scan_began(kind: str) -> None:
    copy = copy_of(kind)
    for mode in ("full", "recent"):
        before = copy.source.now
        progress = copy.sync()
        assert progress.mode == mode
        assert copy.state.watermark == progress.watermark == progress.started_at
        # the server's clock is asked for by no request of its own here
        assert before == datetime.fromisoformat(progress.watermark) < copy.source.now
        copy.source.later(hours=1)


def test_until_a_scan_is_complete_the_watermark_is_of_the_one_before() -> None:
    copy, before = copy_of("numbered"), ""
    for _ in range(2):
        first = Progress()
        copy.chunk(Plan(full=True, chunk_rows=PAGE_ROWS), first)
        assert (first.finished, first.watermark) == (False, before)
        before = copy.sync().watermark
        copy.source.later(hours=1)


def test_a_clock_that_went_back_brings_a_full_scan_and_a_lower_watermark() -> None:
    copy = copy_of("sized")
    copy.sync()
    copy.source.now -= timedelta(days=1)
    before = copy.source.now
    assert copy.sync().mode == "full"
    assert datetime.fromisoformat(copy.state.watermark or "") == before
    copy.source.later(seconds=1)
    assert copy.sync().mode == "recent"


def test_a_full_scan_is_due_after_its_time() -> None:
    copy = copy_of("sized", plan=Plan(full_scan_every=timedelta(hours=5)))
    modes = []
    for _ in range(6):
        modes.append(copy.sync().mode)
        copy.source.later(hours=2)
    assert modes == ["full", "recent", "recent", "full", "recent", "recent"]


def test_rows_of_the_moment_where_a_recent_run_may_stop_are_read_to_the_last() -> None:
    copy = copy_of("numbered")
    copy.sync()
    copy.source.later(hours=1)
    last, behind = copy.source.ordered()[PAGE_ROWS - 1 : PAGE_ROWS + 1]
    behind.at = last.at
    copy.rows.clear()
    moment = datetime.fromtimestamp(last.at or 0, UTC)
    copy.sync(lookback=datetime.fromisoformat(copy.state.watermark or "") - moment)
    assert behind.id in copy.rows


@pytest.mark.parametrize("kind", ["numbered", "sized"])
def test_a_list_declares_the_least_that_it_had_meanwhile(kind: str) -> None:
    copy = copy_of(kind)
    copy.source.happens = {
        2: lambda: copy.source.delete([0, 1, 2]),
        4: lambda: copy.source.add(5),
    }
    assert copy.sync().declared == ROWS - 3


@pytest.mark.parametrize("rows", [1, 2, 3])
@pytest.mark.parametrize("gone", [1, 2, 5])
def test_rows_that_move_up_past_a_small_page_are_gone_back_for(
    rows: int, gone: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving_list, "PAGE_ROWS", rows)
    copy = copy_of("numbered", 20)
    copy.source.happens[6] = lambda: copy.source.delete(range(gone))
    copy.sync()
    assert copy.lacks() == set()


def test_where_rows_moved_up_the_page_before_is_read_again() -> None:
    copy = copy_of("sized")
    copy.source.happens[4] = lambda: copy.source.delete(range(3))
    copy.sync()
    assert copy.lacks() == set()
    assert pages_of(copy.source.asked) == [1, 2, 3, 4, *range(3, spans_of(ROWS - 3, PAGE_ROWS) + 1)]


@every_kind
def test_rows_are_handed_on_in_batches_and_chunks(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan, "BATCH_ROWS", 2 * PAGE_ROWS)
    copy = copy_of(kind, 100)
    copy.source.rate_limit.waited_seconds = 1.0

    def wait() -> None:
        copy.source.rate_limit.waited_seconds += 0.5

    copy.source.happens = {number: wait for number in (2, 5, 10)}
    progress = copy.sync(chunk_rows=50)
    assert (copy.lacks(), progress.is_whole) == (set(), True)
    assert copy.chunks == {"numbered": 2, "sized": 4, "ids": 2}[kind]
    assert progress.course.read_again == (0 if kind == "ids" else copy.chunks - 1)
    assert (progress.requests, progress.waited_seconds) == (copy.source.requests, 1.5)
    assert progress.pages == progress.course.full_pages == progress.requests - 2 * (kind == "ids")
    assert sum(copy.batches) >= 100 and max(copy.batches) < 3 * PAGE_ROWS
    # as many as it takes, and one more for the end of each chunk
    assert len(copy.batches) <= 100 // PAGE_ROWS


@pytest.mark.parametrize("kind, is_ahead", [("numbered", False), ("sized", True), ("ids", True)])
def test_pages_that_will_be_read_whatever_they_hold_are_fetched_ahead(
    kind: str, is_ahead: bool
) -> None:
    copy = copy_of(kind, 200, in_flight=2)
    progress = Progress()
    copy.chunk(Plan(chunk_rows=2 * PAGE_ROWS), progress)
    begun = 2 if kind == "ids" else 0
    assert (copy.source.requests > begun + progress.pages) is is_ahead


def test_before_its_size_is_known_only_a_few_pages_are_fetched_ahead() -> None:
    copy = copy_of("ids", 200, in_flight=2)
    copy.chunk(Plan(chunk_rows=1), Progress())
    # the newest rows and some by their ids, a page, and those that are under way beside it
    assert copy.source.requests == 2 + 1 + 2


@every_kind
def test_a_chunk_ends_after_its_time(kind: str) -> None:
    copy = copy_of(kind, 30, in_flight=1 if kind == "sized" else 2)
    progress = copy.sync(chunk_seconds=-1)
    # by ids: the newest rows, some of them by id, and two ahead of the first page
    assert progress.requests == progress.pages + (4 if kind == "ids" else 0)
    # each chunk has one page that was not read before
    assert copy.chunks == progress.pages - progress.course.read_again
    assert copy.lacks() == set()


@pytest.mark.parametrize("counts", [True, False])
@pytest.mark.parametrize("come", [6, 7, 9])
def test_an_end_that_rows_move_to_and_fro_is_looked_for_again(come: int, counts: bool) -> None:
    copy = copy_of("sized", 30, counts=counts)
    copy.source.happens = {
        5: lambda: copy.source.delete(range(12)),  # so that the fifth page is empty
        6: lambda: copy.source.add(come),  # the one before it is full, and does not end the list
        7: lambda: copy.source.delete(range(come)),  # and the fifth is empty again
    }
    there = set(copy.source.rows)
    copy.sync()
    assert not copy.lacks() & there


def test_many_new_rows_at_once_are_no_list_that_repeats_its_pages() -> None:
    copy = copy_of("sized", 60)
    there = set(copy.source.rows)
    copy.source.happens[5] = lambda: copy.source.add(30)
    copy.sync()
    assert not copy.lacks() & there


def test_a_list_that_begins_again_is_refused() -> None:
    copy = copy_of("numbered")
    number_of = copy.listing.request
    assert number_of
    copy.listing = replace(
        copy.listing, request=lambda number, mode: number_of((number - 1) % 3 + 1, mode)
    )
    with pytest.raises(PagingLoop, match="things: page 6 repeats the pages before it"):
        copy.sync()


@pytest.mark.parametrize(
    "after, mode",
    [
        (timedelta(), "recent"),
        (timedelta(hours=5, seconds=-1), "recent"),
        (timedelta(hours=5), "full"),
    ],
)
def test_a_full_scan_is_due_to_the_second(after: timedelta, mode: str) -> None:
    copy = copy_of("sized", plan=Plan(full_scan_every=timedelta(hours=5)))
    copy.source.now = datetime.fromisoformat(copy.sync().started_at) + after
    assert copy.sync().mode == mode


def spread(kind: str, requests: int) -> Copy:
    """A list whose full scan is due, and is spread over runs of so many requests."""
    copy = copy_of(kind, 60)
    copy.sync()
    copy.source.later(days=2)
    copy.plan = Plan(full_scan_every=timedelta(days=1), full_scan_requests=requests)
    return copy


@every_kind
@pytest.mark.parametrize("requests", [1, 2, 3])
def test_a_spread_full_scan_is_one_scan(kind: str, requests: int) -> None:
    copy = spread(kind, requests)
    began, first_load = copy.source.now, copy.chunks + 2  # a recent one comes before it
    runs: list[tuple[Progress, str]] = []
    while not (runs and runs[-1][0].is_whole):
        copy.source.add(2)
        runs.append((copy.sync(), copy.state.watermark))
        copy.source.later(minutes=10)
        assert len(runs) < 40
        assert runs[-1][0].mode == "full"
        assert (
            runs[-1][0].course.is_spread and runs[-1][0].course.full_is_due and runs[-1][0].finished
        )
        # each run brings what is new, and as much of the full scan as it may
        assert copy.lacks() == set()
        fresh_pages = runs[-1][0].course.full_pages - runs[-1][0].course.read_again
        assert fresh_pages == requests or (runs[-1][0].is_whole and fresh_pages <= requests)
    last = runs[-1][0]
    assert len(runs) > 2
    # the scan is as old as its first part: what came since is newer than its watermark
    assert copy.state.full_scan_at == last.started_at
    assert began < datetime.fromisoformat(last.started_at) < began + timedelta(minutes=5)
    assert copy.state.full_scans[-1] == last.loaded_from == f"{first_load:06}"
    assert all(copy.loads[id] >= last.loaded_from for id in copy.source.rows)
    # and the recent runs beside it have read further than where it began
    marks = [watermark for _, watermark in runs]
    assert marks == sorted(marks)
    assert copy.state.watermark == marks[-1] > last.started_at
    copy.source.later(minutes=10)
    assert not copy.sync().course.full_is_due


def test_a_spread_scan_that_is_asked_for_whole_is_read_at_once() -> None:
    copy = spread("sized", 2)
    copy.sync()
    assert copy.state.full
    progress = copy.sync(full=True)
    assert progress.is_whole and progress.requests == spans_of(60, PAGE_ROWS)
    assert copy.state.full is None


def test_of_the_full_scans_the_last_two_are_known() -> None:
    copy = copy_of("numbered")
    for _ in range(3):
        copy.sync(full=True)
        copy.source.later(hours=1)
    assert copy.state.full_scans == ["000002", "000003"]


@every_kind
def test_a_window_has_its_rows_and_leaves_the_watermark_alone(kind: str) -> None:
    copy = copy_of(kind)
    copy.sync()
    state = copy.state
    copy.rows.clear()
    since, until = (copy.source.rows[id].created for id in (21, 31))
    assert since and until
    progress = copy.sync(
        since=datetime.fromtimestamp(since, UTC), until=datetime.fromtimestamp(until, UTC)
    )
    assert (progress.mode, progress.is_whole, progress.is_in_order) == ("window", False, True)
    assert copy.rows.keys() == set(range(21, 31))
    assert copy.state == state
    # nothing is asked for that is older
    assert progress.rows < ROWS


def test_a_window_without_an_end_is_read_to_the_newest() -> None:
    copy = copy_of("numbered")
    copy.sync(until=THEN + timedelta(minutes=10, seconds=30))
    assert copy.rows.keys() == set(range(1, 11))
    copy.sync(since=THEN + timedelta(minutes=10, seconds=30))
    assert copy.rows.keys() == set(range(1, ROWS + 1))
    assert copy.state.watermark is None


def test_a_window_is_of_what_came_in_it_whenever_it_moved() -> None:
    copy = copy_of("numbered")
    copy.source.touch(ROWS - 5)
    copy.sync(until=THEN + timedelta(minutes=10, seconds=30))
    assert copy.rows.keys() == set(range(1, 11))


def test_a_list_that_no_window_can_be_cut_of_is_read_whole() -> None:
    copy = copy_of("numbered")
    copy.listing = replace(copy.listing, window_cursor=None)
    window = {"since": THEN + timedelta(minutes=5), "until": THEN + timedelta(minutes=10)}
    assert copy.sync(**window).mode == "full"
    assert copy.lacks() == set()


@pytest.mark.parametrize("changed", ["since", "until", "start_date"])
def test_what_is_to_be_read_otherwise_begins_anew(changed: str) -> None:
    copy = copy_of("numbered")
    plan = Plan(since=THEN, until=THEN + timedelta(hours=9), start_date=THEN)
    copy.chunk(replace(plan, chunk_rows=2 * PAGE_ROWS), Progress())
    copy.plan = plan
    assert copy.state.window and copy.state.window.page == 3
    [first, *_] = asked(copy, **{changed: THEN + timedelta(minutes=9)})
    assert "'page': 1," in first


def test_what_is_older_than_the_start_date_is_left_out() -> None:
    copy = copy_of("sized")
    copy.listing = listed("sized", from_start_date=True)
    copy.plan = Plan(start_date=THEN + timedelta(minutes=20, seconds=20))
    copy.sync()
    assert copy.rows.keys() == set(range(20, ROWS + 1))


def test_in_a_list_without_a_cursor_nothing_is_older_than_the_start_date() -> None:
    copy = copy_of("sized")
    copy.listing = replace(copy.listing, cursor=None, window_cursor=None, from_start_date=True)
    copy.sync(start_date=THEN + timedelta(minutes=20))
    assert copy.lacks() == set()


def test_a_start_date_is_only_for_the_lists_that_it_is_meant_for() -> None:
    copy = copy_of("sized")
    copy.sync(start_date=THEN + timedelta(minutes=20))
    assert copy.lacks() == set()


def test_a_recent_run_of_several_chunks_stops_where_it_would_have() -> None:
    copy = copy_of("numbered", 60)
    copy.sync()
    copy.source.later(hours=2)
    copy.source.add(3 * PAGE_ROWS)
    progress = copy.sync(chunk_rows=PAGE_ROWS)
    assert (progress.mode, progress.is_in_order, copy.lacks()) == ("recent", True, set())
    assert progress.pages - progress.course.read_again < 60 // PAGE_ROWS


def test_rows_without_a_time_are_in_every_window_and_stop_nothing() -> None:
    copy = copy_of("numbered", 20)
    for row in list(copy.source.rows.values())[::3]:
        row.created = row.at = None
    copy.source.ordered = lambda by=None: sorted(  # type: ignore[method-assign]
        copy.source.rows.values(), key=lambda row: -row.id
    )
    timeless = {row.id for row in copy.source.rows.values() if row.at is None}
    copy.sync(since=THEN + timedelta(minutes=11))
    assert {id for id in timeless if id > 11} <= copy.rows.keys()


@pytest.mark.parametrize("at", [None, "as the next"])
def test_a_row_without_a_time_or_with_the_same_one_keeps_no_run_from_stopping(
    at: str | None,
) -> None:
    copy = copy_of("numbered")
    copy.source.ordered = lambda by=None: sorted(  # type: ignore[method-assign]
        copy.source.rows.values(), key=lambda row: -row.id
    )
    copy.source.rows[ROWS].at = at and copy.source.rows[ROWS - 1].at
    copy.sync()
    copy.source.later(hours=2)
    assert copy.sync().requests == 1


def test_a_list_in_no_order_is_read_to_its_end() -> None:
    copy = copy_of("numbered")
    copy.source.ordered = lambda by=None: sorted(  # type: ignore[method-assign]
        copy.source.rows.values(), key=lambda row: row.id * 7 % 41
    )
    copy.sync()
    copy.source.later(hours=2)
    progress = copy.sync()
    assert (progress.mode, progress.rows, progress.is_in_order) == ("recent", ROWS, False)


def test_a_list_whose_rows_are_all_of_one_time_is_read_to_its_end() -> None:
    copy = copy_of("numbered")
    for row in copy.source.rows.values():
        row.at = 1
    copy.sync()
    copy.source.later(hours=2)
    assert copy.sync().rows == ROWS


def test_a_list_without_a_cursor_is_always_read_whole() -> None:
    copy = copy_of("numbered")
    copy.listing = Listing(
        "things", copy.listing.decode, copy.listing.tables, copy.listing.request, cursor=None
    )
    assert [copy.sync().mode for _ in range(2)] == ["full", "full"]


@pytest.mark.parametrize("counts", [True, False])
@pytest.mark.parametrize("kind", ["numbered", "sized"])
def test_an_empty_list_is_asked_for_twice(kind: str, counts: bool) -> None:
    copy = copy_of(kind, 0, counts=counts)
    assert copy.sync().requests == 2
    assert copy.state.watermark


def test_a_list_that_says_it_has_rows_and_gives_none_is_refused() -> None:
    copy = copy_of("numbered")
    copy.source._answer = lambda request: Page([], 12, last=True)  # type: ignore[method-assign]
    with pytest.raises(BadAnswer, match="things: the list says it has rows, and gave none"):
        copy.sync()


@pytest.mark.parametrize("kind", ["numbered", "sized"])
def test_a_list_that_gives_one_page_for_ever_is_refused(kind: str) -> None:
    copy = copy_of(kind, counts=False)
    copy.source._answer = (
        lambda request: Page(  # type: ignore[method-assign]
            copy.source.ordered()[: request.params.get("size", PAGE_ROWS)]
        )
    )
    with pytest.raises(PagingLoop, match="things: page 4 repeats the pages before it"):
        copy.sync()


@pytest.mark.parametrize("counted", [11, 20])
@pytest.mark.parametrize("kind", ["numbered", "sized"])
def test_a_list_that_lacks_rows_that_it_counts_is_refused(kind: str, counted: int) -> None:
    copy = copy_of(kind, 10)
    answer = copy.source._answer

    def short(request: Any) -> Page[Any]:
        page = answer(request)
        page.count = counted
        return page

    copy.source._answer = short  # type: ignore[method-assign]
    with pytest.raises(BadAnswer, match="things: the list ends at page 2, and says it has more"):
        copy.sync()
    assert copy.state == ListState()


def test_a_list_that_never_stands_still_is_given_up() -> None:
    copy = copy_of("numbered", 900)
    for number in range(3, 900):
        copy.source.happens[number] = lambda: copy.source.delete([0])
    with pytest.raises(BadAnswer, match="the list moves faster than it can be read; the next run"):
        copy.sync()
    # two pages, and a hundred times the one before and that again
    assert copy.source.requests == 2 + 2 * 100


@pytest.mark.parametrize("kind, number", [("numbered", 1), ("sized", 1)])
def test_a_404_of_the_first_page_is_an_error(kind: str, number: int) -> None:
    copy = copy_of(kind)
    copy.source.failing[number] = NotFound("gone")
    with pytest.raises(NotFound):
        copy.sync()


def of_contacts(copy: Copy) -> None:
    """Makes it a list whose pages are so many addresses, each by itself."""
    copy.listing = Listing(
        "things",
        copy.listing.decode,
        copy.listing.tables,
        copy.listing.request,
        last_page=4,
        pages_stand_alone=True,
    )


def test_an_address_that_is_not_there_costs_no_other() -> None:
    copy = copy_of("numbered", 4 * PAGE_ROWS)
    of_contacts(copy)
    copy.source.failing = {1: NotFound("gone"), 3: NotFound("gone")}
    progress = copy.sync()
    assert (progress.requests, len(copy.rows), progress.is_whole) == (4, 2 * PAGE_ROWS, True)


def test_that_no_address_is_there_is_an_error() -> None:
    copy = copy_of("numbered", 4 * PAGE_ROWS)
    of_contacts(copy)
    copy.source.failing = {number: NotFound("gone") for number in range(1, 5)}
    with pytest.raises(NotFound):
        copy.sync()


def spoil(copy: Copy, *ids: int) -> None:
    copy.source.spoiled = set(ids)


@pytest.mark.parametrize("id", [12, 1, ROWS])
@pytest.mark.parametrize(
    "kind, counts",
    [("ids", True), ("sized", True), ("sized", False)],
    ids=["by id", "by place", "by place without a count"],
)
def test_a_row_that_spoils_its_page_costs_itself_alone(kind: str, counts: bool, id: int) -> None:
    copy = copy_of(kind, counts=counts)
    spoil(copy, id)
    name = id if kind == "ids" else f"row {ROWS + 1 - id}"
    progress = copy.sync()
    assert copy.rows.keys() == set(range(1, ROWS + 1)) - {id}
    assert copy.state.quarantine == progress.quarantined
    assert name in progress.quarantined
    reasons = {reject.reason for reject in copy.rejects}
    shown = "POST /of" if kind == "ids" else "GET /list"
    assert f"things {name} cannot be read: {shown} answered 500" in reasons
    assert progress.error == ""
    # and it is tried again: what can be read by then is
    spoil(copy)
    copy.source.later(hours=1)
    copy.sync(full=True)
    assert copy.lacks() == set()
    assert copy.state.quarantine == []


def test_a_row_that_spoils_the_newest_page_is_gone_around_by_id() -> None:
    copy = copy_of("ids")
    copy.sync()
    copy.source.later(hours=2)
    copy.source.touch(30)
    spoil(copy, copy.source.ordered()[0].id)
    copy.source.add(3)
    progress = copy.sync()
    assert (progress.mode, progress.is_whole) == ("full", True)
    assert copy.lacks() == copy.source.spoiled
    copy.source.later(hours=2)
    copy.source.add(2)
    [first, *_] = asked(copy)
    assert first.startswith("/others") and str(copy.state.quarantine) in first
    assert copy.lacks() == copy.source.spoiled


def test_a_page_that_is_too_large_is_read_in_parts_from_then_on() -> None:
    copy = copy_of("ids")
    answer = copy.source._answer

    def slow(request: Any) -> Page[Any]:
        page = answer(request)
        if request.path == "/of" and len(request.search) > 3 and copy.source.requests > 2:
            raise Unavailable("timeout")
        return page

    copy.source._answer = slow  # type: ignore[method-assign]
    progress = copy.sync()
    assert copy.lacks() == set()
    assert progress.quarantined == []
    # one that fails, and then two for each page
    assert progress.requests == 2 + 1 + 2 * (-(-ROWS // IDS_AT_ONCE) + 1)


@pytest.mark.parametrize("kind", ["ids", "sized"])
def test_a_provider_that_fails_is_not_taken_for_bad_rows(kind: str) -> None:
    copy = copy_of(kind)
    spoil(copy, *range(1, ROWS - PAGE_ROWS))
    with pytest.raises(Unavailable):
        copy.sync()
    assert copy.state == ListState()
    # nor is the list read by its ids from its beginning
    assert kind == "sized" or sum(line.startswith("/list") for line in copy.source.asked) == 1


@pytest.mark.parametrize("first", [7, 8])
def test_five_bad_rows_in_a_row_are_bad_rows(first: int) -> None:
    copy = copy_of("ids")
    bad = range(first, first + fetch.UNREADABLE_IN_A_ROW)
    spoil(copy, *bad)
    assert copy.sync().quarantined == list(bad)
    assert copy.lacks() == set(bad)


def test_each_bad_row_is_noted_once_and_no_more_than_so_many() -> None:
    under_way = ScanState(mode="full", way="pages")
    most = scan_modes.QUARANTINED_AT_MOST
    for ids in (range(most - 9), range(most - 19, most + 99), range(most + 99)):
        scan_modes.quarantine(under_way, list(ids))
    assert under_way.quarantine == list(range(most))


def test_six_bad_rows_in_a_row_are_a_provider_that_fails() -> None:
    copy = copy_of("sized")
    spoil(copy, *range(ROWS - fetch.UNREADABLE_IN_A_ROW - 1, ROWS))
    with pytest.raises(Unavailable, match="GET /list answered 500"):
        copy.sync()
    # the page, and its rows one by one
    assert copy.source.requests == 1 + PAGE_ROWS


def test_a_page_of_which_no_row_can_be_read_is_a_provider_that_fails() -> None:
    copy = copy_of("sized")
    third = span(3, PAGE_ROWS)
    assert third.size <= fetch.UNREADABLE_IN_A_ROW
    spoil(copy, *(ROWS - place for place in range(third.start, third.end)))
    with pytest.raises(Unavailable, match="GET /list answered 500"):
        copy.sync()


@pytest.mark.parametrize("size", [2, 4])
def test_of_a_small_page_the_other_rows_are_read(size: int) -> None:
    copy = copy_of("sized", 10)
    copy.listing = replace(copy.listing, page_size=size)
    spoil(copy, 9)
    copy.sync()
    assert copy.lacks() == {9}
    [reason] = {reject.reason for reject in copy.rejects}
    assert reason == "things row 2 cannot be read: GET /list answered 500"


@pytest.mark.parametrize("place", [1, PAGE_ROWS])
def test_a_page_in_parts_tells_how_many_rows_there_are(place: int) -> None:
    copy = copy_of("sized")
    spoil(copy, ROWS + 1 - place)
    client: Any = copy.source
    page = fetch.Fetch(client, copy.listing, ScanState(mode="full", way="pages"))(1)
    assert (page.count, page.last, page.quarantined) == (ROWS, False, [f"row {place}"])


@pytest.mark.parametrize("counts", [True, False])
@pytest.mark.parametrize("rows", range(8, 8 + PAGE_ROWS))
def test_a_list_may_end_inside_a_page_in_parts(rows: int, counts: bool) -> None:
    copy = copy_of("sized", rows, counts=counts, ends_in_404=True)
    spoil(copy, 1)
    assert copy.sync().quarantined == [f"row {rows}"]
    assert copy.lacks() == {1}
    # it is asked for no more than one part behind its end
    starts = [places(line)[0] for line in copy.source.asked]
    assert sum(start >= rows for start in starts) <= 1


def test_a_page_by_number_that_is_never_given_fails_the_run_which_reads_all_else() -> None:
    copy = copy_of("numbered")
    spoil(copy, 12, 26)
    progress = copy.sync()
    assert progress.error == "page 3, page 5 cannot be read; all else was"
    assert len(copy.rows) == ROWS - 2 * PAGE_ROWS
    assert progress.quarantined == ["page 3", "page 5"]
    assert [reject.reason for reject in copy.rejects] == [
        f"things page {number} cannot be read: GET /list answered 500" for number in (3, 5)
    ]


@pytest.mark.parametrize("pages", [4, fetch.UNREADABLE_IN_A_ROW + 1])
def test_where_nothing_can_be_read_that_is_the_error(pages: int) -> None:
    copy = copy_of("numbered", pages * PAGE_ROWS)
    if pages == 4:
        of_contacts(copy)
    spoil(copy, *copy.source.rows)
    with pytest.raises(Unavailable, match="answered 500"):
        copy.sync()
    assert copy.source.requests == min(pages, fetch.UNREADABLE_IN_A_ROW + 1)


def test_a_run_that_is_cut_off_goes_on_where_the_last_chunk_ended() -> None:
    copy = copy_of("numbered")
    copy.source.failing[5] = Unreachable("cut off")
    with pytest.raises(Unreachable):
        copy.sync(chunk_rows=PAGE_ROWS)
    # the first page, then the last one of the chunk before and another
    assert copy.state.full and copy.state.full.page == 3
    copy.source.failing.clear()
    first = asked(copy)[0]
    assert first.startswith("/list {'page': 2,")


@pytest.mark.parametrize("scan", ["scan", "window"])
def test_what_an_earlier_release_left_unfinished_begins_anew(scan: str) -> None:
    copy = copy_of("numbered")
    unfinished = {"mode": "window", "started_at": str(THEN), "page": 3, "falling": True}
    copy.state = state_of({scan: unfinished | {"bounds": ["None", str(THEN), "None"]}})
    copy.sync(since=THEN)
    assert copy.lacks() == set()


def test_a_state_of_an_earlier_release_begins_anew_where_it_must() -> None:
    copy = copy_of("numbered")
    window = {"mode": "window", "way": "pages", "started_at": THEN.isoformat(), "page": 3}
    copy.state = state_of(
        {
            "scan": {"page": 3},
            "window": window,
            "watermark": THEN.isoformat(),
            "full_scan_at": THEN.isoformat(),
        }
    )
    copy.sync()
    kept = stored_state(copy.state)
    assert kept["version"] == STATE_VERSION
    assert "scan" not in kept
    assert kept["window"] == window


@pytest.mark.parametrize(
    "seconds, is_fresh",
    [(0, True), (3_599, True), (3_600, False), (-1, False)],
    ids=["at once", "within its time", "after it", "by a clock that went back"],
)
def test_a_short_list_is_fresh_for_its_time(seconds: int, is_fresh: bool) -> None:
    copy = copy_of("numbered")
    copy.listing = listed("numbered", fresh_for=timedelta(hours=1))
    began = copy.source.now
    copy.sync()
    copy.source.now = began + timedelta(seconds=seconds)
    assert scan_modes.is_fresh(copy.source, copy.listing, copy.state) is is_fresh  # type: ignore[arg-type]


def test_a_list_is_fresh_only_if_it_was_read_whole_and_the_time_is_known() -> None:
    copy = copy_of("numbered")
    copy.listing = listed("numbered", fresh_for=timedelta(hours=99))

    def is_fresh() -> bool:
        return scan_modes.is_fresh(copy.source, copy.listing, copy.state)  # type: ignore[arg-type]

    assert not is_fresh()
    copy.sync()
    assert is_fresh()
    copy.source.knows_time = False
    assert not is_fresh()
    copy.source.knows_time = True
    # one that is to be read whole again is, as far as that has not come
    copy.chunk(Plan(full=True, chunk_rows=PAGE_ROWS), Progress())
    assert not is_fresh()
    copy.sync()
    assert is_fresh()
    # a list that is not short is never fresh
    copy.listing = listed("numbered")
    assert not is_fresh()


def test_a_scan_that_can_be_asked_what_was_updated_asks_for_that_first() -> None:
    copy = copy_of("ids")
    copy.listing = listed("ids", updated=_updated)
    copy.sync()
    copy.source.later(minutes=10)
    copy.source.touch(20)
    first, *rest = asked(copy)
    since = 600 + 1 + scan_modes.UPDATED_OVERLAP_SECONDS
    assert first.startswith("/updated {'seconds': ")
    assert abs(int(first.split()[-1].strip("}")) - since) < 30
    assert len(rest) == 1 and copy.lacks() == set()
    for gap, is_first in ((0, True), (1, False)):
        seconds = scan_modes.UPDATED_AT_MOST_SECONDS + gap
        watermark = datetime.fromisoformat(copy.state.watermark or "")
        copy.source.now = watermark + timedelta(seconds=seconds)
        assert asked(copy)[0].startswith("/updated") is is_first
    # what only that would show waits for the next full scan
    copy.source.later(minutes=5)
    copy.source.touch(30)
    copy.source.failing[copy.source.requests + 1] = Unavailable("updated_within answered 500")
    assert copy.sync().mode == "recent"
    assert copy.lacks() == set()


def _updated(seconds: int) -> Request:
    return Request("/updated", {"seconds": seconds})


def test_a_request_is_repeated_as_often_as_it_is_worth() -> None:
    copy = copy_of("ids")
    copy.listing = listed("ids", updated=_updated)
    spoil(copy, 12)
    copy.sync()
    # the newest rows and some by id, a page, the one that fails, and its parts
    assert copy.source.attempts[:6] == [2, 2, ATTEMPTS, ATTEMPTS, 2, 2]
    copy.source.later(minutes=5)
    before = copy.source.requests
    copy.sync()
    assert copy.source.attempts[before:] == [1, ATTEMPTS]


def test_a_part_is_asked_for_less_often_than_a_page() -> None:
    copy = copy_of("sized")
    spoil(copy, ROWS)
    # a row that cannot be read is one that the page has
    assert copy.sync().pages == spans_of(ROWS, PAGE_ROWS)
    assert copy.source.attempts[: 2 + PAGE_ROWS] == [ATTEMPTS, *[2] * PAGE_ROWS, ATTEMPTS]


def test_after_a_page_that_is_never_given_the_next_one_is_asked_for_less_often() -> None:
    copy = copy_of("numbered")
    spoil(copy, 12, 19)  # the fourth page and the fifth
    copy.sync()
    assert copy.source.attempts == [ATTEMPTS] * 4 + [2, 2]


def places(line: str) -> tuple[int, int]:
    """The places that a page has which was asked for: the first, and the one behind the last."""
    asked = ast.literal_eval(line.partition(" ")[2])
    end = asked["page"] * asked["size"]
    return end - asked["size"], end


def pages_of(lines: list[str]) -> list[int]:
    """The numbers of the pages, among those that overlap."""
    numbers = {span(number, PAGE_ROWS).start: number for number in range(1, 200)}
    return [numbers[places(line)[0]] for line in lines]


def sought(copy: Copy, act: Callable[[], object], after: int = 6) -> list[int]:
    """The pages that a scan asks for after its first ones, if that happens in between."""
    with pytest.raises(Unreachable):
        copy.source.failing[after + 1] = Unreachable("cut off")
        copy.sync(chunk_rows=sum(span(page, PAGE_ROWS).size for page in range(1, after + 1)))
    copy.source.failing.clear()
    assert copy.state.full and copy.state.full.page == after + 1
    there = set(copy.source.rows)
    act()
    first = copy.source.requests
    copy.sync()
    assert not copy.lacks() & there
    return pages_of(copy.source.asked[first:])


# the sixth page, which was read last, has the rows from the 25th to the 30th
@pytest.mark.parametrize(
    "added, deleted, pages",
    [
        (0, 0, [6, 7, 8, 9]),
        # they were pushed down by no more than can be seen on the pages that follow
        (11, 0, [6, 7, 8, 9]),
        # by more; and since they may as well have moved up, they are looked for there, too
        (12, 0, [6, 7, 8, 5, 3, 1, 2]),
        (0, 12, [6, 7, 8, 5, 3, 4]),
        (0, 40, [6, 7, 8, 5, 3, 1, 2]),
    ],
)
def test_the_rows_read_last_are_looked_for_near_and_then_further_back(
    added: int, deleted: int, pages: list[int]
) -> None:
    copy = copy_of("sized", 90)

    def move() -> None:
        copy.source.add(added)
        copy.source.delete(range(deleted))

    assert sought(copy, move)[: len(pages)] == pages


def test_each_time_they_are_looked_for_twice_as_far_back() -> None:
    copy = copy_of("sized", 200)
    pages = sought(copy, lambda: copy.source.delete(range(100)), after=20)
    assert pages[:7] == [20, 21, 22, 19, 17, 13, 5]


def test_a_recent_run_that_stepped_back_stops_where_it_would_have() -> None:
    copy = copy_of("numbered", 60)
    copy.sync()
    copy.source.later(hours=2)
    for place in range(20):
        copy.source.touch(30 + place)
    copy.source.happens[copy.source.requests + 3] = lambda: copy.source.delete(range(9))
    progress = copy.sync()
    assert copy.lacks() == set()
    assert (progress.mode, progress.is_in_order) == ("recent", True)
    assert progress.requests <= 6
