"""The short lists of a Chatwoot account: agents, inboxes, teams, labels; and CSAT answers.

https://github.com/chatwoot/chatwoot: app/views/api/v1/models and app/views/api/v1/accounts
"""

from typing import Annotated, ClassVar

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


class Agent(Record, kw_only=True):
    """A user of the account. Agents who left are no longer in the list; their rows stay."""

    table: ClassVar[str] = "agents"
    has_tombstones: ClassVar[bool] = True
    keeps_unknown: ClassVar[bool] = False

    id: Annotated[Id, "Id of the agent."]
    account_id: Annotated[Int, "Id of the account in Chatwoot."] = None
    name: Annotated[Text, NAME, "Full name of the agent."] = None
    available_name: Annotated[Text, NAME, "Display name of the agent."] = None
    email: Annotated[Text, EMAIL, "E-mail address of the agent."] = None
    role: Annotated[Label, "Role of the agent: agent or administrator."] = None
    custom_role_id: Annotated[
        Int, "Id of the agent's custom role, in editions with custom roles."
    ] = None
    availability_status: Annotated[
        Text, "Presence of the agent when the row was read.", VOLATILE
    ] = None
    auto_offline: Annotated[Bool, "Whether presence follows the agent's activity.", VOLATILE] = None
    confirmed: Annotated[Bool, "Whether the agent accepted the invitation."] = None
    provider: Annotated[Text, "Sign-in provider of the agent."] = None
    thumbnail: Annotated[Text, ATTACHMENT_URL, "Address of the agent's picture.", VOLATILE] = None
    custom_attributes: Annotated[Json, FREE_FORM, "Attributes of the agent set by the company."] = (
        NO_JSON
    )
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

    id: Annotated[Id, "Id of the inbox."]
    name: Annotated[Text, "Name of the inbox."] = None
    channel_id: Annotated[Int, "Id of the inbox's channel."] = None
    channel_type: Annotated[Text, "Type of channel, such as Channel::Whatsapp."] = None
    provider: Annotated[Text, "Provider of the channel, such as whatsapp_cloud."] = None
    phone_number: Annotated[Text, "Phone number of the inbox, in E.164."] = None
    email: Annotated[Text, "E-mail address of the inbox."] = None
    website_url: Annotated[Text, "Address of the site that a web widget is on."] = None
    timezone: Annotated[Text, "Time zone of the inbox."] = None
    avatar_url: Annotated[Text, "Address of the inbox's picture.", VOLATILE] = None
    greeting_enabled: Annotated[Bool, "Whether new conversations are greeted."] = None
    greeting_message: Annotated[Text, "Text that new conversations are greeted with."] = None
    working_hours_enabled: Annotated[Bool, "Whether the inbox has working hours."] = None
    working_hours: Annotated[Json, "Opening and closing times by day of the week."] = NO_JSON
    out_of_office_message: Annotated[Text, "Text sent outside working hours."] = None
    enable_auto_assignment: Annotated[Bool, "Whether conversations are assigned automatically."] = (
        None
    )
    auto_assignment_config: Annotated[Json, "Settings of the automatic assignment."] = NO_JSON
    csat_survey_enabled: Annotated[Bool, "Whether customers are sent a satisfaction survey."] = None
    allow_messages_after_resolved: Annotated[
        Bool, "Whether a resolved conversation accepts messages."
    ] = None
    lock_to_single_conversation: Annotated[Bool, "Whether a contact has one conversation only."] = (
        None
    )
    sender_name_type: Annotated[Text, "Kind of name that e-mails are sent under."] = None
    business_name: Annotated[Text, "Name of the business that e-mails are sent under."] = None
    medium: Annotated[Text, "Medium of a Twilio channel: sms or whatsapp."] = None
    messaging_service_sid: Annotated[Text, "Id of the sender at Twilio."] = None
    account_sid: Annotated[Text, "Id of the account at Twilio."] = None
    welcome_title: Annotated[Text, "Title of the web widget."] = None
    welcome_tagline: Annotated[Text, "Line below the title of the web widget."] = None
    widget_color: Annotated[Text, "Color of the web widget."] = None
    reply_time: Annotated[Text, "Reply time that the web widget promises."] = None
    enable_email_collect: Annotated[
        Bool, "Whether visitors are asked for their e-mail address."
    ] = None
    pre_chat_form_enabled: Annotated[Bool, "Whether visitors fill in a form first."] = None
    pre_chat_form_options: Annotated[Json, "Fields of the form that visitors fill in first."] = (
        NO_JSON
    )
    selected_feature_flags: Annotated[Json, "Features that the web widget offers visitors."] = (
        NO_JSON
    )
    continuity_via_email: Annotated[
        Bool, "Whether a visitor's conversation continues by e-mail."
    ] = None
    forward_to_email: Annotated[Text, EMAIL, "Address that e-mails are to be forwarded to."] = None
    message_templates: Annotated[Json, "Message templates of a WhatsApp channel."] = NO_JSON
    reauthorization_required: Annotated[Bool, "Whether the channel must be connected again."] = None
    csat_config: Annotated[Json, "Settings of the satisfaction survey."] = NO_JSON
    imap_enabled: Annotated[Bool, "Whether e-mails are fetched by IMAP."] = None
    imap_address: Annotated[Text, "Server that e-mails are fetched from."] = None
    imap_port: Annotated[Int, "Port of the IMAP server."] = None
    imap_enable_ssl: Annotated[Bool, "Whether the connection to the IMAP server is encrypted."] = (
        None
    )
    smtp_enabled: Annotated[Bool, "Whether e-mails are sent by the inbox's own SMTP server."] = None
    smtp_address: Annotated[Text, "Server that e-mails are sent by."] = None
    smtp_port: Annotated[Int, "Port of the SMTP server."] = None
    smtp_domain: Annotated[Text, "Domain that the SMTP server is greeted with."] = None
    smtp_enable_ssl_tls: Annotated[
        Bool, "Whether the connection to the SMTP server is encrypted."
    ] = None
    smtp_enable_starttls_auto: Annotated[
        Bool, "Whether the SMTP connection is encrypted if the server supports it."
    ] = None
    smtp_openssl_verify_mode: Annotated[
        Text, "Verification mode for the SMTP server's certificate."
    ] = None
    smtp_authentication: Annotated[Text, "Authentication method of the SMTP server."] = None
    callback_webhook_url: Secret = NO_JSON
    inbox_identifier: Secret = NO_JSON
    website_token: Secret = NO_JSON
    web_widget_script: Secret = NO_JSON
    webhook_url: Secret = NO_JSON
    hmac_token: Secret = NO_JSON
    hmac_mandatory: Annotated[Bool, "Whether visitors must prove their identity."] = None
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

    id: Annotated[Id, "Id of the team."]
    name: Annotated[Text, "Name of the team."] = None
    description: Annotated[Text, "Description of the team."] = None
    allow_auto_assign: Annotated[
        Bool, "Whether the team's conversations are assigned automatically."
    ] = None
    account_id: Annotated[Int, "Id of the account in Chatwoot."] = None
    is_member: Annotated[Bool, "Whether the token's user is in the team."] = None


class LabelRow(Record, kw_only=True):
    """A label that conversations can bear. They name it by its title."""

    table: ClassVar[str] = "labels"
    has_tombstones: ClassVar[bool] = True

    id: Annotated[Id, "Id of the label."]
    title: Annotated[Text, "Title of the label, which conversations bear."] = None
    description: Annotated[Text, "Meaning of the label."] = None
    color: Annotated[Text, "Color of the label."] = None
    show_on_sidebar: Annotated[Bool, "Whether agents see the label in their sidebar."] = None


class Party(Part, kw_only=True):
    """The contact or agent of a CSAT answer; only the id is kept, the rest is in its own table."""

    id: Annotated[Int, "Id of the contact or agent."] = None
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

    id: Annotated[Id, "Id of the answer."]
    rating: Annotated[Int, "Rating from 1 (worst) to 5 (best)."] = None
    feedback_message: Annotated[Text, BODY, "Comment that the customer added."] = None
    account_id: Annotated[Int, "Id of the account in Chatwoot."] = None
    message_id: Annotated[Int, "Id of the message that asked for the rating."] = None
    conversation_id: Annotated[Int, "Display id of the conversation."] = None
    contact: Annotated[Party | None, ONLY_ID] = None
    assigned_agent: Annotated[Party | None, ONLY_ID] = None
    created_at: Annotated[Moment, "Time at which the answer was given."] = None
    csat_review_notes: Annotated[Text, BODY, "Notes of a reviewer on the answer."] = None
    review_notes_updated_by: Annotated[Json, FREE_FORM, "User who wrote the review notes."] = (
        NO_JSON
    )
    review_notes_updated_at: Annotated[Moment, "Time at which the review notes were written."] = (
        None
    )
