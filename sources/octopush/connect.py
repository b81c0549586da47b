"""A connection to an Octopush account: its settings, its refusals, and whether it works."""

from typing import Annotated, ClassVar

import msgspec

from talkhouse.sources.connection import PagedSettings, client_of
from talkhouse.sources.http.client import Answer, Client, Request
from talkhouse.sources.http.errors import AuthError, NotFound, PermissionDenied, SourceError
from talkhouse.sources.octopush.records import Agent
from talkhouse.sources.provider import Check
from talkhouse.sources.rows.page import PageDecoder

AGENTS = Request("/agents/list")
# the documentation does not print the list's address: other lists end so, and this may not
LIKELY_PATHS = ("/conversations/list", "/conversations")


class OctopushSettings(PagedSettings, kw_only=True, frozen=True):
    """An Octopush account or sub-account, read with its owner's key."""

    secrets: ClassVar[tuple[str, ...]] = ("api_login", "api_key")

    base_url: Annotated[str, "where Octopush is served"] = "https://api.octopush.com/v1/public"
    api_login: Annotated[str, "the account's login, an e-mail address"]
    api_key: Annotated[str, "the account's key, from its API credentials page"]
    conversations_path: Annotated[str, "where conversations are listed"] = LIKELY_PATHS[0]
    page_size: Annotated[int, "conversations per page"] = 100
    # the order of the list is not documented, nor whether a late message takes its own time
    lookback: Annotated[str, "how far before the last run is read again: 90s, 5m, 1h, 7d"] = "48h"
    # no limit is documented
    requests_per_second: Annotated[float, "the most that the host is asked"] = 2.0
    in_flight: Annotated[int, "requests under way at a time"] = 1


def connect(settings: OctopushSettings) -> Client:
    """A client for the account."""
    return client_of(
        settings,
        {"api-login": settings.api_login, "api-key": settings.api_key},
        refusal,
        _one_row(settings.conversations_path),
    )


def refusal(answer: Answer, what: str) -> SourceError | None:
    """The error behind a refusal; None where the status says it all."""
    if answer.status == 401:
        return AuthError(
            what, "set api_login and api_key; those of the older www.octopush-dm.com differ"
        )
    if answer.status in (404, 405):
        return NotFound(what, "`talkhouse check` tries every conversations_path that is likely")
    return None


def check(client: Client, settings: OctopushSettings) -> list[Check]:
    """Where conversations are listed, and whether the key is the owner's.

    Raises a SourceError if Octopush cannot be reached, refuses the key, or lists nowhere known.
    """
    return [_check_path(client, settings.conversations_path), _check_owner(client)]


def _check_path(client: Client, path: str) -> Check:
    try:
        client.read(_one_row(path), _rows)
    except NotFound as missing:
        for other in LIKELY_PATHS:
            if other != path and _is_there(client, other):
                found = f"conversations are listed at {other}, not at {path}"
                return Check("path", False, found, f'set conversations_path = "{other}"')
        raise missing
    return Check("path", True, f"conversations are listed at {path}")


def _check_owner(client: Client) -> Check:
    try:
        agents = client.read(AGENTS, PageDecoder(Agent)).rows
    except PermissionDenied:
        agents = []
    role = next((agent.role for agent in agents if agent.is_current_user), None)
    return Check(
        "role",
        role == "ROLE_OWNER",
        f"the key's user is {role or 'not in the list of agents'}",
        "use the owner's login: an agent may see a part of the conversations, without any error",
    )


def _is_there(client: Client, path: str) -> bool:
    try:
        client.read(_one_row(path), _rows)
    except NotFound:
        return False
    return True


def _one_row(path: str) -> Request:
    return Request(path, {"page": 1, "per_page": 1})


_rows = msgspec.json.Decoder(list[msgspec.Raw]).decode
