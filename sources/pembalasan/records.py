"""The JSON of Chatwoot's public API, and its tables.

https://docs.pembalasan.id/panduan/api/conversations-api/list-all-contact-conversations and
https://github.com/chatwoot/chatwoot: app/views/public/api/v1/models
"""

from typing import Annotated, ClassVar

from talkhouse.sources.chatwoot.records.messages import FLAGS, Attachment, Sender
from talkhouse.sources.rows.personal_data import BODY, EMAIL, FREE_FORM, IDENTIFIER, NAME, PHONE
from talkhouse.sources.rows.record import (
    ELSEWHERE,
    NO_JSON,
    ONLY_ID,
    Bool,
    Epoch,
    EpochOrNever,
    Id,
    Int,
    Json,
    Moment,
    Record,
    Text,
    Whose,
)


class Contact(Record, kw_only=True):
    """A customer: the row of Chatwoot's own table, whose times are ISO text, unlike all others."""

    table: ClassVar[str] = "contacts"
    has_tombstones: ClassVar[bool] = True
    whose: ClassVar[Whose] = (("contact", "id"), ("phone", "phone_number"), ("email", "email"))
    happened: ClassVar[str] = "last_activity_at"

    id: Annotated[Id, "The contact's id."]
    name: Annotated[Text, NAME, "Its name; made up for anonymous visitors."] = None
    last_name: Annotated[Text, NAME, "Last name."] = None
    middle_name: Annotated[Text, NAME, "Middle name."] = None
    email: Annotated[Text, EMAIL, "Its e-mail."] = None
    phone_number: Annotated[Text, PHONE, "Its phone number, E.164."] = None
    identifier: Annotated[Text, IDENTIFIER, "Its id in the company's own systems."] = None
    blocked: Annotated[Bool, "Whether it is blocked."] = None
    blocked_until: Annotated[Moment, "Until when, in newer versions."] = None
    additional_attributes: Annotated[
        Json, FREE_FORM, "Attributes set by Chatwoot, such as city."
    ] = NO_JSON
    custom_attributes: Annotated[Json, FREE_FORM, "Attributes set by the company."] = NO_JSON
    contact_type: Annotated[Text, "visitor, lead or customer."] = None
    country_code: Annotated[Text, "Its country."] = None
    location: Annotated[Text, FREE_FORM, "Its place."] = None
    account_id: Annotated[Int, "Chatwoot's id of the account."] = None
    company_id: Annotated[Int, "Its company, where the edition has companies."] = None
    label_list: Annotated[Json, "Its labels, by title."] = NO_JSON
    last_activity_at: Annotated[Moment, "When it last did something."] = None
    created_at: Annotated[Moment, "When it was created."] = None
    updated_at: Annotated[Moment, "When it last changed."] = None


class Message(Record, kw_only=True):
    """A message that the customer may see: no private note, no activity."""

    table: ClassVar[str] = "messages"
    has_tombstones: ClassVar[bool] = True
    whose: ClassVar[Whose] = (
        ("conversation", "conversation_id"),
        ("phone", "sender.phone_number"),
        ("email", "sender.email"),
    )
    happened: ClassVar[str] = "created_at"

    id: Annotated[Id, "Unique in the installation; grows with time, but for imported history."]
    content: Annotated[Text, BODY, "Its text; null for attachments alone."] = None
    message_type: Annotated[Int, "0 incoming, 1 outgoing, 3 template."] = None
    content_type: Annotated[Text, "text, input_select, cards, form, input_csat, ..."] = None
    content_attributes: Annotated[
        Json, FREE_FORM, FLAGS, "`deleted`, `in_reply_to`, form answers, ..."
    ] = NO_JSON
    created_at: Annotated[Epoch, "When it was created."] = None
    conversation_id: Annotated[Int, "The conversation's id."] = None
    attachments: Annotated[list[Attachment], ELSEWHERE] = []
    sender: Annotated[Sender | None, "Absent for senders deleted since."] = None


class Conversation(Record, kw_only=True):
    """A conversation with one contact. Nothing in it tells when it began or changed."""

    table: ClassVar[str] = "conversations"
    has_tombstones: ClassVar[bool] = True
    whose: ClassVar[Whose] = (
        ("conversation", "id"),
        ("contact", "contact.id"),
        ("phone", "contact.phone_number"),
        ("email", "contact.email"),
    )

    id: Annotated[Id, "Its display_id: counted per Chatwoot account, with gaps."]
    uuid: Annotated[Text, "Unique in the world."] = None
    inbox_id: Annotated[Int, "The inbox, by a number that is not its identifier."] = None
    contact_last_seen_at: Annotated[EpochOrNever, "When the contact last saw it."] = None
    status: Annotated[Text, "open, resolved, pending or snoozed."] = None
    agent_last_seen_at: Annotated[EpochOrNever, "When an agent last opened it."] = None
    messages: Annotated[list[Message], ELSEWHERE] = []
    contact: Annotated[Contact | None, ONLY_ID] = None


def contact_of(conversation: Conversation) -> list[Contact]:
    """The contact that the conversation is with."""
    return [conversation.contact] if conversation.contact else []
