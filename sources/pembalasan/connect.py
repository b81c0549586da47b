"""A connection to contacts of one pembalasan inbox: its settings, and whether it works."""

from typing import Annotated, ClassVar
from urllib.parse import quote

from talkhouse.sources.chatwoot.connect import refusal as chatwoot_refusal
from talkhouse.sources.connection import client_of
from talkhouse.sources.http.client import Answer, Client, Request
from talkhouse.sources.http.errors import NotFound, SourceError
from talkhouse.sources.provider import Check
from talkhouse.sources.settings import Settings

CHECKED_AT_MOST = 100


class PembalasanSettings(Settings, kw_only=True, frozen=True):
    """Contacts of an API inbox. Whoever knows the inbox and a contact may read it: no key."""

    secrets: ClassVar[tuple[str, ...]] = ("contact_identifiers",)

    inbox_identifier: Annotated[str, "the identifier of an API inbox, from its settings page"]
    contact_identifiers: Annotated[list[str], "the source_id of each contact to read"]
    requests_per_second: Annotated[float, "the most that the host is asked"] = 8.0
    in_flight: Annotated[int, "requests under way at a time"] = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.contact_identifiers or "" in self.contact_identifiers:
            raise ValueError(
                "contact_identifiers needs identifiers, since the public API lists no contacts; "
                "the provider chatwoot reads a whole account, with an administrator's token"
            )
        if not self.inbox_identifier:
            raise ValueError("inbox_identifier is empty")


def connect(settings: PembalasanSettings) -> Client:
    """A client for the installation. Nothing public tells its time, nor is it needed."""
    return client_of(settings, {}, refusal)


def refusal(answer: Answer, what: str) -> SourceError | None:
    """The error behind a refusal; None where the status says it all."""
    return chatwoot_refusal(answer, what) if answer.status == 429 else None


def conversations_of(settings: PembalasanSettings, identifier: str) -> Request:
    """The request for a contact's conversations. Both identifiers are credentials: never shown."""
    inbox, contact = quote(settings.inbox_identifier, safe=""), quote(identifier, safe="")
    return Request(
        f"/public/api/v1/inboxes/{inbox}/contacts/{contact}/conversations",
        shown="/public/api/v1/inboxes/.../contacts/.../conversations",
    )


def check(client: Client, settings: PembalasanSettings) -> list[Check]:
    """How many of the contacts are known there. Raises a SourceError if it cannot be reached."""
    identifiers = settings.contact_identifiers[:CHECKED_AT_MOST]
    unknown = sum(not _is_known(client, settings, identifier) for identifier in identifiers)
    return [
        Check(
            "contacts",
            unknown == 0,
            f"{unknown} of {len(identifiers)} contact_identifiers tried are not known there",
            "check base_url and inbox_identifier"
            if unknown == len(identifiers)
            else "take out the identifiers of contacts that were deleted or merged",
        )
    ]


def _is_known(client: Client, settings: PembalasanSettings, identifier: str) -> bool:
    try:
        client.read(conversations_of(settings, identifier), bytes)
    except NotFound:
        return False
    return True
