"""What a sync of one connection did."""

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime

from talkhouse.sources.dlt_source.run import Report


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Outcome:
    """What a sync of one connection did. `error` is why it ended early, if it did; `is_busy` tells
    that it never began, since another one is still running.
    """

    connection: str
    provider: str
    report: Report = field(default_factory=Report)
    rows: dict[str, int] = field(default_factory=dict)
    requests: int = 0
    waited_seconds: float = 0.0
    seconds: float = 0.0
    error: str = ""
    is_busy: bool = False
    started_at: datetime = field(default_factory=_now)
    run_id: str = field(init=False)

    def __post_init__(self) -> None:
        self.run_id = f"{self.started_at:%Y%m%dT%H%M%S.%f}-{secrets.token_hex(4)}"

    @property
    def ok(self) -> bool:
        return not self.error
