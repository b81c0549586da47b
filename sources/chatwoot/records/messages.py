"""Messages, as a thread gives them and as the conversation list embeds them.

https://github.com/chatwoot/chatwoot: app/views/api/v1/models/_message.json.jbuilder for a thread,
`push_event_data` of app/models/message.rb for the list.
"""

from typing import Annotated, ClassVar

from talkhouse.sources.rows.personal_data import (
    ATTACHMENT_URL,
    BODY,
    EMAIL,
    FREE_FORM,
    IDENTIFIER,
    NAME,
    PHONE,
    Flags,
)
from talkhouse.sources.rows.record import (
    ELSEWHERE,
    NO_JSON,
    VOLATILE,
    Bool,
    Epoch,
    Float,
    Id,
    Int,
    Json,
    Moment,
    Part,
    Record,
    Text,
    Whose,
)
from talkhouse.sources.rows.table import Child, ThreadRead

# what analysts go by, and says nothing of anybody
FLAGS = Flags(("deleted", "external_echo"))


class Sender(Part, kw_only=True):
    """Who wrote a message: a contact, an agent, a bot; each kind fills its own fields."""

    id: Annotated[
        Int, "Id of the sender among its own kind: unique only together with the type."
    ] = None
    type: Annotated[Text, "Kind of sender: contact, user, agent_bot or captain_assistant."] = None
    name: Annotated[Text, NAME, "Name of the sender, as shown to the other side."] = None
    available_name: Annotated[Text, NAME, "Display name of an agent who is the sender."] = None
    email: Annotated[Text, EMAIL, "E-mail address of a contact who is the sender."] = None
    phone_number: Annotated[
        Text, PHONE, "Phone number of a contact who is the sender, in E.164."
    ] = None
    identifier: Annotated[
        Text, IDENTIFIER, "Id of a contact who is the sender in the company's own systems."
    ] = None
    blocked: Annotated[Bool, "Whether the contact who is the sender is blocked."] = None
    avatar_url: Annotated[
        Text, ATTACHMENT_URL, "Address of the picture of an agent or bot.", VOLATILE
    ] = None
    thumbnail: Annotated[
        Text, ATTACHMENT_URL, "Address of the sender's small picture.", VOLATILE
    ] = None
    availability_status: Annotated[
        Text, "Presence of an agent who is the sender when the row was read.", VOLATILE
    ] = None
    additional_attributes: Annotated[
        Json, FREE_FORM, "Attributes of a contact who is the sender, set by Chatwoot."
    ] = NO_JSON
    custom_attributes: Annotated[
        Json, FREE_FORM, "Attributes of a contact who is the sender, set by the company."
    ] = NO_JSON
    description: Annotated[Text, "Description of a bot that is the sender."] = None
    created_at: Annotated[Moment, "Time at which an assistant was created."] = None
    account_id: Annotated[Int, "Id of the account of a bot in Chatwoot."] = None


class Attachment(Child, kw_only=True):
    """A file, location, contact card or link sent with a message. Deleted messages have none."""

    table: ClassVar[str] = "attachments"
    parent: ClassVar[tuple[str, ...]] = ("message_id",)
    key: ClassVar[tuple[str, ...]] = ("message_id", "id")

    id: Annotated[Id, "Id of the attachment."]
    message_id: Annotated[Id, "Id of the message that the attachment was sent with."] = 0
    account_id: Annotated[Int, "Id of the account in Chatwoot."] = None
    file_type: Annotated[
        Text, "Type of attachment: image, audio, video, file, location, contact, fallback, ..."
    ] = None
    extension: Annotated[Text, "File name extension of the attachment."] = None
    content_type: Annotated[Text, "MIME type of the file."] = None
    data_url: Annotated[Text, ATTACHMENT_URL, "Address of the file; it may expire.", VOLATILE] = (
        None
    )
    thumb_url: Annotated[
        Text, ATTACHMENT_URL, "Address of a small picture of the file; it may expire.", VOLATILE
    ] = None
    file_size: Annotated[Int, "Size of the file in bytes."] = None
    width: Annotated[Int, "Width of a picture in pixels."] = None
    height: Annotated[Int, "Height of a picture in pixels."] = None
    coordinates_lat: Annotated[Float, BODY, "Latitude of a location in degrees."] = None
    coordinates_long: Annotated[Float, BODY, "Longitude of a location in degrees."] = None
    fallback_title: Annotated[Text, BODY, "Title of a link."] = None
    meta: Annotated[Json, FREE_FORM, "Content of a contact card or an embed."] = NO_JSON
    transcribed_text: Annotated[Text, BODY, "Transcription of an audio file."] = None


class Message(Record, kw_only=True):
    """A message, private note or activity of a conversation's thread, as the thread gives it."""

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
    inbox_id: Annotated[Int, "Id of the conversation's inbox."] = None
    echo_id: Annotated[Text, "Id that the sending client gave the message."] = None
    conversation_id: Annotated[
        Int, "Display id of the conversation that the message belongs to."
    ] = None
    message_type: Annotated[
        Int, "Type of message: 0 incoming, 1 outgoing, 2 activity, 3 template."
    ] = None
    content_type: Annotated[
        Text, "Type of content: text, input_select, cards, form, input_csat, ..."
    ] = None
    status: Annotated[Text, "Delivery status: sent, delivered, read or failed."] = None
    content_attributes: Annotated[
        Json,
        FREE_FORM,
        FLAGS,
        "Attributes of the content: `deleted`, `in_reply_to`, form answers, ...",
    ] = NO_JSON
    created_at: Annotated[Epoch, "Time at which the message was created."] = None
    private: Annotated[Bool, "Whether the message is a note that only agents see."] = None
    source_id: Annotated[
        Text, IDENTIFIER, "Id of the message at the channel, such as WhatsApp's."
    ] = None
    sender: Annotated[
        Sender | None, "Sender of the message; null for activities and for senders deleted since."
    ] = None
    attachments: Annotated[list[Attachment], ELSEWHERE] = []
    call: Annotated[Json, FREE_FORM, "Details of a voice call."] = NO_JSON


class MessageRead(ThreadRead, kw_only=True):
    """The last read of a conversation's thread; what is left to read is derived from it."""

    conversation_id: Annotated[Id, "Display id of the conversation whose thread was read."]
    last_activity_at: Annotated[
        Moment, "Time of the conversation's newest activity when the thread was read."
    ] = None
    last_message_id: Annotated[
        Id, "Id of the newest message that was read; 0 if there was none."
    ] = 0


class MessageConversation(Part, kw_only=True):
    """The conversation as a message inside the list repeats it."""

    assignee_id: Annotated[Int, "Id of the agent that the conversation is assigned to."] = None
    unread_count: Annotated[Int, "Number of unread messages, at most 10.", VOLATILE] = None
    last_activity_at: Annotated[Moment, "Time of the conversation's newest activity."] = None
    contact_inbox: Annotated[
        Json, FREE_FORM, "Identity of the contact in the inbox, with the source_id at the channel."
    ] = NO_JSON


class LastMessage(Child, kw_only=True):
    """A conversation's newest message, and its newest that is no activity, as the list gives them.

    The list tells more of a message than its thread does, such as `updated_at`.
    """

    table: ClassVar[str] = "last_messages"
    parent: ClassVar[tuple[str, ...]] = ("conversation_id",)
    key: ClassVar[tuple[str, ...]] = ("conversation_id", "id")
    whose: ClassVar[Whose] = (
        ("conversation", "conversation_id"),
        ("phone", "sender.phone_number"),
        ("email", "sender.email"),
    )
    happened: ClassVar[str] = "created_at"
    retained_as: ClassVar[str] = "messages"

    id: Annotated[Id, "Id of the message."]
    content: Annotated[Text, BODY, "Text of the message; null for attachments alone."] = None
    account_id: Annotated[Int, "Id of the account in Chatwoot."] = None
    inbox_id: Annotated[Int, "Id of the conversation's inbox."] = None
    conversation_id: Annotated[
        Id, "Display id of the conversation that the message belongs to."
    ] = 0
    message_type: Annotated[
        Int, "Type of message: 0 incoming, 1 outgoing, 2 activity, 3 template."
    ] = None
    created_at: Annotated[Epoch, "Time at which the message was created."] = None
    updated_at: Annotated[
        Moment, "Time at which the message last changed, such as by a delivery receipt."
    ] = None
    private: Annotated[Bool, "Whether the message is a note that only agents see."] = None
    status: Annotated[Text, "Delivery status: sent, delivered, read or failed."] = None
    source_id: Annotated[
        Text, IDENTIFIER, "Id of the message at the channel, such as WhatsApp's."
    ] = None
    echo_id: Annotated[Text, "Id that the sending client gave the message."] = None
    content_type: Annotated[
        Text, "Type of content: text, input_select, cards, form, input_csat, ..."
    ] = None
    content_attributes: Annotated[
        Json,
        FREE_FORM,
        FLAGS,
        "Attributes of the content: `deleted`, `in_reply_to`, form answers, ...",
    ] = NO_JSON
    sender_type: Annotated[
        Text, "Kind of sender: Contact, User, AgentBot or Captain::Assistant."
    ] = None
    sender_id: Annotated[Int, "Id of the sender among its own kind."] = None
    external_source_ids: Annotated[
        Json, FREE_FORM, "Ids of the message in connected systems, such as Slack."
    ] = NO_JSON
    additional_attributes: Annotated[
        Json, FREE_FORM, "Attributes of the message, such as the campaign that sent it."
    ] = NO_JSON
    processed_message_content: Annotated[
        Text, BODY, "Text of the message without quoted replies."
    ] = None
    sentiment: Annotated[
        Json, FREE_FORM, "Sentiment of the message, in editions that calculate it."
    ] = NO_JSON
    conversation: Annotated[
        MessageConversation | None,
        "Conversation that the message belongs to, as the message repeats it.",
    ] = None
    attachment: Annotated[
        Json, FREE_FORM, "Attachment as the documentation names it; `attachments` is what is sent."
    ] = NO_JSON
    attachments: Annotated[
        Json, FREE_FORM, "Attachments of the message, as the list gives them."
    ] = NO_JSON
    sender: Annotated[
        Sender | None, "Sender of the message; null for activities and for senders deleted since."
    ] = None
    is_last: Annotated[Bool, "Whether the message is the newest of the conversation."] = False
    is_last_non_activity: Annotated[
        Bool, "Whether the message is the newest that is no activity."
    ] = False
