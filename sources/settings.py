"""What every connection can set, whatever its provider; each provider adds its own."""

import difflib
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar, TypeVar, get_type_hints

import msgspec
import pendulum

S = TypeVar("S", bound="Settings")

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class SettingsError(Exception):
    """A connection's settings cannot be used; the message names the setting and the file."""


class Settings(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """The settings of a connection. Its secrets never appear when it is printed."""

    secrets: ClassVar[tuple[str, ...]] = ()

    provider: Annotated[str, "chatwoot, hilos, activecampaign, octopush or pembalasan"]
    base_url: Annotated[str, "where the API lives"]
    start_date: Annotated[str, "conversations whose cursor is before it are left out"] = ""
    lookback: Annotated[str, "how far before the last run is read again: 90s, 5m, 1h, 7d"] = "1h"
    full_scan_every: Annotated[
        str, "how often a list is read whole, for changes no cursor shows"
    ] = "24h"
    full_scan_requests: Annotated[
        int, "pages of each list that a run reads of a full scan that is due; 0: all at once"
    ] = 0
    messages_lookback: Annotated[
        str, "how long after its last activity a thread is read again, for edits and receipts"
    ] = "3d"
    stale_after: Annotated[
        str,
        "how long without a good sync is stale; by default 3 usual times between them, at least 1h",
    ] = ""
    requests_per_second: Annotated[float, "the most that the provider's host is asked"] = 5.0
    in_flight: Annotated[int, "requests under way at a time"] = 2
    messages: Annotated[bool, "whether threads are read, where the provider has them"] = True
    allow_http: Annotated[bool, "whether credentials may travel in the clear"] = False

    def __post_init__(self) -> None:
        duration(self.lookback)
        duration(self.full_scan_every)
        duration(self.messages_lookback)
        if self.stale_after:
            duration(self.stale_after)
        if self.start_date:
            instant(self.start_date)
        if self.requests_per_second <= 0 or self.in_flight < 1:
            raise ValueError("requests_per_second and in_flight must be positive")
        if self.full_scan_requests < 0:
            raise ValueError("full_scan_requests must not be negative")

    def __repr__(self) -> str:
        return f"<settings of a {self.provider} connection>"


def duration(text: str) -> timedelta:
    """`90s`, `5m`, `1h30m`, `7d`, `2w`. Raises ValueError for anything else."""
    parts = re.findall(r"(\d+)([smhdw])", text)
    if not parts or "".join(n + unit for n, unit in parts) != text:
        raise ValueError(f"{text!r} is not a duration such as 90s, 5m, 1h30m or 7d")
    return pendulum.duration(**{_UNITS[unit]: int(n) for n, unit in parts})


def instant(text: str) -> datetime:
    """An ISO date or time as UTC; a date is its midnight. Raises ValueError for anything else."""
    try:
        # exact: a bare time of day must not become one of today's
        parsed = pendulum.parse(text, tz="UTC", exact=True)
    except ValueError:
        parsed = None
    if isinstance(parsed, pendulum.Date) and not isinstance(parsed, pendulum.DateTime):
        parsed = pendulum.datetime(parsed.year, parsed.month, parsed.day)
    if not isinstance(parsed, pendulum.DateTime):
        raise ValueError(f"{text!r} is not a date or time such as 2026-01-31 or 2026-01-31T09:00Z")
    return parsed.in_timezone("UTC")


def settings_from(kind: type[S], where: str, values: dict[str, Any]) -> S:
    """The settings that `values` hold, `where` naming their place in messages.

    Raises SettingsError for what is unknown, missing or of the wrong type, never with its value.
    """
    refuse_unknown(where, values, [field.name for field in msgspec.structs.fields(kind)])
    if missing := [
        f"{field.name} is missing; set it in .dlt/"
        f"{'secrets.toml' if field.name in kind.secrets else 'config.toml'}"
        for field in msgspec.structs.fields(kind)
        if field.required and field.name not in values
    ]:
        raise SettingsError(f"{where}: {'; '.join(missing)}")
    try:
        settings = msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as e:
        # msgspec's message says the types and the setting's path, not its value
        named = next((n for n in kind.secrets if f"$.{n}" in str(e)), "")
        said = f"{named} is of the wrong type" if named else str(e).replace("$.", "")
        raise SettingsError(f"{where}: {said}") from None
    for name in kind.secrets:
        value = getattr(settings, name)
        # what a header cannot carry; a line's end would let it carry another header
        if isinstance(value, str) and not (value.isascii() and value.isprintable()):
            raise SettingsError(
                f"{where}: {name} has a character that no key has, such as a line's end or a space "
                "that does not show; copy it again"
            )
    return settings


def refuse_unknown(where: str, names: Iterable[str], known: Sequence[str]) -> None:
    """Raises SettingsError if one of the names is no setting."""
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
            raise SettingsError(f"{where}: unknown setting {name}; {hint}")


def described(kind: type[Settings]) -> dict[str, str]:
    """What each setting is for, by its name."""
    hints = get_type_hints(kind, include_extras=True)
    return {
        field.name: next(n for n in hints[field.name].__metadata__ if isinstance(n, str))
        for field in msgspec.structs.fields(kind)
    }
