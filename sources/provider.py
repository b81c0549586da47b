"""What a provider is to the pipelines."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from talkhouse.sources.http.client import Client
from talkhouse.sources.rows.record import Record
from talkhouse.sources.scan.listing import Listing
from talkhouse.sources.scan.threads import Threads


@dataclass(frozen=True)
class Check:
    """One thing that `talkhouse check` found; `remedy` says what to do if it is not ok."""

    what: str
    ok: bool
    found: str
    remedy: str = ""


@dataclass(frozen=True)
class Provider:
    """A provider: how it is connected to, the lists that it has, the records of every table that
    they and its threads fill, and its threads if it has any.

    `worklist` is a query, the same on every destination, for the conversations whose threads are to
    be read. `{dataset}` stands for the dataset, and its parameters are: a time, threads read before
    which are read again; the time now, by which others are due; the account; and the most rows to
    give.
    """

    name: str
    settings: type[Any]
    connect: Callable[[Any], Client]
    check: Callable[[Client, Any], list[Check]]
    lists: Callable[[Any], Iterable[Listing[Any]]]
    records: tuple[type[Record], ...]
    threads: Callable[[Client, Any], Threads] | None = None
    worklist: str | None = None
