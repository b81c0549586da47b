"""A list is read by the ids of its rows where the server can, and where that is worth it."""

from datetime import timedelta
from typing import Any

import pytest

from support.moving_list import IDS_AT_ONCE, PAGE_ROWS, Copy, MovingList, Thing, listed
from talkhouse.sources.http.errors import BadAnswer, Refused, Unavailable, Unreachable
from talkhouse.sources.rows.page import Page
from talkhouse.sources.scan import by_id, scan
from talkhouse.sources.scan.list_state import ScanState

ROWS = 40
LAST = -(-ROWS // IDS_AT_ONCE)


def copy_of(rows: int = ROWS, **how: Any) -> Copy:
    source = MovingList(**how)
    source.add(rows)
    source.later(hours=3)
    return Copy(source, listed("ids"))


def paths(copy: Copy) -> list[str]:
    """What was asked for, by the path alone."""
    return [asked.split()[0] for asked in copy.source.asked]


def test_every_id_is_asked_for_once_and_those_after_the_newest() -> None:
    copy = copy_of()
    copy.sync()
    asked = [line.partition("[")[2].strip("]") for line in copy.source.asked[2:]]
    ids = [int(each) for line in asked for each in line.split(", ")]
    assert ids == list(range(1, IDS_AT_ONCE * (LAST + 1) + 1))
    # a page that holds the newest ids is followed by another, since higher ones may have come
    assert paths(copy) == ["/list", "/of"] + ["/of"] * (LAST + 1)


def test_what_came_above_the_newest_id_is_read_too() -> None:
    copy = copy_of()
    copy.source.happens[4] = lambda: copy.source.add(20)
    copy.sync()
    assert copy.rows.keys() == set(range(1, ROWS + 21))


def test_an_empty_list_is_read_by_id() -> None:
    copy = copy_of(0)
    progress = copy.sync()
    assert (paths(copy), progress.is_whole) == (["/list", "/of"], True)


@pytest.mark.parametrize("error", [Refused("no such filter"), BadAnswer("not JSON")])
def test_a_server_without_the_filter_is_read_by_pages(error: Exception) -> None:
    copy = copy_of()
    copy.source.failing[2] = error  # type: ignore[assignment]
    copy.sync()
    assert paths(copy)[2:] == ["/list"] * 6
    assert copy.lacks() == set()


def test_a_filter_that_gives_others_is_not_used() -> None:
    copy = copy_of()
    answer = copy.source._answer
    copy.source._answer = (
        lambda request: (  # type: ignore[method-assign]
            answer(request)
            if request.path == "/list"
            else Page(copy.source.ordered()[-IDS_AT_ONCE:], ROWS)
        )
    )
    copy.sync()
    assert paths(copy)[2:] == ["/list"] * 6


def test_a_filter_that_gives_others_later_is_a_bad_answer() -> None:
    copy = copy_of()
    answer = copy.source._answer
    copy.source._answer = lambda request: (  # type: ignore[method-assign]
        Page([*answer(request).rows, copy.source.rows[ROWS]], ROWS)
        if request.path == "/of" and copy.source.requests > 2
        else answer(request)
    )
    with pytest.raises(BadAnswer, match="things: asked for some ids, and was given others"):
        copy.sync()


@pytest.mark.parametrize("more, way", [(0, "/of"), (1, "/list")])
def test_ids_with_more_gaps_than_rows_are_not_worth_it(more: int, way: str) -> None:
    copy = copy_of(7)
    highest = by_id.IDS_PER_ROW * 7 + by_id.IDS_TO_SPARE + more
    copy.source.rows[highest] = copy.source.rows.pop(7)
    copy.source.rows[highest].id = highest
    copy.sync()
    assert paths(copy)[-1] == way
    assert copy.lacks() == set()


def test_what_spoils_the_newest_rows_leaves_room_for_their_ids() -> None:
    copy = copy_of()
    copy.source.spoiled = {ROWS}
    progress = copy.sync()
    assert paths(copy)[:3] == ["/list", "/list", "/of"]
    assert copy.lacks() == {ROWS} == set(progress.quarantined)
    # the second page's highest id, and room for those of the first
    highest = ROWS - 7 + by_id.ROOM_FOR_IDS
    last = int(copy.source.asked[-1].split()[-1].strip("]"))
    assert highest <= last < highest + IDS_AT_ONCE


def test_where_none_of_the_newest_pages_is_given_the_scan_fails() -> None:
    copy = copy_of()
    copy.source.spoiled = set(range(1, ROWS + 1))
    with pytest.raises(Unavailable, match="answered 500"):
        copy.sync()
    assert paths(copy) == ["/list"] * by_id.NEWEST_PAGES


def test_a_provider_that_is_not_there_is_not_asked_again() -> None:
    copy = copy_of()
    copy.source.failing[1] = Unreachable("no connection")
    with pytest.raises(Unreachable):
        copy.sync()
    assert copy.source.requests == 1


def spoiled_while_recent(*, full_is_under_way: bool) -> tuple[Copy, Any]:
    """A recent run that meets a row which spoils its page; a spread full scan may be under way."""
    copy = copy_of()
    copy.sync()
    copy.source.later(days=2)
    under_way = None
    if full_is_under_way:
        copy.sync(full_scan_requests=2)
        under_way = copy.state.full
        copy.source.later(minutes=5)
    copy.source.add(3)
    copy.source.spoiled = {ROWS + 2}
    return copy, under_way


def test_around_a_row_that_spoils_a_recent_page_there_is_a_full_scan_by_id() -> None:
    copy, _ = spoiled_while_recent(full_is_under_way=False)
    before = copy.source.now
    progress = copy.sync(full_scan_every=timedelta(days=99))
    assert (progress.mode, progress.is_whole, progress.quarantined) == ("full", True, [ROWS + 2])
    assert copy.state.watermark == progress.started_at == before.isoformat()
    assert copy.state.recent is None


@pytest.mark.parametrize("batch_rows", [PAGE_ROWS, PAGE_ROWS + 1])
def test_rows_that_came_before_a_scan_went_by_id_come_once_and_what_moved_since_comes_next(
    batch_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan, "BATCH_ROWS", batch_rows)
    copy = copy_of()
    copy.sync()
    copy.source.later(hours=2)
    copy.source.add(2 * PAGE_ROWS)
    copy.source.spoiled = {ROWS + 1}  # the last of the second page

    def move() -> None:
        copy.source.touch(PAGE_ROWS - 1)  # a row of the first page, which goes on the second
        for _ in range(PAGE_ROWS):
            copy.source.touch(PAGE_ROWS)

    copy.source.happens[copy.source.requests + 2] = move
    plan = {"lookback": timedelta(), "full_scan_every": timedelta(days=99)}
    assert copy.sync(**plan).mode == "full"
    copy.source.later(hours=1)
    assert copy.sync(**plan).mode == "recent"
    assert copy.lacks() == copy.source.spoiled


def test_a_full_scan_by_id_that_is_under_way_goes_on() -> None:
    copy, under_way = spoiled_while_recent(full_is_under_way=True)
    assert under_way.way == "ids"
    progress = copy.sync(full_scan_requests=100)
    assert progress.started_at == under_way.started_at
    assert copy.lacks() == {ROWS + 2}


def test_a_list_without_ids_has_no_way_around() -> None:
    copy = copy_of()
    copy.listing = listed("numbered", last_page=1)
    copy.source.spoiled = {ROWS}
    with pytest.raises(Unavailable, match="GET /list answered 500"):
        copy.sync()
    assert copy.source.requests == 1


@pytest.mark.parametrize(
    "highest, count, found",
    [
        (0, 0, 1),
        (IDS_AT_ONCE, 1, 1),
        (IDS_AT_ONCE + 1, 1, 2),
        (by_id.IDS_TO_SPARE, None, -(-by_id.IDS_TO_SPARE // IDS_AT_ONCE)),
        (by_id.IDS_TO_SPARE + 1, None, None),
    ],
)
def test_as_many_pages_as_hold_the_ids(highest: int, count: int | None, found: int | None) -> None:
    newest = Page([Thing(id=highest)] if highest else [], count)
    assert by_id.pages_by_id(listed("ids"), newest) == found
    assert by_id.pages_by_id(listed("numbered"), newest) is None


def begun(copy: Copy) -> tuple[bool, ScanState]:
    """Whether a scan that was under way by pages goes by id, and its state then."""
    scan = ScanState(
        mode="full",
        way="pages",
        page=4,
        page_size=7,
        count=50,
        part_size=3,
        lowest_cursor=1,
        excluded_ids=[1],
    )
    return by_id.begin_by_id(copy.source, copy.listing, scan), scan  # type: ignore[arg-type]


def test_a_scan_that_goes_on_by_id_begins_anew() -> None:
    expected = ScanState(mode="full", way="ids", least_count=ROWS, last_page=LAST)
    assert begun(copy_of()) == (True, expected)


def test_a_scan_that_cannot_go_by_id_stays_as_it_is() -> None:
    refusing, others, sparse, numbered = (copy_of() for _ in range(4))
    refusing.source.failing[2] = Refused("no such filter")
    others.source.spoiled = set()
    others.source._answer = (
        lambda request: Page(  # type: ignore[method-assign]
            others.source.ordered()[: 8 if request.path == "/list" else 5], ROWS
        )
    )
    sparse.source.rows[9_999] = Thing(id=9_999, created=2**32, at=2**32)
    numbered.listing = listed("numbered")
    for copy in (refusing, others, sparse, numbered):
        is_by_id, under_way = begun(copy)
        assert (is_by_id, under_way.page, under_way.way) == (False, 4, "pages")
