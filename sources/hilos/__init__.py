"""Hilos: WhatsApp conversations, of each its first message only, since the API gives no more.

Facts are from its OpenAPI document and from Django REST framework, which it is built on; see
README.md beside this file.
"""

from collections.abc import Iterable

import dlt
from dlt.extract import DltResource

from sources.hilos.connect import CONVERSATIONS, HilosSettings, check, connect
from sources.hilos.lists import conversation_tables, paginated
from sources.hilos.records.account import (
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
from sources.hilos.records.conversations import Conversation
from sources.http import Request
from sources.pages import PageDecoder
from sources.resources import findings, pages_of, shared_table, table
from sources.run import Provider, Run
from sources.scan import Listing


@dlt.source(name="hilos")
def hilos(run: Run, settings: HilosSettings) -> Iterable[DltResource]:
    """Conversations, their first messages, assignees and tags; contacts, users and templates."""
    account, size = run.account, settings.page_size

    conversations = pages_of(run, paginated(Conversation, CONVERSATIONS, size, "created_on"))
    yield from conversation_tables(run, conversations)

    contacts = pages_of(run, paginated(Contact, "/api/contact", size, "created_on"))
    yield table(contacts, account, Contact)
    yield table(contacts, account, ContactTag, contact_tags_of)
    yield from findings(contacts, account)

    # teams and channels have no list of their own
    users = pages_of(
        run,
        Listing(
            "users",
            lambda number, mode: Request("/api/account-member"),
            PageDecoder(User),
            last_page=1,
        ),
    )
    yield table(users, account, User)
    yield shared_table(users, account, Team, teams_of, name="teams")
    yield shared_table(users, account, Channel, channels_of, name="channels")
    yield from findings(users, account)

    templates = pages_of(run, paginated(Template, "/api/channels/whatsapp/template", size))
    yield table(templates, account, Template)
    yield from findings(templates, account)


PROVIDER = Provider("hilos", HilosSettings, connect, hilos, check)
