"""Conversations, as the list gives them.

https://github.com/chatwoot/chatwoot:
app/views/api/v1/conversations/partials/_conversation.json.jbuilder
"""

from typing import Annotated, ClassVar, Generic, TypeVar

import msgspec

from talkhouse.sources.chatwoot.records.contacts import Contact
from talkhouse.sources.chatwoot.records.messages import LastMessage
from talkhouse.sources.rows.personal_data import ATTACHMENT_URL, BODY, EMAIL, FREE_FORM, NAME
from talkhouse.sources.rows.record import (
    ELSEWHERE,
    NO_JSON,
    ONLY_ID,
    VOLATILE,
    Bool,
    Id,
    Int,
    Json,
    Label,
    Moment,
    MomentOrNever,
    Part,
    Record,
    Secret,
    Text,
    TextId,
    Whose,
)
from talkhouse.sources.rows.table import Child

R = TypeVar("R")


class Assignee(Part, kw_only=True):
    """The agent or bot that a conversation is assigned to; each kind fills its own fields."""

    id: Annotated[Int, "Its id among its own kind (see meta.assignee_type)."] = None
    account_id: Annotated[Int, "Chatwoot's id of the account."] = None
    name: Annotated[Text, NAME, "Full name."] = None
    available_name: Annotated[Text, NAME, "Display name."] = None
    display_name: Annotated[Text, NAME, "Display name, in older versions."] = None
    email: Annotated[Text, EMAIL, "E-mail."] = None
    role: Annotated[Text, "agent or administrator."] = None
    custom_role_id: Annotated[Int, "Custom role, where the edition has them."] = None
    availability_status: Annotated[Text, "Presence when the row was read.", VOLATILE] = None
    auto_offline: Annotated[Bool, "Whether presence follows the agent's activity.", VOLATILE] = None
    confirmed: Annotated[Bool, "Whether the invitation was accepted."] = None
    provider: Annotated[Text, "How the agent signs in."] = None
    uid: Annotated[Text, EMAIL, "Id at the sign-in provider."] = None
    type: Annotated[Text, "Kind of user."] = None
    thumbnail: Annotated[Text, ATTACHMENT_URL, "Picture.", VOLATILE] = None
    avatar_url: Annotated[Text, ATTACHMENT_URL, "Picture.", VOLATILE] = None
    message_signature: Annotated[Text, BODY, "Signature under the agent's messages."] = None
    inviter_id: Annotated[Int, "Who invited the agent."] = None
    ui_settings: Annotated[Json, FREE_FORM, "The agent's settings of the web application."] = (
        NO_JSON
    )
    custom_attributes: Annotated[Json, FREE_FORM, "Attributes set by the company."] = NO_JSON
    accounts: Annotated[Json, FREE_FORM, "The accounts that the agent works in."] = NO_JSON
    description: Annotated[Text, "What a bot says of itself."] = None
    outgoing_url: Annotated[Text, ATTACHMENT_URL, "Where a bot is called."] = None
    bot_type: Annotated[Text, "Kind of bot."] = None
    access_token: Secret = NO_JSON
    pubsub_token: Secret = NO_JSON
    hmac_identifier: Secret = NO_JSON


class TeamOfConversation(Part, kw_only=True):
    """The team that a conversation is assigned to."""

    id: Annotated[Int, "The team's id."] = None
    name: Annotated[Text, "The team's name."] = None
    description: Annotated[Text, "What the team does."] = None
    allow_auto_assign: Annotated[Bool, "Whether its conversations are assigned by themselves."] = (
        None
    )
    account_id: Annotated[Int, "Chatwoot's id of the account."] = None
    is_member: Annotated[Bool, "Whether the token's user is in it."] = None


class Meta(Part, kw_only=True):
    """Who a conversation is with, and who works on it."""

    sender: Annotated[Contact | None, ONLY_ID] = None
    channel: Annotated[Text, "Such as Channel::Whatsapp."] = None
    assignee: Annotated[Assignee | None, "Absent when unassigned."] = None
    assignee_type: Annotated[Text, "User or AgentBot; since v4.8.0."] = None
    team: Annotated[TeamOfConversation | None, "Absent when there is none."] = None
    hmac_verified: Annotated[Bool, "Whether the contact's identity was proved."] = None


class ConversationLabel(Child, kw_only=True):
    """A label of a conversation, by its title."""

    table: ClassVar[str] = "conversation_labels"
    parent: ClassVar[tuple[str, ...]] = ("conversation_id",)
    key: ClassVar[tuple[str, ...]] = ("conversation_id", "label")
    whose: ClassVar[Whose] = (("conversation", "conversation_id"),)

    conversation_id: Annotated[Id, "The conversation."]
    label: Annotated[TextId, "The label's title."]


class Conversation(Record, kw_only=True):
    """A conversation: a thread with one contact in one inbox."""

    table: ClassVar[str] = "conversations"
    has_tombstones: ClassVar[bool] = True
    whose: ClassVar[Whose] = (
        ("conversation", "id"),
        ("contact", "meta.sender.id"),
        ("phone", "meta.sender.phone_number"),
        ("email", "meta.sender.email"),
    )
    happened: ClassVar[str] = "last_activity_at"

    id: Annotated[Id, "Its display_id: counted per Chatwoot account, with gaps."]
    uuid: Annotated[Text, "Unique in the world."] = None
    account_id: Annotated[Int, "Chatwoot's id of the account."] = None
    inbox_id: Annotated[Int, "The inbox it came through."] = None
    status: Annotated[Text, "open, resolved, pending or snoozed."] = None
    priority: Annotated[Label, "low, medium, high or urgent; null when not set."] = None
    created_at: Annotated[Moment, "When it began."] = None
    updated_at: Annotated[Moment, "When its row last changed; since v4.0.2."] = None
    last_activity_at: Annotated[Moment, "Its newest message, note or activity."] = None
    timestamp: Annotated[Moment, "The same as last_activity_at."] = None
    first_reply_created_at: Annotated[MomentOrNever, "An agent's first reply."] = None
    waiting_since: Annotated[MomentOrNever, "Since when the customer waits for a reply."] = None
    snoozed_until: Annotated[MomentOrNever, "When it opens again."] = None
    agent_last_seen_at: Annotated[MomentOrNever, "When an agent last opened it."] = None
    assignee_last_seen_at: Annotated[MomentOrNever, "When its assignee last opened it."] = None
    contact_last_seen_at: Annotated[MomentOrNever, "When the contact last saw it."] = None
    unread_count: Annotated[
        Int, "Messages that no agent has seen; 10 stands for more.", VOLATILE
    ] = None
    can_reply: Annotated[
        Bool, "Whether the channel allowed a reply when the row was read.", VOLATILE
    ] = None
    muted: Annotated[Bool, "Whether it is muted."] = None
    additional_attributes: Annotated[
        Json, FREE_FORM, "Attributes set by Chatwoot: browser, ..."
    ] = NO_JSON
    custom_attributes: Annotated[Json, FREE_FORM, "Attributes set by the company."] = NO_JSON
    sla_policy_id: Annotated[Int, "Its service level policy."] = None
    applied_sla: Annotated[Json, FREE_FORM, "The policy at work, where the edition has it."] = (
        NO_JSON
    )
    sla_events: Annotated[Json, FREE_FORM, "The policy's breaches, where the edition has it."] = (
        NO_JSON
    )
    meta: Annotated[Meta, "Who it is with, and who works on it."] = msgspec.field(
        default_factory=Meta
    )
    labels: Annotated[list[str], ELSEWHERE] = []
    messages: Annotated[list[LastMessage], ELSEWHERE] = []
    last_non_activity_message: Annotated[LastMessage | None, ELSEWHERE] = None


class Counts(msgspec.Struct, gc=False):
    """How many rows the whole list has."""

    all_count: int | None = None


class ConversationData(msgspec.Struct, Generic[R]):
    payload: list[R]
    meta: Counts = msgspec.field(default_factory=Counts)


class ConversationPage(msgspec.Struct, Generic[R]):
    """`{"data": {"meta": {...}, "payload": [...]}}`; past the end `payload` is empty."""

    data: ConversationData[R]

    @property
    def rows(self) -> list[R]:
        return self.data.payload

    @property
    def count(self) -> int | None:
        return self.data.meta.all_count

    @property
    def last(self) -> bool:
        return not self.data.payload


class FilterPage(msgspec.Struct, Generic[R]):
    """`{"meta": {...}, "payload": [...]}`: the filter's answer lacks the list's `data`."""

    payload: list[R]
    meta: Counts = msgspec.field(default_factory=Counts)

    @property
    def rows(self) -> list[R]:
        return self.payload

    @property
    def count(self) -> int | None:
        return self.meta.all_count

    @property
    def last(self) -> bool:
        return not self.payload


def labels_of(conversation: Conversation) -> list[ConversationLabel]:
    """The conversation's labels."""
    return [
        ConversationLabel(conversation_id=conversation.id, label=label)
        for label in conversation.labels
    ] or [ConversationLabel(conversation_id=conversation.id, label="", _is_empty=True)]


def last_messages_of(conversation: Conversation) -> list[LastMessage]:
    """The messages that the list embeds in the conversation, each once."""
    embedded = {message.id: message for message in conversation.messages}
    for message in embedded.values():
        message.is_last = True
    if (talk := conversation.last_non_activity_message) is not None:
        kept = embedded.setdefault(talk.id, talk)
        kept.is_last_non_activity = True
        if talk._extra:
            kept._extra = {**talk._extra, **(kept._extra or {})}
    for message in embedded.values():
        message.conversation_id = conversation.id
    empty = LastMessage(id=0, conversation_id=conversation.id, _is_empty=True)
    return list(embedded.values()) or [empty]


def contact_of(conversation: Conversation) -> list[Contact]:
    """The contact that the conversation is with."""
    return [conversation.meta.sender] if conversation.meta.sender else []
