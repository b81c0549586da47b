"""Octopush: SMS and RCS conversations, their messages, and the account's agents.

Its documentation publishes samples without schemas, and is silent on order, limits and ends; see
README.md beside this file.
"""

from collections.abc import Iterator
from typing import Any

from talkhouse.sources.http.client import Request
from talkhouse.sources.octopush.connect import AGENTS, OctopushSettings, check, connect
from talkhouse.sources.octopush.records import Agent, Conversation, Message, MessageRead
from talkhouse.sources.octopush.threads import WORKLIST, threads
from talkhouse.sources.provider import Provider
from talkhouse.sources.rows.page import PageDecoder
from talkhouse.sources.rows.table import Table
from talkhouse.sources.scan.listing import SHORT_LIST_FRESH_FOR, Listing


def lists(settings: OctopushSettings) -> Iterator[Listing[Any]]:
    """Conversations, and agents."""

    # an agent, a name or a colour that changes moves no field: full scans see them
    yield Listing(
        "conversations",
        PageDecoder(Conversation),
        (Table(Conversation),),
        sized=lambda page, size: Request(
            settings.conversations_path, {"page": page, "per_page": size}
        ),
        page_size=settings.page_size,
        identity=lambda conversation: conversation.conversation_id,
        cursor="last_message_at",
        window_cursor="last_message_at",
        from_start_date=True,
    )
    yield Listing(
        "agents",
        PageDecoder(Agent),
        (Table(Agent),),
        lambda number, mode: AGENTS,
        identity=lambda agent: agent.email,
        last_page=1,
        may_be_forbidden=True,
        fresh_for=SHORT_LIST_FRESH_FOR,
    )


RECORDS = (Conversation, Agent, Message, MessageRead)
PROVIDER = Provider("octopush", OctopushSettings, connect, check, lists, RECORDS, threads, WORKLIST)
