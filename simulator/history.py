"""Ninety days of a World's past: every conversation is a small story, told in the order of time."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import count
from random import Random
from typing import Generic, Literal, TypeVar

from talkhouse.simulator.changes import Changes
from talkhouse.simulator.entities import (
    Agent,
    Bot,
    Channel,
    ChannelKind,
    Conversation,
    Opening,
    Tag,
    Team,
    Template,
)

T = TypeVar("T")
Story = Iterator[timedelta]
"""Acts in the World, and says how long until it acts again."""

DAYS = 90
KINDS: tuple[ChannelKind, ...] = (
    "whatsapp", "sms", "api", "webchat", "whatsapp", "rcs", "whatsapp", "webchat", "api", "sms",
)  # fmt: skip


def furnish(world: Changes) -> None:
    """The company: its agents, teams, tags, channels and templates."""
    people = (
        (11, "Olga", "Ferreira", "administrator"),
        (12, "Joana", "Reis", "agent"),
        (14, "Marc", "Dubois", "agent"),
        (15, "Lucía", "Campos", "agent"),
        (17, "Budi", "Hartono", "agent"),
        (18, "Ana", "Prates", "agent"),
    )
    joined = datetime(2025, 3, 3, 9, 12, 44, 120_345, tzinfo=world.now.tzinfo)
    for agent_id, first, last, role in people:
        email = f"{first}.{last}@talkhouse.example".lower().replace("í", "i")
        world.agents[agent_id] = Agent(agent_id, first, last, email, role, joined)  # type: ignore[arg-type]
        joined += timedelta(days=41, minutes=agent_id)
    world.last_ids["agent"] = 18
    world.bots = {3: Bot(3, "Paula", "Answers first and hands over")}
    world.teams = {
        5: Team(5, "care", "First line", [12, 14, 15, 17]),
        6: Team(6, "billing", None, [12, 18]),
        8: Team(8, "logistics", "Parcels and couriers", [14, 17]),
    }
    tags = "refund vip delivery invoice complaint bug wholesale spam"
    colors = ("#1f93ff", "#d7263d", "#2e8b57", "#f2a541")
    for place, name in enumerate(tags.split()):
        described = f"About {name}" if place % 2 else None
        world.tags[40 + place] = Tag(40 + place, name, described, colors[place % 4])
    everyone = list(world.agents)
    for channel in (
        Channel(4, "whatsapp", "WhatsApp", "+351910000100", everyone),
        Channel(5, "sms", "SMS", "12345", [11, 12, 14]),
        Channel(7, "rcs", "RCS", "talkhouse@rcs.goog", [11, 14]),
        Channel(9, "webchat", "Website", "https://shop.example.com", [11, 12, 18]),
        Channel(10, "api", "Mobile app", "app", [11, 15], identifier="kV8uNq2wXyZ4mRt6Hs1JpLdA"),
        Channel(13, "email", "Support mailbox", "help@shop.example.com", [11]),
    ):
        world.channels[channel.id] = channel
    for name, category, status, body in (
        ("order_shipped", "UTILITY", "approved", "Your order is on its way!"),
        ("spring_sale", "MARKETING", "approved", "Spring sale: 20% off until Sunday 🌷"),
        ("payment_reminder", "UTILITY", "approved", "Your invoice is due tomorrow."),
        ("login_code", "AUTHENTICATION", "approved", "Your code is 123456."),
        ("winback", "MARKETING", "rejected", "We miss you, come back!"),
    ):
        uuid = world.new_uuid()
        world.templates[uuid] = Template(uuid, name, "en", category, status, body, 4)


OPENINGS: dict[ChannelKind, tuple[Opening, ...]] = {
    "whatsapp": ("INBOX",) * 6
    + ("BROADCAST", "BROADCAST", "FLOW", "API", "AUTO_RESPONSE", "UNKNOWN"),
    "webchat": ("INBOX",) * 9 + ("UNKNOWN",),
}
TURNS = (0, 1, 1, 2, 2, 3, 4, 5, 6, 8, 9, 12, 15, 20, 30)
ENDINGS = ("resolved",) * 4 + ("survey",) * 7 + ("answered",) * 4 + ("snoozed", "snoozed", "open")


class Deck(Generic[T]):
    """Deals every card once, in random order, before it deals one again."""

    def __init__(self, random: Random, cards: Sequence[T]) -> None:
        self.random = random
        self.cards = cards
        self.left: list[T] = []

    def deal(self) -> T:
        if not self.left:
            self.left = self.random.sample(self.cards, len(self.cards))
        return self.left.pop()


class History:
    """Stories under way, resumed one after another until the World's present."""

    def __init__(self, world: Changes) -> None:
        self.world = world
        self.waiting: list[tuple[datetime, int, Story]] = []
        self.order = count()
        random = world.random
        self.openings = {k: Deck(random, OPENINGS.get(k, ("INBOX",))) for k in KINDS}
        self.turns = Deck(random, TURNS)
        self.endings = Deck(random, ENDINGS)
        self.bots = Deck(random, ("hands over", "hands over", "keeps", "none", "none", "none"))

    def tell(self, conversations: int) -> None:
        """Plays the stories of so many conversations and leaves the clock where it was."""
        present, random = self.world.now, self.world.random
        for number in range(conversations):
            day = present - timedelta(days=DAYS * (1 - (number + random.random()) / conversations))
            opened = _at_work(day.replace(hour=random.choice(_BUSY_HOURS)))
            opened = min(opened, present - timedelta(minutes=random.randint(5, 600)))
            opened += timedelta(
                seconds=random.randint(0, 3000), microseconds=random.randint(1, 999_999)
            )
            self.begin(min(opened, present), self.conversation(KINDS[number % len(KINDS)]))
        while self.waiting:
            at, _, story = heapq.heappop(self.waiting)
            if at > present:
                continue
            self.world.now = at
            wait = next(story, None)
            if wait is not None:
                microseconds = timedelta(microseconds=random.randint(1, 999_999))
                self.begin(at + wait + microseconds, story)
        self.world.now = present

    def begin(self, at: datetime, story: Story) -> None:
        heapq.heappush(self.waiting, (at, next(self.order), story))

    def conversation(self, kind: ChannelKind) -> Story:
        """One conversation from its opening to its last word, or to the present."""
        world, random = self.world, self.world.random
        channel = next(c for c in world.channels.values() if c.kind == kind)
        origin = self.openings[kind].deal()
        known = [c.id for c in world.contacts.values() if c.address(channel.id)]
        contact = random.choice(known) if known and random.random() < 0.25 else None
        thread = world.new_conversation(
            channel.id, contact, None, origin, empty=origin == "UNKNOWN"
        )
        turns = self.turns.deal()
        if origin == "BROADCAST":
            self.begin(world.now + timedelta(seconds=3), self.delivery(thread.messages[0].id))
            turns = 0 if random.random() < 0.5 else turns
            yield timedelta(minutes=random.randint(3, 200))
        if origin == "UNKNOWN":
            return
        bot = self.bots.deal() if turns else "none"
        if bot != "none":
            thread.status, thread.bot_id = "pending", next(iter(world.bots))
            world.new_message(thread.id, kind="template", origin="FLOW")
            yield timedelta(seconds=random.randint(20, 300))
            world.new_message(thread.id, kind="incoming")
        if bot == "keeps" and turns < 5:
            return
        if bot != "none":
            world.set_status(thread.id, "open")
        if turns == 0 or random.random() < 0.08:
            return
        yield _until_work(world.now, random.randint(1, 50))
        if random.random() < 0.85:
            world.assign(thread.id, random.choice(channel.members))
        if random.random() < 0.5:
            world.assign_team(thread.id)
        yield from self.dialogue(thread, turns)
        yield from self.ending(thread)

    def dialogue(self, thread: Conversation, turns: int) -> Story:
        """Question and answer, with what agents do on the side."""
        world, random = self.world, self.world.random
        for turn in range(turns):
            kind: Literal["incoming", "outgoing"] = "outgoing" if turn % 2 == 0 else "incoming"
            files = ("image", "image", "file", "audio", "video", "location")
            attachment = random.choice(files) if random.random() < 0.08 else None
            message = world.new_message(thread.id, kind=kind, attachment=attachment)
            if kind == "outgoing":
                self.begin(world.now + timedelta(seconds=2), self.delivery(message.id))
            self.chores(thread, message.id)
            minutes = random.choice((1, 1, 2, 3, 5, 9, 20, 45, 180, 900))
            yield (
                _until_work(world.now, minutes)
                if kind == "incoming"
                else timedelta(minutes=minutes)
            )

    def chores(self, thread: Conversation, message: int) -> None:
        """What an agent does beside answering, now and then."""
        world, random = self.world, self.world.random
        for chance, act in (
            (0.10, lambda: world.new_message(thread.id, kind="outgoing", private=True)),
            (0.12 if len(thread.tags) < 4 else 0, lambda: world.tag(thread.id)),
            (0.05, lambda: world.set_priority(thread.id)),
            (0.04, lambda: world.assign(thread.id)),
            (0.10, lambda: world.set_attribute(thread.id)),
            (0.02, lambda: world.edit_message(message)),
            (0.02, lambda: world.delete_message(message)),
        ):
            if random.random() < chance:
                act()

    def ending(self, thread: Conversation) -> Story:
        """Resolved with a survey, snoozed, or left open."""
        world, random = self.world, self.world.random
        ending = self.endings.deal()
        if ending == "open":
            return
        if ending == "snoozed":
            hours = random.choice((20, 700, 2400))
            world.set_status(thread.id, "snoozed", snoozed_until_hours=hours)
            yield timedelta(hours=hours)
            if thread.status == "snoozed":
                world.expire_snooze(thread.id)
            return
        world.set_status(thread.id, "resolved")
        if ending in ("survey", "answered"):
            world.ask_csat(thread.id)
            yield timedelta(minutes=random.randint(2, 1200))
        if ending == "answered":
            world.answer_csat(thread.id)

    def delivery(self, message: int) -> Story:
        """Sent, delivered, often read, now and then failed."""
        world, random = self.world, self.world.random
        if random.random() < 0.04:
            world.set_delivery(message, "failed")
            return
        world.set_delivery(message, "delivered")
        yield timedelta(minutes=random.randint(1, 400))
        if random.random() < 0.75:
            world.set_delivery(message, "read")


_BUSY_HOURS = (8, 9, 9, 10, 10, 10, 11, 11, 12, 14, 14, 15, 15, 16, 16, 17, 18, 20, 22)


def _until_work(now: datetime, minutes: int) -> timedelta:
    return _at_work(now + timedelta(minutes=minutes)) - now


def _at_work(time: datetime) -> datetime:
    """The time itself in working hours, or else the next morning."""
    if time.hour >= 20 or time.hour < 8:
        morning = time if time.hour < 8 else time + timedelta(days=1)
        time = morning.replace(hour=8, minute=time.minute % 40)
    while time.weekday() >= 5:
        time += timedelta(days=1)
    return time
