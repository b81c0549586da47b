"""On which terms the rows of an account are stored: what is hidden of them, whose are kept out, and
which are too old.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from sources.privacy import KEPT, Privacy
from sources.records import Record, microseconds

R = TypeVar("R", bound=Record)

CONTACT, CONVERSATION = "contact", "conversation"


@dataclass(frozen=True)
class Terms:
    """The terms of one connection, whose name is the `account` of its rows.

    `erased` are keyed hashes of who asked to be forgotten: of phone numbers, e-mail addresses, and
    the ids of contacts and conversations. `oldest` has, by table, the time before which nothing is
    stored.
    """

    account: str
    provider: str = ""
    privacy: Privacy = KEPT
    erased: frozenset[str] = frozenset()
    oldest: Mapping[str, datetime] = field(default_factory=dict)

    def wanted(self, rows: Sequence[R]) -> Sequence[R]:
        """Those of the rows that may be stored at all, with those of their messages."""
        if not self.erased and not self.oldest:
            return rows
        kept = [row for row in rows if not self._is_erased(row) and not self._is_too_old(row)]
        for row in kept:
            if messages := getattr(row, "messages", None):
                row.messages = self.wanted(messages)  # type: ignore[attr-defined]
        return kept

    def erasure(self, kind: str, value: Any) -> str:
        """The keyed hash by which somebody is kept out. An id is one of this connection's."""
        if kind in (CONTACT, CONVERSATION):
            value = f"{self.provider}/{self.account}/{value}"
        return self.privacy.hash(kind, str(value))

    def _is_erased(self, row: Record) -> bool:
        if not self.erased:
            return False
        told = ((kind, _value(row, path)) for kind, path in row.whose)
        return any(value and self.erasure(kind, value) in self.erased for kind, value in told)

    def _is_too_old(self, row: Record) -> bool:
        oldest = self.oldest.get(row.retained_as or row.table)
        if oldest is None or not row.happened:
            return False
        at = microseconds(getattr(row, row.happened))
        return at is not None and datetime.fromtimestamp(at / 1e6, UTC) < oldest


def _value(row: Any, path: str) -> Any:
    for name in path.split("."):
        if row is None:
            return None
        row = getattr(row, name)
    return row
