"""What ActiveCampaign's WhatsApp API has beyond Hilos' own.

https://developers.activecampaign.com/reference/list-whatsapp-templates.md
"""

from typing import Annotated, ClassVar

from talkhouse.sources.hilos.records.account import Template as HilosTemplate
from talkhouse.sources.hilos.records.conversations import Conversation
from talkhouse.sources.rows.personal_data import ATTACHMENT_URL, EMAIL, NAME
from talkhouse.sources.rows.record import VOLATILE, Bool, Id, Record, Text


class Template(HilosTemplate, kw_only=True):
    """A WhatsApp message template."""

    show_in_sandbox: Annotated[
        Bool, "Whether the template can be tried without a number of one's own."
    ] = None


class User(Record, kw_only=True):
    """A user, as seen in conversations: there is no list of users.

    Only the fields that every place has, so that a row does not depend on where it was seen.
    """

    table: ClassVar[str] = "users"

    id: Annotated[Id, "Id of the user."]
    first_name: Annotated[Text, NAME, "First name of the user."] = None
    last_name: Annotated[Text, NAME, "Last name of the user."] = None
    email: Annotated[Text, EMAIL, "E-mail address of the user."] = None
    profile_image: Annotated[
        Text, ATTACHMENT_URL, "Address of the user's picture; it may expire.", VOLATILE
    ] = None


def users_of(conversation: Conversation) -> list[User]:
    """The users whom a conversation is assigned to, and the sender of its first message."""
    first = conversation.first_message
    seen = [*conversation.assigned, first.sent_by if first else None]
    return [
        User(
            id=user.id,
            first_name=user.first_name,
            last_name=user.last_name,
            email=user.email,
            profile_image=user.profile_image,
        )
        for user in seen
        if user is not None and user.id is not None
    ]
