"""Tells that nothing can be synced at all. That cannot be noted in the warehouse, so files of the
working folder hold what was told: each is empty, or names the channels that are still to be told.

.dlt/warehouse_outage       the warehouse cannot be used
.dlt/settings_outage        the settings are wrong for every connection
.dlt/warehouse_held_since   another program holds the DuckDB file, and since when
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from talkhouse.pipelines.alerts.alert_log import WAREHOUSE, Ledger
from talkhouse.pipelines.alerts.channels import Alert, Channel
from talkhouse.pipelines.alerts.delivery import Waiting, deliver
from talkhouse.pipelines.monitoring.health import SETTINGS, SOONEST_STALE
from talkhouse.pipelines.settings.project import HERE
from talkhouse.pipelines.warehouse.interface import AlreadySyncing, WarehouseError
from talkhouse.sources.settings import SettingsError

HELD_SINCE = HERE.settings_folder / "warehouse_held_since"
# by kind: what is said when it begins, before why, and when it is over
WORDS = {
    WAREHOUSE: (
        "the warehouse cannot be written, and nothing is synced",
        "the warehouse can be written again",
    ),
    SETTINGS: ("nothing is synced", "the settings are right again"),
}


def tell_outage(known: Mapping[str, Channel], kind: str, why: str) -> list[str]:
    """Tells each channel once; what could not be delivered."""
    if not known:
        return []
    noted = HERE.settings_folder / f"{kind}_outage"
    text = f"Talkhouse: {WORDS[kind][0]}: {' '.join(why.split())}"
    outage = Waiting(Alert(kind, "", False, text, "", datetime.now(UTC)), list(known))
    # where it cannot be noted, the next run tells it again
    with suppress(OSError):
        if noted.exists():
            outage.channels = noted.read_text("utf-8").split()
    if not outage.channels:
        return []
    undelivered = deliver([outage], known)
    with suppress(OSError):
        HERE.settings_folder.mkdir(exist_ok=True)
        noted.write_text(" ".join(outage.channels), "utf-8")
    return undelivered


def tell_held(known: Mapping[str, Channel], why: str) -> list[str]:
    """Tells that another program holds the warehouse, once that lasts too long: as an outage."""
    if not known:
        return []
    now = since = datetime.now(UTC)
    with suppress(OSError, ValueError):
        if HELD_SINCE.exists():
            since = datetime.fromisoformat(HELD_SINCE.read_text("utf-8"))
        else:
            HERE.settings_folder.mkdir(exist_ok=True)
            HELD_SINCE.write_text(now.isoformat(), "utf-8")
    if now - since < SOONEST_STALE:
        return []
    return tell_outage(known, WAREHOUSE, f"since {since:%Y-%m-%d %H:%M:%S} UTC {why}")


def note_end(ledger: Ledger, kinds: list[str]) -> None:
    """Notes that outages of these kinds are over, if any was told."""
    HELD_SINCE.unlink(missing_ok=True)
    for kind in kinds:
        noted = HERE.settings_folder / f"{kind}_outage"
        if noted.exists():
            ledger.add(kind, "", WORDS[kind][1], is_over=True)
            noted.unlink()


@contextmanager
def outage_told(known: Mapping[str, Channel]) -> Iterator[None]:
    """Tells what ends the command before anything is synced."""
    try:
        yield
    except AlreadySyncing as e:
        _say(tell_held(known, str(e)))
        raise
    except WarehouseError as e:
        _say(tell_outage(known, WAREHOUSE, str(e)))
        raise
    except SettingsError as e:
        _say(tell_outage(known, SETTINGS, str(e)))
        raise


def _say(lines: list[str]) -> None:
    for line in lines:
        sys.stderr.write(f"talkhouse: {line}\n")
