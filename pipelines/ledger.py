"""What was told, and to whom it is still to be told: the table `audit.alerts`.

What a channel did not take is tried again by the next run. A run that is killed between a delivery
and the note of it tells it twice.
"""

import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipelines.channels import Alert, Channel, NotDelivered
from pipelines.events import AlertsSent, tell
from pipelines.health import FAILED, SETTINGS, STALE, VOLUME
from pipelines.warehouse import Warehouse

BUILD, PUBLICATION, WAREHOUSE, DRIFT, REJECTS = (
    "build",
    "publication",
    "warehouse",
    "drift",
    "rejects",
)
# by kind: what is said of a connection when it begins, before why, and when it is over
WORDS = {
    SETTINGS: ("has wrong settings, and is not synced", "has right settings again"),
    FAILED: ("fails since this sync", "is well again"),
    STALE: ("is stale", "is fresh again"),
    VOLUME: ("has an unusual volume", "has its usual volume again"),
    BUILD: ("the last build failed", "the build is good again"),
    PUBLICATION: ("no copy is published", "a copy is published again"),
}
# that the warehouse cannot be opened cannot be noted in it
OUTAGE = Path(".dlt/warehouse_outage")


@dataclass(frozen=True)
class Ledger:
    """The alerts of an open warehouse, and the channels that are to be told of new ones."""

    warehouse: Warehouse
    channels: Mapping[str, Channel]

    def note(self, kind: str, account: str, why: str, run_id: str = "", over: str = "") -> None:
        """That there is such a problem, and why; or, with an empty `why`, that there is none, which
        is told with `over` added. An alert if either is news.
        """
        before = self._before(kind, account)
        is_open = bool(before) and not before[-1]["is_over"]
        begins, ends = WORDS[kind]
        of = f"{account} " if account else ""
        if why and not is_open:
            self.add(kind, account, f"{of}{begins}: {why}", run_id)
        elif not why and is_open:
            self.add(kind, account, f"{of}{ends}{over}", run_id, is_over=True)

    def add(
        self,
        kind: str,
        account: str,
        text: str,
        run_id: str = "",
        *,
        is_over: bool = False,
        about: str = "",
    ) -> None:
        """Notes an alert. `about` is what it was of, for a kind that has no end."""
        noted_at, told = datetime.now(UTC), f"Talkhouse: {' '.join(text.split())}"
        alert_id = f"{noted_at:%Y%m%dT%H%M%S.%f}-{secrets.token_hex(4)}"
        self.warehouse.execute(
            "insert into audit.alerts (alert_id, noted_at, kind, account, is_over, text, run_id, "
            "about, undelivered) values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [alert_id, noted_at, kind, account, is_over, told, run_id, about]
            + [" ".join(self.channels)],
        )

    def about(self, kind: str, account: str) -> list[str]:
        """What alerts of a kind were of, the oldest first."""
        return [row["about"] for row in self._before(kind, account)]

    def _before(self, kind: str, account: str) -> list[dict[str, Any]]:
        return self.warehouse.rows(
            "select is_over, about from audit.alerts where account = %s and kind = %s "
            "order by alert_id",
            [account, kind],
        )

    def outage_is_over(self) -> None:
        """Notes that, if an outage was told."""
        if OUTAGE.exists():
            self.add(WAREHOUSE, "", "the warehouse can be written again", is_over=True)
            OUTAGE.unlink()

    def delivered(self) -> list[str]:
        """Sends what waits; what went wrong, once for each channel."""
        waiting = self.warehouse.rows(
            "select alert_id, undelivered, kind, account as connection, is_over, text, run_id, "
            "noted_at as at from audit.alerts where undelivered <> '' order by alert_id"
        )
        wrong: dict[str, str] = {}
        for row in waiting:
            alert_id, names = row.pop("alert_id"), row.pop("undelivered").split()
            left = {name: self.channels[name] for name in names if name in self.channels}
            tried = {name: send for name, send in left.items() if name not in wrong}
            sent = _send(Alert(**row), tried, wrong)
            self.warehouse.execute(
                "update audit.alerts set undelivered = %s where alert_id = %s",
                [" ".join(name for name in left if name not in sent), alert_id],
            )
        undelivered = _undelivered(wrong)
        if waiting:
            ended = "failed" if wrong else "ok"
            tell(AlertsSent(outcome=ended, alerts=len(waiting), error="; ".join(undelivered)))
        return undelivered


def tell_outage(known: Mapping[str, Channel], why: str) -> list[str]:
    """Tells, once, that the warehouse cannot be used; what could not be delivered."""
    if OUTAGE.exists():
        return []
    text = f"Talkhouse: the warehouse cannot be written, and nothing is synced: {why}"
    alert = Alert(WAREHOUSE, "", False, " ".join(text.split()), "", datetime.now(UTC))
    wrong: dict[str, str] = {}
    if _send(alert, known, wrong):
        # where it cannot be noted either, the next run tells it again
        with suppress(OSError):
            OUTAGE.parent.mkdir(exist_ok=True)
            OUTAGE.touch()
    return _undelivered(wrong)


def _send(alert: Alert, known: Mapping[str, Channel], wrong: dict[str, str]) -> list[str]:
    """The channels that took it; why others did not is put into `wrong`."""
    sent = []
    for name, send in known.items():
        try:
            send(alert)
            sent.append(name)
        except NotDelivered as e:
            wrong[name] = str(e)
    return sent


def _undelivered(wrong: Mapping[str, str]) -> list[str]:
    return [
        f"the alert was not delivered: {why}; the next run tries again" for why in wrong.values()
    ]
