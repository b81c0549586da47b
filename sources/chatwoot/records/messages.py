"""Messages, as a thread gives them and as the conversation list embeds them.

https://github.com/chatwoot/chatwoot: app/views/api/v1/models/_message.json.jbuilder for a thread,
`push_event_data` of app/models/message.rb for the list.
"""

from typing import Annotated, ClassVar, Generic, TypeVar

import msgspec

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

R = TypeVar("R")

# what analysts go by, and says nothing of anybody
FLAGS = Flags(("deleted", "external_echo"))


class Sender(Part, kw_only=True):
    """Who wrote a message: a contact, an agent, a bot; each kind fills its own fields."""

    id: Annotated[Int, "Its id among its own kind: unique only together with `type`."] = None
    type: Annotated[Text, "contact, user, agent_bot or captain_assistant."] = None
    name: Annotated[Text, NAME, "Name shown to the other side."] = None
    available_name: Annotated[Text, NAME, "An agent's display name."] = None
    email: Annotated[Text, EMAIL, "A contact's e-mail."] = None
    phone_number: Annotated[Text, PHONE, "A contact's phone number, E.164."] = None
    identifier: Annotated[Text, IDENTIFIER, "A contact's id in the company's own systems."] = None
    blocked: Annotated[Bool, "Whether a contact is blocked."] = None
    avatar_url: Annotated[Text, ATTACHMENT_URL, "Picture of an agent or bot.", VOLATILE] = None
    thumbnail: Annotated[Text, ATTACHMENT_URL, "Small picture.", VOLATILE] = None
    availability_status: Annotated[Text, "An agent's presence when the row was read.", VOLATILE] = (
        None
    )
    additional_attributes: Annotated[
        Json, FREE_FORM, "A contact's attributes, set by Chatwoot."
    ] = NO_JSON
    custom_attributes: Annotated[Json, FREE_FORM, "A contact's attributes, set by the company."] = (
        NO_JSON
    )
    description: Annotated[Text, "What a bot says of itself."] = None
    created_at: Annotated[Moment, "When an assistant was made."] = None
    account_id: Annotated[Int, "The account of a bot."] = None


class Attachment(Child, kw_only=True):
    """A file, location, contact card or link sent with a message. Deleted messages have none."""

    table: ClassVar[str] = "attachments"
    parent: ClassVar[tuple[str, ...]] = ("message_id",)
    key: ClassVar[tuple[str, ...]] = ("message_id", "id")

    id: Annotated[Id, "The attachment's id."]
    message_id: Annotated[Id, "The message it came with."] = 0
    account_id: Annotated[Int, "Chatwoot's id of the account."] = None
    file_type: Annotated[Text, "image, audio, video, file, location, contact, fallback, ..."] = None
    extension: Annotated[Text, "File name extension."] = None
    content_type: Annotated[Text, "MIME type."] = None
    data_url: Annotated[
        Text, ATTACHMENT_URL, "Where the file can be fetched; it may expire.", VOLATILE
    ] = None
    thumb_url: Annotated[
        Text, ATTACHMENT_URL, "Where a small picture can be fetched; it may expire.", VOLATILE
    ] = None
    file_size: Annotated[Int, "Bytes."] = None
    width: Annotated[Int, "Pixels."] = None
    height: Annotated[Int, "Pixels."] = None
    coordinates_lat: Annotated[Float, BODY, "Latitude of a location, degrees."] = None
    coordinates_long: Annotated[Float, BODY, "Longitude of a location, degrees."] = None
    fallback_title: Annotated[Text, BODY, "Title of a link."] = None
    meta: Annotated[Json, FREE_FORM, "What a contact card or an embed holds."] = NO_JSON
    transcribed_text: Annotated[Text, BODY, "What was said in an audio."] = None


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

    id: Annotated[Id, "Unique in the installation; grows with time, but for imported history."]
    content: Annotated[Text, BODY, "Its text; null for attachments alone."] = None
    inbox_id: Annotated[Int, "The inbox of its conversation."] = None
    echo_id: Annotated[Text, "The id that the sending client gave it."] = None
    conversation_id: Annotated[Int, "The conversation's id (its display_id)."] = None
    message_type: Annotated[Int, "0 incoming, 1 outgoing, 2 activity, 3 template."] = None
    content_type: Annotated[Text, "text, input_select, cards, form, input_csat, ..."] = None
    status: Annotated[Text, "sent, delivered, read or failed."] = None
    content_attributes: Annotated[
        Json, FREE_FORM, FLAGS, "`deleted`, `in_reply_to`, form answers, ..."
    ] = NO_JSON
    created_at: Annotated[Epoch, "When it was created."] = None
    private: Annotated[Bool, "Whether it is a note that only agents see."] = None
    source_id: Annotated[Text, IDENTIFIER, "Its id at the channel, such as WhatsApp's."] = None
    sender: Annotated[Sender | None, "Absent for activities and for senders deleted since."] = None
    attachments: Annotated[list[Attachment], ELSEWHERE] = []
    call: Annotated[Json, FREE_FORM, "A voice call's details."] = NO_JSON


class MessageRead(ThreadRead, kw_only=True):
    """How far a conversation's thread was read: what is left to read is derived from it."""

    conversation_id: Annotated[Id, "The conversation whose thread was read."]
    last_activity_at: Annotated[Moment, "The conversation's activity when it was read."] = None
    last_message_id: Annotated[Id, "The newest message that was read; 0 if there was none."] = 0


class MessageConversation(Part, kw_only=True):
    """The conversation as a message inside the list repeats it."""

    assignee_id: Annotated[Int, "The agent assigned."] = None
    unread_count: Annotated[Int, "Unread messages, at most 10.", VOLATILE] = None
    last_activity_at: Annotated[Moment, "Newest activity."] = None
    contact_inbox: Annotated[Json, FREE_FORM, "Holds the contact's source_id at the channel."] = (
        NO_JSON
    )


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

    id: Annotated[Id, "The message's id."]
    content: Annotated[Text, BODY, "Its text; null for attachments alone."] = None
    account_id: Annotated[Int, "Chatwoot's id of the account."] = None
    inbox_id: Annotated[Int, "The inbox of its conversation."] = None
    conversation_id: Annotated[Id, "The conversation's id (its display_id)."] = 0
    message_type: Annotated[Int, "0 incoming, 1 outgoing, 2 activity, 3 template."] = None
    created_at: Annotated[Epoch, "When it was created."] = None
    updated_at: Annotated[Moment, "When it last changed, such as by a delivery receipt."] = None
    private: Annotated[Bool, "Whether it is a note that only agents see."] = None
    status: Annotated[Text, "sent, delivered, read or failed."] = None
    source_id: Annotated[Text, IDENTIFIER, "Its id at the channel, such as WhatsApp's."] = None
    echo_id: Annotated[Text, "The id that the sending client gave it."] = None
    content_type: Annotated[Text, "text, input_select, cards, form, input_csat, ..."] = None
    content_attributes: Annotated[
        Json, FREE_FORM, FLAGS, "`deleted`, `in_reply_to`, form answers, ..."
    ] = NO_JSON
    sender_type: Annotated[Text, "Contact, User, AgentBot or Captain::Assistant."] = None
    sender_id: Annotated[Int, "The sender's id among its own kind."] = None
    external_source_ids: Annotated[
        Json, FREE_FORM, "Its ids in connected systems, such as Slack."
    ] = NO_JSON
    additional_attributes: Annotated[Json, FREE_FORM, "Such as the campaign that sent it."] = (
        NO_JSON
    )
    processed_message_content: Annotated[Text, BODY, "Its text without quoted replies."] = None
    sentiment: Annotated[Json, FREE_FORM, "Sentiment, where the edition reckons it."] = NO_JSON
    conversation: Annotated[MessageConversation | None, "The conversation, repeated."] = None
    attachment: Annotated[
        Json, FREE_FORM, "Named by the documentation; `attachments` is what comes."
    ] = NO_JSON
    attachments: Annotated[Json, FREE_FORM, "Its attachments, as they stand in the list."] = NO_JSON
    sender: Annotated[Sender | None, "Absent for activities and for senders deleted since."] = None
    is_last: Annotated[Bool, "Whether it is the conversation's newest message."] = False
    is_last_non_activity: Annotated[Bool, "Whether it is the newest that is no activity."] = False


class ThreadPage(msgspec.Struct, Generic[R]):
    """`{"meta": {...}, "payload": [...]}`; past the newest message `payload` is empty."""

    payload: list[R]

    @property
    def rows(self) -> list[R]:
        return self.payload

    @property
    def count(self) -> int | None:
        return None

    @property
    def last(self) -> bool:
        return not self.payload
