"""How far a connection is to be read, and which of its lists."""

from collections.abc import Sequence

from talkhouse.pipelines.settings.connections import Connection
from talkhouse.sources.dlt_source.run import MESSAGES
from talkhouse.sources.scan.progress import Plan
from talkhouse.sources.scan.threads import Budget
from talkhouse.sources.settings import SettingsError, duration, instant


class UnknownList(Exception):
    """`--only` names a list that the provider does not have."""


def plan_of(
    connection: Connection,
    *,
    full: bool = False,
    since: str = "",
    until: str = "",
) -> Plan:
    """How far to read: the connection's settings, and what was asked for this once."""
    settings = connection.settings
    return Plan(
        lookback=duration(settings.lookback),
        full_scan_every=duration(settings.full_scan_every),
        full_scan_requests=settings.full_scan_requests,
        start_date=instant(settings.start_date) if settings.start_date else None,
        full=full,
        since=instant(since) if since else None,
        until=instant(until) if until else None,
    )


def chosen_lists(connection: Connection, only: Sequence[str] = ()) -> list[str]:
    """The names of the connection's lists, or of those named. Raises UnknownList."""
    provider, settings = connection.provider, connection.settings
    known = [listing.name for listing in provider.lists(settings)]
    if provider.threads and settings.messages:
        known.append(MESSAGES)
    for name in only:
        if name not in known:
            raise UnknownList(f"there is no list {name}; there are {', '.join(known)}")
    return [name for name in known if not only or name in only]


def plans_of(
    chosen: Sequence[Connection], *, full: bool = False, since: str = "", until: str = ""
) -> list[Plan]:
    """How far each connection is to be read. Raises SettingsError."""
    try:
        plans = [plan_of(each, full=full, since=since, until=until) for each in chosen]
    except ValueError as e:
        raise SettingsError(f"--since or --until: {e}") from None
    if full and (since or until):
        raise SettingsError("--full reads everything, so --since and --until say nothing")
    if since and until and instant(since) >= instant(until):
        raise SettingsError("--since must be before --until: the window is [since, until)")
    return plans


def request_budget(option: str, text: str) -> Budget:
    """The budget that an option gives. Raises SettingsError."""
    try:
        return Budget.of(text)
    except ValueError as e:
        raise SettingsError(f"{option}: {e}; or a number of requests") from None
