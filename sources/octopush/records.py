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

    phone_number: Annotated[Text, PHONE, "Phone number of the customer."] = None
    name: Annotated[Text, NAME, "Name of the customer."] = None


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

    conversation_id: Annotated[TextId, "Id of the conversation, unique in the account."]
    last_user_channel: Annotated[Text, "Channel last used in the conversation: sms, rcs, ..."] = (
        None
    )
    recipient_details: Annotated[Recipient | None, "Customer whom the conversation is with."] = None
    agent_assigned_to: Annotated[
        Text,
        EMAIL,
        "Agent of the conversation, by e-mail address as far as is known; null if none.",
    ] = None
    from_: Annotated[Text, "Sender of the company: a number, a short code or an RCS agent."] = (
        msgspec.field(name="from", default=None)
    )
    first_message_at: Annotated[Instant, "Time of the first message of the conversation."] = None
    last_message_at: Annotated[Instant, "Time of the newest message of the conversation."] = None
    last_message: Annotated[Text, BODY, "Text of the newest message, which may be cut."] = None
    purpose: Annotated[Text, "Purpose of the conversation: alert or wholesale."] = None
    color: Annotated[Int, "Number of the conversation's colour in the web application."] = None
    number_of_messages: Annotated[Int, "Number of messages in the conversation."] = None


class UserIdentifiers(Part, kw_only=True):
    """What identifies the customer of a message."""

    phone_number: Annotated[Text, PHONE, "Phone number of the customer."] = None
    email: Annotated[Text, EMAIL, "E-mail address of the customer."] = None
    facebook_page_id: Annotated[Label, IDENTIFIER, "Facebook page that the customer wrote to."] = (
        None
    )


class Message(Record, kw_only=True):
    """A message of a conversation. The published sample has no time."""

    table: ClassVar[str] = "messages"
    has_tombstones: ClassVar[bool] = True
    key: ClassVar[tuple[str, ...]] = ("message_id",)
    whose: ClassVar[Whose] = (
        ("conversation", "conversation_id"),
        ("phone", "user_identifier"),
        ("phone", "user_identifiers.phone_number"),
        ("email", "user_identifiers.email"),
    )

    message_id: Annotated[TextId, "Id of the message, unique in the account."]
    conversation_id: Annotated[Text, "Id of the conversation that the message belongs to."] = None
    text: Annotated[Text, BODY, "Text of the message."] = None
    direction: Annotated[Text, "Direction of the message: inbound or outbound."] = None
    delivery_status: Annotated[
        Text, "Delivery status: DELIVERED, NOT_DELIVERED, ...; null if inbound."
    ] = None
    channel: Annotated[Text, "Channel of the message: sms, rcs, ..."] = None
    user_identifier: Annotated[Text, PHONE, "Identifier of the customer in the channel."] = None
    user_identifiers: Annotated[UserIdentifiers | None, "Identifiers of the customer, by kind."] = (
        None
    )
    agent_assigned_to: Annotated[
        Text, EMAIL, "Agent of the conversation, by e-mail address as far as is known."
    ] = None
    contact_name: Annotated[Text, NAME, "Name of the customer."] = None


class MessageRead(ThreadRead, kw_only=True):
    """The last read of a conversation's thread; what is left to read is derived from it."""

    conversation_id: Annotated[TextId, "Id of the conversation whose thread was read."]
    last_message_at: Annotated[
        Instant, "Time of the conversation's newest message when the thread was read."
    ] = None
    number_of_messages: Annotated[
        Int, "Number of messages in the conversation when the thread was read."
    ] = None


class Agent(Record, kw_only=True):
    """A user of the account. Agents have no id."""

    table: ClassVar[str] = "agents"
    has_tombstones: ClassVar[bool] = True
    key: ClassVar[tuple[str, ...]] = ("email",)

    email: Annotated[TextId, EMAIL, "E-mail address of the agent, which identifies the agent."]
    first_name: Annotated[Text, NAME, "First name of the agent."] = None
    last_name: Annotated[Text, NAME, "Last name of the agent."] = None
    role: Annotated[Label, "Role of the agent: ROLE_AGENT or ROLE_OWNER."] = None
    status: Annotated[Text, "Status of the agent: invited or active."] = None
    is_current_user: Annotated[Bool, "Whether the API key is this agent's."] = None
    created_at: Annotated[Instant, "Time at which the agent was created."] = None
    last_authentication_date: Annotated[Instant, "Time at which the agent last signed in."] = None
    can_consume_credit: Annotated[Bool, "Whether the agent may send messages."] = None
    system_avatar: Annotated[
        Label, ATTACHMENT_URL, "Picture of the agent, among Octopush's own."
    ] = None
    is_allowed_to_manage_foreign_conversations: Annotated[
        Bool, "Whether the agent may see conversations of others."
    ] = None
    can_order: Annotated[Bool, "Whether the agent may buy credit."] = None
    is_only_chat_visible: Annotated[Bool, "Whether the agent sees nothing but chats."] = None
