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

    contact_id: Annotated[TextId, "The contact."] = ""
    id: Annotated[Id, "The tag's id: conversations' and contacts' tags may not share one space."]
    name: Annotated[Text, "Its name."] = None


class Contact(Record, kw_only=True):
    """A customer."""

    table: ClassVar[str] = "contacts"
    has_tombstones: ClassVar[bool] = True
    whose: ClassVar[Whose] = (
        ("contact", "id"),
        ("phone", "phone"),
        ("phone", "canonical_phone"),
        ("email", "email"),
    )
    happened: ClassVar[str] = "last_updated_on"

    id: Annotated[TextId, "Unique in the world."]
    phone: Annotated[Text, PHONE, "Its phone number."] = None
    canonical_phone: Annotated[Text, PHONE, "Its phone number in one form."] = None
    first_name: Annotated[Text, NAME, "First name."] = None
    last_name: Annotated[Text, NAME, "Last name."] = None
    email: Annotated[Text, EMAIL, "E-mail."] = None
    meta: Annotated[Json, FREE_FORM, "Attributes set by the company."] = NO_JSON
    external_url: Annotated[Text, IDENTIFIER, "Its page in the company's own systems."] = None
    created_by: Annotated[Int, "The user who created it."] = None
    created_on: Annotated[Instant, "When it was created."] = None
    last_updated_on: Annotated[Instant, "When it last changed."] = None
    source: Annotated[Text, "What created it."] = None
    tags: Annotated[list[ContactTag], ELSEWHERE] = []


class User(Record, kw_only=True):
    """A member of the account, with its teams and channels as the API gives them."""

    table: ClassVar[str] = "users"
    has_tombstones: ClassVar[bool] = True

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
    user_permissions: Annotated[Json, FREE_FORM, "What the user may do."] = NO_JSON
    role: Annotated[Label, "AGENT, MANAGER, ADMIN or FINANCE."] = None
    teams: Annotated[Json, FREE_FORM, "The teams that the user is in."] = NO_JSON
    available_channels: Annotated[
        Json, FREE_FORM, "The channels that the user may write through."
    ] = NO_JSON


class Team(Record, kw_only=True):
    """A team that some user is in."""

    table: ClassVar[str] = "teams"
    has_tombstones: ClassVar[bool] = True

    id: Annotated[Id, "The team's id."]
    name: Annotated[Text, "Its name."] = None
    assignment_strategy: Annotated[Text, "How its conversations find an assignee."] = None


class Channel(Record, kw_only=True):
    """A channel that some user may write through."""

    table: ClassVar[str] = "channels"
    has_tombstones: ClassVar[bool] = True

    id: Annotated[Id, "The channel's id."]
    channel_type: Annotated[Text, "WHATSAPP, EMAIL, INSTAGRAM, FB_MESSENGER, ..."] = None
    name: Annotated[Text, "Its name."] = None
    channel_id: Annotated[Text, "Its id at the channel's provider."] = None
    status: Annotated[Text, "NEW, ACTIVE or INACTIVE."] = None
    created_on: Annotated[Instant, "When it was created."] = None
    channel_provider: Annotated[Text, "META_CLOUD_API, 360DIALOG, ..."] = None
    is_sandbox: Annotated[Bool, "Whether it is for trials."] = None


class ChannelOfTemplate(Part, kw_only=True):
    """The channel that a template is for."""

    id: Annotated[Int, "The channel's id."] = None
    channel_type: Annotated[Text, "WHATSAPP, EMAIL, INSTAGRAM, FB_MESSENGER, ..."] = None
    name: Annotated[Text, "Its name."] = None
    channel_id: Annotated[Text, "Its id at the channel's provider."] = None
    status: Annotated[Text, "NEW, ACTIVE or INACTIVE."] = None
    created_on: Annotated[Instant, "When it was created."] = None
    channel_provider: Annotated[Text, "META_CLOUD_API, 360DIALOG, ..."] = None
    is_sandbox: Annotated[Bool, "Whether it is for trials."] = None


class Template(Record, kw_only=True):
    """A WhatsApp message template."""

    table: ClassVar[str] = "templates"
    has_tombstones: ClassVar[bool] = True

    id: Annotated[TextId, "Unique in the world."]
    name: Annotated[Text, "Its name."] = None
    language: Annotated[Text, "Such as es_MX."] = None
    category: Annotated[Text, "MARKETING, UTILITY, AUTHENTICATION, ..."] = None
    status: Annotated[Text, "draft, submitted, pending, approved, rejected, ..."] = None
    components: Annotated[Json, "Its header, body, footer and buttons."] = NO_JSON
    rejected_reason: Annotated[Text, "Why WhatsApp rejected it."] = None
    is_deleted: Annotated[Bool, "Whether it was deleted."] = None
    channel: Annotated[ChannelOfTemplate | None, "The channel that it is for."] = None


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
