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

    id: Annotated[Int, "The user's id."] = None
    first_name: Annotated[Text, NAME, "First name."] = None
    last_name: Annotated[Text, NAME, "Last name."] = None
    email: Annotated[Text, EMAIL, "E-mail."] = None
    profile_image: Annotated[Text, ATTACHMENT_URL, "Picture; the address may expire.", VOLATILE] = (
        None
    )
    role: Annotated[Label, "AGENT, MANAGER, ADMIN or FINANCE; ActiveCampaign's is a number."] = None


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

    conversation_id: Annotated[TextId, "The conversation."] = ""
    id: Annotated[Text, "The message's id."] = None
    to_number: Annotated[Text, PHONE, "The number that it went to."] = None
    from_number: Annotated[Text, PHONE, "The number that it came from."] = None
    body: Annotated[Text, BODY, "Its text."] = None
    direction: Annotated[Text, "INBOUND or OUTBOUND, as far as is known."] = None
    timestamp: Annotated[Instant, "When it was written."] = None
    contact: Annotated[
        Text, IDENTIFIER, "The contact's id in its channel, which may not be the contact's."
    ] = None
    status: Annotated[Text, "new, sending, sent, received, delivered, read, failed, ..."] = None
    queued_on: Annotated[Instant, "When it was queued."] = None
    accepted_on: Annotated[Instant, "When WhatsApp accepted it."] = None
    sent_on: Annotated[Instant, "When it was sent."] = None
    delivered_on: Annotated[Instant, "When it was delivered."] = None
    read_on: Annotated[Instant, "When it was read."] = None
    failed_on: Annotated[Instant, "When it failed."] = None
    provider_id: Annotated[Text, IDENTIFIER, "WhatsApp's id of it."] = None
    provider_error_code: Annotated[Text, "WhatsApp's code for why it failed."] = None
    provider_error_message: Annotated[Text, BODY, "Why it failed."] = None
    sent_by: Annotated[SentBy | None, "The user who sent it; null for a contact's."] = None
    is_deleted: Annotated[Bool, "Whether it was deleted."] = None
    content: Annotated[Json, FREE_FORM, "What it holds, as WhatsApp gave it."] = NO_JSON
    whatsapp_template: Annotated[Text, "The id of its template."] = None
    content_type: Annotated[Text, "MIME type of its file."] = None
    content_url: Annotated[
        Text, ATTACHMENT_URL, "Where its file can be fetched; it may expire.", VOLATILE
    ] = None
    msg_type: Annotated[Text, "text, image, audio, document, template, interactive, ..."] = None
    failed_attempts: Annotated[Int, "How often sending it failed."] = None
    source: Annotated[Text, "INBOUND, INBOX, AUTO_RESPONSE, API, BROADCAST or FLOW."] = None

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

    conversation_id: Annotated[TextId, "The conversation."] = ""
    id: Annotated[Id, "The user's id."]
    first_name: Annotated[Text, NAME, "First name."] = None
    last_name: Annotated[Text, NAME, "Last name."] = None
    email: Annotated[Text, EMAIL, "E-mail."] = None
    account_id: Annotated[Int, "Hilos' id of the account; `account` in its JSON."] = msgspec.field(
        name="account", default=None
    )
    profile_image: Annotated[Text, ATTACHMENT_URL, "Picture; the address may expire.", VOLATILE] = (
        None
    )
    date_joined: Annotated[Instant, "When the user joined."] = None


class ConversationTag(Child, kw_only=True):
    """A tag of a conversation."""

    table: ClassVar[str] = "conversation_tags"
    parent: ClassVar[tuple[str, ...]] = ("conversation_id",)
    key: ClassVar[tuple[str, ...]] = ("conversation_id", "id")
    whose: ClassVar[Whose] = (("conversation", "conversation_id"),)

    conversation_id: Annotated[TextId, "The conversation."] = ""
    id: Annotated[Id, "The tag's id: conversations' and contacts' tags may not share one space."]
    name: Annotated[Text, "Its name."] = None


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

    id: Annotated[TextId, "Unique in the world."]
    contact: Annotated[Text, "The contact's id; the contact itself may have been deleted."] = None
    status: Annotated[Text, "CREATED, FLOW, FLOW_PAUSED, NEW, IN_PROGRESS, RESOLVED, CLOSED."] = (
        None
    )
    first_message: Annotated[FirstMessage | None, ELSEWHERE] = None
    assigned: Annotated[list[ConversationAssignee], ELSEWHERE] = []
    tags: Annotated[list[ConversationTag], ELSEWHERE] = []
    created_on: Annotated[Instant, "When it began."] = None
    source: Annotated[Text, "INBOX, AUTO_RESPONSE, API, BROADCAST, FLOW or UNKNOWN."] = None
    assigned_team: Annotated[Int, "The team that it is assigned to."] = None
    channel: Annotated[Int, "The channel that it came through."] = None


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
