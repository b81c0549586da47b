"""Conversations, as the list gives them; and what lists come wrapped in.

https://hilos-40.mintlify.app/docs/developer/apidocs/schema.yml; where ActiveCampaign's document
differs (https://developers.activecampaign.com/reference/list-conversations.md), both fit.
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
)
from talkhouse.sources.rows.record import (
    ELSEWHERE,
    NO_JSON,
    VOLATILE,
    Bool,
    Id,
    Instant,
    Int,
    Json,
    Label,
    Part,
    Record,
    Text,
    TextId,
    Whose,
)
from talkhouse.sources.rows.table import Child

R = TypeVar("R")


class SentBy(Part, kw_only=True):
    """The user who sent a message."""

    id: Annotated[Int, "Id of the user who sent the message."] = None
    first_name: Annotated[Text, NAME, "First name of the user who sent the message."] = None
    last_name: Annotated[Text, NAME, "Last name of the user who sent the message."] = None
    email: Annotated[Text, EMAIL, "E-mail address of the user who sent the message."] = None
    profile_image: Annotated[
        Text,
        ATTACHMENT_URL,
        "Address of the picture of the user who sent the message; it may expire.",
        VOLATILE,
    ] = None
    role: Annotated[
        Label, "Role of the sender: AGENT, MANAGER, ADMIN or FINANCE; a number in ActiveCampaign."
    ] = None


class FirstMessage(Child, kw_only=True):
    """A conversation's first message: the only one that the API gives."""

    table: ClassVar[str] = "first_messages"
    parent: ClassVar[tuple[str, ...]] = ("conversation_id",)
    key: ClassVar[tuple[str, ...]] = ("conversation_id",)
    whose: ClassVar[Whose] = (
        ("conversation", "conversation_id"),
        ("phone", "customer_number"),
    )
    happened: ClassVar[str] = "timestamp"
    retained_as: ClassVar[str] = "messages"

    conversation_id: Annotated[TextId, "Id of the conversation that the message belongs to."] = ""
    id: Annotated[Text, "Id of the message."] = None
    to_number: Annotated[Text, PHONE, "Number that the message was sent to."] = None
    from_number: Annotated[Text, PHONE, "Number that the message was sent from."] = None
    body: Annotated[Text, BODY, "Text of the message."] = None
    direction: Annotated[
        Text, "Direction of the message: INBOUND or OUTBOUND, as far as is known."
    ] = None
    timestamp: Annotated[Instant, "Time at which the message was written."] = None
    contact: Annotated[
        Text,
        IDENTIFIER,
        "Id of the contact in the channel, which may differ from the contact's own id.",
    ] = None
    status: Annotated[
        Text, "Delivery status: new, sending, sent, received, delivered, read, failed, ..."
    ] = None
    queued_on: Annotated[Instant, "Time at which the message was queued."] = None
    accepted_on: Annotated[Instant, "Time at which WhatsApp accepted the message."] = None
    sent_on: Annotated[Instant, "Time at which the message was sent."] = None
    delivered_on: Annotated[Instant, "Time at which the message was delivered."] = None
    read_on: Annotated[Instant, "Time at which the message was read."] = None
    failed_on: Annotated[Instant, "Time at which the message failed."] = None
    provider_id: Annotated[Text, IDENTIFIER, "Id of the message at WhatsApp."] = None
    provider_error_code: Annotated[Text, "WhatsApp's code for the failure of the message."] = None
    provider_error_message: Annotated[Text, BODY, "Reason why the message failed."] = None
    sent_by: Annotated[SentBy | None, "User who sent the message; null if a contact did."] = None
    is_deleted: Annotated[Bool, "Whether the message was deleted."] = None
    content: Annotated[Json, FREE_FORM, "Content of the message, as WhatsApp gave it."] = NO_JSON
    whatsapp_template: Annotated[Text, "Id of the message's template."] = None
    content_type: Annotated[Text, "MIME type of the message's file."] = None
    content_url: Annotated[
        Text, ATTACHMENT_URL, "Address of the message's file; it may expire.", VOLATILE
    ] = None
    msg_type: Annotated[
        Text, "Type of message: text, image, audio, document, template, interactive, ..."
    ] = None
    failed_attempts: Annotated[Int, "Number of failed attempts to send the message."] = None
    source: Annotated[
        Text, "Source of the message: INBOUND, INBOX, AUTO_RESPONSE, API, BROADCAST or FLOW."
    ] = None

    # the other number is the company's
    told_by_sql: ClassVar[dict[str, str]] = {
        "customer_number": "case when upper(direction) = 'INBOUND' then from_number "
        "else to_number end"
    }

    @property
    def customer_number(self) -> str | None:
        """The customer's of the two numbers."""
        is_inbound = (self.direction or "").upper() == "INBOUND"
        return self.from_number if is_inbound else self.to_number


class ConversationAssignee(Child, kw_only=True):
    """A user whom a conversation is assigned to."""

    table: ClassVar[str] = "conversation_assignees"
    parent: ClassVar[tuple[str, ...]] = ("conversation_id",)
    key: ClassVar[tuple[str, ...]] = ("conversation_id", "id")
    whose: ClassVar[Whose] = (("conversation", "conversation_id"),)

    conversation_id: Annotated[TextId, "Id of the conversation."] = ""
    id: Annotated[Id, "Id of the user."]
    first_name: Annotated[Text, NAME, "First name of the user."] = None
    last_name: Annotated[Text, NAME, "Last name of the user."] = None
    email: Annotated[Text, EMAIL, "E-mail address of the user."] = None
    account_id: Annotated[Int, "Id of the account in Hilos; `account` in the JSON."] = (
        msgspec.field(name="account", default=None)
    )
    profile_image: Annotated[
        Text, ATTACHMENT_URL, "Address of the user's picture; it may expire.", VOLATILE
    ] = None
    date_joined: Annotated[Instant, "Time at which the user joined."] = None


class ConversationTag(Child, kw_only=True):
    """A tag of a conversation."""

    table: ClassVar[str] = "conversation_tags"
    parent: ClassVar[tuple[str, ...]] = ("conversation_id",)
    key: ClassVar[tuple[str, ...]] = ("conversation_id", "id")
    whose: ClassVar[Whose] = (("conversation", "conversation_id"),)

    conversation_id: Annotated[TextId, "Id of the conversation."] = ""
    id: Annotated[Id, "Id of the tag: tags of contacts and of conversations may share ids."]
    name: Annotated[Text, "Name of the tag."] = None


class Conversation(Record, kw_only=True):
    """A conversation with one contact. The API tells when it began, not when it last changed."""

    table: ClassVar[str] = "conversations"
    has_tombstones: ClassVar[bool] = True
    whose: ClassVar[Whose] = (
        ("conversation", "id"),
        ("contact", "contact"),
        ("phone", "first_message.customer_number"),
    )
    happened: ClassVar[str] = "created_on"

    id: Annotated[TextId, "UUID of the conversation."]
    contact: Annotated[Text, "Id of the contact; the contact itself may have been deleted."] = None
    status: Annotated[
        Text, "Status: CREATED, FLOW, FLOW_PAUSED, NEW, IN_PROGRESS, RESOLVED or CLOSED."
    ] = None
    first_message: Annotated[FirstMessage | None, ELSEWHERE] = None
    assigned: Annotated[list[ConversationAssignee], ELSEWHERE] = []
    tags: Annotated[list[ConversationTag], ELSEWHERE] = []
    created_on: Annotated[Instant, "Time at which the conversation began."] = None
    source: Annotated[Text, "Source: INBOX, AUTO_RESPONSE, API, BROADCAST, FLOW or UNKNOWN."] = None
    assigned_team: Annotated[Int, "Id of the team that the conversation is assigned to."] = None
    channel: Annotated[Int, "Id of the channel that the conversation came through."] = None


class Paginated(msgspec.Struct, Generic[R]):
    """Django REST framework's `{"count", "next", "previous", "results"}`.

    `next` tells the end, and is never followed: it may name another host.
    """

    results: list[R]
    count: int | None = None
    next: str | None | msgspec.UnsetType = msgspec.UNSET
    previous: str | None = None

    def __post_init__(self) -> None:
        if self.next and not self.results:
            raise ValueError("a page without rows says that another follows")

    @property
    def rows(self) -> list[R]:
        return self.results

    @property
    def last(self) -> bool:
        return self.next is None or not self.results


def first_message_of(conversation: Conversation) -> list[FirstMessage]:
    """The conversation's first message, if it has one."""
    message = conversation.first_message or FirstMessage(_is_empty=True)
    message.conversation_id = conversation.id
    return [message]


def assignees_of(conversation: Conversation) -> list[ConversationAssignee]:
    """The users whom the conversation is assigned to."""
    for assignee in conversation.assigned:
        assignee.conversation_id = conversation.id
    empty = ConversationAssignee(conversation_id=conversation.id, id=0, _is_empty=True)
    return conversation.assigned or [empty]


def tags_of(conversation: Conversation) -> list[ConversationTag]:
    """The conversation's tags."""
    for tag in conversation.tags:
        tag.conversation_id = conversation.id
    empty = ConversationTag(conversation_id=conversation.id, id=0, _is_empty=True)
    return conversation.tags or [empty]
