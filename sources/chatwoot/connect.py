"""A connection to a Chatwoot account: its settings, its refusals, and whether it works."""

from typing import Annotated, ClassVar

import msgspec

from talkhouse.sources.connection import client_of
from talkhouse.sources.http.client import Answer, Client, Request, retry_after_seconds
from talkhouse.sources.http.errors import AuthError, PermissionDenied, RateLimited, SourceError
from talkhouse.sources.provider import Check
from talkhouse.sources.settings import Settings


class ChatwootSettings(Settings, kw_only=True, frozen=True):
    """A Chatwoot account, read with an administrator's token: others see only their inboxes."""

    secrets: ClassVar[tuple[str, ...]] = ("api_access_token",)

    base_url: Annotated[str, "where Chatwoot is served"] = "https://app.chatwoot.com"
    account_id: Annotated[int, "the number in the address of its dashboard: /app/accounts/<id>"]
    api_access_token: Annotated[str, "an administrator's token, from the profile page"]
    # every list page costs the server over 100 queries
    requests_per_second: Annotated[float, "the most that the host is asked"] = 8.0
    in_flight: Annotated[int, "requests under way at a time"] = 4


def account_root(settings: ChatwootSettings) -> str:
    """The path of the account's API."""
    return f"/api/v1/accounts/{settings.account_id}"


def connect(settings: ChatwootSettings) -> Client:
    """A client for the account's installation."""
    # nginx drops headers with underscores; Rack takes both spellings for the same
    return client_of(
        settings, {"Api-Access-Token": settings.api_access_token}, refusal, Request("/api")
    )


def refusal(answer: Answer, what: str) -> SourceError | None:
    """The error behind a refusal; None where the status says it all.

    app/controllers/concerns/request_exception_handler.rb and access_token_auth_helper.rb, and
    config/initializers/rack_attack.rb for 429.
    """
    if answer.status == 401:
        return _unauthorized(answer, what)
    if answer.status == 402:
        return PermissionDenied(f"{what}: the account's plan does not have it")
    if answer.status == 429:
        # plain text without Retry-After: the window is the server's minute
        wait = retry_after_seconds(answer)
        if wait is None:
            wait = 60 - answer.served_at.second
        return RateLimited(what, retry_after_seconds=wait)
    return None


def _unauthorized(answer: Answer, what: str) -> SourceError:
    try:
        said = msgspec.json.decode(answer.body)
    except msgspec.DecodeError:
        said = None
    if not isinstance(said, dict):
        return AuthError(what)
    if "errors" in said:
        return AuthError(
            f"{what}: no token reached it",
            "a proxy may drop the Api-Access-Token header; or set api_access_token",
        )
    # a role that lacks a right is also answered 401; the texts are not localised
    if said.get("error") == "You are not authorized to do this action":
        return PermissionDenied(what)
    return AuthError(what, "check account_id and api_access_token in the connection's settings")


def check(client: Client, settings: ChatwootSettings) -> list[Check]:
    """The installation's version, and whether the token is an administrator's of the account.

    Raises a SourceError if the installation cannot be reached or refuses the token.
    """
    version = client.read(Request("/api"), msgspec.json.decode).get("version", "unknown")
    profile = client.read(Request("/api/v1/profile"), msgspec.json.decode)
    roles = {account["id"]: account["role"] for account in profile.get("accounts", [])}
    role = roles.get(settings.account_id)
    return [
        Check("version", True, f"Chatwoot {version}"),
        Check(
            "account",
            role is not None,
            f"account {settings.account_id}" if role else "the token's user is not in this account",
            f"set account_id to one of {sorted(roles)}",
        ),
        Check(
            "role",
            role == "administrator",
            f"the token's user is {role or 'a stranger'} there",
            "use an administrator's token: an agent's sees only the inboxes it is a member of, "
            "and no CSAT answers, without any error",
        ),
    ]
