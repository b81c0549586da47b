"""Which conversations and messages a Chatwoot request finds, and in what order.

`app/finders/conversation_finder.rb`, `app/finders/message_finder.rb` and
`app/models/concerns/sort_handler.rb` of https://github.com/chatwoot/chatwoot at v4.15.1.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from starlette.datastructures import QueryParams

from talkhouse.simulator.answers import Refused, json, leading_int
from talkhouse.simulator.entities import Agent, Conversation, Message
from talkhouse.simulator.settings import Settings
from talkhouse.simulator.world import Provider, World

Sort = Callable[[Conversation], Any]
PRIORITIES = {None: 0, "low": 0, "medium": 1, "high": 2, "urgent": 3}
RANGE_LIMIT = 1000
NOT_FOUND = {"error": "Resource could not be found"}


def visible(world: World, provider: Provider, viewer: Agent) -> list[Conversation]:
    """All conversations for an administrator, those of their own inboxes for an agent."""
    served = world.served(provider)
    if viewer.role == "administrator":
        return served
    return [c for c in served if viewer.id in world.channels[c.channel_id].members]


def counts(found: list[Conversation], viewer: Agent) -> dict[str, int]:
    """The `meta` of a list; `unassigned` includes what only a bot is assigned to."""
    unassigned = sum(c.assignee_id is None for c in found)
    return {
        "mine_count": sum(c.assignee_id == viewer.id for c in found),
        "assigned_count": len(found) - unassigned,
        "unassigned_count": unassigned,
        "all_count": len(found),
    }


def matching(
    world: World, found: list[Conversation], query: QueryParams, viewer: Agent
) -> list[Conversation]:
    """What status, inbox, team, labels, source and type leave; the counts are made of these."""
    if "conversation_type" in query:
        found = _of_type(found, query["conversation_type"], viewer)
    if query.get("q"):
        words = query["q"].lower()
        found = [c for c in found if any(words in (m.content or "").lower() for m in _chat(c))]
    else:
        statuses = query.getlist("status[]") or [query.get("status", "open")]
        if statuses != ["all"]:
            found = [c for c in found if c.status in statuses]
    inboxes = query.getlist("inbox_id[]") or query.getlist("inbox_id")
    if inboxes:
        found = [c for c in found if str(c.channel_id) in inboxes]
    if query.get("team_id"):
        team = leading_int(query["team_id"])
        if team not in world.teams:
            raise Refused(json(NOT_FOUND, 404))
        found = [c for c in found if c.team_id == team]
    labels = query.getlist("labels[]") or query.getlist("labels")
    if labels:
        tags = {t.id for t in world.tags.values() if t.name in labels}
        found = [c for c in found if tags.intersection(c.tags)]
    if query.get("source_id"):
        found = [c for c in found if c.source_id == query["source_id"]]
    return found


def of_assignee(found: list[Conversation], query: QueryParams, viewer: Agent) -> list[Conversation]:
    """What `assignee_type` leaves; an unknown one leaves all."""
    match query.get("assignee_type"):
        case "me":
            return [c for c in found if c.assignee_id == viewer.id]
        case "unassigned":
            return [c for c in found if c.assignee_id is None]
        case "assigned":
            return [c for c in found if c.assignee_id is not None]
    return found


def page_of(
    world: World, found: list[Conversation], query: QueryParams, settings: Settings
) -> list[Conversation]:
    """One sorted page, or with `updated_within` every match at once."""
    found = ordered(world, found, query.get("sort_by"))
    if "updated_within" in query and settings.chatwoot_updated_within:
        since = world.now - timedelta(seconds=leading_int(query["updated_within"]))
        return [c for c in found if c.updated_at > since]
    page, size = max(leading_int(query.get("page")), 1), settings.chatwoot_page_size
    return found[(page - 1) * size : page * size]


def ordered(world: World, found: list[Conversation], sort_by: str | None) -> list[Conversation]:
    """Sorted as asked; an unknown order silently is `last_activity_at_desc`."""

    def by_activity(c: Conversation) -> Any:
        return c.last_activity_at

    def by_priority(c: Conversation) -> Any:
        return PRIORITIES[c.priority], c.last_activity_at

    def by_waiting(c: Conversation) -> Any:
        return c.waiting_since or world.now, c.created_at

    orders: dict[str | None, tuple[Sort, bool]] = {
        "last_activity_at_asc": (by_activity, False),
        "created_at_asc": (lambda c: c.created_at, False),
        "created_at_desc": (lambda c: c.created_at, True),
        "sort_on_created_at": (lambda c: c.created_at, False),
        "priority_asc": (by_priority, False),
        "priority_desc": (by_priority, True),
        "sort_on_priority": (by_priority, True),
        "priority_desc_created_at_asc": (
            lambda c: (-PRIORITIES[c.priority], c.created_at),
            False,
        ),
        "waiting_since_asc": (by_waiting, False),
        "waiting_since_desc": (by_waiting, True),
        "sort_on_waiting_since": (by_waiting, False),
        "unread": (lambda c: (_is_unread(c), c.last_activity_at), True),
    }
    key, descending = orders.get(sort_by, (by_activity, True))
    return sorted(found, key=key, reverse=descending)


def thread_page(messages: list[Message], query: QueryParams) -> list[Message]:
    """Messages chosen by id but limited in the order of time, always returned oldest first."""
    if query.get("filter_internal_messages"):
        messages = [m for m in messages if m.is_public]
    messages = sorted(messages, key=lambda m: m.created_at)
    after, before = query.get("after"), query.get("before")
    if after and before:
        low, high = leading_int(after), leading_int(before)
        return [m for m in messages if low <= m.id < high][:RANGE_LIMIT]
    if before:
        return [m for m in messages if m.id < leading_int(before)][-20:]
    if after:
        return [m for m in messages if m.id > leading_int(after)][:100]
    return messages[-20:]


def _of_type(found: list[Conversation], kind: str, viewer: Agent) -> list[Conversation]:
    match kind:
        case "mention":
            return []
        case "participating":
            return [c for c in found if viewer.id in c.participants]
        case "unattended":
            return [c for c in found if c.first_reply_at is None or c.waiting_since]
    return found


def _chat(c: Conversation) -> list[Message]:
    return [m for m in c.messages if m.kind in ("incoming", "outgoing")]


def _is_unread(c: Conversation) -> bool:
    seen = c.agent_seen_at
    return any(m.kind == "incoming" and (not seen or m.created_at > seen) for m in c.messages)
