"""What a command tells of itself while it runs, and a sync of one connection."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from importlib.metadata import version

import typer

from pipelines.app import exit_code_of
from pipelines.audit import Outcome
from pipelines.configuration import setting
from pipelines.connections import configuration_errors
from pipelines.events import CommandEnded, CommandStarted, ListRead, SyncEnded, SyncStarted, tell
from pipelines.logs import logged
from pipelines.progress import mode_of
from sources.listing import Progress


@contextmanager
def command_told(command: str) -> Iterator[None]:
    """Tells that the command began and how it ended, to the log file and the traces if they are
    configured. Raises SettingsError if what is configured cannot be.
    """
    with logged(), _traced():
        began, exit_code, error = time.monotonic(), 0, ""
        tell(CommandStarted(command=command, talkhouse_version=version("talkhouse")))
        try:
            yield
        except BaseException as e:
            exit_code, error = exit_code_of(e), _why(e)
            raise
        finally:
            seconds = time.monotonic() - began
            tell(CommandEnded(command=command, exit_code=exit_code, seconds=seconds, error=error))


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
        error = _why(e)
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


def _traced() -> AbstractContextManager[None]:
    endpoint = str(setting("traces.endpoint") or "")
    if not endpoint:
        return nullcontext()
    # here: it takes a fifth of a second, which no other command should
    from pipelines.traces import traced

    return traced(endpoint)


def _why(e: BaseException) -> str:
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
        mode=mode_of(name, progress),
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
