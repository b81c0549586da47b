"""On which terms the rows of an account are stored: what is hidden of them, whose are kept out, and
which are too old.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import pyarrow as pa

from talkhouse.sources.rows.personal_data import FOUND, KEPT, Privacy, changed, in_json
from talkhouse.sources.rows.record import Column, Record, microseconds

R = TypeVar("R", bound=Record)

CONTACT, CONVERSATION = "contact", "conversation"
# takes the place of the number or address of somebody who was erased, in what others wrote
ERASED = "[erased]"


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

    def of_others(self, rows: Sequence[R]) -> Sequence[R]:
        """Those of the rows that are nobody's who was erased."""
        if not self.erased:
            return rows
        return [row for row in rows if not self._is_erased(row)]

    def wanted(self, rows: Sequence[R]) -> Sequence[R]:
        """Those of the rows that may be stored at all, with those of their messages."""
        if not self.erased and not self.oldest:
            return rows
        kept = [row for row in self.of_others(rows) if not self._is_too_old(row)]
        for row in kept:
            if messages := getattr(row, "messages", None):
                row.messages = self.wanted(messages)  # type: ignore[attr-defined]
        return kept

    def unnamed(self, column: Column, values: Any, *, is_key: bool) -> Any:
        """The values of a column without the numbers and addresses of who was erased."""
        if (
            not self.erased
            or column.personal is None
            or is_key
            or not pa.types.is_string(values.type)
        ):
            return values
        if column.type.dlt == "json":
            return changed(values, lambda text: in_json(text, self.without_erased))
        return changed(values, self.without_erased)

    def without_erased(self, text: str) -> str:
        """The text without the numbers and addresses of who was erased."""
        return FOUND.sub(self._instead, text)

    def erasure(self, kind: str, value: Any) -> str:
        """The keyed hash by which somebody is kept out. An id is one of this connection's."""
        if kind in (CONTACT, CONVERSATION):
            value = f"{self.provider}/{self.account}/{value}"
        return self.privacy.hash(kind, str(value))

    def _instead(self, found: re.Match[str]) -> str:
        text = found[0]
        if found.lastgroup == "email":
            address = text.replace("%40", "@")
            return ERASED if self.erasure("email", address) in self.erased else text
        if found.lastgroup != "number":
            return text
        # another number may stand beside it: every row of groups of digits is tried
        groups = list(re.finditer(r"[+(]*\d+", text))
        for length in range(len(groups), 0, -1):
            for first in range(len(groups) - length + 1):
                start, end = groups[first].start(), groups[first + length - 1].end()
                if self.erasure("phone", text[start:end]) in self.erased:
                    return text[:start] + ERASED + self.without_erased(text[end:])
        return text

    def _is_erased(self, row: Record) -> bool:
        told = ((kind, _value(row, path)) for kind, path in row.whose)
        if any(value and self.erasure(kind, value) in self.erased for kind, value in told):
            return True
        # one that could not be read tells whose it is by what it holds
        rejected = bytes(getattr(row, "row", b"")).decode("utf-8", "replace")
        return self.without_erased(rejected) != rejected

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
