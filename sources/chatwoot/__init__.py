"""Chatwoot: its account API, as it is since v4, for chatwoot.com, self-hosted and white-labelled.

Facts are from its source (https://github.com/chatwoot/chatwoot, v4.15.1), since its documentation
is silent or wrong on most of them; see README.md beside this file.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from talkhouse.sources.chatwoot.connect import ChatwootSettings, account_root, check, connect
from talkhouse.sources.chatwoot.records.account import (
    Agent,
    CsatResponse,
    Inbox,
    LabelRow,
    Team,
)
from talkhouse.sources.chatwoot.records.contacts import (
    Contact,
    ContactInbox,
    contact_inboxes_of,
)
from talkhouse.sources.chatwoot.records.conversations import (
    Conversation,
    ConversationLabel,
    contact_of,
    labels_of,
    last_messages_of,
)
from talkhouse.sources.chatwoot.records.messages import (
    Attachment,
    LastMessage,
    Message,
    MessageRead,
)
from talkhouse.sources.chatwoot.records.pages import (
    ConversationPage,
    CountedPayload,
    Payload,
)
from talkhouse.sources.chatwoot.threads import WORKLIST, threads
from talkhouse.sources.http.client import Request
from talkhouse.sources.provider import Provider
from talkhouse.sources.rows.page import PageDecoder
from talkhouse.sources.rows.record import Record
from talkhouse.sources.rows.table import Table
from talkhouse.sources.scan.listing import SHORT_LIST_FRESH_FOR, ById, Listing, Mode

# `sort_by` and `updated_within` are not in Chatwoot's documentation: they are in
# app/finders/conversation_finder.rb. Without status=all only open conversations come
_ALL = {"status": "all"}
# the newest first in every mode: what comes while the list is read only pushes rows down, and what
# goes is told by the count
_CONVERSATION_SORT = {
    "full": "created_at_desc",
    "recent": "last_activity_at_desc",
    "window": "created_at_desc",
}
# whatever the list's own is set to: app/services/conversations/filter_service.rb
FILTER_PAGE_SIZE = 25


def lists(settings: ChatwootSettings) -> Iterator[Listing[Any]]:
    """Conversations with their labels and contacts; contacts; CSAT answers; the short lists."""
    root = account_root(settings)
    path = f"{root}/conversations"

    def conversation_page(number: int, mode: Mode) -> Request:
        return Request(path, {**_ALL, "sort_by": _CONVERSATION_SORT[mode], "page": number})

    yield Listing(
        "conversations",
        PageDecoder(Conversation, ConversationPage),
        (
            Table(Conversation),
            Table(ConversationLabel, labels_of, "labels"),
            Table(LastMessage, last_messages_of, "messages"),
            Table(Contact, contact_of, shared=True, name="conversation_contacts"),
        ),
        conversation_page,
        by_id=ById(
            newest=lambda number: conversation_page(number, "window"),
            rows=lambda ids: _filter(path, "equal_to", ids, 1),
            others=lambda ids, number: _filter(path, "not_equal_to", ids, number),
            decode=PageDecoder(Conversation, CountedPayload),
            size=FILTER_PAGE_SIZE,
        ),
        updated=lambda seconds: Request(path, {**_ALL, "updated_within": seconds}),
        cursor="last_activity_at",
        window_cursor="created_at",
        from_start_date=True,
    )

    def newest_first(path: str) -> Callable[[int, Mode], Request]:
        return lambda number, mode: Request(
            f"{root}/{path}", {"sort": "-created_at", "page": number}
        )

    # a contact's activity shows in its conversations; its own cursor is for contacts without any
    yield Listing(
        "contacts",
        PageDecoder(Contact, CountedPayload),
        (Table(Contact, shared=True), Table(ContactInbox, contact_inboxes_of, "contact_inboxes")),
        newest_first("contacts"),
        cursor="created_at",
        window_cursor="created_at",
        may_be_forbidden=True,
    )
    yield Listing(
        "csat_responses",
        PageDecoder(CsatResponse),
        (Table(CsatResponse),),
        newest_first("csat_survey_responses"),
        cursor="created_at",
        window_cursor="created_at",
        may_be_forbidden=True,
    )
    for record, envelope in ((Agent, list), (Inbox, Payload), (Team, list), (LabelRow, Payload)):
        yield short_list(record, f"{root}/{record.table}", envelope)


def _filter(path: str, operator: str, ids: Sequence[int], number: int) -> Request:
    """The conversations of some ids, or of all others: lib/filters/filter_keys.yml."""
    condition = {
        "attribute_key": "display_id",
        "filter_operator": operator,
        "values": list(ids),
        "query_operator": None,
    }
    return Request(f"{path}/filter", {"page": number}, search={"payload": [condition]})


def short_list(record: type[Record], path: str, envelope: Any) -> Listing[Any]:
    """A list that comes whole, in one answer."""
    return Listing(
        record.table,
        PageDecoder(record, envelope),
        (Table(record),),
        lambda number, mode: Request(path),
        last_page=1,
        may_be_forbidden=True,
        fresh_for=SHORT_LIST_FRESH_FOR,
    )


RECORDS = (
    Conversation,
    ConversationLabel,
    LastMessage,
    Contact,
    ContactInbox,
    CsatResponse,
    Agent,
    Inbox,
    Team,
    LabelRow,
    Message,
    Attachment,
    MessageRead,
)
PROVIDER = Provider("chatwoot", ChatwootSettings, connect, check, lists, RECORDS, threads, WORKLIST)
