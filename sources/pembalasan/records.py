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

    id: Annotated[Id, "Id of the contact."]
    name: Annotated[Text, NAME, "Name of the contact; made up for anonymous visitors."] = None
    last_name: Annotated[Text, NAME, "Last name of the contact."] = None
    middle_name: Annotated[Text, NAME, "Middle name of the contact."] = None
    email: Annotated[Text, EMAIL, "E-mail address of the contact."] = None
    phone_number: Annotated[Text, PHONE, "Phone number of the contact, in E.164."] = None
    identifier: Annotated[Text, IDENTIFIER, "Id of the contact in the company's own systems."] = (
        None
    )
    blocked: Annotated[Bool, "Whether the contact is blocked."] = None
    blocked_until: Annotated[
        Moment, "Time until which the contact is blocked, in newer versions."
    ] = None
    additional_attributes: Annotated[
        Json, FREE_FORM, "Attributes of the contact set by Chatwoot, such as city."
    ] = NO_JSON
    custom_attributes: Annotated[
        Json, FREE_FORM, "Attributes of the contact set by the company."
    ] = NO_JSON
    contact_type: Annotated[Text, "Type of contact: visitor, lead or customer."] = None
    country_code: Annotated[Text, "Country of the contact."] = None
    location: Annotated[Text, FREE_FORM, "Place of the contact."] = None
    account_id: Annotated[Int, "Id of the account in Chatwoot."] = None
    company_id: Annotated[Int, "Id of the contact's company, in editions with companies."] = None
    label_list: Annotated[Json, "Labels of the contact, by title."] = NO_JSON
    last_activity_at: Annotated[Moment, "Time of the contact's last activity."] = None
    created_at: Annotated[Moment, "Time at which the contact was created."] = None
    updated_at: Annotated[Moment, "Time at which the contact last changed."] = None


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

    id: Annotated[
        Id, "Id of the message in the installation; grows with time, but for imported history."
    ]
    content: Annotated[Text, BODY, "Text of the message; null for attachments alone."] = None
    message_type: Annotated[Int, "Type of message: 0 incoming, 1 outgoing, 3 template."] = None
    content_type: Annotated[
        Text, "Type of content: text, input_select, cards, form, input_csat, ..."
    ] = None
    content_attributes: Annotated[
        Json,
        FREE_FORM,
        FLAGS,
        "Attributes of the content: `deleted`, `in_reply_to`, form answers, ...",
    ] = NO_JSON
    created_at: Annotated[Epoch, "Time at which the message was created."] = None
    conversation_id: Annotated[Int, "Id of the conversation that the message belongs to."] = None
    attachments: Annotated[list[Attachment], ELSEWHERE] = []
    sender: Annotated[Sender | None, "Sender of the message; null if deleted since."] = None


class Conversation(Record, kw_only=True):
    """A conversation with one contact. No field tells when it began or changed."""

    table: ClassVar[str] = "conversations"
    has_tombstones: ClassVar[bool] = True
    whose: ClassVar[Whose] = (
        ("conversation", "id"),
        ("contact", "contact.id"),
        ("phone", "contact.phone_number"),
        ("email", "contact.email"),
    )

    id: Annotated[Id, "Display id of the conversation: counted per Chatwoot account, with gaps."]
    uuid: Annotated[Text, "UUID of the conversation."] = None
    inbox_id: Annotated[Int, "Id of the inbox: a number, not its identifier."] = None
    contact_last_seen_at: Annotated[
        EpochOrNever, "Time at which the contact last saw the conversation."
    ] = None
    status: Annotated[Text, "Status of the conversation: open, resolved, pending or snoozed."] = (
        None
    )
    agent_last_seen_at: Annotated[
        EpochOrNever, "Time at which an agent last opened the conversation."
    ] = None
    messages: Annotated[list[Message], ELSEWHERE] = []
    contact: Annotated[Contact | None, ONLY_ID] = None


def contact_of(conversation: Conversation) -> list[Contact]:
    """The contact that the conversation is with."""
    return [conversation.contact] if conversation.contact else []
