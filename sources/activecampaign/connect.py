"""A connection to an ActiveCampaign account: its settings, its refusals, and whether it works."""

from typing import Annotated, ClassVar, Literal, get_args

import msgspec

from talkhouse.sources.connection import PagedSettings, client_of
from talkhouse.sources.hilos.lists import conversations_seen, one_row
from talkhouse.sources.http.client import Answer, Client
from talkhouse.sources.http.errors import AuthError, SourceError
from talkhouse.sources.provider import Check

CONVERSATIONS = "/channel/whatsapp/inbox/conversation"

Auth = Literal["api_token", "authorization_token", "token_header"]

# the documents disagree about the header: README.md
_HEADERS: dict[Auth, tuple[str, str]] = {
    "api_token": ("Api-Token", ""),
    "authorization_token": ("Authorization", "Token "),
    "token_header": ("Token", "Token "),
}


class ActiveCampaignSettings(PagedSettings, kw_only=True, frozen=True):
    """An ActiveCampaign account with WhatsApp, read with an administrator's key."""

    secrets: ClassVar[tuple[str, ...]] = ("api_key",)

    base_url: Annotated[str, "the API URL of Settings > Developer, with /api/3 at its end"]
    api_key: Annotated[str, "an administrator's key, from Settings > Developer"]
    auth: Annotated[Auth, "the header that takes the key; `talkhouse check` finds it out"] = (
        "api_token"
    )
    # no field tells that a conversation changed: those of the last week are read every time
    lookback: Annotated[str, "how far before the last run is read again: 90s, 5m, 1h, 7d"] = "7d"
    # the account's limit is 5, and its other integrations share it
    requests_per_second: Annotated[float, "the most that the host is asked"] = 4.0
    in_flight: Annotated[int, "requests under way at a time"] = 2


def connect(settings: ActiveCampaignSettings) -> Client:
    """A client for the account."""
    header, word = _HEADERS[settings.auth]
    return client_of(settings, {header: word + settings.api_key}, refusal, one_row(CONVERSATIONS))


def refusal(answer: Answer, what: str) -> SourceError | None:
    """The error behind a refusal; None where the status says it all.

    A missing or wrong key is answered 403:
    https://developers.activecampaign.com/reference/retrieve-account-information
    """
    if answer.status in (401, 403):
        return AuthError(what, "check base_url and api_key; `talkhouse check` tries every `auth`")
    return None


def check(client: Client, settings: ActiveCampaignSettings) -> list[Check]:
    """Which header takes the key, and how many conversations its user sees.

    Raises a SourceError if the host cannot be reached, or refuses the key in every header.
    """
    others = [auth for auth in get_args(Auth) if auth != settings.auth]
    try:
        seen = conversations_seen(client, CONVERSATIONS)
    except AuthError as refused:
        for auth in others:
            if seen := _seen_with(settings, auth):
                found = f"the key is taken as {auth}, not as {settings.auth}"
                return [
                    Check("auth", False, found, f'set auth = "{auth}" for this connection'),
                    Check("conversations", True, seen),
                ]
        raise refused
    return [
        Check("auth", True, f"the key is taken as {settings.auth}"),
        Check("conversations", True, seen),
    ]


def _seen_with(settings: ActiveCampaignSettings, auth: Auth) -> str:
    client = connect(msgspec.structs.replace(settings, auth=auth))
    try:
        return conversations_seen(client, CONVERSATIONS)
    except AuthError:
        return ""
    finally:
        client.close()
