"""One run of one connection: what it reads with, and what it has done so far."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from talkhouse.sources.http.client import Client
from talkhouse.sources.rows.lenient_decode import Findings
from talkhouse.sources.rows.storage_rules import Terms
from talkhouse.sources.scan.progress import Plan, Progress
from talkhouse.sources.scan.scan import OpenReaders

# the name of the threads among a provider's lists
MESSAGES = "messages"


@dataclass
class Report:
    """What a run has done so far, list by list, and what it found that is not as declared."""

    lists: dict[str, Progress] = field(default_factory=dict)
    findings: Findings = field(default_factory=Findings)

    def of(self, name: str) -> Progress:
        return self.lists.setdefault(name, Progress())

    def is_done(self, name: str) -> bool:
        """Whether this run has no more to read of the list, or cannot."""
        progress = self.of(name)
        return progress.finished or bool(progress.skipped or progress.error)


@dataclass(frozen=True)
class Run:
    """What a source reads with, and the terms on which its rows are stored.

    `lists` are those to read, all if it is None. `threads` are the conversations whose messages are
    to be read, as the provider's work-list query gives them; `is_spent` says when that is enough.
    `skips_fresh` leaves out short lists that were read lately. `is_first` says that the dataset has
    no tables yet: a package, which holds no row twice, is then appended, since there is nothing to
    merge it with; `new` are lists of which the tables have none of the rows that come next.
    `readers` starts other processes that read a list, given its name, the size of its pages and the
    way to read it.
    """

    terms: Terms
    client: Client
    plan: Plan
    report: Report = field(default_factory=Report)
    lists: Collection[str] | None = None
    threads: Sequence[Mapping[str, Any]] = ()
    is_spent: Callable[[], bool] = lambda: False
    skips_fresh: bool = False
    is_first: bool = False
    new: Collection[str] = ()
    readers: OpenReaders | None = None

    @property
    def account(self) -> str:
        """The connection's name."""
        return self.terms.account

    def reads(self, name: str) -> bool:
        """Whether the list is to be read."""
        return self.lists is None or name in self.lists
