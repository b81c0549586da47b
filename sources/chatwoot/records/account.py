"""The short lists of a Chatwoot account: agents, inboxes, teams, labels; and CSAT answers.

https://github.com/chatwoot/chatwoot: app/views/api/v1/models and app/views/api/v1/accounts
"""

from typing import Annotated, ClassVar, Generic, TypeVar

import msgspec

from talkhouse.sources.rows.personal_data import ATTACHMENT_URL, BODY, EMAIL, FREE_FORM, NAME
from talkhouse.sources.rows.record import (
    NO_JSON,
    ONLY_ID,
    VOLATILE,
    Bool,
    Id,
    Int,
    Json,
    Label,
    Moment,
    Part,
    Record,
    Secret,
    Text,
    Whose,
)

R = TypeVar("R")


class Agent(Record, kw_only=True):
    """A user of the account. Agents who left are no longer in the list; their rows stay."""

    table: ClassVar[str] = "agents"
    has_tombstones: ClassVar[bool] = True
    keeps_unknown: ClassVar[bool] = False

    id: Annotated[Id, "The user's id."]
    account_id: Annotated[Int, "Chatwoot's id of the account."] = None
    name: Annotated[Text, NAME, "Full name."] = None
    available_name: Annotated[Text, NAME, "Display name."] = None
    email: Annotated[Text, EMAIL, "E-mail."] = None
    role: Annotated[Label, "agent or administrator."] = None
    custom_role_id: Annotated[Int, "Custom role, where the edition has them."] = None
    availability_status: Annotated[Text, "Presence when the row was read.", VOLATILE] = None
    auto_offline: Annotated[Bool, "Whether presence follows the agent's activity.", VOLATILE] = None
    confirmed: Annotated[Bool, "Whether the invitation was accepted."] = None
    provider: Annotated[Text, "How the agent signs in."] = None
    thumbnail: Annotated[Text, ATTACHMENT_URL, "Picture.", VOLATILE] = None
    custom_attributes: Annotated[Json, FREE_FORM, "Attributes set by the company."] = NO_JSON
    access_token: Secret = NO_JSON
    pubsub_token: Secret = NO_JSON
    hmac_identifier: Secret = NO_JSON


class Inbox(Record, kw_only=True):
    """A channel that the account receives conversations through.

    An administrator's answer holds the channel's passwords and tokens, so only what is declared
    here is kept: an unknown field is counted as drift by its name, and its value is dropped.
    """

    table: ClassVar[str] = "inboxes"
    has_tombstones: ClassVar[bool] = True
    keeps_unknown: ClassVar[bool] = False

    id: Annotated[Id, "The inbox's id."]
    name: Annotated[Text, "Its name."] = None
    channel_id: Annotated[Int, "The id of its channel."] = None
    channel_type: Annotated[Text, "Such as Channel::Whatsapp."] = None
    provider: Annotated[Text, "Such as whatsapp_cloud."] = None
    phone_number: Annotated[Text, "Its phone number, E.164."] = None
    email: Annotated[Text, "Its e-mail address."] = None
    website_url: Annotated[Text, "The site of a web widget."] = None
    timezone: Annotated[Text, "Its time zone."] = None
    avatar_url: Annotated[Text, "Its picture.", VOLATILE] = None
    greeting_enabled: Annotated[Bool, "Whether new conversations are greeted."] = None
    greeting_message: Annotated[Text, "The greeting."] = None
    working_hours_enabled: Annotated[Bool, "Whether working hours are kept."] = None
    working_hours: Annotated[Json, "Opening and closing times by day of week."] = NO_JSON
    out_of_office_message: Annotated[Text, "What is answered outside of them."] = None
    enable_auto_assignment: Annotated[Bool, "Whether conversations are assigned by themselves."] = (
        None
    )
    auto_assignment_config: Annotated[Json, "How."] = NO_JSON
    csat_survey_enabled: Annotated[Bool, "Whether customers are asked how it went."] = None
    allow_messages_after_resolved: Annotated[Bool, "Whether a resolved one may be written to."] = (
        None
    )
    lock_to_single_conversation: Annotated[Bool, "Whether a contact has one thread for ever."] = (
        None
    )
    sender_name_type: Annotated[Text, "Whose name e-mails bear."] = None
    business_name: Annotated[Text, "The name that e-mails bear."] = None
    medium: Annotated[Text, "sms or whatsapp, of a Twilio channel."] = None
    messaging_service_sid: Annotated[Text, "Twilio's id of the sender."] = None
    account_sid: Annotated[Text, "Twilio's id of the account."] = None
    welcome_title: Annotated[Text, "Title of a web widget."] = None
    welcome_tagline: Annotated[Text, "Line below it."] = None
    widget_color: Annotated[Text, "Color of a web widget."] = None
    reply_time: Annotated[Text, "The reply time that a web widget promises."] = None
    enable_email_collect: Annotated[Bool, "Whether visitors are asked for their e-mail."] = None
    pre_chat_form_enabled: Annotated[Bool, "Whether visitors fill a form first."] = None
    pre_chat_form_options: Annotated[Json, "The form."] = NO_JSON
    selected_feature_flags: Annotated[Json, "What a web widget lets visitors do."] = NO_JSON
    continuity_via_email: Annotated[Bool, "Whether a visitor's thread goes on by e-mail."] = None
    forward_to_email: Annotated[Text, EMAIL, "Where e-mails are to be forwarded to."] = None
    message_templates: Annotated[Json, "A WhatsApp channel's templates."] = NO_JSON
    reauthorization_required: Annotated[Bool, "Whether the channel must be connected again."] = None
    csat_config: Annotated[Json, "How customers are asked how it went."] = NO_JSON
    imap_enabled: Annotated[Bool, "Whether e-mails are fetched."] = None
    imap_address: Annotated[Text, "The server that they are fetched from."] = None
    imap_port: Annotated[Int, "Its port."] = None
    imap_enable_ssl: Annotated[Bool, "Whether the connection is encrypted."] = None
    smtp_enabled: Annotated[Bool, "Whether e-mails are sent by the inbox's own server."] = None
    smtp_address: Annotated[Text, "That server."] = None
    smtp_port: Annotated[Int, "Its port."] = None
    smtp_domain: Annotated[Text, "The domain it is told."] = None
    smtp_enable_ssl_tls: Annotated[Bool, "Whether the connection is encrypted."] = None
    smtp_enable_starttls_auto: Annotated[Bool, "Whether it is, where the server can."] = None
    smtp_openssl_verify_mode: Annotated[Text, "How its certificate is checked."] = None
    smtp_authentication: Annotated[Text, "How it is signed in to."] = None
    callback_webhook_url: Secret = NO_JSON
    inbox_identifier: Secret = NO_JSON
    website_token: Secret = NO_JSON
    web_widget_script: Secret = NO_JSON
    webhook_url: Secret = NO_JSON
    hmac_token: Secret = NO_JSON
    hmac_mandatory: Annotated[Bool, "Whether visitors must prove who they are."] = None
    additional_attributes: Secret = NO_JSON
    secret: Secret = NO_JSON
    provider_config: Secret = NO_JSON
    auth_token: Secret = NO_JSON
    imap_login: Secret = NO_JSON
    imap_password: Secret = NO_JSON
    smtp_login: Secret = NO_JSON
    smtp_password: Secret = NO_JSON


class Team(Record, kw_only=True):
    """A team of agents."""

    table: ClassVar[str] = "teams"
    has_tombstones: ClassVar[bool] = True

    id: Annotated[Id, "The team's id."]
    name: Annotated[Text, "Its name."] = None
    description: Annotated[Text, "What it does."] = None
    allow_auto_assign: Annotated[Bool, "Whether its conversations are assigned by themselves."] = (
        None
    )
    account_id: Annotated[Int, "Chatwoot's id of the account."] = None
    is_member: Annotated[Bool, "Whether the token's user is in it."] = None


class LabelRow(Record, kw_only=True):
    """A label that conversations can bear. They name it by its title."""

    table: ClassVar[str] = "labels"
    has_tombstones: ClassVar[bool] = True

    id: Annotated[Id, "The label's id."]
    title: Annotated[Text, "Its title, which conversations bear."] = None
    description: Annotated[Text, "What it stands for."] = None
    color: Annotated[Text, "Its color."] = None
    show_on_sidebar: Annotated[Bool, "Whether agents see it in their sidebar."] = None


class Party(Part, kw_only=True):
    """The contact or agent of a CSAT answer; only the id is kept, the rest is in its own table."""

    id: Annotated[Int, "Its id."] = None
    name: Text = None
    email: Text = None
    phone_number: Text = None
    identifier: Text = None
    thumbnail: Text = None
    blocked: Bool = None
    type: Text = None
    account_id: Int = None
    available_name: Text = None
    availability_status: Text = None
    auto_offline: Bool = None
    confirmed: Bool = None
    provider: Text = None
    role: Text = None
    custom_role_id: Int = None
    additional_attributes: Json = NO_JSON
    custom_attributes: Json = NO_JSON
    last_activity_at: Moment = None
    created_at: Moment = None


class CsatResponse(Record, kw_only=True):
    """A customer's answer to "how did we do?"."""

    table: ClassVar[str] = "csat_responses"
    has_tombstones: ClassVar[bool] = True
    whose: ClassVar[Whose] = (
        ("conversation", "conversation_id"),
        ("contact", "contact.id"),
        ("phone", "contact.phone_number"),
        ("email", "contact.email"),
    )
    happened: ClassVar[str] = "created_at"

    id: Annotated[Id, "The answer's id."]
    rating: Annotated[Int, "1 (worst) to 5 (best)."] = None
    feedback_message: Annotated[Text, BODY, "What the customer added."] = None
    account_id: Annotated[Int, "Chatwoot's id of the account."] = None
    message_id: Annotated[Int, "The message that asked."] = None
    conversation_id: Annotated[Int, "The conversation (its display_id)."] = None
    contact: Annotated[Party | None, ONLY_ID] = None
    assigned_agent: Annotated[Party | None, ONLY_ID] = None
    created_at: Annotated[Moment, "When it was given."] = None
    csat_review_notes: Annotated[Text, BODY, "What a reviewer noted."] = None
    review_notes_updated_by: Annotated[Json, FREE_FORM, "Who noted it."] = NO_JSON
    review_notes_updated_at: Annotated[Moment, "When it was noted."] = None


class Payload(msgspec.Struct, Generic[R]):
    """`{"payload": [...]}`: an unpaged list."""

    payload: list[R]

    @property
    def rows(self) -> list[R]:
        return self.payload

    @property
    def count(self) -> int | None:
        return None

    @property
    def last(self) -> bool:
        return True
