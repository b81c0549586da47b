"""A connection to a Hilos account: its settings, its refusals, and whether it works."""

from typing import Annotated, ClassVar

from talkhouse.sources.connection import PagedSettings, client_of
from talkhouse.sources.hilos.lists import conversations_seen, one_row
from talkhouse.sources.http.client import Answer, Client
from talkhouse.sources.http.errors import AuthError, SourceError, Unavailable
from talkhouse.sources.provider import Check

CONVERSATIONS = "/api/inbox/conversation"


class HilosSettings(PagedSettings, kw_only=True, frozen=True):
    """A Hilos account, read with an administrator's key: others may see only their own."""

    secrets: ClassVar[tuple[str, ...]] = ("api_key",)

    base_url: Annotated[str, "where Hilos is served"] = "https://api.hilos.io"
    api_key: Annotated[str, "an administrator's key, from https://app.hilos.io/dev/api-keys"]
    page_size: Annotated[int, "rows per page; large pages have been seen to time out"] = 50
    # no field tells that a conversation changed: those of the last week are read every time
    lookback: Annotated[str, "how far before the last run is read again: 90s, 5m, 1h, 7d"] = "7d"
    # no limit is documented
    requests_per_second: Annotated[float, "the most that the host is asked"] = 3.0
    in_flight: Annotated[int, "requests under way at a time"] = 2


def connect(settings: HilosSettings) -> Client:
    """A client for the account."""
    return client_of(
        settings, {"Authorization": f"Token {settings.api_key}"}, refusal, one_row(CONVERSATIONS)
    )


def refusal(answer: Answer, what: str) -> SourceError | None:
    """The error behind a refusal; None where the status says it all.

    https://hilos.io/docs/developer/getting-started/errors
    """
    if answer.status == 401:
        return AuthError(what, "set api_key to a key from https://app.hilos.io/dev/api-keys")
    if answer.status == 403:
        # "a valid request but the server refuses to respond; try again later"
        return Unavailable(
            what, "Hilos says that this passes; if it does not, use an administrator's key"
        )
    return None


def check(client: Client, settings: HilosSettings) -> list[Check]:
    """Whether Hilos takes the key, and how many conversations its user sees.

    Raises a SourceError if Hilos cannot be reached or refuses the key.
    """
    return [Check("conversations", True, conversations_seen(client, CONVERSATIONS))]
