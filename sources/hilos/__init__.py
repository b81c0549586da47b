"""Hilos: WhatsApp conversations, of each its first message only, since the API gives no more.

Facts are from its OpenAPI document and from Django REST framework, which it is built on; see
README.md beside this file.
"""

from collections.abc import Iterator
from typing import Any

from talkhouse.sources.hilos.connect import CONVERSATIONS, HilosSettings, check, connect
from talkhouse.sources.hilos.lists import CONVERSATION_RECORDS, CONVERSATION_TABLES, paginated
from talkhouse.sources.hilos.records.account import (
    Channel,
    Contact,
    ContactTag,
    Team,
    Template,
    User,
    channels_of,
    contact_tags_of,
    teams_of,
)
from talkhouse.sources.hilos.records.conversations import Conversation
from talkhouse.sources.http.client import Request
from talkhouse.sources.provider import Provider
from talkhouse.sources.rows.page import PageDecoder
from talkhouse.sources.rows.table import Table
from talkhouse.sources.scan.listing import SHORT_LIST_FRESH_FOR, Listing


def lists(settings: HilosSettings) -> Iterator[Listing[Any]]:
    """Conversations, their first messages, assignees and tags; contacts, users and templates."""
    size = settings.page_size
    yield paginated(Conversation, CONVERSATIONS, size, CONVERSATION_TABLES, "created_on")

    contact_tables = (Table(Contact), Table(ContactTag, contact_tags_of, "tags"))
    yield paginated(Contact, "/api/contact", size, contact_tables, "created_on")

    # teams and channels have no list of their own
    yield Listing(
        "users",
        PageDecoder(User),
        (
            Table(User),
            Table(Team, teams_of, shared=True),
            Table(Channel, channels_of, shared=True),
        ),
        lambda number, mode: Request("/api/account-member"),
        last_page=1,
        fresh_for=SHORT_LIST_FRESH_FOR,
    )
    yield paginated(Template, "/api/channels/whatsapp/template", size, (Table(Template),))


RECORDS = (*CONVERSATION_RECORDS, Contact, ContactTag, User, Team, Channel, Template)
PROVIDER = Provider("hilos", HilosSettings, connect, check, lists, RECORDS)
