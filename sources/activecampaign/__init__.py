"""ActiveCampaign's WhatsApp API: Hilos' conversations and templates behind another gateway.

Its records are Hilos' own (sources/hilos/records). There is no list of contacts, users, teams
or channels. See README.md beside this file.
"""

from collections.abc import Iterable

import dlt
from dlt.extract import DltResource

from sources.activecampaign.connect import CONVERSATIONS, ActiveCampaignSettings, check, connect
from sources.activecampaign.records import Template, User, users_of
from sources.hilos.lists import conversation_tables, paginated
from sources.hilos.records.conversations import Conversation
from sources.resources import findings, pages_of, shared_table, table
from sources.run import Provider, Run

# Hilos' /api/<path> is /channel/whatsapp/<path> here, though the path says WhatsApp already
TEMPLATES = "/channel/whatsapp/channels/whatsapp/template"


@dlt.source(name="activecampaign")
def activecampaign(run: Run, settings: ActiveCampaignSettings) -> Iterable[DltResource]:
    """Conversations, their first messages, assignees, tags and users; and templates."""
    size = settings.page_size

    conversations = pages_of(run, paginated(Conversation, CONVERSATIONS, size, "created_on"))
    yield from conversation_tables(run, conversations)
    yield shared_table(conversations, run.account, User, users_of, name="users")

    templates = pages_of(run, paginated(Template, TEMPLATES, size))
    yield table(templates, run.account, Template)
    yield from findings(templates, run.account)


PROVIDER = Provider("activecampaign", ActiveCampaignSettings, connect, activecampaign, check)
