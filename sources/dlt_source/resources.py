"""A provider's dlt source: a hidden resource reads a chunk of each list, and each of the list's
tables takes its rows from it.

    conversation_pages  --->  conversations
                         \\->  conversation_labels
                         \\->  contacts

dlt evaluates the hidden parent once for all of them. One run of a source loads one chunk of each
list as one package: the rows, and the state that says where the list goes on.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dlt
import pyarrow.parquet as parquet
from dlt.common.schema.typing import TWriteDispositionConfig
from dlt.common.storages.exceptions import CurrentLoadPackageStateNotAvailable
from dlt.extract import DltResource, DltSource
from dlt.extract.hints import make_hints

from talkhouse.sources.dlt_source.chunk import Chunk, Output, Package, Part
from talkhouse.sources.dlt_source.parquet_spool import LOAD_ID, Spool
from talkhouse.sources.dlt_source.run import MESSAGES, Run
from talkhouse.sources.provider import Provider
from talkhouse.sources.rows.lenient_decode import Drift, Reject
from talkhouse.sources.rows.record import Record, description_of, dlt_columns
from talkhouse.sources.rows.table import Child
from talkhouse.sources.scan.list_state import state_of, stored_state


def source(provider: Provider, run: Run, settings: Any) -> DltSource:
    """The provider's dlt source, named for it, for one run of one of its accounts: each list is
    read when dlt asks for it.
    """
    chunk = Chunk(provider, run, settings)
    by_name = {listing.name: listing for listing in chunk.lists}

    def read(name: str) -> Iterator[Any]:
        with TemporaryDirectory() as folder:
            package = Package(_load_id(), Path(folder))
            if name == MESSAGES:
                part = chunk.read_threads(run.threads, package)
            else:
                state = state_of(dlt.current.resource_state())
                part = chunk.read_list(by_name[name], state, package)
                _keep_state(part)
            yield {resource: _rows(spool) for resource, spool in part.spools.items()}
            if part.error:
                raise part.error

    return _source(provider, dict(chunk.outputs()), read)


def source_of(provider: Provider, chunk: Chunk) -> DltSource:
    """The same source of a chunk that was read: dlt takes its files."""
    parts = {part.name: part for part in chunk.parts}

    def read(name: str) -> Iterator[Any]:
        part = parts[name]
        if name != MESSAGES:
            _keep_state(part)
        yield {resource: _file(spool) for resource, spool in part.spools.items()}

    outputs = {name: each for name, each in chunk.outputs() if name in parts}
    return _source(provider, outputs, read)


def _source(
    provider: Provider,
    outputs: Mapping[str, Iterable[Output]],
    read: Callable[[str], Iterator[Any]],
) -> DltSource:
    @dlt.source(name=provider.name)
    def lists_and_threads() -> Iterator[DltResource]:
        for name, each in outputs.items():
            pages = _pages(name, read)
            for output in each:
                yield _resource(pages, output)

    return lists_and_threads()


def _pages(name: str, read: Callable[[str], Iterator[Any]]) -> DltResource:
    @dlt.resource(name="threads" if name == MESSAGES else f"{name}_pages", selected=False)
    def pages() -> Iterator[Any]:
        yield from read(name)

    return pages


def _resource(pages: DltResource, output: Output) -> DltResource:
    record = output.record
    hints = make_hints(
        table_name=record.table,
        columns=dlt_columns(record),
        primary_key=("account", *record.key),
        write_disposition="append" if output.is_appended else _merged(record),
        schema_contract={"data_type": "freeze"},
        additional_table_hints={"description": description_of(record)},
    )

    def rows(read: Mapping[str, Any]) -> Any:
        return read[output.resource]

    return DltResource.from_data(rows, output.resource, hints=hints, data_from=pages)


def _merged(record: type[Record]) -> TWriteDispositionConfig:
    if record in (Drift, Reject):
        return "merge"
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


def _keep_state(part: Part) -> None:
    assert part.state
    state = dlt.current.resource_state()
    state.clear()
    state.update(stored_state(part.state))


def _rows(spool: Spool) -> Any:
    if not spool.count:
        return spool.empty
    return parquet.read_table(spool.file).drop_columns([LOAD_ID.name])


def _file(spool: Spool) -> Any:
    """The file as an item for dlt, or the empty table, by which the table is made."""
    if not spool.count:
        return spool.empty
    return dlt.mark.with_file_import(str(spool.file), "parquet", spool.count, spool.empty)


def _load_id() -> str:
    """The load package at work; none where a source's rows are just looked at."""
    try:
        return str(dlt.current.load_package_state()["load_id"])
    except CurrentLoadPackageStateNotAvailable:
        return ""
