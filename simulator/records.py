"""The World's collections, clock, lock and ids: everything a change needs, and no change."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import TypeVar
from uuid import UUID

from talkhouse.simulator.entities import (
    Agent,
    Bot,
    Channel,
    Contact,
    Conversation,
    CsatResponse,
    Message,
    Tag,
    Team,
    Template,
)

T = TypeVar("T")


class Records:
    """Collections by id. Hold `lock` while reading more than one value."""

    def __init__(self, seed: int, now: datetime) -> None:
        self.seed = seed
        self.now = now
        self.random = Random(seed)
        self.lock = threading.RLock()
        self.agents: dict[int, Agent] = {}
        self.bots: dict[int, Bot] = {}
        self.teams: dict[int, Team] = {}
        self.tags: dict[int, Tag] = {}
        self.channels: dict[int, Channel] = {}
        self.contacts: dict[int, Contact] = {}
        self.departed: dict[int, Contact] = {}
        self.conversations: dict[int, Conversation] = {}
        self.deleted: dict[int, tuple[Conversation, list[CsatResponse]]] = {}
        self.messages: dict[int, Message] = {}
        self.templates: dict[str, Template] = {}
        self.csat: dict[int, CsatResponse] = {}
        self.last_ids = {"conversation": 1000, "record": 52_000, "message": 980_000}
        self.last_ids |= {"contact": 8100, "attachment": 5500, "csat": 300, "agent": 10}

    def advance(self, seconds: float) -> datetime:
        """The new time; nothing else makes time pass."""
        with self.lock:
            self.now += timedelta(seconds=seconds)
            return self.now

    def new_id(self, kind: str, gap: int = 1) -> int:
        """The next id of a kind, at most `gap` above the last."""
        self.last_ids[kind] += self.random.randint(1, gap)
        return self.last_ids[kind]

    def person(self, contact_id: int) -> Contact:
        """The contact as it is, or as it was before it was deleted."""
        return self.contacts.get(contact_id) or self.departed[contact_id]

    def new_uuid(self) -> str:
        return str(UUID(int=self.random.getrandbits(128), version=4))

    def pick(self, found: dict[int, T], wanted: int | None, that: Callable[[T], bool]) -> T:
        """The one with the wanted id, or a random one that fits; LookupError when none does."""
        if wanted is not None:
            if wanted not in found:
                raise LookupError(f"no id {wanted}")
            return found[wanted]
        fitting = [one for one in found.values() if that(one)]
        if not fitting:
            raise LookupError("nothing in the World fits this change")
        return self.random.choice(fitting)


def put_back(records: dict[int, T], returned: dict[int, T]) -> None:
    """Adds records where their ids belong: a list without an order of its own is by id."""
    by_id = sorted((records | returned).items(), key=lambda item: item[0])
    records.clear()
    records.update(by_id)
