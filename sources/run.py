"""One run of one connection: what a provider's source is given, and what it tells of itself."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dlt.extract import DltSource

from sources.http import Client
from sources.salvage import Findings
from sources.scan import Plan, Progress


@dataclass
class Report:
    """What a run has done so far, list by list, and what it found that is not as declared."""

    lists: dict[str, Progress] = field(default_factory=dict)
    findings: Findings = field(default_factory=Findings)

    def of(self, name: str) -> Progress:
        return self.lists.setdefault(name, Progress())


@dataclass(frozen=True)
class Run:
    """What a source reads with. `threads` are the conversations whose messages are to be read,
    as the provider's work-list query gives them.
    """

    account: str
    client: Client
    plan: Plan
    report: Report = field(default_factory=Report)
    threads: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class Check:
    """One thing that `talkhouse check` found; `remedy` says what to do if it is not ok."""

    what: str
    ok: bool
    found: str
    remedy: str = ""


@dataclass(frozen=True)
class Provider:
    """A provider, as the pipelines see it.

    `worklist` is a query, the same on every destination, for the conversations whose threads have
    changed since they were read: `{dataset}` stands for the dataset, and its two parameters are the
    account and the most rows to give. None where the provider has no threads to read.
    """

    name: str
    settings: type[Any]
    connect: Callable[[Any], Client]
    source: Callable[[Run, Any], DltSource]
    check: Callable[[Client, Any], list[Check]]
    worklist: str | None = None
