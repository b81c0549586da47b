"""One conversation's JSON as a stamp, with slots for whatever is different in each copy.

A page of 25 rows costs one formatting for each and one join.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec

from talkhouse.simulator.chatwoot_json import ChatwootJson
from talkhouse.simulator.entities import Conversation
from talkhouse.simulator.world import World

STAMPS = 64
THREAD = 8
"""How many messages a stamp has at most, and a thread too, if it is not made longer."""
SLOT = re.compile(rb'"@(\d+)@"')
# the slots that every conversation fills with its own values; those of its messages follow
ID, UUID, CONTACT, CREATED, ACTIVITY, UPDATED, UPDATED_ISO = range(7)
MESSAGE_ID, MESSAGE_TIME = 7, 7 + THREAD


class Own(NamedTuple):
    """What one conversation has of its own. Its messages' ids are counted from `first_id`."""

    first_id: int
    activity: int
    values: tuple[bytes, ...]


class Stamp(NamedTuple):
    """One conversation's JSON with slots for whatever is different in each copy."""

    row: Callable[[Own], bytes]
    thread_head: bytes
    messages: list[Callable[[Own], bytes]]
    is_assigned: bool


def stamps_of(world: World) -> list[Stamp]:
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
        first_id, activity, values = own
        stamp: bytes = text % chosen(
            (
                *values,
                *[b"%d" % (first_id + place) for place in ids],
                *[b"%d" % (activity - age) for age in ages],
            )
        )
        return stamp

    return stamped
