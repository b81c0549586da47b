"""A provider's dlt source: a hidden resource reads the chunks of each list, and each of the list's
tables takes its rows from it.

    conversation_pages  --->  conversations
                         \\->  conversation_labels
                         \\->  contacts

dlt evaluates the hidden parent once for all of them. One run of a source loads one chunk of each
list as one package: the rows, and the state that says where the list goes on.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from datetime import UTC, datetime
from functools import partial
from typing import Any

import dlt
import pyarrow as pa
from dlt.common.schema.typing import TWriteDispositionConfig
from dlt.extract import DltResource, DltSource
from dlt.extract.hints import make_hints

from sources.arrow import arrow_table
from sources.errors import (
    AuthError,
    PermissionDenied,
    RateLimited,
    SourceError,
    Unreachable,
)
from sources.listing import Batch, Listing
from sources.records import Record, dlt_columns
from sources.run import MESSAGES, Provider, Run
from sources.salvage import Drift, Findings, Reject
from sources.scan import scan
from sources.spool import Spool, load_id
from sources.tables import Child, Table, newest_of, tables_of
from sources.threads import Threads, read_threads


def source(provider: Provider, run: Run, settings: Any) -> DltSource:
    """The provider's dlt source, named for it, for one run of one of its accounts."""

    @dlt.source(name=provider.name)
    def lists_and_threads() -> Iterator[DltResource]:
        lists = [each for each in provider.lists(settings) if run.reads(each.name)]
        shared = Shared(table for each in lists for table in each.tables)
        for listing in lists:
            yield from _list(run, listing, shared, _shares_no_table(listing, lists))
        if provider.threads and settings.messages and run.reads(MESSAGES):
            yield from _threads(run, provider.threads(run.client, settings))

    return lists_and_threads()


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


def _list(
    run: Run, listing: Listing[Any], shared: Shared, reads_ahead: bool
) -> Iterator[DltResource]:
    @dlt.resource(name=f"{listing.name}_pages", selected=False)
    def pages() -> Iterator[Batch]:
        progress = run.report.of(listing.name)
        state = dlt.current.resource_state()
        before = deepcopy(state)
        progress.began_at = progress.began_at or datetime.now(UTC)
        try:
            for batch in scan(
                run.client,
                listing,
                run.plan,
                run.terms,
                state,
                progress,
                run.readers,
                load_id(),
                reads_ahead,
            ):
                run.report.findings.add(batch.findings)
                yield batch
            return
        except (AuthError, RateLimited, Unreachable):
            raise  # it concerns every list
        except PermissionDenied as e:
            if not listing.may_be_forbidden:
                raise
            progress.skipped = str(e)
        except SourceError as e:
            progress.error = str(e)
        finally:
            progress.ended_at = datetime.now(UTC)
        # what was given is loaded, and as nothing says so, the next run reads it again
        state.clear()
        state.update(before)
        # its tables are made all the same
        none = tables_of(listing.tables, [], run.terms)
        yield Batch(none, Findings(), is_last=True)

    is_new = run.is_first or listing.name in run.new
    yield from _tables(pages, listing.tables, run, shared, is_new)


def _threads(run: Run, threads: Threads) -> Iterator[DltResource]:
    @dlt.resource(name="threads", selected=False)
    def pages() -> Iterator[Batch]:
        progress = run.report.of(MESSAGES)
        progress.began_at = progress.began_at or datetime.now(UTC)
        try:
            for batch in read_threads(
                threads, run.threads, run.client, run.plan, run.terms, progress, run.is_spent
            ):
                run.report.findings.add(batch.findings)
                yield batch
        finally:
            progress.ended_at = datetime.now(UTC)

    yield from _tables(pages, threads.tables, run, Shared(threads.tables), run.is_first)


def _tables(
    pages: DltResource, tables: Iterable[Table], run: Run, shared: Shared, is_new: bool
) -> Iterator[DltResource]:
    for table in tables:
        # of a shared row, what is stored may have come with another record
        disposition = _disposition(table.record, run.is_first or (is_new and not table.shared))
        spool = Spool(table, run.folder, without_markers=is_new)
        rows = partial(shared.of_batch, table) if table.shared else spool.of_batch
        yield _resource(pages, table.record, table.resource, disposition, rows)

    # each keeps its own account: dlt may ask either first
    drifted, rejected = Findings(), Findings()

    def drift(batch: Batch) -> pa.Table | None:
        drifted.add(batch.findings)
        return arrow_table(Drift, drifted.drift_rows(), run.terms) if batch.is_last else None

    def rejects(batch: Batch) -> pa.Table | None:
        rejected.add(batch.findings)
        return arrow_table(Reject, rejected.rejects, run.terms) if batch.is_last else None

    # several lists of one package may find the same, so these are not declared free of repetition
    yield _resource(pages, Drift, f"{pages.name}_drift", "merge", drift)
    yield _resource(pages, Reject, f"{pages.name}_rejects", "merge", rejects)


def _resource(
    pages: DltResource,
    record: type[Record],
    name: str,
    disposition: TWriteDispositionConfig,
    of_batch: Callable[[Batch], Any],
) -> DltResource:
    hints = make_hints(
        table_name=record.table,
        columns=dlt_columns(record),
        primary_key=("account", *record.key),
        write_disposition=disposition,
        schema_contract={"data_type": "freeze"},
        additional_table_hints={"description": (record.__doc__ or "").strip()},
    )
    return DltResource.from_data(of_batch, name, hints=hints, data_from=pages)


def _disposition(record: type[Record], is_new: bool) -> TWriteDispositionConfig:
    if is_new:
        return "append"
    if not issubclass(record, Child):
        return {"disposition": "merge", "strategy": "delete-insert", "deduplicated": True}
    parent = ", ".join(("account", *record.parent))
    return {
        "disposition": "merge",
        "strategy": "delete-insert",
        "deduplicated": True,
        "source_filter": "_is_empty IS NOT TRUE",
        "destination_scope": f"({parent}) IN (SELECT {parent} FROM {{staging_table}})",
    }
