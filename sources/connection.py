"""What providers share of a connection: its client, and the size of pages that overlap."""

from typing import Annotated

from talkhouse.sources.http.client import Client, Refusal, Request
from talkhouse.sources.scan.overlapping_pages import SMALLEST_SIZE
from talkhouse.sources.settings import Settings


class PagedSettings(Settings, kw_only=True, frozen=True):
    """The settings of a provider that takes the size of a page."""

    page_size: Annotated[int, "rows per page"] = 50

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.page_size < SMALLEST_SIZE:
            raise ValueError(f"page_size must be at least {SMALLEST_SIZE}, so that pages overlap")


def client_of(
    settings: Settings, headers: dict[str, str], refusal: Refusal, probe: Request | None = None
) -> Client:
    """A client for the connection; `headers` hold its credentials."""
    return Client(
        settings.provider,
        settings.base_url,
        headers,
        requests_per_second=settings.requests_per_second,
        in_flight=settings.in_flight,
        allow_http=settings.allow_http,
        probe=probe,
        refusal=refusal,
    )
