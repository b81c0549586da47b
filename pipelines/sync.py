"""Syncs one connection: its lists, chunk by chunk, then the threads of the conversations that
changed.

Each chunk is one load package: rows, and the state that says where to go on. A run that is killed
anywhere loses at most the chunk at work, and the next run reads that one again.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dlt
import pyarrow.parquet as parquet
from dlt.pipeline.exceptions import PipelineStepFailed

import pipelines.engine  # noqa: F401  (sets dlt up)
from pipelines.audit import Outcome, audited
from pipelines.connections import Connection
from pipelines.messages import sync_messages
from pipelines.state import list_states
from pipelines.tombstones import count_distinct_rows, mark_deleted_rows
from pipelines.warehouse import AlreadySyncing, Warehouse
from sources.errors import SourceError
from sources.listing import Listing, Plan
from sources.readers import ReaderPool, worth_it
from sources.records import Record
from sources.run import MESSAGES, Report, Run
from sources.salvage import Drift, Reject
from sources.settings import duration as duration_of
from sources.settings import instant
from sources.tables import Child
from sources.threads import Budget

PIPELINES_FOLDER = Path(".dlt/pipelines")
NO_LIMIT = Budget()


class UnknownList(Exception):
    """`--only` names a list that the provider does not have."""


def plan_of(
    connection: Connection,
    *,
    full: bool = False,
    since: str = "",
    until: str = "",
) -> Plan:
    """How far to read: the connection's settings, and what was asked for this once."""
    settings = connection.settings
    return Plan(
        lookback=duration_of(settings.lookback),
        full_scan_every=duration_of(settings.full_scan_every),
        full_scan_requests=settings.full_scan_requests,
        start_date=instant(settings.start_date) if settings.start_date else None,
        full=full,
        since=instant(since) if since else None,
        until=instant(until) if until else None,
    )


def sync(
    connection: Connection,
    warehouse: Warehouse,
    plan: Plan,
    *,
    only: Sequence[str] = (),
    message_budget: Budget = NO_LIMIT,
    outcome: Outcome | None = None,
    folder: Path = PIPELINES_FOLDER,
) -> Outcome:
    """Brings the warehouse up to date with the connection. What fails is in the outcome's `error`.

    `message_budget` is what the run may spend on threads. `outcome` may be given to watch it from
    another thread while it fills.
    """
    outcome = outcome or Outcome(connection.name, connection.provider.name)
    try:
        with warehouse.syncing(connection.name), audited(connection, warehouse, outcome):
            _synced(connection, warehouse, plan, only, message_budget, outcome, folder)
    except AlreadySyncing as e:
        outcome.error = str(e)
    return outcome


def _synced(
    connection: Connection,
    warehouse: Warehouse,
    plan: Plan,
    only: Sequence[str],
    budget: Budget,
    outcome: Outcome,
    folder: Path,
) -> None:
    """Syncs; what fails is told in the outcome."""
    began = time.monotonic()
    try:
        with ExitStack() as stack:
            settings = connection.settings
            client = stack.enter_context(closing(connection.provider.connect(settings)))
            run = Run(connection.name, client, plan, outcome.report)
            # the budget is its host's, and other connections may have waited for it before
            waited_before = client.budget.waited_seconds
            try:
                _sync(connection, warehouse, run, only, budget, outcome, folder)
                errors = [progress.error for progress in run.report.lists.values()]
                outcome.error = "; ".join(error for error in errors if error)
            finally:
                outcome.requests = client.requests
                outcome.waited_seconds = client.budget.waited_seconds - waited_before
    except (SourceError, PipelineStepFailed) as e:
        outcome.error = _explained(e)
    finally:
        outcome.seconds = time.monotonic() - began


def _sync(
    connection: Connection,
    warehouse: Warehouse,
    run: Run,
    only: Sequence[str],
    budget: Budget,
    outcome: Outcome,
    folder: Path,
) -> None:
    provider = connection.provider
    pipeline = dlt.pipeline(
        connection.name,
        destination=warehouse.destination(),
        dataset_name=provider.name,
        pipelines_dir=str(folder.absolute()),
    )
    # the state that counts is the one that was loaded with its rows: dlt restores it from there.
    # A local one may be of a file that is gone, or of a run that was killed before its rows came in
    pipeline.drop()
    pipeline.sync_destination()
    names = chosen_lists(connection, only)
    with closing(ReaderPool(connection.settings, connection.name, pipeline.working_dir)) as readers:
        # they read ahead: more than what a run may ask of a scan that is spread over several
        if worth_it(connection.settings) and not run.plan.full_scan_requests:
            run = replace(run, readers=readers)
        _sync_lists(pipeline, connection, warehouse, run, names, outcome)
    count_distinct_rows(connection, warehouse, run.report)
    states = list_states(connection, warehouse)
    mark_deleted_rows(connection, warehouse, run.plan, run.report, states)
    if MESSAGES in names:
        run = replace(run, lists=[MESSAGES], is_spent=budget.spender(run.client))
        sync_messages(
            connection,
            warehouse,
            run,
            lambda run: _load(pipeline, connection, warehouse, run, outcome),
        )


def _sync_lists(
    pipeline: dlt.Pipeline,
    connection: Connection,
    warehouse: Warehouse,
    run: Run,
    names: Sequence[str],
    outcome: Outcome,
) -> None:
    """Reads the lists to their end, a chunk of each at a time."""
    provider = connection.provider
    left = [name for name in names if name != MESSAGES]
    while left:
        is_first = not warehouse.tables(provider.name)
        lists = [each for each in provider.lists(connection.settings) if each.name in left]
        new = [each.name for each in lists if _is_new(connection, warehouse, each, run)]
        chunk = replace(run, lists=left, is_first=is_first, new=new)
        _load(pipeline, connection, warehouse, chunk, outcome)
        left = [name for name in left if not _is_done(run.report, name)]


def _is_new(connection: Connection, warehouse: Warehouse, listing: Listing[Any], run: Run) -> bool:
    """Whether the tables have none of the rows that the list's next chunk brings: it goes on by ids
    in this run, and none is stored from the next one on.
    """
    if listing.by_id is None or run.report.of(listing.name).mode != "full":
        return False
    going = list_states(connection, warehouse).get(listing.name, {}).get("full", {})
    if going.get("way") != "ids":
        return False
    first = (going["page"] - 1) * listing.by_id.size + 1
    for table in listing.tables:
        if table.shared:
            continue
        record = table.record
        key = record.parent[0] if issubclass(record, Child) else record.key[0]
        stored = f"select 1 from {connection.provider.name}.{record.table}"
        if warehouse.rows(
            f"{stored} where account = %s and {key} >= %s limit 1", [run.account, first]
        ):
            return False
    return True


def _load(
    pipeline: dlt.Pipeline,
    connection: Connection,
    warehouse: Warehouse,
    run: Run,
    outcome: Outcome,
) -> None:
    """Loads the next chunk of the run's lists, as one package with their state."""
    with TemporaryDirectory(dir=pipeline.working_dir) as folder:
        source = connection.provider.source(replace(run, folder=Path(folder)), connection.settings)
        pipeline.extract(source, loader_file_format="parquet")
    normalized = pipeline.normalize()
    for load_id in normalized.loads_ids:
        files = _files(pipeline, load_id)
        for listing in connection.provider.lists(connection.settings):
            if run.reads(listing.name):
                _compare(warehouse, connection.provider.name, listing, run, files)
    with warehouse.loading(connection.provider.name):
        pipeline.load()
        warehouse.index(connection.provider.name, _records(connection, run))
    for table, rows in normalized.row_counts.items():
        if not table.startswith("_dlt"):
            outcome.rows[table] = outcome.rows.get(table, 0) + rows


def _records(connection: Connection, run: Run) -> list[type[Record]]:
    """The records of every table that the connection fills."""
    provider, settings = connection.provider, connection.settings
    tables = [table for listing in provider.lists(settings) for table in listing.tables]
    if provider.threads and settings.messages:
        tables += provider.threads(run.client, settings).tables
    return [*dict.fromkeys(table.record for table in tables), Drift, Reject]


def _files(pipeline: dlt.Pipeline, load_id: str) -> dict[str, list[str]]:
    """The files of a package, by their table."""
    files: dict[str, list[str]] = {}
    for job in pipeline.get_load_package_info(load_id).jobs["new_jobs"]:
        files.setdefault(job.job_file_info.table_name, []).append(job.file_path)
    return files


def _compare(
    warehouse: Warehouse,
    dataset: str,
    listing: Listing[Any],
    run: Run,
    files: Mapping[str, list[str]],
) -> None:
    """Counts what of a list is new or changed, by its own table."""
    table, progress = listing.tables[0], run.report.of(listing.name)
    found = [file for file in files.get(table.record.table, []) if file.endswith(".parquet")]
    if not found or table.shared:
        return
    if listing.name in run.new:
        rows = new = sum(parquet.read_metadata(file).num_rows for file in found)
        changed = 0
    else:
        rows, new, changed = warehouse.compared(dataset, table.record, found)
    progress.loaded += rows
    progress.new = (progress.new or 0) + new
    progress.changed += changed


def chosen_lists(connection: Connection, only: Sequence[str] = ()) -> list[str]:
    """The names of the connection's lists, or of those named. Raises UnknownList."""
    provider, settings = connection.provider, connection.settings
    known = [listing.name for listing in provider.lists(settings)]
    if provider.threads and settings.messages:
        known.append(MESSAGES)
    for name in only:
        if name not in known:
            raise UnknownList(f"there is no list {name}; there are {', '.join(known)}")
    return [name for name in known if not only or name in only]


def _is_done(report: Report, name: str) -> bool:
    progress = report.of(name)
    return progress.finished or bool(progress.skipped or progress.error)


def _explained(error: Exception) -> str:
    """Why a sync ended. A database's own message is left out, since it may quote a row."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, SourceError):
            return str(cause)
        if isinstance(cause, KeyboardInterrupt):
            raise KeyboardInterrupt from None  # dlt wraps it as it does a failure
        last, cause = cause, cause.__cause__ or getattr(cause, "exception", None)
    return (
        f"loading failed: {type(last).__name__}; what was loaded before is kept, and the next run "
        "goes on from there: is the disk full, or the file held by another program?"
    )
