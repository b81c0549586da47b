"""Pembalasan: the public API of a white-labelled Chatwoot, for chosen contacts of one API inbox.

Where an administrator's token is at hand, the provider chatwoot reads the whole account from the
same base_url, and tells more; see README.md beside this file.
"""

from collections.abc import Iterator
from typing import Any

from talkhouse.sources.chatwoot.records.messages import Attachment
from talkhouse.sources.chatwoot.threads import attachments_of
from talkhouse.sources.http.client import Request
from talkhouse.sources.pembalasan.connect import (
    PembalasanSettings,
    check,
    connect,
    conversations_of,
)
from talkhouse.sources.pembalasan.records import Contact, Conversation, Message, contact_of
from talkhouse.sources.provider import Provider
from talkhouse.sources.rows.page import PageDecoder
from talkhouse.sources.rows.table import Table
from talkhouse.sources.scan.listing import Listing, Mode


def lists(settings: PembalasanSettings) -> Iterator[Listing[Any]]:
    """The contacts' conversations, with every message that the customer may see."""
    identifiers = list(dict.fromkeys(settings.contact_identifiers))

    def of_contact(number: int, mode: Mode) -> Request:
        # there may be fewer than when a scan in chunks began: the last is then read once more
        return conversations_of(settings, identifiers[min(number, len(identifiers)) - 1])

    # a page is a contact. A 404 is a contact unknown there, and says nothing of the next one
    yield Listing(
        "conversations",
        PageDecoder(Conversation),
        (
            Table(Conversation),
            Table(Message, lambda conversation: conversation.messages),
            Table(Attachment, attachments_of),
            Table(Contact, contact_of, shared=True),
        ),
        of_contact,
        last_page=len(identifiers),
        pages_stand_alone=True,
    )


RECORDS = (Conversation, Message, Attachment, Contact)
PROVIDER = Provider("pembalasan", PembalasanSettings, connect, check, lists, RECORDS)
