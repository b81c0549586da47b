"""What can go wrong on the way: faults that match requests and spoil their answers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from random import Random
from typing import Any, Literal

import msgspec

Kind = Literal[
    "status", "slow", "cut", "truncated", "html", "empty", "repeat_page", "clamp",
    "no_rows", "poison", "extra_field", "wrong_type", "null_id",
]  # fmt: skip
ENVELOPES = ("data", "payload", "results")
"""The keys under which the providers put their rows."""
ID_FIELDS = ("id", "conversation_id", "message_id", "email")
HTML = b"<!doctype html><html><body><h1>We will be back soon</h1></body></html>"


@dataclass(slots=True)
class Fault:
    """One thing going wrong for the requests it matches.

    - `status`: the answer is `status`, with `retry_after` as Retry-After when it is set.
    - `slow`: the answer comes after `seconds`; a read timeout when the client waits less.
    - `cut`: the connection closes in the middle of the body.
    - `truncated`: half of the body under a matching Content-Length.
    - `html`, `empty`: 200 with an HTML page, or with nothing.
    - `repeat_page`: the page parameter is ignored.
    - `clamp`: page sizes above `size` are cut to it without a word.
    - `no_rows`: the envelope as it is, counts and all, around no rows.
    - `poison`: a 500, where the answer holds the text `value`.
    - `extra_field`: `records` get `field` with `value`.
    - `wrong_type`: `field` of `records` becomes `value`.
    - `null_id`: the id of `records` is null.
    """

    kind: Kind
    path: str = ""
    """Part of the path; empty matches every request."""
    method: str = ""
    query: str = ""
    """Part of the query string."""
    after: int = 0
    """How many matching requests pass first."""
    times: int | None = 1
    """How many requests fail; None is for ever."""
    probability: float = 1.0
    status: int = 500
    retry_after: str | None = None
    seconds: float = 0.0
    size: int = 10
    field: str = "unexpected"
    value: Any = 7
    records: Literal["first", "some", "all"] = "first"
    seen: int = 0
    used: int = 0

    def matches(self, method: str, path: str, query: str) -> bool:
        return (
            self.path in path
            and self.query in query
            and self.method.upper() in ("", method)
            and (self.times is None or self.used < self.times)
        )

    def spoiled(self, body: bytes) -> bytes:
        """The JSON body with the fault in its records."""
        document = msgspec.json.decode(body)
        if self.kind == "no_rows":
            return msgspec.json.encode(_without_rows(document))
        for record in self._chosen(_records(document)):
            if self.kind == "null_id":
                record[next(name for name in ID_FIELDS if name in record)] = None
            else:
                record[self.field] = self.value
        return msgspec.json.encode(document)

    def _chosen(self, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return {"first": records[:1], "some": records[::3], "all": records}[self.records]


class Faults:
    """The faults in force, first added first applied."""

    def __init__(self, seed: int = 7) -> None:
        self.random = Random(seed)
        self.lock = threading.Lock()
        self.faults: list[Fault] = []

    def __iter__(self) -> Iterator[Fault]:
        return iter(list(self.faults))

    def add(self, fault: Fault) -> Fault:
        with self.lock:
            self.faults.append(fault)
        return fault

    def clear(self) -> None:
        with self.lock:
            self.faults.clear()

    def striking(self, method: str, path: str, query: str) -> list[Fault]:
        """The faults that this request meets; each is counted."""
        struck = []
        with self.lock:
            for fault in self.faults:
                if not fault.matches(method, path, query):
                    continue
                fault.seen += 1
                if fault.seen <= fault.after or self.random.random() >= fault.probability:
                    continue
                fault.used += 1
                struck.append(fault)
        return struck

    def as_documents(self) -> list[dict[str, Any]]:
        return [asdict(fault) for fault in self]


def _records(document: Any) -> list[dict[str, Any]]:
    """The records of any provider's envelope."""
    if isinstance(document, dict):
        for key in ENVELOPES:
            if key in document:
                return _records(document[key])
        return [document]
    return [row for row in document if isinstance(row, dict)] if isinstance(document, list) else []


def _without_rows(document: Any) -> Any:
    """The same envelope around an empty list; what is no list stays as it is."""
    if isinstance(document, dict):
        return {k: _without_rows(v) if k in ENVELOPES else v for k, v in document.items()}
    return [] if isinstance(document, list) else document
