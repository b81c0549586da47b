"""What was told, and to whom it is still to be told: the table `audit.alerts`.

What a channel did not take is tried again by the next run, for a day. A run that is killed between
a delivery and the note of it tells it twice, and so may two runs that deliver at the same time.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from talkhouse.pipelines.alerts.channels import Alert, Channel
from talkhouse.pipelines.alerts.delivery import Waiting
from talkhouse.pipelines.monitoring.health import SETTINGS, SKIPPED, STALE, SYNC_FAILED, VOLUME
from talkhouse.pipelines.warehouse.interface import Warehouse

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
    SYNC_FAILED: ("fails since this sync", "is well again"),
    STALE: ("is stale", "is fresh again"),
    SKIPPED: ("leaves out a list", "reads every list again"),
    VOLUME: ("has an unusual volume", "has its usual volume again"),
    BUILD: ("the last build failed", "the build is good again"),
    PUBLICATION: ("no copy is published", "a copy is published again"),
}
NEWS_FOR = timedelta(days=1)


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

    def waiting(self) -> list[Waiting]:
        """What is still to be told. What nobody could be told for a day is news no more."""
        self.warehouse.execute(
            "update audit.alerts set undelivered = '' where undelivered <> '' and noted_at < %s",
            [datetime.now(UTC) - NEWS_FOR],
        )
        rows = self.warehouse.rows(
            "select alert_id, undelivered, kind, account as connection, is_over, text, run_id, "
            "noted_at as at from audit.alerts where undelivered <> '' order by alert_id"
        )
        return [
            Waiting(
                alert_id=row.pop("alert_id"),
                channels=row.pop("undelivered").split(),
                alert=Alert(**row),
            )
            for row in rows
        ]

    def delivered(self, tried: Sequence[Waiting]) -> None:
        """Notes to whom each is still to be told, after it was tried."""
        for each in tried:
            self.warehouse.execute(
                "update audit.alerts set undelivered = %s where alert_id = %s",
                [" ".join(each.channels), each.alert_id],
            )
