"""A page of a list: its body decoded into typed rows, and pages fetched ahead of their use."""

from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar, cast

import msgspec

from talkhouse.sources.rows.body_repair import mended
from talkhouse.sources.rows.lenient_decode import Findings, salvage
from talkhouse.sources.rows.record import Record

R = TypeVar("R", bound=Record)


@dataclass
class Page(Generic[R]):
    """The rows of a page.

    `count` is the number of rows that the provider says the whole list has, where it says one;
    `last` tells that no page follows; `quarantined` are rows that could not be read at all, by id
    or by place.
    """

    rows: list[R]
    count: int | None = None
    last: bool = False
    findings: Findings = field(default_factory=Findings)
    quarantined: list[int | str] = field(default_factory=list)


class Envelope(Protocol):
    """What a provider wraps its rows in, decoded; a bare array needs none."""

    @property
    def rows(self) -> list[Any]: ...
    @property
    def count(self) -> int | None: ...
    @property
    def last(self) -> bool: ...


class PageDecoder(Generic[R]):
    """Decodes a body strictly; only if that is refused, row by row, each as far as it fits.

    `envelope` is a generic msgspec type over its row, or `list`. Raises msgspec.DecodeError for a
    body that is not the envelope at all.
    """

    def __init__(self, record: type[R], envelope: Any = list) -> None:
        self.record = record
        self._strict = msgspec.json.Decoder(envelope[record])
        self._one = msgspec.json.Decoder(record)
        self._raw = msgspec.json.Decoder(envelope[msgspec.Raw])

    def __call__(self, body: bytes) -> Page[R]:
        body, found = mended(body)
        try:
            page: Page[R] = _page(self._strict.decode(body))
        except msgspec.ValidationError:
            page = self._row_by_row(body)
        for where, problem in sorted(found):
            page.findings.drifted(self.record.table, where, problem)
        return page

    def _row_by_row(self, body: bytes) -> Page[R]:
        page: Page[Any] = _page(self._raw.decode(body))
        kept = [self._row(raw, page.findings) for raw in page.rows]
        page.rows = [row for row in kept if row is not None]
        return page

    def _row(self, raw: msgspec.Raw, findings: Findings) -> R | None:
        try:
            return self._one.decode(raw)
        except msgspec.ValidationError:
            return salvage(self.record, raw, findings)


def _page(decoded: Any) -> Page[Any]:
    if isinstance(decoded, list):
        return Page(decoded, last=not decoded)
    envelope = cast(Envelope, decoded)
    return Page(envelope.rows, envelope.count, envelope.last)
