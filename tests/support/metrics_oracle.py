"""What each mart must hold, told from the World alone, by the definitions of models/DECISIONS.md.

Nothing here knows the SQL. What a provider cannot tell is None: TELLS says what it can. Every
account is named after its provider, and was synced whole before the first build.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from statistics import fmean, median
from typing import Any
from zoneinfo import ZoneInfo

from support.oracle import hilos_status, seconds
from talkhouse.simulator import World
from talkhouse.simulator.entities import Contact, Conversation, Message
from talkhouse.simulator.texts import STATUS_ACTIVITY

Row = dict[str, Any]
DAY = timedelta(days=1)

THREADS = {
    "chatwoot": "whole",
    "hilos": "first message",
    "activecampaign": "first message",
    "octopush": "no times",
    "pembalasan": "public messages",
}
"""What is known of the messages of each provider's conversations."""

TELLS = {
    "chatwoot": {"messages", "notes", "status", "closings", "csat"},
    "hilos": {"status"},
    "activecampaign": {"status"},
    "octopush": set[str](),
    "pembalasan": {"messages", "status"},
}
"""What each provider's data can tell at all; messages, and with them replies."""

EVENTS = {
    wording.partition("{")[0]: {"open": "opened"}.get(status, status)
    for status, wording in STATUS_ACTIVITY.items()
}
OPENING = ("opened", "pending", "snoozed")


@dataclass(frozen=True)
class Hours:
    """Business hours: openings by weekday (1 is Monday), in hours and minutes after midnight."""

    zone: str = "UTC"
    week: dict[int, list[tuple[str, str]]] = field(
        default_factory=lambda: {weekday: [("09:00", "18:00")] for weekday in range(1, 6)}
    )
    holidays: frozenset[date] = frozenset({date(2026, 1, 1), date(2026, 12, 25)})

    def seconds(self, start: datetime, end: datetime) -> float:
        """How long it is open between two moments, found by going through the days."""
        total, counted_up_to = 0.0, start
        for opens, closes in sorted(self._openings(start, end)):
            begins, ends = max(opens, counted_up_to), min(closes, end)
            if begins < ends:
                total += (ends - begins).total_seconds()
                counted_up_to = ends
        return total

    def _openings(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        day, last = start.date() - 3 * DAY, end.date() + 3 * DAY
        while day <= last:
            if day not in self.holidays:
                for opens, closes in self.week.get(day.isoweekday(), ()):
                    yield self._moment(day, opens), self._moment(day, closes)
            day += DAY

    def _moment(self, day: date, time_of_day: str) -> datetime:
        hours, minutes = map(int, time_of_day.split(":"))
        wall = datetime(day.year, day.month, day.day) + timedelta(hours=hours, minutes=minutes)  # noqa: DTZ001
        return wall.replace(tzinfo=ZoneInfo(self.zone)).astimezone(UTC)


@dataclass(frozen=True)
class Said:
    """A message as its provider tells it."""

    id: int
    at: datetime
    kind: str
    agent: str | None = None
    text: str = ""
    is_timed: bool = True
    delivery: str | None = None
    template: str | None = None
    error: str | None = None

    @property
    def is_out(self) -> bool:
        return self.kind in ("agent", "bot", "automation", "template")

    @property
    def event(self) -> str:
        found = [e for wording, e in EVENTS.items() if self.text.startswith(wording)]
        return found[0] if found and self.kind == "system" else ""

    @property
    def by(self) -> str:
        return self.text.rpartition(" by ")[2]

    @property
    def assigned(self) -> str:
        """To whom it says that the conversation was assigned."""
        is_told = self.kind == "system" and self.text.startswith("Assigned to ")
        return self.text.removeprefix("Assigned to ").partition(" by ")[0] if is_told else ""


@dataclass
class Closing:
    closed: Said
    reopened: Said | None = None


@dataclass
class Turn:
    asked: Said
    answer: Said | None = None
    closed: Said | None = None

    @property
    def seconds(self) -> float | None:
        return between(self.asked.at, self.answer.at if self.answer else None)


@dataclass
class Talk:
    """A conversation as its provider tells it; `head` is what the report has from its list."""

    provider: str
    conversation: Conversation
    head: Row
    said: list[Said]

    @property
    def started_at(self) -> datetime | None:
        return self.head["started_at"]

    @property
    def is_told(self) -> bool:
        return "messages" in TELLS[self.provider]

    @property
    def turns(self) -> list[Turn]:
        found: list[Turn] = []
        waiting = False
        for message in self.said:
            if message.kind == "customer" and not waiting:
                found.append(Turn(message))
                waiting = True
            elif message.kind == "agent" and waiting:
                found[-1].answer = message
                waiting = False
            elif message.event == "resolved" and waiting:
                found[-1].closed = message
                waiting = False
        return found

    @property
    def first_answered(self) -> Turn | None:
        return next((turn for turn in self.turns if turn.answer), None)

    @property
    def closings(self) -> list[Closing]:
        found: list[Closing] = []
        closed = False
        for message in self.said:
            if message.event == "resolved" and not closed:
                found.append(Closing(message))
                closed = True
            elif closed and (message.event in OPENING or message.kind == "customer"):
                found[-1].reopened = message
                closed = False
        return found

    @property
    def ends_closed(self) -> bool:
        return bool(self.closings) and self.closings[-1].reopened is None

    @property
    def source(self) -> str | None:
        """What tells of closings: the thread if its end does not contradict the status."""
        status = self.head["status"]
        if status is None or self.started_at is None:
            return None
        if "closings" in TELLS[self.provider] and self.ends_closed == (status == "resolved"):
            return "thread"
        return "builds" if status != "resolved" else None


class Truth:
    """A World as the marts must tell it: `rows("daily_volume")`, all rows of all providers."""

    def __init__(
        self,
        world: World,
        providers: Sequence[str] = tuple(THREADS),
        zone: str = "UTC",
        hours: Hours | None = None,
        as_of: datetime | None = None,
    ) -> None:
        self.world, self.zone, self.hours = world, ZoneInfo(zone), hours or Hours()
        self.as_of = as_of or world.now
        names = Counter(agent.name for agent in world.agents.values())
        self.by_name = {a.name: str(a.id) for a in world.agents.values() if names[a.name] == 1}
        self.agent_names = set(names)
        self.named = {str(a.id): a.name for a in world.agents.values()}
        self.named |= {a.email: a.name for a in world.agents.values()}
        with world.lock:
            self.talks = [talk for provider in providers for talk in self._talks(provider)]
        self.providers = providers

    def rows(self, mart: str) -> list[Row]:
        found: list[Row] = list(getattr(self, mart)())
        return [{"account": row["provider"]} | row for row in found]

    def day(self, moment: datetime) -> date:
        return moment.astimezone(self.zone).date()

    def conversation_report(self) -> Iterator[Row]:
        for talk in self.talks:
            yield talk.head | self._counts(talk) | self._replies(talk) | self._resolution(talk)

    def response_times(self) -> Iterator[Row]:
        for talk in self._told():
            for number, turn in enumerate(talk.turns, 1):
                replied = turn.answer.at if turn.answer else None
                by = turn.answer.agent if turn.answer else None
                yield {
                    "provider": talk.provider,
                    "conversation_id": talk.head["conversation_id"],
                    "turn": number,
                    "date_day": self.day(turn.asked.at),
                    "channel_id": talk.head["channel_id"],
                    "channel_kind": talk.head["channel_kind"],
                    "agent_id": by,
                    "agent_name": self.named.get(by or ""),
                    "waiting_from_at": turn.asked.at,
                    "replied_at": replied,
                    "reply_seconds": turn.seconds,
                    "reply_business_seconds": self._business(turn),
                    "closed_at": turn.closed.at if turn.closed else None,
                    "is_first_response": turn == talk.first_answered,
                }

    def daily_volume(self) -> Iterator[Row]:
        names = {
            "customer": "customer_messages",
            "agent": "agent_messages",
            "bot": "automatic_messages",
            "automation": "automatic_messages",
            "template": "template_messages",
        }
        days: dict[Any, Counter[str]] = defaultdict(Counter)
        for talk in self.talks:
            if talk.started_at:
                key = (self.day(talk.started_at), talk.provider, talk.head["channel_id"])
                days[key]["conversations_started"] += 1
            for message in talk.said if talk.is_told else ():
                if message.kind in names:
                    key = (self.day(message.at), talk.provider, talk.head["channel_id"])
                    days[key][names[message.kind]] += 1
        for (day, provider, channel), counts in days.items():
            yield {
                "date_day": day,
                "provider": provider,
                "channel_id": channel,
                "conversations_started": counts["conversations_started"],
            } | {name: told(provider, "messages", counts[name]) for name in names.values()}

    def backlog_daily(self) -> Iterator[Row]:
        moves: dict[Any, dict[date, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
        for talk in self.talks:
            if talk.source is None:
                continue
            days = moves[talk.provider, talk.head["channel_id"]]
            assert talk.started_at
            days[self.day(talk.started_at)]["opened"] += 1
            for closing in talk.closings if talk.source == "thread" else ():
                days[self.day(closing.closed.at)]["closed"] += 1
                if closing.reopened:
                    days[self.day(closing.reopened.at)]["reopened"] += 1
        for (provider, channel), days in moves.items():
            there, day = 0, min(days)
            while day <= self.day(self.as_of):
                counts = days.get(day, Counter())
                there += counts["opened"] + counts["reopened"] - counts["closed"]
                yield {
                    "date_day": day,
                    "provider": provider,
                    "channel_id": channel,
                    "opened": counts["opened"],
                    "reopened": counts["reopened"],
                    "closed": counts["closed"],
                    "open_at_end": there,
                }
                day += DAY

    def agent_daily(self) -> Iterator[Row]:
        done: dict[Any, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))

        def add(at: datetime, talk: Talk, agent: str | None, what: str, value: Any) -> None:
            if agent is not None:
                done[self.day(at), talk.provider, agent][what].append(value)

        for talk in self._told():
            for message in talk.said:
                if message.kind in ("agent", "note"):
                    add(message.at, talk, message.agent, message.kind, talk.conversation.id)
            for closing in talk.closings:
                add(closing.closed.at, talk, self.by_name.get(closing.closed.by), "closing", 1)
            for turn in talk.turns:
                if turn.answer:
                    add(turn.answer.at, talk, turn.answer.agent, "reply", turn.seconds)
                    if turn == talk.first_answered:
                        add(turn.answer.at, talk, turn.answer.agent, "first", turn.seconds)
        for talk, answer in self._csat():
            add(
                seconds(answer.created_at),
                talk,
                self._agent(answer.agent_id),
                "csat",
                answer.rating,
            )
        for (day, provider, agent), what in done.items():
            yield {
                "date_day": day,
                "provider": provider,
                "agent_id": agent,
                "agent_name": self.named.get(agent),
                "replies": len(what["agent"]),
                "conversations_replied": len(set(what["agent"])),
                "notes": told(provider, "notes", len(what["note"])),
                "resolutions": told(provider, "closings", len(what["closing"])),
                "median_reply_seconds": middle(what["reply"]),
                "median_first_response_seconds": middle(what["first"]),
                "csat_responses": told(provider, "csat", len(what["csat"])),
                "mean_csat_rating": mean(what["csat"]),
            }

    def channel_daily(self) -> Iterator[Row]:
        names = ("channel_id", "channel_name", "channel_kind")
        yield from self._by_beginning(lambda row: [{name: row[name] for name in names}])

    def tag_daily(self) -> Iterator[Row]:
        yield from self._by_beginning(
            lambda row: [{"tag_name": tag} for tag in (row["tags"] or "").split(", ") if tag]
        )

    def delivery_funnel(self) -> Iterator[Row]:
        found: dict[Any, list[str | None]] = defaultdict(list)
        for talk in self.talks:
            for message in talk.said:
                if message.is_out:
                    key = (
                        self.day(message.at) if message.is_timed else None,
                        talk.provider,
                        talk.head["channel_id"],
                        talk.head["channel_kind"],
                        message.kind,
                        message.template,
                        message.error,
                    )
                    found[key].append(message.delivery)
        for key, deliveries in found.items():
            names = "date_day provider channel_id channel_kind sender_kind template_id error_code"
            row = dict(zip(names.split(), key, strict=True))
            template = self.world.templates.get(row["template_id"])
            row["template_name"] = template.name if template else None
            became: dict[str, int | None] = {
                "sent": sum(d in ("sent", "delivered", "read") for d in deliveries),
                "delivered": sum(d in ("delivered", "read") for d in deliveries),
                "read": deliveries.count("read"),
                "failed": deliveries.count("failed"),
                "pending": 0,
            }
            # where nothing is known of any, it is not known that none was read, either
            if not any(deliveries):
                became = dict.fromkeys(became)
            yield (
                row
                | became
                | {
                    "messages": len(deliveries),
                    "unknown": deliveries.count(None),
                }
            )

    def whatsapp_windows(self) -> Iterator[Row]:
        for talk in self._told():
            if talk.head["channel_kind"] != "whatsapp":
                continue
            asked = [
                m.at
                for other in self._told()
                if other.provider == talk.provider
                and other.conversation.contact_id == talk.conversation.contact_id
                and other.head["channel_id"] == talk.head["channel_id"]
                for m in other.said
                if m.kind == "customer"
            ]
            last = max(asked, default=None)
            until = last + DAY if last else None
            yield {
                "provider": talk.provider,
                "conversation_id": talk.head["conversation_id"],
                "contact_name": talk.head["contact_name"],
                "assignee_name": talk.head["assignee_name"],
                "last_customer_message_at": last,
                "open_until_at": until,
                "is_open": until is not None and until > self.as_of,
                "open_seconds": max((until - self.as_of).total_seconds(), 0) if until else 0,
                "waiting_on": self._resolution(talk)["waiting_on"],
            }

    def csat_daily(self) -> Iterator[Row]:
        found: dict[Any, list[int]] = defaultdict(list)
        for talk, answer in self._csat():
            day, agent = self.day(answer.created_at), self._agent(answer.agent_id)
            found[day, talk.provider, talk.head["channel_id"], agent].append(answer.rating)
        for (day, provider, channel, agent), ratings in found.items():
            yield {
                "date_day": day,
                "provider": provider,
                "channel_id": channel,
                "agent_id": agent,
                "agent_name": self.named.get(agent or ""),
                "responses": len(ratings),
                "satisfied": sum(rating in (4, 5) for rating in ratings),
                "dissatisfied": sum(rating in (1, 2) for rating in ratings),
                "mean_rating": mean(ratings),
            }

    def busy_hours(self) -> Iterator[Row]:
        found: dict[Any, list[date]] = defaultdict(list)
        for talk in self._told():
            for message in talk.said:
                if message.kind == "customer":
                    at = message.at.astimezone(self.zone)
                    key = (at.isoweekday(), at.hour, talk.provider, talk.head["channel_id"])
                    found[key].append(at.date())
        for (weekday, hour, provider, channel), days in found.items():
            yield {
                "weekday": weekday,
                "hour": hour,
                "provider": provider,
                "channel_id": channel,
                "customer_messages": len(days),
                "days": len(set(days)),
            }

    def _told(self) -> list[Talk]:
        return [talk for talk in self.talks if talk.is_told]

    def _csat(self) -> Iterator[tuple[Talk, Any]]:
        for talk in self.talks:
            for answer in self.world.csat.values():
                if talk.provider == "chatwoot" and answer.conversation_id == talk.conversation.id:
                    yield talk, answer

    def _agent(self, agent: int | None) -> str | None:
        return str(agent) if agent in self.world.agents else None

    def _business(self, turn: Turn) -> float | None:
        return self.hours.seconds(turn.asked.at, turn.answer.at) if turn.answer else None

    def _by_beginning(self, groups: Callable[[Row], Iterable[Row]]) -> Iterator[Row]:
        """Conversations of a day and a group, and how they went."""
        found: dict[Any, list[Row]] = defaultdict(list)
        for row in self.conversation_report():
            if row["started_at"] is not None:
                for group in groups(row):
                    key = (self.day(row["started_at"]), row["provider"], *group.items())
                    found[key].append(row)
        for (day, provider, *group), rows in found.items():
            first = [row["first_response_seconds"] for row in rows]
            ratings = [row["csat_rating"] for row in rows if row["csat_rating"]]
            resolved = sum(row["status"] == "resolved" for row in rows)
            answered = sum(value is not None for value in first)
            yield {"date_day": day, "provider": provider, **dict(group)} | {
                "conversations_started": len(rows),
                "resolved_since": told(provider, "status", resolved),
                "answered": told(provider, "messages", answered),
                "median_first_response_seconds": middle(first),
                "median_final_resolution_seconds": middle(
                    [row["final_resolution_seconds"] for row in rows]
                ),
                "csat_responses": told(provider, "csat", len(ratings)),
                "mean_csat_rating": mean(ratings),
            }

    def _counts(self, talk: Talk) -> Row:
        kinds = Counter(message.kind for message in talk.said)
        handlers = [kind for kind in ("agent", "bot") if kinds[kind]]
        return {
            f"{kind}_messages": kinds[kind] if talk.is_told else None
            for kind in ("customer", "agent", "bot", "automation", "template")
        } | {
            "notes": told(talk.provider, "notes", kinds["note"]),
            "handled_by": (" and ".join(handlers) or "nobody") if talk.is_told else None,
        }

    def _replies(self, talk: Talk) -> Row:
        names = (
            "first_customer_message_at first_assigned_at first_response_at "
            "first_response_agent_id first_response_seconds first_response_business_seconds "
            "first_response_from_creation_seconds first_response_from_assignment_seconds "
            "turns answered_turns mean_reply_seconds"
        ).split()
        row: Row = dict.fromkeys(names)
        if not talk.is_told:
            return row
        turns = talk.turns
        replies = [turn.seconds for turn in turns if turn.answer]
        row |= {"turns": len(turns), "answered_turns": len(replies)}
        row["mean_reply_seconds"] = mean(replies)
        if turns:
            row["first_customer_message_at"] = min(m.at for m in talk.said if m.kind == "customer")
        assigned = [m for m in talk.said if m.assigned in self.agent_names]
        if assigned:
            row["first_assigned_at"] = assigned[0].at
        answered = talk.first_answered
        if answered and (first := answered.answer):
            row["first_response_at"] = first.at
            row["first_response_agent_id"] = first.agent
            row["first_response_seconds"] = answered.seconds
            row["first_response_business_seconds"] = self._business(answered)
            if talk.head["started_at_source"] == "provider":
                row["first_response_from_creation_seconds"] = between(talk.started_at, first.at)
            if assigned and talk.said.index(assigned[0]) < talk.said.index(first):
                row["first_response_from_assignment_seconds"] = between(assigned[0].at, first.at)
        return row

    def _resolution(self, talk: Talk) -> Row:
        closings, started = talk.closings, talk.started_at
        is_resolved = talk.head["status"] == "resolved"
        is_coherent = talk.source == "thread"
        closed = [c.closed.at for c in closings] if "closings" in TELLS[talk.provider] else []
        first = closed[0] if closed else None
        final = closed[-1] if closed and is_coherent and is_resolved else None
        waiting = [turn.asked.at for turn in talk.turns if not (turn.answer or turn.closed)]
        if is_resolved:
            waiting_on = "nobody"
        elif not talk.is_told:
            waiting_on = None
        else:
            waiting_on = "agent" if waiting else "customer"
        answers = [a for t, a in self._csat() if t is talk]
        answer = max(answers, key=lambda a: (seconds(a.created_at), a.id), default=None)
        return {
            "first_resolved_at": first,
            "final_resolved_at": final,
            "reopens": sum(c.reopened is not None for c in closings) if is_coherent else None,
            "resolution_source": talk.source,
            "first_resolution_seconds": between(started, first),
            "final_resolution_seconds": between(started, final),
            "waiting_on": waiting_on,
            "waiting_since_at": waiting[0] if waiting_on == "agent" else None,
            "csat_rating": answer.rating if answer else None,
            "csat_feedback": answer.feedback if answer else None,
        }

    def _talks(self, provider: str) -> Iterator[Talk]:
        for thread in self.world.served(provider):  # type: ignore[arg-type]
            messages = thread.messages if provider == "chatwoot" else thread.public_messages
            if provider in ("hilos", "activecampaign"):
                messages = messages[:1]
            said = [self._said(provider, message) for message in messages]
            said.sort(key=lambda message: (message.at, message.id))
            head = self._head(provider, thread, said)
            yield Talk(provider, thread, head, said)

    def _said(self, provider: str, m: Message) -> Said:
        is_meta = provider in ("hilos", "activecampaign")
        delivery: str | None = m.delivery
        if provider == "pembalasan" or (is_meta and m.deleted):
            delivery = None
        if provider == "octopush":
            octopush = {"delivered": "delivered", "read": "delivered", "failed": "failed"}
            delivery = octopush.get(m.delivery)
        agent = None
        if m.sender_kind == "agent" and m.sender_id in self.world.agents:
            agent = str(m.sender_id)
            if provider == "octopush":
                agent = self.world.agents[m.sender_id].email
        return Said(
            id=m.id,
            at=m.created_at if is_meta else m.created_at.replace(microsecond=0),
            kind=self._kind(provider, m),
            agent=agent,
            text=m.content or "",
            is_timed=provider != "octopush",
            delivery=delivery,
            template=m.template if is_meta else None,
            error=None if provider == "octopush" else m.error_code,
        )

    def _kind(self, provider: str, m: Message) -> str:
        if m.kind == "activity":
            return "system"
        if m.private:
            return "note"
        if m.kind == "incoming":
            return "customer"
        is_of_a_person = m.sender_kind == "agent" and m.sender_id in self.world.agents
        if provider in ("hilos", "activecampaign"):
            if m.origin == "BROADCAST" or m.template:
                return "template"
            if m.origin == "FLOW":
                return "bot"
            if m.origin in ("AUTO_RESPONSE", "API") or not is_of_a_person:
                return "automation"
            return "agent"
        if is_of_a_person:
            return "agent"
        # Octopush tells no bot from a machine
        is_bot = m.sender_kind == "bot" and provider != "octopush"
        return "bot" if is_bot and m.content_type != "input_csat" else "automation"

    def _head(self, provider: str, c: Conversation, said: list[Said]) -> Row:
        world = self.world
        channel, person = world.channels[c.channel_id], world.person(c.contact_id)
        is_chatwoot, is_octopush = provider == "chatwoot", provider == "octopush"
        is_meta = provider in ("hilos", "activecampaign")
        began: datetime | None = c.created_at if is_meta else c.created_at.replace(microsecond=0)
        last = c.last_activity_at.replace(microsecond=0) if is_chatwoot else None
        if provider in ("octopush", "pembalasan"):
            began = said[0].at if said else None
            last = said[-1].at if said else None
        status: str | None = None if is_octopush else c.status
        word: str | None = status
        if is_meta:
            word = hilos_status(c)
            status = {
                "CREATED": "open",
                "NEW": "open",
                "IN_PROGRESS": "open",
                "FLOW": "pending",
                "FLOW_PAUSED": "pending",
            }.get(word, "resolved")
            if provider == "activecampaign":
                word = {"FLOW_PAUSED": "FLOW"}.get(word, word)
        kind: str = channel.kind
        if is_chatwoot and kind == "rcs":
            kind = "sms"  # as its API tells of Twilio's
        assignee = world.agents.get(c.assignee_id or 0)
        if provider not in ("chatwoot", "octopush"):
            assignee = None
        team = world.teams.get(c.team_id or 0) if is_chatwoot or is_meta else None
        has_tags = is_chatwoot or is_meta
        tags = sorted(world.tags[tag].name for tag in c.tags) if has_tags else []
        return {
            "provider": provider,
            "conversation_id": c.uuid if is_meta or is_octopush else str(c.id),
            "status": status,
            "provider_status": word,
            "priority": c.priority if is_chatwoot else None,
            "channel_id": f"{kind}:{channel.sender}" if is_octopush else str(channel.id),
            "channel_name": channel.sender
            if is_octopush
            else channel.name
            if provider in ("chatwoot", "hilos")
            else None,
            "channel_kind": kind,
            "contact_id": person.phone
            if is_octopush
            else person.uuid
            if is_meta
            else str(person.id),
            "person_id": self._person(provider, person),
            "contact_name": None if provider == "activecampaign" else person.name,
            "assignee_id": (assignee.email if is_octopush else str(assignee.id))
            if assignee
            else None,
            "assignee_name": assignee.name if assignee else None,
            "team_id": str(team.id) if team else None,
            "team_name": team.name if team and provider != "activecampaign" else None,
            "tags": ", ".join(tags) or None,
            "opened_by": c.origin if is_meta else c.purpose if is_octopush else None,
            "started_at": began,
            "started_at_source": None
            if began is None
            else "provider"
            if is_chatwoot or is_meta
            else "first message",
            "last_activity_at": last,
            "thread": THREADS[provider],
        }

    def _person(self, provider: str, contact: Contact) -> str:
        """A name of the person that is the same for the same one."""
        phone = contact.phone
        if provider == "activecampaign" and not any(
            thread.public_messages
            for thread in self.world.served("activecampaign")
            if thread.contact_id == contact.id
        ):
            return f"activecampaign {contact.uuid}"  # nobody tells its number
        if phone:
            return phone
        if contact.email:
            alike = {
                other.phone
                for other in self.world.contacts.values()
                if other.email == contact.email and other.phone
            }
            return alike.pop() if len(alike) == 1 else contact.email  # type: ignore[return-value]
        return f"{provider} {contact.id}"


def told(provider: str, what: str, value: int) -> int | None:
    return value if what in TELLS[provider] else None


def between(start: datetime | None, end: datetime | None) -> float | None:
    return (end - start).total_seconds() if start and end else None


def middle(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(median(known)) if known else None


def mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None
