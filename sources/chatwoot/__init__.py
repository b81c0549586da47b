"""Chatwoot: its account API, as it is since v4, for chatwoot.com, self-hosted and white-labelled.

Facts are from its source (https://github.com/chatwoot/chatwoot, v4.15.1), since its documentation
is silent or wrong on most of them; see README.md beside this file.
"""

from collections.abc import Callable, Iterable
from typing import Any

import dlt
from dlt.extract import DltResource

from sources.chatwoot.connect import ChatwootSettings, check, connect
from sources.chatwoot.records.account import Agent, CsatResponse, Inbox, LabelRow, Payload, Team
from sources.chatwoot.records.contacts import (
    Contact,
    ContactInbox,
    ContactPage,
    contact_inboxes_of,
)
from sources.chatwoot.records.conversations import (
    Conversation,
    ConversationLabel,
    ConversationPage,
    contact_of,
    labels_of,
    last_messages_of,
)
from sources.chatwoot.records.messages import LastMessage
from sources.chatwoot.threads import WORKLIST, message_tables
from sources.http import Request
from sources.pages import PageDecoder
from sources.records import Record
from sources.resources import findings, pages_of, shared_table, table
from sources.run import Provider, Run
from sources.scan import Listing, Mode

# `sort_by` is not in Chatwoot's documentation: app/finders/conversation_finder.rb. By creation, no
# row changes its place; by activity, the changed ones come first.
_CONVERSATION_SORT = {
    "full": "created_at_asc",
    "recent": "last_activity_at_desc",
    "window": "created_at_desc",
}


@dlt.source(name="chatwoot")
def chatwoot(run: Run, settings: ChatwootSettings) -> Iterable[DltResource]:
    """Conversations, their messages, labels and contacts, and the account's short lists."""
    account, root = run.account, f"/api/v1/accounts/{settings.account_id}"

    def conversation_page(number: int, mode: Mode) -> Request:
        # without status=all only open conversations come
        sort = _CONVERSATION_SORT[mode]
        return Request(f"{root}/conversations", {"status": "all", "sort_by": sort, "page": number})

    conversations = pages_of(
        run,
        Listing(
            "conversations",
            conversation_page,
            PageDecoder(Conversation, ConversationPage),
            cursor="last_activity_at",
            window_cursor="created_at",
            ahead=True,
        ),
    )
    yield table(conversations, account, Conversation)
    yield table(conversations, account, ConversationLabel, labels_of)
    yield table(conversations, account, LastMessage, last_messages_of)
    yield shared_table(conversations, account, Contact, contact_of, name="conversation_contacts")
    yield from findings(conversations, account)

    def by_creation(path: str) -> Callable[[int, Mode], Request]:
        def page(number: int, mode: Mode) -> Request:
            sort = "created_at" if mode == "full" else "-created_at"
            return Request(f"{root}/{path}", {"sort": sort, "page": number})

        return page

    # a contact's activity shows in its conversations; its own cursor is for contacts without any
    contacts = pages_of(
        run,
        Listing(
            "contacts",
            by_creation("contacts"),
            PageDecoder(Contact, ContactPage),
            cursor="created_at",
            window_cursor="created_at",
            ahead=True,
            may_be_forbidden=True,
        ),
    )
    yield table(contacts, account, Contact)
    yield table(contacts, account, ContactInbox, contact_inboxes_of)
    yield from findings(contacts, account)

    csat = pages_of(
        run,
        Listing(
            "csat_responses",
            by_creation("csat_survey_responses"),
            PageDecoder(CsatResponse),
            cursor="created_at",
            window_cursor="created_at",
            may_be_forbidden=True,
        ),
    )
    yield table(csat, account, CsatResponse)
    yield from findings(csat, account)

    for record, envelope in ((Agent, list), (Inbox, Payload), (Team, list), (LabelRow, Payload)):
        short = pages_of(run, short_list(record, f"{root}/{record.table}", envelope))
        yield table(short, account, record)
        yield from findings(short, account)

    if settings.messages:
        yield from message_tables(run, root)


def short_list(record: type[Record], path: str, envelope: Any) -> Listing[Any]:
    """A list that comes whole, in one answer, every time."""
    return Listing(
        record.table,
        lambda number, mode: Request(path),
        PageDecoder(record, envelope),
        last_page=1,
        may_be_forbidden=True,
    )


PROVIDER = Provider("chatwoot", ChatwootSettings, connect, chatwoot, check, WORKLIST)
