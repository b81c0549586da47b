"""What Chatwoot's lists come wrapped in."""

from typing import Generic, TypeVar

import msgspec

R = TypeVar("R")


class Counts(msgspec.Struct, gc=False):
    """How many rows the whole list has, under the name that conversations or contacts give it.
    Visitors without e-mail, phone and identifier are not counted as contacts.
    """

    all_count: int | None = None
    count: int | None = None


class Payload(msgspec.Struct, Generic[R]):
    """`{"payload": [...]}`, of short lists and threads; past the end it is empty. What `meta` they
    have is not looked at.
    """

    payload: list[R]

    @property
    def rows(self) -> list[R]:
        return self.payload

    @property
    def count(self) -> int | None:
        return None

    @property
    def last(self) -> bool:
        return not self.payload


class CountedPayload(Payload[R], Generic[R]):
    """`{"meta": {...}, "payload": [...]}`"""

    meta: Counts = msgspec.field(default_factory=Counts)

    @property
    def count(self) -> int | None:
        return self.meta.count if self.meta.all_count is None else self.meta.all_count


class ConversationPage(msgspec.Struct, Generic[R]):
    """`{"data": {"meta": {...}, "payload": [...]}}`: only the conversations' list has `data`."""

    data: CountedPayload[R]

    @property
    def rows(self) -> list[R]:
        return self.data.rows

    @property
    def count(self) -> int | None:
        return self.data.count

    @property
    def last(self) -> bool:
        return self.data.last
