"""A Chatwoot of up to millions of conversations that never change, fast enough to measure a client.

Rows are stamped out of ready-made JSON: a page of 25 costs one formatting and one join.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from operator import itemgetter
from typing import Any, NamedTuple
from urllib.parse import parse_qs

import msgspec
from starlette.types import Receive, Scope, Send

from simulator.answers import leading_int
from simulator.chatwoot_json import ChatwootJson
from simulator.credentials import ACCOUNT_ID
from simulator.entities import Conversation
from simulator.server import Simulator, blocking
from simulator.world import World

STAMPS = 64
PAGE = 25
THREAD = 8
"""How many messages a thread has at most; also the room for ids that each conversation gets."""
SLOT = re.compile(rb'"@(\d+)@"')
ACCOUNT = f"/chatwoot/api/v1/accounts/{ACCOUNT_ID}"
LIST = f"{ACCOUNT}/conversations"
EMPTY = {
    f"{ACCOUNT}/contacts": b'{"meta":{"count":0,"current_page":1},"payload":[]}',
    f"{ACCOUNT}/csat_survey_responses": b"[]",
}
# the slots that every conversation fills with its own values; those of its messages follow
ID, UUID, CONTACT, CREATED, ACTIVITY, UPDATED, UPDATED_ISO = range(7)
MESSAGE_ID, MESSAGE_TIME = 7, 7 + THREAD


class Own(NamedTuple):
    """What one conversation has of its own."""

    number: int
    activity: int
    values: tuple[bytes, ...]


class Stamp(NamedTuple):
    """One conversation's JSON with slots for whatever is different in each copy."""

    row: Callable[[Own], bytes]
    thread_head: bytes
    messages: list[Callable[[Own], bytes]]
    is_assigned: bool


class StaticApp:
    """The conversation list and its threads; all other paths are the ordinary simulator's."""

    def __init__(self, conversations: int, seed: int = 7) -> None:
        world = World(seed, conversations=4 * STAMPS)
        self.count = conversations
        self.now = int(world.now.timestamp())
        self.stamps = _stamps(world)
        self.rest = Simulator(world).app
        self.headers = [
            (b"content-type", b"application/json; charset=utf-8"),
            (b"date", self.rest.date()),
        ]
        numbers = range(1, conversations + 1)
        assigned = sum(self.stamps[n % len(self.stamps)].is_assigned for n in numbers)
        self.meta = b'{"mine_count":0,"assigned_count":%d,"unassigned_count":%d,"all_count":%d}' % (
            assigned,
            conversations - assigned,
            conversations,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] if scope["type"] == "http" else ""
        if path == LIST:
            body = self.page(scope["query_string"])
        elif path.startswith(LIST) and path.endswith("/messages"):
            body = self.thread(leading_int(path[len(LIST) + 1 :]), scope["query_string"])
        elif path in EMPTY:
            body = EMPTY[path]
        else:
            await self.rest(scope, receive, send)
            return
        headers = [*self.headers, (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def page(self, query_string: bytes) -> bytes:
        """One page of the list in the order asked for; empty past the end."""
        query = parse_qs(query_string)
        skipped = (max(leading_int(query.get(b"page", [b""])[0].decode()), 1) - 1) * PAGE
        first, end = skipped + 1, min(skipped + PAGE, self.count) + 1
        numbers: range = range(first, end)
        if not query.get(b"sort_by", [b""])[0].endswith(b"_asc"):
            numbers = range(self.count + 1 - first, self.count + 1 - end, -1)
        rows = [self.stamps[n % len(self.stamps)].row(self.own(n)) for n in numbers]
        return b'{"data":{"meta":%b,"payload":[%b]}}' % (self.meta, b",".join(rows))

    def thread(self, number: int, query_string: bytes) -> bytes:
        """The messages of one conversation after or before an id."""
        query = {name: int(values[0]) for name, values in parse_qs(query_string.decode()).items()}
        low, high = query.get("after", 0), query.get("before", self.count * THREAD * 2)
        stamp, own = self.stamps[number % len(self.stamps)], self.own(number)
        ids = range(number * THREAD, number * THREAD + len(stamp.messages))
        rows = [m(own) for at, m in zip(ids, stamp.messages, strict=True) if low < at < high]
        return b'{"meta":%b,"payload":[%b]}' % (stamp.thread_head, b",".join(rows))

    def own(self, number: int) -> Own:
        """The newer the higher the number; nine contacts in ten have one conversation."""
        activity = self.now - (self.count - number) * 20 - 600
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
        return Own(number, activity, values)


def run_static(
    conversations: int = 40_000, port: int = 9000, ready: Callable[[str], None] = lambda url: None
) -> None:
    """Serves so many conversations until interrupted."""
    blocking(StaticApp(conversations), "127.0.0.1", port, ready)


def _stamps(world: World) -> list[Stamp]:
    """Stamps of the fuller conversations, three in four with an activity as last message."""
    full = [c for c in world.conversations.values() if len(c.messages) > 2]
    quiet = [c for c in full if c.messages[-1].kind != "activity"][: STAMPS // 4]
    busy = [c for c in full if c.messages[-1].kind == "activity"][: STAMPS - len(quiet)]
    return [_stamp(ChatwootJson(world, world.agents[11]), c) for c in (*busy, *quiet)]


def _stamp(out: ChatwootJson, c: Conversation) -> Stamp:
    c.messages = c.messages[-THREAD:]
    places = {m.id: place for place, m in enumerate(c.messages)}
    document = out.conversation(c)
    document |= {"id": _slot(ID), "uuid": _slot(UUID), "created_at": _slot(CREATED)}
    document |= {"updated_at": _slot(UPDATED), "timestamp": _slot(ACTIVITY)}
    document |= {"last_activity_at": _slot(ACTIVITY)}
    document["meta"]["sender"]["id"] = _slot(CONTACT)
    embedded = [*document["messages"], document["last_non_activity_message"]]
    for message in embedded:
        _own(message, places)
        message["updated_at"] = _slot(UPDATED_ISO)
        message["conversation"]["last_activity_at"] = _slot(ACTIVITY)
    rows = [_own(out.thread_message(m, c), places) for m in c.messages]
    return Stamp(
        row=_stamping(document),
        thread_head=msgspec.json.encode(out.thread_meta(c)),
        messages=[_stamping(row) for row in rows],
        is_assigned=c.assignee_id is not None,
    )


def _own(message: dict[str, Any], places: dict[int, int]) -> dict[str, Any]:
    """The message with slots for its ids and its time."""
    place = places[message["id"]]
    message |= {"id": _slot(MESSAGE_ID + place), "conversation_id": _slot(ID)}
    message["created_at"] = _slot(MESSAGE_TIME + THREAD - len(places) + place)
    if message.get("sender", {}).get("type") == "contact":
        message["sender"]["id"] = _slot(CONTACT)
        if "sender_id" in message:
            message["sender_id"] = _slot(CONTACT)
    return message


def _slot(place: int) -> str:
    return f"@{place}@"


def _stamping(document: Any) -> Callable[[Own], bytes]:
    """A function from a conversation's own values to JSON, by one formatting."""
    text = msgspec.json.encode(document)
    slots = [int(slot) for slot in SLOT.findall(text)]
    text = SLOT.sub(b"%b", text.replace(b"%", b"%%"))
    used = [*range(MESSAGE_ID), *sorted({slot for slot in slots if slot >= MESSAGE_ID})]
    chosen = itemgetter(*[used.index(slot) for slot in slots])
    ids = [slot - MESSAGE_ID for slot in used if MESSAGE_ID <= slot < MESSAGE_TIME]
    ages = [60 * (MESSAGE_TIME + THREAD - 1 - slot) for slot in used if slot >= MESSAGE_TIME]

    def stamped(own: Own) -> bytes:
        number, activity, values = own
        stamp: bytes = text % chosen(
            (
                *values,
                *[b"%d" % (number * THREAD + place) for place in ids],
                *[b"%d" % (activity - age) for age in ages],
            )
        )
        return stamp

    return stamped
