"""Octopush's JSON and its tables.

No schema is published, only samples: https://octopush-api.readme.io/reference
"""

from typing import Annotated, ClassVar

import msgspec

from talkhouse.sources.rows.personal_data import (
    ATTACHMENT_URL,
    BODY,
    EMAIL,
    IDENTIFIER,
    NAME,
    PHONE,
)
from talkhouse.sources.rows.record import (
    Bool,
    Instant,
    Int,
    Label,
    Part,
    Record,
    Text,
    TextId,
    Whose,
)
from talkhouse.sources.rows.table import ThreadRead


class Recipient(Part, kw_only=True):
    """The customer whom a conversation is with."""

    phone_number: Annotated[Text, PHONE, "The customer's phone number."] = None
    name: Annotated[Text, NAME, "The customer's name."] = None


class Conversation(Record, kw_only=True):
    """A conversation with one customer through one sender. It has no status."""

    table: ClassVar[str] = "conversations"
    has_tombstones: ClassVar[bool] = True
    key: ClassVar[tuple[str, ...]] = ("conversation_id",)
    whose: ClassVar[Whose] = (
        ("conversation", "conversation_id"),
        # customers have no id but their number
        ("contact", "recipient_details.phone_number"),
        ("phone", "recipient_details.phone_number"),
    )
    happened: ClassVar[str] = "last_message_at"

    conversation_id: Annotated[TextId, "Unique in the account."]
    last_user_channel: Annotated[Text, "The channel last used: sms, rcs, ..."] = None
    recipient_details: Annotated[Recipient | None, "The customer."] = None
    agent_assigned_to: Annotated[
        Text, EMAIL, "The agent, by e-mail as far as is known; null if none."
    ] = None
    from_: Annotated[Text, "The company's sender: a number, a short code or an RCS agent."] = (
        msgspec.field(name="from", default=None)
    )
    first_message_at: Annotated[Instant, "When its first message was written."] = None
    last_message_at: Annotated[Instant, "When its newest message was written."] = None
    last_message: Annotated[Text, BODY, "The newest message's text, perhaps cut."] = None
    purpose: Annotated[Text, "alert or wholesale."] = None
    color: Annotated[Int, "Its colour in the web application, by number."] = None
    number_of_messages: Annotated[Int, "How many messages it has."] = None


class UserIdentifiers(Part, kw_only=True):
    """What identifies the customer of a message."""

    phone_number: Annotated[Text, PHONE, "The customer's phone number."] = None
    email: Annotated[Text, EMAIL, "The customer's e-mail."] = None
    facebook_page_id: Annotated[
        Label, IDENTIFIER, "The Facebook page that the customer wrote to."
    ] = None


class Message(Record, kw_only=True):
    """A message of a conversation. The published sample shows no time of it."""

    table: ClassVar[str] = "messages"
    has_tombstones: ClassVar[bool] = True
    key: ClassVar[tuple[str, ...]] = ("message_id",)
    whose: ClassVar[Whose] = (
        ("conversation", "conversation_id"),
        ("phone", "user_identifier"),
        ("phone", "user_identifiers.phone_number"),
        ("email", "user_identifiers.email"),
    )

    message_id: Annotated[TextId, "Unique in the account."]
    conversation_id: Annotated[Text, "The conversation whose messages were asked for."] = None
    text: Annotated[Text, BODY, "Its text."] = None
    direction: Annotated[Text, "inbound or outbound."] = None
    delivery_status: Annotated[Text, "DELIVERED, NOT_DELIVERED, ...; null when inbound."] = None
    channel: Annotated[Text, "sms, rcs, ..."] = None
    user_identifier: Annotated[Text, PHONE, "What identifies the customer in the channel."] = None
    user_identifiers: Annotated[UserIdentifiers | None, "The same, by kind."] = None
    agent_assigned_to: Annotated[Text, EMAIL, "The agent, by e-mail as far as is known."] = None
    contact_name: Annotated[Text, NAME, "The customer's name."] = None


class MessageRead(ThreadRead, kw_only=True):
    """How far a conversation's thread was read: what is left to read is derived from it."""

    conversation_id: Annotated[TextId, "The conversation whose thread was read."]
    last_message_at: Annotated[Instant, "The conversation's newest message when it was read."] = (
        None
    )
    number_of_messages: Annotated[Int, "How many messages it had when it was read."] = None


class Agent(Record, kw_only=True):
    """A user of the account. Agents have no id."""

    table: ClassVar[str] = "agents"
    has_tombstones: ClassVar[bool] = True
    key: ClassVar[tuple[str, ...]] = ("email",)

    email: Annotated[TextId, EMAIL, "E-mail, which identifies the agent."]
    first_name: Annotated[Text, NAME, "First name."] = None
    last_name: Annotated[Text, NAME, "Last name."] = None
    role: Annotated[Label, "ROLE_AGENT or ROLE_OWNER."] = None
    status: Annotated[Text, "invited or active."] = None
    is_current_user: Annotated[Bool, "Whether the key is this agent's."] = None
    created_at: Annotated[Instant, "When the agent was created."] = None
    last_authentication_date: Annotated[Instant, "When the agent last signed in."] = None
    can_consume_credit: Annotated[Bool, "Whether the agent may send."] = None
    system_avatar: Annotated[Label, ATTACHMENT_URL, "Picture, among Octopush's own."] = None
    is_allowed_to_manage_foreign_conversations: Annotated[
        Bool, "Whether the agent may see conversations of others."
    ] = None
    can_order: Annotated[Bool, "Whether the agent may buy credit."] = None
    is_only_chat_visible: Annotated[Bool, "Whether the agent sees nothing but chats."] = None
