"""What other processes read of a list is taken as it is, unless anything about it is remarkable."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from support.moving_list import AtOnce, Copy, MovingList, Thing, listed
from talkhouse.sources.rows.storage_rules import Terms
from talkhouse.sources.rows.table import tables_of
from talkhouse.sources.scan import prefetch, scan
from talkhouse.sources.scan.fetch import Fetch
from talkhouse.sources.scan.list_state import ListState, ScanState
from talkhouse.sources.scan.listing import Group, Seen, seen_of
from talkhouse.sources.scan.progress import Plan, Progress

ROWS = 120
PAGES = 3


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(prefetch, "ThreadPoolExecutor", AtOnce)
    monkeypatch.setattr(scan, "WORTH_READERS", 10)
    yield


class Reading:
    """Stands for other processes: reads three pages at a time, of a list of its own."""

    def __init__(self, copy: Copy) -> None:
        self.copy = copy
        self.source = replace(copy.source, happens={}, failing={})
        self.opened: list[tuple[str, int, str]] = []
        self.asked: list[tuple[int, int]] = []
        self.given = 0
        self.is_closed = False
        self.ready = True
        self.spoil: Callable[[Seen], Seen] = lambda seen: seen

    def __call__(self, name: str, size: int, way: str) -> "Reading":
        self.opened.append((name, size, way))
        return self

    def group(self, number: int, last: int) -> Group | None:
        self.asked.append((number, last))
        if number + PAGES > last:
            return None
        fetch: Fetch[Thing] = Fetch(
            self.source,  # type: ignore[arg-type]
            self.copy.listing,
            ScanState(mode="full", way="ids"),
        )
        read = [fetch(number + nth) for nth in range(PAGES)]
        rows = [row for page in read for row in page.rows]
        self.given += 1
        seen = [seen_of(page, self.copy.listing, None) for page in read]
        return Group(
            [*seen[:-1], self.spoil(seen[-1])],
            tables_of(self.copy.listing.tables, rows, Terms("shop")),
        )

    def close(self) -> None:
        self.is_closed = True


def read_by_others() -> tuple[Copy, Reading]:
    source = MovingList(in_flight=2)
    source.add(ROWS)
    source.later(hours=3)
    copy = Copy(source, listed("ids"))
    copy.readers = reading = Reading(copy)
    return copy, reading


def test_groups_are_taken_as_they_are() -> None:
    copy, reading = read_by_others()
    progress = copy.sync()
    assert copy.lacks() == set()
    assert reading.opened == [("things", 6, "ids")]
    assert reading.given >= 5 and reading.is_closed
    assert progress.rows == ROWS
    assert progress.pages == progress.course.full_pages == ROWS // 6 + 1
    assert progress.requests == len(copy.source.asked) + PAGES * reading.given
    # the newest rows, some by their ids, and the first page; others read what is not begun by then
    assert len(copy.source.asked) <= 3 + 2 * copy.source.in_flight + PAGES


def test_until_they_are_ready_the_scan_reads_by_itself() -> None:
    copy, reading = read_by_others()
    reading.ready = False
    copy.sync()
    assert (reading.given, copy.lacks()) == (0, set())


def test_until_they_are_ready_the_scan_is_only_a_little_ahead() -> None:
    copy, reading = read_by_others()
    reading.ready = False
    progress, seen = Progress(), []
    copy.source.happens[12] = lambda: seen.append(progress.pages)
    copy.chunk(Plan(), progress)
    # the newest rows and some by their ids, and those that are under way beside the one in hand
    assert seen == [12 - 2 - copy.source.in_flight - 1]


# of 20 pages of 6 ids the first is read before
@pytest.mark.parametrize("worth, opened", [(18 * 6, 1), (18 * 6 + 1, 0)])
def test_so_many_rows_are_worth_other_processes(
    worth: int, opened: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan, "WORTH_READERS", worth)
    copy, reading = read_by_others()
    copy.sync()
    assert len(reading.opened) == opened


@pytest.mark.parametrize(
    "spoil",
    [
        lambda seen: replace(seen, identities=[*seen.identities, seen.identities[0]]),
        lambda seen: replace(seen, last=True),
        lambda seen: replace(seen, rejected=1),
        lambda seen: replace(seen, drifted=True),
    ],
    ids=["a row twice", "the end", "a reject", "drift"],
)
def test_what_is_remarkable_is_read_again(spoil: Callable[[Seen], Seen]) -> None:
    copy, reading = read_by_others()
    reading.spoil = spoil
    copy.sync()
    assert (reading.given, reading.is_closed) == (1, True)
    assert copy.lacks() == set()


@pytest.mark.parametrize("groups", [0, 2])
def test_rows_that_the_chunk_has_are_no_news(groups: int) -> None:
    copy, reading = read_by_others()
    # by then it is held back, or handed on
    reading.spoil = lambda seen: (
        replace(seen, identities=[1, *seen.identities[1:]]) if reading.given > groups else seen
    )
    copy.sync()
    assert reading.given == groups + 1
    assert copy.lacks() == set()


@pytest.mark.parametrize("reads_ahead, last, page", [(True, ROWS // 6, 8), (False, 7, 7)])
def test_groups_may_be_read_beyond_the_chunk(reads_ahead: bool, last: int, page: int) -> None:
    copy, reading = read_by_others()
    client: Any = copy.source
    how = scan.Reading(client, Plan(chunk_rows=36), Terms("shop"), "1", reading, reads_ahead)
    state = ListState()
    for _ in scan.scan(how, copy.listing, state, Progress()):
        pass
    # the first page is the scan's own: it tells how many rows a page has
    assert reading.asked[0] == (2, last)
    assert reading.is_closed is not reads_ahead
    assert state.full and state.full.page == page


def test_few_rows_are_not_worth_other_processes() -> None:
    copy, reading = read_by_others()
    copy.readers = reading
    copy.source.in_flight = 1
    copy.sync()
    assert reading.opened == []
