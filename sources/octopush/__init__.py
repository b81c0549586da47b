"""Octopush: SMS and RCS conversations, their messages, and the account's agents.

Its documentation publishes samples without schemas, and is silent on order, limits and ends; see
README.md beside this file.
"""

from collections.abc import Iterable

import dlt
from dlt.extract import DltResource

from sources.http import Request
from sources.octopush.connect import AGENTS, OctopushSettings, check, connect
from sources.octopush.records import Agent, Conversation
from sources.octopush.threads import WORKLIST, message_tables
from sources.pages import PageDecoder
from sources.resources import findings, pages_of, table
from sources.run import Provider, Run
from sources.scan import Listing, Mode


@dlt.source(name="octopush")
def octopush(run: Run, settings: OctopushSettings) -> Iterable[DltResource]:
    """Conversations, their messages, and agents."""
    account = run.account

    def conversation_page(number: int, mode: Mode) -> Request:
        return Request(
            settings.conversations_path, {"page": number, "per_page": settings.page_size}
        )

    # an agent, a name or a colour that changes moves no field: full scans see them
    conversations = pages_of(
        run,
        Listing(
            "conversations",
            conversation_page,
            PageDecoder(Conversation),
            identity=lambda conversation: conversation.conversation_id,
            cursor="last_message_at",
            window_cursor="last_message_at",
        ),
    )
    yield table(conversations, account, Conversation)
    yield from findings(conversations, account)

    agents = pages_of(
        run,
        Listing(
            "agents",
            lambda number, mode: AGENTS,
            PageDecoder(Agent),
            identity=lambda agent: agent.email,
            last_page=1,
            may_be_forbidden=True,
        ),
    )
    yield table(agents, account, Agent)
    yield from findings(agents, account)

    if settings.messages:
        yield from message_tables(run)


PROVIDER = Provider("octopush", OctopushSettings, connect, octopush, check, WORKLIST)
