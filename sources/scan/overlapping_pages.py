"""Pages of a list that overlap, so that a row which went away between two of them is noticed.

An API that takes a page and its size gives rows [(page - 1) * size, page * size). By varying the
size, each page is made to begin with rows that the one before it ended with. If none of them is
there, rows before it went away, and others have moved up past the place where we read.
"""

from bisect import bisect_left
from functools import cache
from typing import NamedTuple

# smaller pages would have to be asked for almost twice as often
SMALLEST_SIZE = 5


class Span(NamedTuple):
    """What to ask for: a page of a size. `overlaps` is false where no size could make it do so."""

    page: int
    size: int
    overlaps: bool = True

    @property
    def start(self) -> int:
        return (self.page - 1) * self.size

    @property
    def end(self) -> int:
        return self.page * self.size


def span(number: int, size: int) -> Span:
    """The span that is read `number`th (from 1), where pages have at most `size` rows."""
    known = _known(size)
    while len(known) < number:
        known.append(_after(known[-1], size))
    return known[number - 1]


def spans_of(rows: int, size: int) -> int:
    """How many spans cover so many rows."""
    known = _known(size)
    while known[-1].end < rows:
        known.append(_after(known[-1], size))
    return bisect_left(known, rows, key=lambda each: each.end) + 1


@cache
def _known(size: int) -> list[Span]:
    return [Span(1, size, overlaps=False)]


def _after(before: Span, size: int) -> Span:
    """The span that begins before the end of the last one, and reaches furthest beyond it.

    No page reaches across a place that every size divides, such as the 60th row with pages of 5, or
    the 232,792,560th with pages of 20. There the last row is asked for once more, by itself.
    """
    end = before.end
    reaching = [Span((end - 1) // each + 1, each) for each in range(size, 1, -1) if end % each]
    if reaching:
        return max(reaching, key=lambda page: page.end)
    if before.size > 1:
        return Span(end, 1)
    return Span(end // size + 1, size, overlaps=False)
