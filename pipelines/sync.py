"""Syncs one connection: its lists, chunk by chunk, then the threads of the conversations that
changed.

Each chunk is one load package: rows, and the state that says where to go on. A run that is killed
anywhere loses at most the chunk at work, and the next run reads that one again.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import dlt
from dlt.pipeline.exceptions import PipelineStepFailed

import pipelines.engine  # noqa: F401  (sets dlt up)
from pipelines.connections import Connection
from pipelines.warehouse import Warehouse
from sources.errors import PagingLoop, SourceError, Unavailable
from sources.listing import Plan, Readers
from sources.readers import ReaderProcesses, worth_it
from sources.run import MESSAGES, Report, Run
from sources.settings import duration as duration_of
from sources.settings import instant

PIPELINES_FOLDER = Path(".dlt/pipelines")
THREADS_PER_CHUNK = 2_000


class UnknownList(Exception):
    """`--only` names a list that the provider does not have."""


@dataclass
class Outcome:
    """What a sync of one connection did. `error` is why it ended early, if it did."""

    connection: str
    provider: str
    report: Report = field(default_factory=Report)
    rows: dict[str, int] = field(default_factory=dict)
    requests: int = 0
    waited_seconds: float = 0.0
    seconds: float = 0.0
    error: str = ""

    @property
    def ok(self) -> bool:
        return not self.error


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
    outcome: Outcome | None = None,
    folder: Path = PIPELINES_FOLDER,
) -> Outcome:
    """Brings the warehouse up to date with the connection. What fails is in the outcome's `error`.

    `outcome` may be given to watch it from another thread while it fills.
    """
    outcome = outcome or Outcome(connection.name, connection.provider.name)
    began = time.monotonic()
    try:
        with closing(connection.provider.connect(connection.settings)) as client:
            run = Run(connection.name, client, plan, outcome.report, readers=_readers(connection))
            # the budget is its host's, and other connections may have waited for it before
            waited_before = client.budget.waited_seconds
            try:
                _sync(connection, warehouse, run, only, outcome, folder)
            finally:
                outcome.requests = client.requests
                outcome.waited_seconds = client.budget.waited_seconds - waited_before
    except (SourceError, PipelineStepFailed) as e:
        outcome.error = _explained(e)
    outcome.seconds = time.monotonic() - began
    return outcome


def _sync(
    connection: Connection,
    warehouse: Warehouse,
    run: Run,
    only: Sequence[str],
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
    names = chosen_lists(connection, only)
    left, plan = [name for name in names if name != MESSAGES], run.plan
    while left:
        is_first = not warehouse.tables(provider.name)
        _load(pipeline, connection, replace(run, plan=plan, lists=left, is_first=is_first), outcome)
        left = [name for name in left if not _is_done(run.report, name)]
        plan = replace(plan, full=False)  # begun: the chunks that follow go on with it
    if MESSAGES in names:
        _sync_threads(pipeline, connection, warehouse, replace(run, lists=[MESSAGES]), outcome)


def _sync_threads(
    pipeline: dlt.Pipeline,
    connection: Connection,
    warehouse: Warehouse,
    run: Run,
    outcome: Outcome,
) -> None:
    provider = connection.provider
    tables = warehouse.tables(provider.name)
    if "message_reads" not in tables:
        _load(pipeline, connection, run, outcome)  # of no thread: it makes the tables
    if "conversations" not in tables:
        return
    query = (provider.worklist or "").format(dataset=provider.name)
    failed = run.report.of(MESSAGES).failed
    done: list[dict[str, Any]] = []
    while True:
        left = warehouse.rows(query, [connection.name, THREADS_PER_CHUNK + len(failed)])
        todo = [row for row in left if row["conversation_id"] not in failed]
        if not todo:
            break
        if todo == done:
            raise PagingLoop(f"{provider.name}: threads that were read are still to be read")
        _load(pipeline, connection, replace(run, threads=todo), outcome)
        done = todo
    if failed:
        raise Unavailable(
            f"{provider.name}: {len(failed)} threads could not be read, all else was; the first: "
            f"{next(iter(failed.values()))}",
            "the next run tries them again",
        )


def _readers(connection: Connection) -> Callable[[str, int], Readers] | None:
    if not worth_it(connection.settings):
        return None
    return partial(ReaderProcesses, connection.settings, connection.name)


def _load(pipeline: dlt.Pipeline, connection: Connection, run: Run, outcome: Outcome) -> None:
    """Loads the next chunk of the run's lists, as one package with their state."""
    source = connection.provider.source(run, connection.settings)
    pipeline.run(source, loader_file_format="parquet")
    assert pipeline.last_trace is not None
    normalized = pipeline.last_trace.last_normalize_info
    for table, rows in normalized.row_counts.items() if normalized else ():
        if not table.startswith("_dlt"):
            outcome.rows[table] = outcome.rows.get(table, 0) + rows


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
    return progress.finished or bool(progress.skipped)


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
