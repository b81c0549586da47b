"""What can go wrong between us and a provider, and what to do about it.

SourceError
 ├── TransientError         the same request may succeed later: retried, then the run fails
 │    ├── RateLimited       429
 │    ├── Unavailable       5xx, a timeout, a connection that was cut
 │    │    └── Unreachable  a connection that could not be made
 │    └── BadAnswer         200 whose body is not the JSON that was asked for
 └── TerminalError          the same request will fail again: never retried
      ├── AuthError         the credentials are refused: the whole connection fails
      ├── PermissionDenied  the credentials may not read this resource: it is skipped
      ├── NotFound          404 and 410
      ├── PagingLoop        the list never ends: a page came back twice
      └── Refused           any other answer

Messages name the provider, the path without its query, the status and the remedy. They never hold
a body, a query or a header: those carry phone numbers, texts and tokens.
"""


class SourceError(Exception):
    """Something went wrong between us and a provider."""

    remedy = ""

    def __init__(self, what: str, remedy: str = "") -> None:
        remedy = remedy or self.remedy
        super().__init__(f"{what}; {remedy}" if remedy else what)


class TransientError(SourceError):
    """The same request may succeed later."""

    remedy = "the next run goes on from the last checkpoint"

    def __init__(
        self, what: str, remedy: str = "", retry_after_seconds: float | None = None
    ) -> None:
        if retry_after_seconds:
            what = f"{what}, and asks for a wait of {retry_after_seconds:,.0f} s"
        super().__init__(what, remedy)
        self.retry_after_seconds = retry_after_seconds


class RateLimited(TransientError):
    """The provider asks for fewer requests."""

    remedy = "lower requests_per_second, or run less often; nothing that was loaded is lost"


class Unavailable(TransientError):
    """The provider could not answer."""


class Unreachable(Unavailable):
    """There is no connection to the provider."""


class BadAnswer(TransientError):
    """The provider answered 200 with something that is not the JSON that was asked for."""

    remedy = "check base_url; a proxy or a login page may be answering instead of the API"


class TerminalError(SourceError):
    """The same request will fail again."""


class AuthError(TerminalError):
    """The provider refuses the credentials."""

    remedy = "check the connection's secrets in .dlt/secrets.toml"


class PermissionDenied(TerminalError):
    """The credentials may not read this resource."""

    remedy = "use a token of an administrator, or leave the resource out"


class NotFound(TerminalError):
    """There is nothing at this address."""

    remedy = "check base_url and the ids in the connection's settings"


class PagingLoop(TerminalError):
    """The provider gives the same page again and again, so the list would never end."""

    remedy = "the provider, or a proxy before it, ignores the page parameter"


class Refused(TerminalError):
    """The provider refuses the request."""
