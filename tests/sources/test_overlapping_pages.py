"""Pages that are made to overlap cover a list, each reaching into the one before it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkhouse.sources.scan.overlapping_pages import SMALLEST_SIZE, _known, span, spans_of

sizes = st.integers(SMALLEST_SIZE, 200)


@given(sizes, st.integers(2, 3_000))
def test_every_page_begins_in_the_one_before_and_ends_beyond_it(size: int, number: int) -> None:
    before, page = span(number - 1, size), span(number, size)
    assert page.size <= size
    if page.overlaps:
        assert page.start < before.end
        assert page.end > before.end or page == (before.end, 1, True)
    else:
        assert (before.size, page.start, page.size) == (1, before.end, size)


def test_the_first_page_is_as_large_as_can_be() -> None:
    assert span(1, 50) == (1, 50, False)


@given(sizes, st.integers(0, 5_000))
def test_as_many_spans_as_cover_the_rows(size: int, rows: int) -> None:
    needed = spans_of(rows, size)
    assert span(needed, size).end >= rows
    assert needed == 1 or span(needed - 1, size).end < rows


@given(st.sampled_from([50, 100]))
def test_overlapping_costs_a_fifth_more_pages_at_most(size: int) -> None:
    assert span(1_000, size).end > 1_000 * size * 0.8


@pytest.mark.parametrize("size", range(1, 9))
def test_of_small_pages_none_leaves_a_gap(size: int) -> None:
    """As where a short list's first page says how many rows a page has."""
    before, apart = span(1, size), 0
    for number in range(2, 400):
        page = span(number, size)
        if page.overlaps:
            assert page.start < before.end < page.end or page == (before.end, 1, True)
        else:
            apart += 1
            assert page == (before.end // size + 1, size, False)
            assert page.start == before.end and before.size == 1
        assert isinstance(page.page, int)
        before = page
    assert apart


def test_of_three_rows_the_next_page_has_two() -> None:
    _known.cache_clear()  # whatever another test has made of them
    assert span(2, 3) == (2, 2, True)
