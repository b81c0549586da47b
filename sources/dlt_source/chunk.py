"""Reads a chunk of a connection's lists and threads into Parquet files: what a load package is made
of.

dlt is not needed for that, so a sync in which nothing is new never imports it.
"""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from talkhouse.sources.dlt_source.parquet_spool import Spool
from talkhouse.sources.dlt_source.run import MESSAGES, Run
from talkhouse.sources.http.errors import (
    AuthError,
    PermissionDenied,
    RateLimited,
    SourceError,
    Unreachable,
)
from talkhouse.sources.provider import Provider
from talkhouse.sources.rows.arrow import arrow_schema, arrow_table
from talkhouse.sources.rows.lenient_decode import Drift, Findings, Reject
from talkhouse.sources.rows.record import Record
from talkhouse.sources.rows.table import Child, Table, newest_of, tables_of
from talkhouse.sources.scan.list_state import ListState
from talkhouse.sources.scan.listing import Batch, Listing
from talkhouse.sources.scan.scan import Reading, scan
from talkhouse.sources.scan.threads import Threads, read_threads


@dataclass(frozen=True)
class Output:
    """A resource: the records it gives, and whether they are appended, as nothing is stored that
    they could replace.
    """

    record: type[Record]
    resource: str
    is_appended: bool


@dataclass(frozen=True)
class Package:
    """The load package that rows come in, and the folder where they wait for it."""

    load_id: str
    folder: Path


@dataclass(frozen=True)
class Part:
    """What a chunk has of a list, or of the threads: the rows of each of its resources, and the
    state of the list; threads have none. `error` kept some threads from being read; what was read
    is whole.
    """

    name: str
    state: ListState | None
    spools: Mapping[str, Spool]
    error: SourceError | None = None


class Chunk:
    """A chunk of the run's lists and threads; `parts` are those that were read.

    A package holds no row twice, so those of a first one are appended: there is nothing to merge
    them with.
    """

    def __init__(self, provider: Provider, run: Run, settings: Any) -> None:
        self.parts: list[Part] = []
        self.lists = [each for each in provider.lists(settings) if run.reads(each.name)]
        reads_threads = provider.threads and settings.messages and run.reads(MESSAGES)
        self.threads: Threads | None = (
            provider.threads(run.client, settings) if provider.threads and reads_threads else None
        )
        self._run = run
        self._shared = Shared(table for each in self.lists for table in each.tables)
        self._until = time.monotonic() + run.plan.chunk_seconds

    def outputs(self) -> Iterator[tuple[str, list[Output]]]:
        """The resources of each list, by the list's name, and those of the threads."""
        for listing in self.lists:
            yield listing.name, self._outputs(listing)
        if self.threads:
            yield MESSAGES, _outputs("threads", self.threads.tables, self._run.is_first, False)

    def files(self) -> Iterator[tuple[Part, Output, Spool]]:
        """What was read, resource by resource."""
        outputs = dict(self.outputs())
        for part in self.parts:
            for output in outputs[part.name]:
                yield part, output, part.spools[output.resource]

    def read_list(self, listing: Listing[Any], state: ListState, package: Package) -> Part:
        """Reads the list on from a state, which is left as it is.

        Raises AuthError, RateLimited, Unreachable or, unless the list may be forbidden,
        PermissionDenied; what else goes wrong is in the run's report, and the state as it was.
        """
        run, after = self._run, deepcopy(state)
        progress = run.report.of(listing.name)
        progress.began_at = progress.began_at or datetime.now(UTC)
        writer = self._writer(listing.name, listing.tables, package)
        try:
            reading = Reading(
                run.client,
                run.plan,
                run.terms,
                package.load_id,
                run.readers,
                reads_ahead=_shares_no_table(listing, self.lists),
            )
            for batch in scan(reading, listing, after, progress):
                writer.take(batch)
        except (AuthError, RateLimited, Unreachable):
            raise  # it concerns every list
        except SourceError as e:
            if isinstance(e, PermissionDenied):
                if not listing.may_be_forbidden:
                    raise
                progress.skipped = str(e)
            else:
                progress.error = str(e)
            # what was read is loaded, and as nothing says so, the next run reads it again
            after = deepcopy(state)
            none = tables_of(listing.tables, [], run.terms)
            writer.take(Batch(none, Findings(), is_last=True))
        finally:
            progress.ended_at = datetime.now(UTC)
        return self._add(listing.name, after, writer)

    def read_threads(self, worklist: Iterable[Mapping[str, Any]], package: Package) -> Part:
        """Reads the threads of a work-list, as far as the chunk goes."""
        assert self.threads
        run, error = self._run, None
        progress = run.report.of(MESSAGES)
        progress.mode = "threads"
        progress.began_at = progress.began_at or datetime.now(UTC)
        writer = self._writer(MESSAGES, self.threads.tables, package)
        plan = replace(run.plan, chunk_seconds=max(0.0, self._until - time.monotonic()))
        try:
            reading = Reading(run.client, plan, run.terms)
            for batch in read_threads(self.threads, worklist, reading, progress, run.is_spent):
                writer.take(batch)
        except SourceError as e:
            error = e
        finally:
            progress.ended_at = datetime.now(UTC)
        return self._add(MESSAGES, None, writer, error)

    def _outputs(self, listing: Listing[Any]) -> list[Output]:
        is_new = listing.name in self._run.new
        return _outputs(f"{listing.name}_pages", listing.tables, self._run.is_first, is_new)

    def _writer(self, name: str, tables: Sequence[Table], package: Package) -> "_Writer":
        folder, load_id = package.folder, package.load_id
        spools = {
            each.resource: Spool(
                each.resource, folder, load_id, arrow_schema(each.record).empty_table()
            )
            for each in dict(self.outputs())[name]
        }
        is_new = self._run.is_first or name in self._run.new
        return _Writer(tables, spools, self._shared, self._run, is_new)

    def _add(
        self,
        name: str,
        state: ListState | None,
        writer: "_Writer",
        error: SourceError | None = None,
    ) -> Part:
        writer.close()
        part = Part(name, state, writer.spools, error)
        self.parts.append(part)
        return part


@dataclass
class _Writer:
    """Writes the batches of a list to its spools, and in the end what was found in them."""

    tables: Sequence[Table]
    spools: Mapping[str, Spool]
    shared: "Shared"
    run: Run
    is_new: bool
    found: Findings = field(default_factory=Findings)

    def take(self, batch: Batch) -> None:
        """Writes a batch's rows; those of shared tables once no more of them are to come."""
        self.found.add(batch.findings)
        self.run.report.findings.add(batch.findings)
        for table in self.tables:
            if table.shared:
                rows = self.shared.of_batch(table, batch)
                if rows is None:
                    continue
            else:
                rows = batch.tables[table.resource]
            if self.is_new and issubclass(table.record, Child):
                # nothing is stored that a parent without rows could empty
                rows = rows.filter(pc.is_null(rows.column("_is_empty")))
            self.spools[table.resource].add(rows)

    def close(self) -> None:
        *_, drift, rejects = self.spools.values()
        drift.add(arrow_table(Drift, self.found.drift_rows(), self.run.terms))
        rejects.add(arrow_table(Reject, self.found.rejects, self.run.terms))
        for spool in self.spools.values():
            spool.close()


def _outputs(pages: str, tables: Iterable[Table], is_first: bool, is_new: bool) -> list[Output]:
    """The tables' resources, then what was found in their rows."""
    found = [
        # of a shared row, what is stored may have come with another record
        Output(table.record, table.resource, is_first or (is_new and not table.shared))
        for table in tables
    ]
    # several lists of one package may find the same, so these are always merged
    return [
        *found,
        Output(Drift, f"{pages}_drift", is_appended=False),
        Output(Reject, f"{pages}_rejects", is_appended=False),
    ]


def _shares_no_table(listing: Listing[Any], lists: Iterable[Listing[Any]]) -> bool:
    """Whether no other list fills one of its tables: what was read ahead would be loaded after the
    row of that list, which is newer.
    """
    own = {table.record for table in listing.tables}
    others = (table.record for each in lists if each is not listing for table in each.tables)
    return own.isdisjoint(others)


class Shared:
    """The rows of shared tables, held until each list that has some was read: of a contact that
    comes with several conversations, and in its own list, the row that was read last is loaded.
    """

    def __init__(self, tables: Iterable[Table]) -> None:
        self._awaited = Counter(table.record.table for table in tables if table.shared)
        self._held: dict[str, list[pa.Table]] = {name: [] for name in self._awaited}

    def of_batch(self, table: Table, batch: Batch) -> pa.Table | None:
        """The rows of the table, when no more are to come."""
        name = table.record.table
        self._held[name].append(batch.tables[table.resource])
        self._awaited[name] -= batch.is_last
        if self._awaited[name]:
            return None
        return newest_of(self._held[name], table.record.key)
