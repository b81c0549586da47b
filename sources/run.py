"""One run of one connection: what a provider's source is given, and what it tells of itself."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sources.http import Client
from sources.listing import Listing, Plan, Progress, Readers
from sources.records import Record
from sources.salvage import Findings
from sources.terms import Terms
from sources.threads import Threads

if TYPE_CHECKING:
    from dlt.extract import DltSource


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
    readers: Callable[[str, int, str], Readers] | None = None

    @property
    def account(self) -> str:
        """The connection's name."""
        return self.terms.account

    def reads(self, name: str) -> bool:
        """Whether the list is to be read."""
        return self.lists is None or name in self.lists


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

    def source(self, run: Run, settings: Any) -> "DltSource":
        """The provider's dlt source, for one run of one of its accounts."""
        # here, so that a process that only reads need not import dlt
        from sources.resources import source

        return source(self, run, settings)
