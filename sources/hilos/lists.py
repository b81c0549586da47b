"""What Hilos and ActiveCampaign have in common: paginated lists, and a conversation's tables."""

from datetime import timedelta
from typing import Any

import msgspec

from talkhouse.sources.hilos.records.conversations import (
    Conversation,
    ConversationAssignee,
    ConversationTag,
    FirstMessage,
    Paginated,
    assignees_of,
    first_message_of,
    tags_of,
)
from talkhouse.sources.http.client import Client, Request
from talkhouse.sources.rows.page import PageDecoder
from talkhouse.sources.rows.record import Record
from talkhouse.sources.rows.table import Table
from talkhouse.sources.scan.listing import SHORT_LIST_FRESH_FOR, Listing

CONVERSATION_TABLES = (
    Table(Conversation),
    Table(FirstMessage, first_message_of, "first_message"),
    Table(ConversationAssignee, assignees_of, "assigned"),
    Table(ConversationTag, tags_of, "tags"),
)
CONVERSATION_RECORDS = (Conversation, FirstMessage, ConversationAssignee, ConversationTag)


def paginated(
    record: type[Record],
    path: str,
    page_size: int,
    tables: tuple[Table, ...],
    cursor: str | None = None,
) -> Listing[Any]:
    """A list in pages. No order can be asked for: the scan sees whether the newest come first."""

    return Listing(
        record.table,
        PageDecoder(record, Paginated),
        tables,
        sized=lambda page, size: Request(path, {"page": page, "page_size": size}),
        page_size=page_size,
        cursor=cursor,
        window_cursor=cursor,
        from_start_date=record is Conversation,
        fresh_for=timedelta() if cursor else SHORT_LIST_FRESH_FOR,
    )


_decode = msgspec.json.Decoder(Paginated[msgspec.Raw]).decode


def conversations_seen(client: Client, path: str) -> str:
    """What the key's user sees of the conversations, in words; raises a SourceError."""
    count = client.read(one_row(path), _decode).count
    return (
        f"the key's user sees {count} conversations; if the user is not an administrator, "
        "the account may have more"
    )


def one_row(path: str) -> Request:
    """The cheapest read of a list."""
    return Request(path, {"page_size": 1})
