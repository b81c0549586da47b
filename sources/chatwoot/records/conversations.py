"""Conversations, as the list gives them.

https://github.com/chatwoot/chatwoot:
app/views/api/v1/conversations/partials/_conversation.json.jbuilder
"""

from typing import Annotated, ClassVar

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


class Assignee(Part, kw_only=True):
    """The agent or bot that a conversation is assigned to; each kind fills its own fields."""

    id: Annotated[Int, "Id of the assignee among agents or bots, as meta__assignee_type says."] = (
        None
    )
    account_id: Annotated[Int, "Id of the account in Chatwoot."] = None
    name: Annotated[Text, NAME, "Full name of the assignee."] = None
    available_name: Annotated[Text, NAME, "Display name of the assignee."] = None
    display_name: Annotated[Text, NAME, "Display name of the assignee, in older versions."] = None
    email: Annotated[Text, EMAIL, "E-mail address of the assignee."] = None
    role: Annotated[Text, "Role of the assignee: agent or administrator."] = None
    custom_role_id: Annotated[
        Int, "Id of the assignee's custom role, in editions with custom roles."
    ] = None
    availability_status: Annotated[
        Text, "Presence of the assignee when the row was read.", VOLATILE
    ] = None
    auto_offline: Annotated[Bool, "Whether presence follows the assignee's activity.", VOLATILE] = (
        None
    )
    confirmed: Annotated[Bool, "Whether the assignee accepted the invitation."] = None
    provider: Annotated[Text, "Sign-in provider of the assignee."] = None
    uid: Annotated[Text, EMAIL, "Id of the assignee at the sign-in provider."] = None
    type: Annotated[Text, "Kind of user that the assignee is."] = None
    thumbnail: Annotated[Text, ATTACHMENT_URL, "Address of the assignee's picture.", VOLATILE] = (
        None
    )
    avatar_url: Annotated[Text, ATTACHMENT_URL, "Address of the assignee's avatar.", VOLATILE] = (
        None
    )
    message_signature: Annotated[Text, BODY, "Signature under the assignee's messages."] = None
    inviter_id: Annotated[Int, "Id of the user who invited the assignee."] = None
    ui_settings: Annotated[Json, FREE_FORM, "Settings of the assignee in the web application."] = (
        NO_JSON
    )
    custom_attributes: Annotated[
        Json, FREE_FORM, "Attributes of the assignee set by the company."
    ] = NO_JSON
    accounts: Annotated[Json, FREE_FORM, "Accounts that the assignee works in."] = NO_JSON
    description: Annotated[Text, "Description of the bot that the conversation is assigned to."] = (
        None
    )
    outgoing_url: Annotated[
        Text, ATTACHMENT_URL, "Address at which the assigned bot is called."
    ] = None
    bot_type: Annotated[Text, "Kind of bot that the conversation is assigned to."] = None
    access_token: Secret = NO_JSON
    pubsub_token: Secret = NO_JSON
    hmac_identifier: Secret = NO_JSON


class TeamOfConversation(Part, kw_only=True):
    """The team that a conversation is assigned to."""

    id: Annotated[Int, "Id of the team."] = None
    name: Annotated[Text, "Name of the team."] = None
    description: Annotated[Text, "Description of the team."] = None
    allow_auto_assign: Annotated[
        Bool, "Whether the team's conversations are assigned automatically."
    ] = None
    account_id: Annotated[Int, "Id of the account in Chatwoot."] = None
    is_member: Annotated[Bool, "Whether the token's user is in the team."] = None


class Meta(Part, kw_only=True):
    """Who a conversation is with, and who works on it."""

    sender: Annotated[Contact | None, ONLY_ID] = None
    channel: Annotated[Text, "Type of channel, such as Channel::Whatsapp."] = None
    assignee: Annotated[Assignee | None, "Assignee of the conversation; null if unassigned."] = None
    assignee_type: Annotated[Text, "Kind of assignee: User or AgentBot; since v4.8.0."] = None
    team: Annotated[TeamOfConversation | None, "Team of the conversation; null if none."] = None
    hmac_verified: Annotated[Bool, "Whether the contact's identity was proved."] = None


class ConversationLabel(Child, kw_only=True):
    """A label of a conversation, by its title."""

    table: ClassVar[str] = "conversation_labels"
    parent: ClassVar[tuple[str, ...]] = ("conversation_id",)
    key: ClassVar[tuple[str, ...]] = ("conversation_id", "label")
    whose: ClassVar[Whose] = (("conversation", "conversation_id"),)

    conversation_id: Annotated[Id, "Display id of the conversation."]
    label: Annotated[TextId, "Title of the label."]


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

    id: Annotated[Id, "Display id of the conversation: counted per Chatwoot account, with gaps."]
    uuid: Annotated[Text, "UUID of the conversation."] = None
    account_id: Annotated[Int, "Id of the account in Chatwoot."] = None
    inbox_id: Annotated[Int, "Id of the inbox that the conversation came through."] = None
    status: Annotated[Text, "Status of the conversation: open, resolved, pending or snoozed."] = (
        None
    )
    priority: Annotated[Label, "Priority: low, medium, high or urgent; null if not set."] = None
    created_at: Annotated[Moment, "Time at which the conversation began."] = None
    updated_at: Annotated[
        Moment, "Time at which the conversation's row last changed; since v4.0.2."
    ] = None
    last_activity_at: Annotated[Moment, "Time of the newest message, note or activity."] = None
    timestamp: Annotated[
        Moment, "Time of the newest message, note or activity, as in last_activity_at."
    ] = None
    first_reply_created_at: Annotated[MomentOrNever, "Time of an agent's first reply."] = None
    waiting_since: Annotated[
        MomentOrNever, "Time since which the customer has been waiting for a reply."
    ] = None
    snoozed_until: Annotated[MomentOrNever, "Time at which a snoozed conversation opens again."] = (
        None
    )
    agent_last_seen_at: Annotated[
        MomentOrNever, "Time at which an agent last opened the conversation."
    ] = None
    assignee_last_seen_at: Annotated[
        MomentOrNever, "Time at which the assignee last opened the conversation."
    ] = None
    contact_last_seen_at: Annotated[
        MomentOrNever, "Time at which the contact last saw the conversation."
    ] = None
    unread_count: Annotated[
        Int, "Number of messages that no agent has seen; 10 stands for more.", VOLATILE
    ] = None
    can_reply: Annotated[
        Bool, "Whether the channel allowed a reply when the row was read.", VOLATILE
    ] = None
    muted: Annotated[Bool, "Whether the conversation is muted."] = None
    additional_attributes: Annotated[
        Json, FREE_FORM, "Attributes of the conversation set by Chatwoot: browser, ..."
    ] = NO_JSON
    custom_attributes: Annotated[
        Json, FREE_FORM, "Attributes of the conversation set by the company."
    ] = NO_JSON
    sla_policy_id: Annotated[Int, "Id of the conversation's service level policy."] = None
    applied_sla: Annotated[
        Json, FREE_FORM, "Service level policy that applies, in editions with such policies."
    ] = NO_JSON
    sla_events: Annotated[
        Json, FREE_FORM, "Breaches of the service level policy, in editions with such policies."
    ] = NO_JSON
    meta: Annotated[Meta, "Contact of the conversation and the agents who work on it."] = (
        msgspec.field(default_factory=Meta)
    )
    labels: Annotated[list[str], ELSEWHERE] = []
    messages: Annotated[list[LastMessage], ELSEWHERE] = []
    last_non_activity_message: Annotated[LastMessage | None, ELSEWHERE] = None


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
