"""How a connection has been doing, as the audit noted it, and what of that needs somebody.

`talkhouse status` shows it, and alerts tell of it.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Any

from talkhouse.pipelines.monitoring.volume import unusual
from talkhouse.pipelines.settings.connections import Connection
from talkhouse.pipelines.warehouse.interface import AUDIT, Warehouse
from talkhouse.sources.settings import duration

RUNS_LOOKED_AT = 20
STALE_AFTER_RUNS = 3
SOONEST_STALE = timedelta(hours=1)

SYNC_FAILED, STALE, UNSYNCED, SETTINGS, VOLUME = "failed", "stale", "unsynced", "settings", "volume"
SKIPPED = "skipped"
KINDS = (SETTINGS, SYNC_FAILED, STALE, UNSYNCED, SKIPPED, VOLUME)
"""The kinds of problems, the worst first."""


@dataclass(frozen=True)
class Problem:
    """Something that needs somebody: its kind, and a text that says what to do."""

    kind: str
    text: str


@dataclass
class Health:
    """How a connection has been doing. Its syncs come `every_seconds`, and take `usual_seconds`:
    medians of the last 20 good ones, None while there are too few. It is stale from `stale_at` on,
    `stale_after_seconds` after the last good sync began, or the first that was tried; or after the
    one that last read some list to its end, as `read_at` has it. `last_run` may still be at it, if
    `is_running`, or may have been killed; `skipped` tells why it did not read a list.
    """

    last_run: dict[str, Any] | None = None
    last_good_at: datetime | None = None
    every_seconds: float | None = None
    usual_seconds: float | None = None
    stale_after_seconds: float | None = None
    stale_at: datetime | None = None
    is_running: bool = False
    read_at: dict[str, datetime | None] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def health(connection: Connection, warehouse: Warehouse) -> Health:
    """The connection's health, by the audit alone."""
    if not warehouse.has_table(AUDIT, "runs"):
        return Health(problems=[Problem(UNSYNCED, "never synced: run `talkhouse sync`")])
    runs = _runs(connection.name, warehouse, "true", 1)
    # one that read no list to its end does not say that the next one will
    read = "run_id in (select run_id from audit.scans where is_finished)"
    said = f"(outcome = 'failed' or outcome = 'ok' and {read})"
    ended = _runs(connection.name, warehouse, said, 1)
    good = _runs(connection.name, warehouse, "outcome = 'ok'", RUNS_LOOKED_AT + 1)
    found = Health(last_run=runs[0] if runs else None)
    found.is_running = warehouse.is_syncing(connection.name)
    gaps = [_seconds(later["started_at"] - each["started_at"]) for later, each in pairwise(good)]
    found.every_seconds = median(gaps[:RUNS_LOOKED_AT]) if gaps else None
    before = [each for each in good if not runs or each["run_id"] != runs[0]["run_id"]]
    took = [_seconds(each["ended_at"] - each["started_at"]) for each in before[:RUNS_LOOKED_AT]]
    found.usual_seconds = median(took) if took else None
    found.stale_after_seconds = _seconds(_stale_after(connection, found.every_seconds))
    if good:
        found.last_good_at = good[0]["started_at"]
    [first] = warehouse.rows(
        "select min(started_at) as at from audit.runs where account = %s", [connection.name]
    )
    found.read_at = _read_at(connection, warehouse)
    found.skipped = _skipped(found, warehouse)
    if first["at"]:
        due = [at or first["at"] for at in _due_since(connection, found).values()]
        since = min([found.last_good_at or first["at"], *due])
        found.stale_at = since + timedelta(seconds=found.stale_after_seconds)
    found.problems = _problems(connection, found, ended)
    if found.last_good_at:
        odd = unusual(warehouse, connection.name, found.last_good_at)
        found.problems += [Problem(VOLUME, text) for text in odd]
    return found


def _runs(account: str, warehouse: Warehouse, which: str, limit: int) -> list[dict[str, Any]]:
    return warehouse.rows(
        "select run_id, started_at, ended_at, outcome, error, requests, rows_loaded, "
        f"throttled_seconds from audit.runs where account = %s and {which} "
        "order by run_id desc limit %s",
        [account, limit],
    )


def _stale_after(connection: Connection, every_seconds: float | None) -> timedelta:
    """What is set, or what three syncs take, but an hour at least; two full scans, while it is not
    known how often syncs come.
    """
    settings = connection.settings
    if settings.stale_after:
        return duration(settings.stale_after)
    if every_seconds is None:
        return 2 * duration(settings.full_scan_every)
    return max(STALE_AFTER_RUNS * timedelta(seconds=every_seconds), SOONEST_STALE)


def _read_at(connection: Connection, warehouse: Warehouse) -> dict[str, datetime | None]:
    """When the sync began that last read each list to its end, of those that any sync was to read;
    a window of a list is not all of it.
    """
    found = warehouse.rows(
        "select scans.list, max(runs.started_at) "
        "filter (where scans.is_finished and scans.mode <> 'window') as read_at "
        "from audit.scans as scans join audit.runs as runs on runs.run_id = scans.run_id "
        "where scans.account = %s group by scans.list",
        [connection.name],
    )
    there = {row["list"]: row["read_at"] for row in found}
    names = [each.name for each in connection.provider.lists(connection.settings)]
    return {name: there[name] for name in names if name in there}


def _due_since(connection: Connection, found: Health) -> dict[str, datetime | None]:
    """Since when each list may be read again: a short one is left alone for a while."""
    fresh_for = {
        each.name: each.fresh_for for each in connection.provider.lists(connection.settings)
    }
    return {name: at and at + fresh_for[name] for name, at in found.read_at.items()}


def _skipped(found: Health, warehouse: Warehouse) -> dict[str, str]:
    """Why lists of the last run were not read."""
    if found.last_run is None:
        return {}
    rows = warehouse.rows(
        "select list, skipped from audit.scans where run_id = %s and skipped is not null "
        "order by list",
        [found.last_run["run_id"]],
    )
    return {row["list"]: row["skipped"] for row in rows}


def _problems(connection: Connection, found: Health, ended: list[dict[str, Any]]) -> list[Problem]:
    problems = []
    if ended and ended[0]["outcome"] == "failed":
        problems.append(Problem(SYNC_FAILED, str(ended[0]["error"])))
    if found.last_good_at is None and not problems and not found.is_running:
        why = "no sync has come to its end" if found.last_run else "never synced"
        problems.append(Problem(UNSYNCED, f"{why}: run `talkhouse sync`"))
    if found.stale_at and found.stale_at < datetime.now(UTC):
        problems.append(Problem(STALE, _why_stale(connection, found)))
    problems += [
        Problem(SKIPPED, f"{name} is not read: {why}") for name, why in found.skipped.items()
    ]
    return problems


def _why_stale(connection: Connection, found: Health) -> str:
    within = words(found.stale_after_seconds)
    oldest = datetime.now(UTC) - timedelta(seconds=found.stale_after_seconds or 0)
    if found.last_good_at and found.last_good_at > oldest:
        due = _due_since(connection, found)
        old = [name for name, at in due.items() if at is None or at < oldest]
        return (
            f"syncs end well, and none has read {', '.join(old)} to the end, which one is to "
            f"within {within}: does the scheduler leave that out with --only? `talkhouse runs show "
            "ID` says what a sync read"
        )
    since = f" since {found.last_good_at:%Y-%m-%d %H:%M:%S} UTC" if found.last_good_at else ""
    return (
        f"no sync has ended well{since}, and one is to within {within}: does the scheduler still "
        "run `talkhouse sync`? `talkhouse runs` lists what came of it"
    )


def words(seconds: float | None) -> str:
    """A length of time as it is said: `5 min`, `24 h`, `3 d`."""
    if seconds is None:
        return "a run"
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        # 24 h say more than 1 d
        if seconds >= (2 if unit == "d" else 1) * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def _seconds(length: timedelta) -> float:
    return length.total_seconds()
