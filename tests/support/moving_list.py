"""A list in memory that moves while a scan reads it: no HTTP, no warehouse, milliseconds a scan."""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Annotated, Any, ClassVar

from talkhouse.sources.http.client import Request
from talkhouse.sources.http.errors import NotFound, SourceError, Unavailable
from talkhouse.sources.rows.lenient_decode import Reject
from talkhouse.sources.rows.page import Page, PageDecoder
from talkhouse.sources.rows.record import Epoch, Id, Record
from talkhouse.sources.rows.storage_rules import Terms
from talkhouse.sources.rows.table import Table
from talkhouse.sources.scan.list_state import ListState, state_of, stored_state
from talkhouse.sources.scan.listing import ById, Listing, Mode
from talkhouse.sources.scan.progress import Plan, Progress
from talkhouse.sources.scan.scan import OpenReaders, Reading, scan

# up to the 420th row there is no place that no page of at most so many rows reaches across
PAGE_ROWS = 7
IDS_AT_ONCE = 6
# many more than any scan here needs: one that asks for more would go on for ever
REQUESTS_AT_MOST = 3_000
CHUNKS_AT_MOST = 300
THEN = datetime(2026, 5, 1, tzinfo=UTC)


class Thing(Record, kw_only=True):
    """A row: `at` is moved by activity, `edits` counts every change."""

    table: ClassVar[str] = "things"

    id: Annotated[Id, "Counts up from 1."]
    created: Annotated[Epoch, "When it came."] = None
    at: Annotated[Epoch, "When something last happened in it."] = None
    edits: Annotated[Id, "How often it changed."] = 0


DECODE = PageDecoder(Thing)
THINGS = (Table(Thing),)


@dataclass
class MovingList:
    """The provider, and the client of it: what happens is done as the request of its number comes,
    before that is answered.

    It declares how many rows it has if it `counts`; past its end is an empty page, or a 404 if it
    `ends_in_404`. A request that needs one of the `spoiled` ids
    fails; and so does one in `failing`, by its number, with the error that is there.
    """

    counts: bool = True
    ends_in_404: bool = False
    order: str = "at"
    in_flight: int = 1
    rows: dict[int, Thing] = field(default_factory=dict)
    spoiled: set[int] = field(default_factory=set)
    failing: dict[int, SourceError] = field(default_factory=dict)
    happens: dict[int, Callable[[], object]] = field(default_factory=dict)
    requests: int = 0
    now: datetime = THEN
    newest_id: int = 0
    knows_time: bool = True

    def __post_init__(self) -> None:
        self.rate_limit = SimpleNamespace(waited_seconds=0.0)
        self.asked: list[str] = []
        self.attempts: list[int] = []

    def clock(self) -> datetime:
        return self.now

    def later(self, **time: float) -> None:
        self.now += timedelta(**time)

    def add(self, rows: int = 1) -> None:
        """New rows, a second after each other."""
        for _ in range(rows):
            self.later(seconds=1)
            self.newest_id += 1
            moment = int(self.now.timestamp())
            self.rows[self.newest_id] = Thing(id=self.newest_id, created=moment, at=moment)

    def delete(self, places: Sequence[int]) -> None:
        """The rows at these places, of the list as it is now."""
        ordered = self.ordered()
        for place in places:
            self.rows.pop(ordered[place % len(ordered)].id, None) if ordered else None

    def touch(self, place: int) -> None:
        """Something happens in a row, which goes to the top of a list by activity."""
        if ordered := self.ordered():
            self.later(seconds=1)
            row = ordered[place % len(ordered)]
            moment = int(self.now.timestamp())
            self.rows[row.id] = Thing(
                id=row.id, created=row.created, at=moment, edits=row.edits + 1
            )

    def ordered(self, by: str | None = None) -> list[Thing]:
        """The newest first."""
        return sorted(self.rows.values(), key=lambda row: (getattr(row, by or self.order), row.id))[
            ::-1
        ]

    def read(self, request: Request, decode: PageDecoder[Thing], attempts: int = 6) -> Page[Thing]:
        """Answers one of the requests that `listed` makes."""
        self.requests += 1
        assert self.requests < REQUESTS_AT_MOST and decode is DECODE
        self.attempts.append(attempts)
        self.later(seconds=1)
        self.asked.append(f"{request.path} {dict(request.params)} {request.search or ''}".strip())
        if act := self.happens.pop(self.requests, None):
            act()
        if error := self.failing.get(self.requests):
            raise error
        page = self._answer(request)
        if self.spoiled & {row.id for row in page.rows}:
            raise Unavailable(f"{request} answered 500", "wait; or tell the provider")
        return page

    def _answer(self, request: Request) -> Page[Thing]:
        asked: dict[str, Any] = dict(request.params)
        found = self.ordered(asked.get("by"))
        if request.path == "/updated":
            since = int((self.now - timedelta(seconds=asked["seconds"])).timestamp())
            return Page([row for row in found if (row.at or 0) >= since], len(found))
        if request.path == "/of":
            found = [row for row in found if row.id in request.search]
            return Page(found, len(found), last=True)
        if request.path == "/others":
            found = [row for row in found if row.id not in request.search]
        number, size = asked["page"], asked.get("size", PAGE_ROWS)
        rows = found[(number - 1) * size : number * size]
        if self.ends_in_404 and number > 1 and not rows:
            raise NotFound(f"{request} answered 404")
        if self.counts:
            return Page(rows, len(found), last=number * size >= len(found))
        return Page(rows, last=not rows)


def listed(kind: str, order: str = "at", **how: Any) -> Listing[Thing]:
    """How a provider declares it: `numbered` pages, `sized` ones that are made to overlap, or
    numbered ones of a list that can be asked for `ids`.
    """
    listing: Listing[Thing] = Listing(
        "things", DECODE, THINGS, cursor=order, window_cursor="created", **how
    )
    if kind == "sized":
        return replace(
            listing,
            sized=lambda page, size: Request("/list", {"page": page, "size": size}),
            page_size=PAGE_ROWS,
            window_cursor=order,
        )
    listing = replace(listing, request=_numbered)
    if kind == "numbered":
        return listing
    return replace(
        listing,
        by_id=ById(
            newest=lambda number: _numbered(number, "full"),
            rows=lambda ids: Request("/of", search=list(ids)),
            others=lambda ids, number: Request("/others", {"page": number}, search=list(ids)),
            decode=DECODE,
            size=IDS_AT_ONCE,
        ),
    )


def _numbered(number: int, mode: Mode) -> Request:
    return Request("/list", {"page": number, "by": None if mode == "recent" else "created"})


Seen = tuple[int | None, int | None, int]


def as_seen(row: Thing) -> Seen:
    return row.created, row.at, row.edits


@dataclass
class Copy:
    """What syncs make of the list: its rows and the state, which a chunk brings together."""

    source: MovingList
    listing: Listing[Thing]
    plan: Plan = field(default_factory=Plan)
    rows: dict[int, Seen] = field(default_factory=dict)
    loads: dict[int, str] = field(default_factory=dict)
    rejects: list[Reject] = field(default_factory=list)
    state: ListState = field(default_factory=ListState)
    chunks: int = 0
    batches: list[int] = field(default_factory=list)
    readers: OpenReaders | None = None

    def sync(self, **plan: Any) -> Progress:
        """Chunk after chunk, until the run has no more to do. Raises what a scan does."""
        planned, progress = replace(self.plan, **plan), Progress()
        before = self.chunks
        while not progress.finished:
            assert self.chunks - before < CHUNKS_AT_MOST
            self.chunk(planned, progress)
        return progress

    def chunk(self, plan: Plan, progress: Progress) -> list[int]:
        """Loads one chunk; the ids that are in it."""
        self.chunks += 1
        state, load = as_stored(self.state), f"{self.chunks:06}"
        client: Any = self.source
        reading = Reading(client, plan, Terms("shop"), load, self.readers)
        batches = list(scan(reading, self.listing, state, progress))
        assert [batch.is_last for batch in batches] == [False] * (len(batches) - 1) + [True]
        self.batches += [batch.tables["things"].num_rows for batch in batches]
        rows = [row for batch in batches for row in batch.tables["things"].to_pylist()]
        ids = [row["id"] for row in rows]
        assert len(ids) == len(set(ids)), "a package holds no row twice"
        for row in rows:
            created, at = (
                None if row[name] is None else int(row[name].timestamp())
                for name in ("created", "at")
            )
            self.rows[row["id"]] = created, at, row["edits"]
            self.loads[row["id"]] = load
        self.rejects += [reject for batch in batches for reject in batch.findings.rejects]
        self.state = state
        return ids

    def lacks(self) -> set[int]:
        """The rows of the list that are not here as they are there."""
        return {
            row.id for row in self.source.rows.values() if self.rows.get(row.id) != as_seen(row)
        }


def as_stored(state: ListState) -> ListState:
    """The state as the next chunk finds it."""
    return state_of(json.loads(json.dumps(stored_state(state))))


class AtOnce:
    """An executor that does what it is given at once: pages that are read ahead are read before
    anything else happens, every time.
    """

    def __init__(self, max_workers: int) -> None: ...

    def submit(self, work: Callable[..., Any], *of: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        try:
            future.set_result(work(*of))
        except Exception as e:
            future.set_exception(e)
        return future

    def shutdown(self, **how: bool) -> None: ...
