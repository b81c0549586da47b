"""Chatwoot: its account API, as it is since v4, for chatwoot.com, self-hosted and white-labelled.

Facts are from its source (https://github.com/chatwoot/chatwoot, v4.15.1), since its documentation
is silent or wrong on most of them; see README.md beside this file.
"""

from collections.abc import Callable, Iterator
from typing import Any

from sources.chatwoot.connect import ChatwootSettings, account_root, check, connect
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
from sources.chatwoot.threads import WORKLIST, threads
from sources.http import Request
from sources.listing import Listing, Mode
from sources.pages import PageDecoder
from sources.records import Record
from sources.run import Provider
from sources.tables import Table

# `sort_by` is not in Chatwoot's documentation: app/finders/conversation_finder.rb. By creation, no
# row changes its place; by activity, the changed ones come first.
_CONVERSATION_SORT = {
    "full": "created_at_asc",
    "recent": "last_activity_at_desc",
    "window": "created_at_desc",
}


def lists(settings: ChatwootSettings) -> Iterator[Listing[Any]]:
    """Conversations with their labels and contacts; contacts; CSAT answers; the short lists."""
    root = account_root(settings)

    def conversation_page(number: int, mode: Mode) -> Request:
        # without status=all only open conversations come
        sort = _CONVERSATION_SORT[mode]
        return Request(f"{root}/conversations", {"status": "all", "sort_by": sort, "page": number})

    yield Listing(
        "conversations",
        conversation_page,
        PageDecoder(Conversation, ConversationPage),
        (
            Table(Conversation),
            Table(ConversationLabel, labels_of, "labels"),
            Table(LastMessage, last_messages_of, "messages"),
            Table(Contact, contact_of, shared=True, name="conversation_contacts"),
        ),
        cursor="last_activity_at",
        window_cursor="created_at",
        ahead=True,
        from_start_date=True,
    )

    def by_creation(path: str) -> Callable[[int, Mode], Request]:
        def page(number: int, mode: Mode) -> Request:
            sort = "created_at" if mode == "full" else "-created_at"
            return Request(f"{root}/{path}", {"sort": sort, "page": number})

        return page

    # a contact's activity shows in its conversations; its own cursor is for contacts without any
    yield Listing(
        "contacts",
        by_creation("contacts"),
        PageDecoder(Contact, ContactPage),
        (Table(Contact, shared=True), Table(ContactInbox, contact_inboxes_of, "contact_inboxes")),
        cursor="created_at",
        window_cursor="created_at",
        ahead=True,
        may_be_forbidden=True,
    )
    yield Listing(
        "csat_responses",
        by_creation("csat_survey_responses"),
        PageDecoder(CsatResponse),
        (Table(CsatResponse),),
        cursor="created_at",
        window_cursor="created_at",
        may_be_forbidden=True,
    )
    for record, envelope in ((Agent, list), (Inbox, Payload), (Team, list), (LabelRow, Payload)):
        yield short_list(record, f"{root}/{record.table}", envelope)


def short_list(record: type[Record], path: str, envelope: Any) -> Listing[Any]:
    """A list that comes whole, in one answer, every time."""
    return Listing(
        record.table,
        lambda number, mode: Request(path),
        PageDecoder(record, envelope),
        (Table(record),),
        last_page=1,
        may_be_forbidden=True,
    )


PROVIDER = Provider("chatwoot", ChatwootSettings, connect, check, lists, threads, WORKLIST)
