"""Whatever moves in a list while it is read, and wherever a run is cut off, nothing is lost."""

import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from random import Random

import pytest

from support.moving_list import PAGE_ROWS, AtOnce, Copy, MovingList, listed
from talkhouse.sources.http.errors import Unreachable
from talkhouse.sources.scan import prefetch
from talkhouse.sources.scan.prefetch import PagesAhead

TALES = int(os.environ.get("TALKHOUSE_HISTORIES", 0)) or 80
LONG = timedelta(days=99)

every_kind = pytest.mark.parametrize(
    "kind, counts",
    [("numbered", True), ("sized", True), ("sized", False), ("ids", True)],
    ids=["numbered", "overlapping", "overlapping without a count", "by id"],
)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(prefetch, "ThreadPoolExecutor", AtOnce)
    yield


def happen(source: MovingList, random: Random) -> None:
    """Some rows go, often as many in a row as take all with them that two pages have in common;
    some come, and some move to the top.
    """
    if random.random() < 0.7:
        first = random.randint(0, 30)
        source.delete(range(first, first + random.randint(0, 2 * PAGE_ROWS)))
    if random.random() < 0.4:
        source.delete([random.randint(0, 60) for _ in range(3)])
    if random.random() < 0.4:
        source.add(random.randint(0, 9))
    if random.random() < 0.4:
        for _ in range(3):
            source.touch(random.randint(0, 60))


@every_kind
@pytest.mark.parametrize("order", ["at", "created"])
def test_every_row_is_read_that_was_there(kind: str, counts: bool, order: str) -> None:
    for tale in range(TALES):
        random = Random(tale)
        source = MovingList(counts, counts and tale % 2 == 0, order, random.choice([1, 2]))
        source.add(random.randint(0, 70))
        source.later(days=1)
        copy = Copy(source, listed(kind, order))
        plan = {"chunk_rows": random.choice([1_000, 20, 5]), "full_scan_every": LONG}
        there = dict(source.rows)
        for _ in range(random.randint(0, 4)):
            source.happens[random.randint(1, 25)] = lambda: happen(source, random)  # noqa: B023
        if random.random() < 0.5:
            source.failing[random.randint(2, 12)] = Unreachable("cut off")
            with suppress(Unreachable):
                copy.sync(**plan)
            source.failing.clear()
        copy.sync(**plan)
        source.happens.clear()
        stayed = {row.id for row in there.values() if source.rows.get(row.id) is row}
        assert stayed <= copy.rows.keys(), tale
        # what moved meanwhile comes with the next run, and so does what moves then
        for _ in range(2):
            source.later(hours=2)
            happen(source, random)
            source.later(minutes=2)
            assert copy.sync(**plan).mode == "recent", tale
            lacking = copy.lacks()
            # but for what moves no cursor
            assert lacking <= (copy.rows.keys() if order == "created" else set()), tale
        source.later(hours=1)
        copy.sync(full=True)
        assert copy.lacks() == set(), tale


def test_a_page_before_the_last_one_drops_what_was_read_ahead() -> None:
    asked: list[int] = []

    def fetch(number: int) -> int:
        asked.append(number)
        return len(asked)

    with PagesAhead(fetch, 2, last=4) as ahead:
        assert (ahead.page(1), ahead.page(2)) == (1, 2)
        assert asked == [1, 2, 3, 4]
        assert ahead.page(1) == 5
        assert [ahead.page(number) for number in (2, 3, 4)] == [6, 7, 8]
    assert asked == [1, 2, 3, 4] * 2
