"""Contacts and their identities in the inboxes.

https://github.com/chatwoot/chatwoot: app/views/api/v1/models/_contact.json.jbuilder
"""

from typing import Annotated, ClassVar

from talkhouse.sources.rows.personal_data import (
    ATTACHMENT_URL,
    EMAIL,
    FREE_FORM,
    IDENTIFIER,
    NAME,
    PHONE,
)
from talkhouse.sources.rows.record import (
    ELSEWHERE,
    NO_JSON,
    VOLATILE,
    Bool,
    Id,
    Int,
    Json,
    Moment,
    Part,
    Record,
    Text,
    TextId,
    Whose,
)
from talkhouse.sources.rows.table import Child


class InboxOfContact(Part, kw_only=True):
    """The inbox through which a contact writes."""

    id: Annotated[Int, "Id of the inbox."] = None
    avatar_url: Annotated[Text, "Address of the inbox's picture.", VOLATILE] = None
    channel_id: Annotated[Int, "Id of the inbox's channel."] = None
    name: Annotated[Text, "Name of the inbox."] = None
    channel_type: Annotated[Text, "Type of channel, such as Channel::Whatsapp."] = None
    provider: Annotated[Text, "Provider of the channel, such as whatsapp_cloud."] = None


class ContactInbox(Child, kw_only=True):
    """A contact's identity in an inbox: `source_id` is its phone number, token or page id there.

    Two inboxes may know a contact by the same phone number.
    """

    table: ClassVar[str] = "contact_inboxes"
    parent: ClassVar[tuple[str, ...]] = ("contact_id",)
    key: ClassVar[tuple[str, ...]] = ("contact_id", "inbox_id", "source_id")
    whose: ClassVar[Whose] = (("contact", "contact_id"),)

    contact_id: Annotated[Id, "Id of the contact."] = 0
    inbox_id: Annotated[Id, "Id of the inbox; 0 if unknown."] = 0
    source_id: Annotated[TextId, IDENTIFIER, "Id of the contact at the channel."]
    inbox: Annotated[InboxOfContact | None, "Inbox through which the contact writes."] = None


class Contact(Record, kw_only=True):
    """A customer, from the contacts' list or from a conversation (visitors are only there)."""

    table: ClassVar[str] = "contacts"
    has_tombstones: ClassVar[bool] = True
    whose: ClassVar[Whose] = (("contact", "id"), ("phone", "phone_number"), ("email", "email"))
    happened: ClassVar[str] = "last_activity_at"

    id: Annotated[Id, "Id of the contact."]
    name: Annotated[Text, NAME, "Name of the contact; made up for anonymous visitors."] = None
    email: Annotated[Text, EMAIL, "E-mail address of the contact."] = None
    phone_number: Annotated[Text, PHONE, "Phone number of the contact, in E.164."] = None
    identifier: Annotated[Text, IDENTIFIER, "Id of the contact in the company's own systems."] = (
        None
    )
    blocked: Annotated[Bool, "Whether the contact is blocked."] = None
    thumbnail: Annotated[Text, ATTACHMENT_URL, "Address of the contact's picture.", VOLATILE] = None
    availability_status: Annotated[
        Text, "Presence of the contact when the row was read.", VOLATILE
    ] = None
    additional_attributes: Annotated[
        Json, FREE_FORM, "Attributes of the contact set by Chatwoot, such as city."
    ] = NO_JSON
    custom_attributes: Annotated[
        Json, FREE_FORM, "Attributes of the contact set by the company."
    ] = NO_JSON
    company_id: Annotated[Int, "Id of the contact's company, in editions with companies."] = None
    last_activity_at: Annotated[Moment, "Time of the contact's last activity."] = None
    created_at: Annotated[Moment, "Time at which the contact was created."] = None
    contact_inboxes: Annotated[list[ContactInbox], ELSEWHERE] = []


def contact_inboxes_of(contact: Contact) -> list[ContactInbox]:
    """The contact's identities in the inboxes."""
    for identity in contact.contact_inboxes:
        identity.contact_id = contact.id
        identity.inbox_id = (identity.inbox and identity.inbox.id) or 0
    empty = ContactInbox(contact_id=contact.id, source_id="", _is_empty=True)
    return contact.contact_inboxes or [empty]
