"""Whatever moves in a list while it is read, and wherever a run is cut off, nothing is lost."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from moving_list import AtOnce, Copy, MovingList, listed

from sources import pages
from sources.errors import Unreachable

KINDS = [("numbered", True), ("sized", True), ("sized", False), ("ids", True)]
every_kind = pytest.mark.parametrize(
    "kind, counts", KINDS, ids=["numbered", "sized", "sized without a count", "by id"]
)
# what may happen to a list: how many come, which go, which of them move to the top
happenings = st.tuples(
    st.integers(0, 9),
    st.one_of(
        st.lists(st.integers(0, 60), max_size=3),
        # as many in a row as take every row with them that two pages have in common
        st.builds(lambda first, n: [*range(first, first + n)], st.integers(0, 30), st.integers(0, 14)),
    ),
    st.lists(st.integers(0, 60), max_size=3),
)
Happening = tuple[int, list[int], list[int]]


@pytest.fixture(autouse=True, scope="module")
def at_once() -> Any:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pages, "ThreadPoolExecutor", AtOnce)
        yield


def happen(source: MovingList, what: Happening) -> None:
    added, deleted, touched = what
    source.delete(deleted)
    source.add(added)
    for place in touched:
        source.touch(place)


@every_kind
@settings(max_examples=150, derandomize=True)
@given(
    rows=st.integers(0, 70),
    ends_in_404=st.booleans(),
    order=st.sampled_from(["at", "created"]),
    in_flight=st.sampled_from([1, 2]),
    chunk_rows=st.sampled_from([1_000, 20, 5]),
    disturbed=st.dictionaries(st.integers(1, 40), happenings, max_size=4),
    between=st.lists(happenings, min_size=1, max_size=3),
    cut=st.none() | st.integers(2, 30),
)
def test_every_row_is_read_that_was_there(
    kind: str,
    counts: bool,
    rows: int,
    ends_in_404: bool,
    order: str,
    in_flight: int,
    chunk_rows: int,
    disturbed: dict[int, Happening],
    between: list[Happening],
    cut: int | None,
) -> None:
    source = MovingList(counts, ends_in_404, order, in_flight)
    source.add(rows)
    source.later(days=1)
    copy = Copy(source, listed(kind, order))
    there = {row.id: row for row in source.rows.values()}
    for number, what in disturbed.items():
        source.happens[number] = lambda what=what: happen(source, what)
    if cut:
        source.failing[cut] = Unreachable("cut off")
        with suppress(Unreachable):
            copy.sync(chunk_rows=chunk_rows)
        source.failing.clear()
    copy.sync(chunk_rows=chunk_rows)
    source.happens.clear()
    stayed = {id for id, row in there.items() if source.rows.get(id) is row}
    assert stayed <= copy.rows.keys()
    # what moved meanwhile comes with the next run, which reads little; and so does what moves then
    for what in between:
        source.later(hours=2)
        happen(source, what)
        source.later(minutes=2)
        copy.sync(chunk_rows=chunk_rows, full_scan_every=timedelta(days=99))
        lacking = copy.lacks()
        assert not lacking or order == "created"
        assert lacking <= there.keys() | copy.rows.keys()
    source.later(hours=1)
    copy.sync(full=True)
    assert copy.lacks() == set()
