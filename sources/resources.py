"""dlt resources: a hidden one reads the chunks of a list, and each table takes its rows from it.

    conversation_pages  --->  conversations
                         \\->  conversation_labels
                         \\->  contacts

dlt evaluates the hidden parent once for all of them. One run of a source loads one chunk of each
list as one package: the rows, and the state that says where the list goes on.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator
from operator import attrgetter
from typing import Annotated, Any, ClassVar, TypeVar

import dlt
import pyarrow as pa
from dlt.common.schema.typing import TWriteDispositionConfig
from dlt.extract import DltResource
from dlt.extract.hints import make_hints

from sources.errors import PermissionDenied
from sources.records import Bool, Record, arrow_table, dlt_columns
from sources.run import Run
from sources.salvage import Drift, Findings, Reject
from sources.scan import Batch, Listing, scan

C = TypeVar("C", bound=Record)

LOADED_AT_ONCE = 10_000


class Child(Record, kw_only=True):
    """A row that belongs to another table's row, `parent` being its key here.

    Whenever the parent is read its child rows are replaced, so that what was removed goes. A parent
    that has none says so with a row marked `_is_empty`, which is never stored.
    """

    parent: ClassVar[tuple[str, ...]]

    _is_empty: Annotated[Bool, "Never true in a stored row: it marks a parent without rows."] = None


def pages_of(run: Run, listing: Listing[Any]) -> DltResource:
    """The hidden resource of a list: one run gives its next chunk, as a Batch.

    A list that the credentials may not read is skipped, and the run's report says so; but not one
    that the connection is there for.
    """

    @dlt.resource(name=f"{listing.name}_pages", selected=False)
    def pages() -> Iterator[Batch[Any]]:
        progress = run.report.of(listing.name)
        try:
            for batch in scan(
                run.client, listing, run.plan, dlt.current.resource_state(), progress
            ):
                run.report.findings.add(batch.findings)
                yield batch
        except PermissionDenied as e:
            if not listing.may_be_forbidden:
                raise
            progress.skipped = str(e)
            yield Batch([], Findings(), is_first=True, is_last=True)

    return pages


def table(
    pages: DltResource,
    account: str,
    record: type[C],
    rows: Callable[[Any], Iterable[C]] | None = None,
    *,
    name: str = "",
) -> DltResource:
    """The resource of a table: `rows` gives what one record of the list has for it.

    Without `rows` the list's records are the table's rows.
    """

    held: list[pa.Table] = []

    def of_batch(batch: Batch[Any]) -> pa.Table | None:
        if rows is None:
            held.append(arrow_table(record, batch.rows, account))
        else:
            made = (child for row in batch.rows for child in rows(row))
            held.append(arrow_table(record, list(_by_key(record, made).values()), account))
        # dlt validates the schema of every table that it is given, which takes it milliseconds
        if not batch.is_last and sum(table.num_rows for table in held) < LOADED_AT_ONCE:
            return None
        whole = pa.concat_tables(held)
        held.clear()
        return whole

    return _resource(pages, record, name or record.table, of_batch)


def shared_table(
    pages: DltResource,
    account: str,
    record: type[C],
    rows: Callable[[Any], Iterable[C]],
    *,
    name: str,
) -> DltResource:
    """Like `table`, where several of the list's records give the same row, such as a contact: it is
    held until the chunk ends, and loaded once, as last read.
    """
    held: list[pa.Table] = []
    newest: dict[Hashable, int] = {}
    key = attrgetter(*record.key)

    def of_batch(batch: Batch[Any]) -> pa.Table | None:
        made = [child for row in batch.rows for child in rows(row)]
        before = sum(table.num_rows for table in held)
        newest.update((key(child), before + i) for i, child in enumerate(made))
        held.append(arrow_table(record, made, account))
        if not batch.is_last:
            return None
        whole = pa.concat_tables(held).take(pa.array(list(newest.values()), pa.int64()))
        held.clear()
        newest.clear()
        return whole

    return _resource(pages, record, name, of_batch)


def findings(pages: DltResource, account: str) -> Iterator[DltResource]:
    """The resources that keep what a list's rows held beyond their types."""

    def drift(batch: Batch[Any]) -> pa.Table | None:
        if not batch.is_first and not batch.findings.drift:
            return None
        return arrow_table(Drift, batch.findings.drift_rows(), account)

    def rejects(batch: Batch[Any]) -> pa.Table | None:
        if not batch.is_first and not batch.findings.rejects:
            return None
        return arrow_table(Reject, batch.findings.rejects, account)

    yield _resource(pages, Drift, f"{pages.name}_drift", drift)
    yield _resource(pages, Reject, f"{pages.name}_rejects", rejects)


def _resource(
    pages: DltResource,
    record: type[Record],
    name: str,
    of_batch: Callable[[Batch[Any]], pa.Table | None],
) -> DltResource:
    hints = make_hints(
        table_name=record.table,
        columns=dlt_columns(record),
        primary_key=("account", *record.key),
        write_disposition=_disposition(record),
        schema_contract={"data_type": "freeze"},
        additional_table_hints={"description": (record.__doc__ or "").strip()},
    )
    return DltResource.from_data(of_batch, name, hints=hints, data_from=pages)


def _by_key(record: type[C], rows: Iterable[C]) -> dict[Hashable, C]:
    """The rows by key; of those of one key the last, which was read last."""
    key = attrgetter(*record.key)
    return {key(row): row for row in rows}


def _disposition(record: type[Record]) -> TWriteDispositionConfig:
    if record in (Drift, Reject):
        return "merge"  # several lists of one package may find the same
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
