"""What happens in a command, told to whoever is configured to hear it: the log file, the traces.

Every event is declared here once, with all that it may say. None has room for what a customer wrote
or is called, for an address, or for a credential; `error` is a message of ours, which has none.
"""

import logging
import os
import re
from datetime import UTC, datetime
from typing import Annotated

import msgspec

HEARD = logging.getLogger("talkhouse.events")
HEARD.propagate = False
# else Python prints what nobody hears
HEARD.addHandler(logging.NullHandler())


def _name(of: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", of).lower()


def _now() -> datetime:
    return datetime.now(UTC)


class Event(msgspec.Struct, tag_field="event", tag=_name, kw_only=True):
    """Something that happened."""

    at: Annotated[datetime, "when it happened"] = msgspec.field(default_factory=_now)
    process_id: Annotated[int, "the process, for commands may overlap"] = msgspec.field(
        default_factory=os.getpid
    )


class CommandStarted(Event):
    """A command began."""

    command: Annotated[str, "`sync`, `build`, `publish`, `privacy`, `erase` or `retain`"]
    talkhouse_version: Annotated[str, "the version of Talkhouse"]


class CommandEnded(Event):
    """A command ended. One without this event was killed."""

    command: Annotated[str, "`sync`, `build`, `publish`, `privacy`, `erase` or `retain`"]
    exit_code: Annotated[int, "as under Commands in the README"]
    seconds: Annotated[float, "how long it took"]
    error: Annotated[str, "what ended it early, if anything did"] = ""


class OfRun(Event):
    """Something that happened in the sync of one connection."""

    run_id: Annotated[str, "the sync; of one that began, its id in `audit.runs`"]
    connection: Annotated[str, "its name"]
    provider: Annotated[str, "its provider; empty if its settings do not name one"]


class SyncStarted(OfRun):
    """The sync of a connection began."""


class ChunkLoaded(OfRun):
    """A load package is in the warehouse: what comes after cannot undo it."""

    lists: Annotated[list[str], "whose rows it may hold"]
    rows: Annotated[dict[str, int], "the rows loaded, by their table"]
    seconds: Annotated[float, "how long it took to read and to load"]
    load_seconds: Annotated[float, "of them, to load"]


class ListRead(OfRun):
    """What came of one list. It is told when the sync ends, and `at` is when its last page came."""

    list: Annotated[str, "its name; `messages` are the threads"]
    mode: Annotated[str, "`full`, `recent`, `window` or `threads`; empty if it did not begin"]
    outcome: Annotated[str, "`ok`, `unfinished` (the next sync goes on), `skipped` or `failed`"]
    pages: Annotated[int, "pages read; of `messages`, threads"]
    requests: Annotated[int, "requests made"]
    rows_read: Annotated[int, "rows that the provider gave"]
    rows_new: Annotated[int | None, "of them, new ones; null where that is not looked at"]
    rows_changed: Annotated[int | None, "of them, changed ones; null where that is not looked at"]
    rows_deleted: Annotated[int, "rows that were marked deleted"]
    rows_quarantined: Annotated[int, "rows that the provider cannot give"]
    messages_missing: Annotated[int, "messages that their threads did not have"]
    threads_left: Annotated[int, "threads left to the next sync"]
    throttled_seconds: Annotated[float, "waited for the host's budget"]
    seconds: Annotated[float, "from its first page to its last, loading between them included"]
    error: Annotated[str, "why it was skipped, or failed"]


class SyncEnded(OfRun):
    """The sync of a connection ended."""

    outcome: Annotated[str, "`ok`, `failed`, `busy` (another is running) or `interrupted`"]
    requests: Annotated[int, "requests made"]
    rows_loaded: Annotated[int, "rows loaded, new or not"]
    drift_fields: Annotated[int, "fields that were not as declared"]
    rows_rejected: Annotated[int, "rows that could not be loaded"]
    throttled_seconds: Annotated[float, "waited for the host's budget"]
    seconds: Annotated[float, "how long it took"]
    error: Annotated[str, "why it failed"]


class BuildEnded(Event):
    """The analysts' tables were built, as far as they could be."""

    outcome: Annotated[str, "`ok`, `failed` or `unchanged` (there was nothing to build)"]
    models: Annotated[int, "tables and views made"]
    tests_passed: Annotated[int, "tests passed"]
    warnings: Annotated[int, "tests that warn"]
    failures: Annotated[list[str], "models and tests that failed, by name"]
    models_skipped: Annotated[int, "tables and views left as they were for that"]
    seconds: Annotated[float, "how long it took"]


class Published(Event):
    """A copy for readers was published, or was not."""

    outcome: Annotated[str, "`ok`, `failed` or `busy` (another process holds the file)"]
    tables: Annotated[int, "tables in the copy"]
    bytes: Annotated[int, "its size"]
    seconds: Annotated[float, "how long it took"]
    error: Annotated[str, "why nothing was published"]


class RowsDeleted(Event):
    """`erase`, `retain` or `privacy` deleted rows. Whose they were is in no log."""

    rows: Annotated[dict[str, int], "how many, by their table"]


class AlertsSent(Event):
    """Alerts were sent, or could not be."""

    outcome: Annotated[str, "`ok` or `failed`"]
    alerts: Annotated[int, "how many there were"]
    error: Annotated[str, "why they were not delivered"]


EVENTS: tuple[type[Event], ...] = (
    CommandStarted,
    SyncStarted,
    ChunkLoaded,
    ListRead,
    SyncEnded,
    BuildEnded,
    Published,
    RowsDeleted,
    AlertsSent,
    CommandEnded,
)


def tell(event: Event) -> None:
    """Tells it to who hears, if anyone does."""
    HEARD.info(event)
