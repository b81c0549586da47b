"""A Chatwoot of up to millions of conversations that never change, fast enough to measure a client.

Answers can be made late, as they are over a network; none waits for another.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Literal
from urllib.parse import parse_qs

import msgspec
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from talkhouse.simulator.answers import leading_int
from talkhouse.simulator.credentials import ACCOUNT_ID
from talkhouse.simulator.server import Simulator, blocking
from talkhouse.simulator.stamps import STAMPS, THREAD, Own, stamps_of
from talkhouse.simulator.world import World

PAGE = 25
ANSWER_ROWS = 100
STEP, QUIET = 20, 86_400
"""Seconds from one conversation's activity to the next one's, and from the last one's to now."""
ACCOUNT = f"/chatwoot/api/v1/accounts/{ACCOUNT_ID}"
LIST = f"{ACCOUNT}/conversations"
FILTER = f"{LIST}/filter"
REQUESTS = "/requests"
EMPTY = {
    f"{ACCOUNT}/contacts": b'{"meta":{"count":0,"current_page":1},"payload":[]}',
    f"{ACCOUNT}/csat_survey_responses": b"[]",
}
REFUSED = b'{"error":"only one condition is understood here: display_id equal_to values"}'


class Condition(msgspec.Struct):
    """The only condition that is understood here."""

    attribute_key: Literal["display_id"]
    filter_operator: Literal["equal_to"]
    values: list[int]
    query_operator: None = None


class Filter(msgspec.Struct):
    payload: tuple[Condition]


class StaticApp:
    """The conversation list and its threads; all other paths are the ordinary simulator's.

    A thread is its stamp's messages, as many `rounds` of them as asked for, the last of them being
    what the list embeds. REQUESTS tells how many requests there were.
    """

    def __init__(
        self, conversations: int, seed: int = 7, latency: float = 0.0, rounds: int = 1
    ) -> None:
        world = World(seed, conversations=4 * STAMPS)
        self.count = conversations
        self.latency = latency
        self.requests = 0
        self.room = rounds * THREAD
        self.now = int(world.now.timestamp())
        self.stamps = stamps_of(world)
        self.rest = Simulator(world).app
        self.headers = [
            (b"content-type", b"application/json; charset=utf-8"),
            (b"date", self.rest.date()),
        ]
        numbers = range(1, conversations + 1)
        unassigned = self.unassigned(numbers)
        self.meta = b'{"mine_count":0,"assigned_count":%d,"unassigned_count":%d,"all_count":%d}' % (
            conversations - unassigned,
            unassigned,
            conversations,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] if scope["type"] == "http" else ""
        status = 200
        if self.latency and path != REQUESTS:
            await asyncio.sleep(self.latency)
        self.requests += path != REQUESTS
        if path == REQUESTS:
            body = b"%d" % self.requests
        elif path == LIST:
            body = self.page(scope["query_string"])
        elif path == FILTER and scope["method"] == "POST":
            try:
                body = self.filtered(await Request(scope, receive).body(), scope["query_string"])
            except msgspec.DecodeError:
                status, body = 422, REFUSED
        elif path.startswith(LIST) and path.endswith("/messages"):
            body = self.thread(leading_int(path[len(LIST) + 1 :]), scope["query_string"])
        elif path in EMPTY:
            body = EMPTY[path]
        else:
            await self.rest(scope, receive, send)
            return
        headers = [*self.headers, (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def page(self, query_string: bytes) -> bytes:
        """One page in the order asked for, empty past the end; or all that changed so lately."""
        query = parse_qs(query_string.decode())
        numbers = range(self.count, 0, -1)
        if "updated_within" in query:
            seconds = leading_int(query["updated_within"][0])
            numbers = numbers[: max(-((QUIET - seconds) // STEP), 0)]
        if query.get("sort_by", [""])[0].endswith("_asc"):
            numbers = numbers[::-1]
        if "updated_within" not in query:
            numbers = numbers[_place(query)]
        return b'{"data":{"meta":%b,"payload":[%b]}}' % (self.meta, self.rows(numbers))

    def filtered(self, body: bytes, query_string: bytes) -> bytes:
        """One page of the conversations with these numbers, newest first."""
        condition = msgspec.json.decode(body, type=Filter, strict=False).payload[0]
        numbers = sorted({n for n in condition.values if 0 < n <= self.count}, reverse=True)
        meta = b'{"mine_count":0,"unassigned_count":%d,"all_count":%d}' % (
            self.unassigned(numbers),
            len(numbers),
        )
        rows = self.rows(numbers[_place(parse_qs(query_string.decode()))])
        return b'{"meta":%b,"payload":[%b]}' % (meta, rows)

    def rows(self, numbers: Iterable[int]) -> bytes:
        stamps = self.stamps
        return b",".join([stamps[n % len(stamps)].row(self.own(n)) for n in numbers])

    def unassigned(self, numbers: Iterable[int]) -> int:
        return sum(not self.stamps[n % len(self.stamps)].is_assigned for n in numbers)

    def thread(self, number: int, query_string: bytes) -> bytes:
        """The messages of one conversation after or before an id."""
        query = {name: int(values[0]) for name, values in parse_qs(query_string.decode()).items()}
        low, high = query.get("after", 0), query.get("before", self.count * self.room * 2)
        # only where both are given is the first of them a part of the answer
        low -= query.keys() >= {"after", "before"}
        stamp, last = self.stamps[number % len(self.stamps)], self.own(number)
        rows = [
            message(Own(first_id, last.activity - (last.first_id - first_id) * 60, last.values))
            for first_id in range(number * self.room, last.first_id + 1, THREAD)
            for at, message in enumerate(stamp.messages, first_id)
            if low < at < high
        ][:ANSWER_ROWS]
        return b'{"meta":%b,"payload":[%b]}' % (stamp.thread_head, b",".join(rows))

    def own(self, number: int) -> Own:
        """The newer the higher the number; nine contacts in ten have one conversation."""
        activity = self.now - (self.count - number) * STEP - QUIET
        year, month, day, hour, minute, second, *_ = time.gmtime(activity)
        microsecond = number * 7919 % 1_000_000
        moment = (year, month, day, hour, minute, second, microsecond // 1000)
        values = (
            b"%d" % number,
            b'"%08x-07f4-4a34-8f6e-%012x"' % (number * 2_654_435_761 & 0xFFFFFFFF, number),
            b"%d" % (8000 + (number - 1 if number % 10 == 0 else number)),
            b"%d" % (activity - 7200),
            b"%d" % activity,
            b"%d.%06d" % (activity, microsecond),
            b'"%04d-%02d-%02dT%02d:%02d:%02d.%03dZ"' % moment,
        )
        return Own(number * self.room + self.room - THREAD, activity, values)


def run_static(
    conversations: int = 40_000,
    port: int = 9000,
    ready: Callable[[str], None] = lambda url: None,
    latency: float = 0.0,
    rounds: int = 1,
) -> None:
    """Serves so many conversations until interrupted, each answer so many seconds late."""
    blocking(StaticApp(conversations, latency=latency, rounds=rounds), "127.0.0.1", port, ready)


def _place(query: dict[str, list[str]]) -> slice:
    """The places in a list that belong to the page asked for."""
    page = max(leading_int(query.get("page", [""])[0]), 1)
    return slice((page - 1) * PAGE, page * PAGE)
