"""The events of a sync of one connection: that it began, what each list gave, how it ended."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import typer

from talkhouse.pipelines.audit.outcome import Outcome
from talkhouse.pipelines.telemetry.events import (
    ListRead,
    SyncEnded,
    SyncStarted,
    tell,
)
from talkhouse.pipelines.warehouse.failures import configuration_errors
from talkhouse.sources.scan.progress import Progress


@contextmanager
def sync_told(outcome: Outcome) -> Iterator[None]:
    """Tells that the sync of a connection began, and when the context ends what came of it, list by
    list.
    """
    tell(
        SyncStarted(run_id=outcome.run_id, connection=outcome.connection, provider=outcome.provider)
    )
    ended, error = "", ""
    try:
        yield
    except BaseException as e:
        ended = "interrupted" if isinstance(e, KeyboardInterrupt) else "failed"
        error = message_of(e)
        raise
    finally:
        for name, progress in outcome.report.lists.items():
            tell(_list_read(outcome, name, progress))
        tell(sync_ended(outcome, ended, error))


def sync_ended(outcome: Outcome, ended: str = "", error: str = "") -> SyncEnded:
    """What came of a sync, which may never have begun."""
    as_usual = "ok" if outcome.ok else "busy" if outcome.is_busy else "failed"
    return SyncEnded(
        run_id=outcome.run_id,
        connection=outcome.connection,
        provider=outcome.provider,
        outcome=ended or as_usual,
        requests=outcome.requests,
        rows_loaded=sum(outcome.rows.values()),
        drift_fields=len(outcome.report.findings.drift),
        rows_rejected=len(outcome.report.findings.rejects),
        throttled_seconds=outcome.waited_seconds,
        seconds=outcome.seconds,
        error=outcome.error or error,
    )


def message_of(e: BaseException) -> str:
    """What may be said of an error: nothing of an exit, and of one that is not ours its type."""
    if isinstance(e, typer.Exit | KeyboardInterrupt):
        return ""
    # a message that is not ours may quote a row
    return " ".join(str(e).split()) if isinstance(e, configuration_errors()) else type(e).__name__


def _list_read(outcome: Outcome, name: str, progress: Progress) -> ListRead:
    ended = "ok" if progress.finished else "unfinished"
    if progress.skipped or progress.error:
        ended = "skipped" if progress.skipped else "failed"
    return ListRead(
        run_id=outcome.run_id,
        connection=outcome.connection,
        provider=outcome.provider,
        at=progress.ended_at or datetime.now(UTC),
        list=name,
        mode=progress.mode,
        outcome=ended,
        pages=progress.pages,
        requests=progress.requests,
        rows_read=progress.rows,
        rows_new=progress.new,
        rows_changed=None if progress.new is None else progress.changed,
        rows_deleted=progress.deleted,
        rows_quarantined=len(progress.quarantined),
        messages_missing=progress.missing,
        threads_left=progress.left,
        throttled_seconds=progress.waited_seconds,
        seconds=progress.seconds,
        error=progress.skipped or progress.error,
    )
