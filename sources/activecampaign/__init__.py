"""ActiveCampaign's WhatsApp API: Hilos' conversations and templates behind another gateway.

Its records are Hilos' own (sources/hilos/records). There is no list of contacts, users, teams
or channels. See README.md beside this file.
"""

from collections.abc import Iterator
from typing import Any

from talkhouse.sources.activecampaign.connect import (
    CONVERSATIONS,
    ActiveCampaignSettings,
    check,
    connect,
)
from talkhouse.sources.activecampaign.records import Template, User, users_of
from talkhouse.sources.hilos.lists import CONVERSATION_RECORDS, CONVERSATION_TABLES, paginated
from talkhouse.sources.hilos.records.conversations import Conversation
from talkhouse.sources.provider import Provider
from talkhouse.sources.rows.table import Table
from talkhouse.sources.scan.listing import Listing

# Hilos' /api/<path> is /channel/whatsapp/<path> here, though the path says WhatsApp already
TEMPLATES = "/channel/whatsapp/channels/whatsapp/template"


def lists(settings: ActiveCampaignSettings) -> Iterator[Listing[Any]]:
    """Conversations, their first messages, assignees, tags and users; and templates."""
    size = settings.page_size
    tables = (*CONVERSATION_TABLES, Table(User, users_of, shared=True))
    yield paginated(Conversation, CONVERSATIONS, size, tables, "created_on")
    yield paginated(Template, TEMPLATES, size, (Table(Template),))


RECORDS = (*CONVERSATION_RECORDS, User, Template)
PROVIDER = Provider("activecampaign", ActiveCampaignSettings, connect, check, lists, RECORDS)
