"""Contacts, users with their teams and channels, and WhatsApp templates.

https://hilos-40.mintlify.app/docs/developer/apidocs/schema.yml
"""

from typing import Annotated, ClassVar, TypeVar

import msgspec

from talkhouse.sources.rows.page import PageDecoder
from talkhouse.sources.rows.personal_data import (
    ATTACHMENT_URL,
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


class ContactTag(Child, kw_only=True):
    """A tag of a contact."""

    table: ClassVar[str] = "contact_tags"
    parent: ClassVar[tuple[str, ...]] = ("contact_id",)
    key: ClassVar[tuple[str, ...]] = ("contact_id", "id")
    whose: ClassVar[Whose] = (("contact", "contact_id"),)

    contact_id: Annotated[TextId, "Id of the contact."] = ""
    id: Annotated[Id, "Id of the tag: tags of contacts and of conversations may share ids."]
    name: Annotated[Text, "Name of the tag."] = None


class Contact(Record, kw_only=True):
    """A customer of the company."""

    table: ClassVar[str] = "contacts"
    has_tombstones: ClassVar[bool] = True
    whose: ClassVar[Whose] = (
        ("contact", "id"),
        ("phone", "phone"),
        ("phone", "canonical_phone"),
        ("email", "email"),
    )
    happened: ClassVar[str] = "last_updated_on"

    id: Annotated[TextId, "UUID of the contact."]
    phone: Annotated[Text, PHONE, "Phone number of the contact."] = None
    canonical_phone: Annotated[Text, PHONE, "Phone number of the contact in canonical form."] = None
    first_name: Annotated[Text, NAME, "First name of the contact."] = None
    last_name: Annotated[Text, NAME, "Last name of the contact."] = None
    email: Annotated[Text, EMAIL, "E-mail address of the contact."] = None
    meta: Annotated[Json, FREE_FORM, "Attributes of the contact set by the company."] = NO_JSON
    external_url: Annotated[
        Text, IDENTIFIER, "Page of the contact in the company's own systems."
    ] = None
    created_by: Annotated[Int, "Id of the user who created the contact."] = None
    created_on: Annotated[Instant, "Time at which the contact was created."] = None
    last_updated_on: Annotated[Instant, "Time at which the contact last changed."] = None
    source: Annotated[Text, "Source that created the contact."] = None
    tags: Annotated[list[ContactTag], ELSEWHERE] = []


class User(Record, kw_only=True):
    """A member of the account, with its teams and channels as the API gives them."""

    table: ClassVar[str] = "users"
    has_tombstones: ClassVar[bool] = True

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
    user_permissions: Annotated[Json, FREE_FORM, "Permissions of the user."] = NO_JSON
    role: Annotated[Label, "Role of the user: AGENT, MANAGER, ADMIN or FINANCE."] = None
    teams: Annotated[Json, FREE_FORM, "Teams that the user is in."] = NO_JSON
    available_channels: Annotated[Json, FREE_FORM, "Channels that the user may write through."] = (
        NO_JSON
    )


class Team(Record, kw_only=True):
    """A team that some user is in."""

    table: ClassVar[str] = "teams"
    has_tombstones: ClassVar[bool] = True

    id: Annotated[Id, "Id of the team."]
    name: Annotated[Text, "Name of the team."] = None
    assignment_strategy: Annotated[
        Text, "Strategy by which conversations are assigned in the team."
    ] = None


class Channel(Record, kw_only=True):
    """A channel that some user may write through."""

    table: ClassVar[str] = "channels"
    has_tombstones: ClassVar[bool] = True

    id: Annotated[Id, "Id of the channel."]
    channel_type: Annotated[
        Text, "Type of channel: WHATSAPP, EMAIL, INSTAGRAM, FB_MESSENGER, ..."
    ] = None
    name: Annotated[Text, "Name of the channel."] = None
    channel_id: Annotated[Text, "Id of the channel at the channel's provider."] = None
    status: Annotated[Text, "Status of the channel: NEW, ACTIVE or INACTIVE."] = None
    created_on: Annotated[Instant, "Time at which the channel was created."] = None
    channel_provider: Annotated[Text, "Provider of the channel: META_CLOUD_API, 360DIALOG, ..."] = (
        None
    )
    is_sandbox: Annotated[Bool, "Whether the channel is for trials."] = None


class ChannelOfTemplate(Part, kw_only=True):
    """The channel that a template is for."""

    id: Annotated[Int, "Id of the channel."] = None
    channel_type: Annotated[
        Text, "Type of channel: WHATSAPP, EMAIL, INSTAGRAM, FB_MESSENGER, ..."
    ] = None
    name: Annotated[Text, "Name of the channel."] = None
    channel_id: Annotated[Text, "Id of the channel at the channel's provider."] = None
    status: Annotated[Text, "Status of the channel: NEW, ACTIVE or INACTIVE."] = None
    created_on: Annotated[Instant, "Time at which the channel was created."] = None
    channel_provider: Annotated[Text, "Provider of the channel: META_CLOUD_API, 360DIALOG, ..."] = (
        None
    )
    is_sandbox: Annotated[Bool, "Whether the channel is for trials."] = None


class Template(Record, kw_only=True):
    """A WhatsApp message template."""

    table: ClassVar[str] = "templates"
    has_tombstones: ClassVar[bool] = True

    id: Annotated[TextId, "UUID of the template."]
    name: Annotated[Text, "Name of the template."] = None
    language: Annotated[Text, "Language of the template, such as es_MX."] = None
    category: Annotated[
        Text, "Category of the template: MARKETING, UTILITY, AUTHENTICATION, ..."
    ] = None
    status: Annotated[
        Text, "Status of the template: draft, submitted, pending, approved, rejected, ..."
    ] = None
    components: Annotated[Json, "Header, body, footer and buttons of the template."] = NO_JSON
    rejected_reason: Annotated[Text, "Reason why WhatsApp rejected the template."] = None
    is_deleted: Annotated[Bool, "Whether the template was deleted."] = None
    channel: Annotated[ChannelOfTemplate | None, "Channel that the template is for."] = None


def contact_tags_of(contact: Contact) -> list[ContactTag]:
    """The contact's tags."""
    for tag in contact.tags:
        tag.contact_id = contact.id
    return contact.tags or [ContactTag(contact_id=contact.id, id=0, _is_empty=True)]


_teams = PageDecoder(Team)
_channels = PageDecoder(Channel)


def teams_of(user: User) -> list[Team]:
    """The teams that the user is in."""
    return _rows_in(user.teams, _teams)


def channels_of(user: User) -> list[Channel]:
    """The channels that the user may write through."""
    return _rows_in(user.available_channels, _channels)


T = TypeVar("T", bound=Record)


def _rows_in(field: msgspec.Raw, decode: PageDecoder[T]) -> list[T]:
    try:
        return decode(bytes(field)).rows
    except msgspec.DecodeError:
        return []  # absent, or no array: the user's own column keeps what it is
