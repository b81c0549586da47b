"""What every run did, in the dataset `audit`: the proof that a row was looked for.

audit.runs      one row for a sync of one connection
audit.scans     one row for each list that it read
audit.builds    one row for each build of the analysts' tables
audit.alerts    one row for each thing that was told, or is still to be
audit.drift     fields that were not as declared     (views over every provider's own tables,
audit.rejects   rows that could not be loaded         which are loaded with the rows themselves)

migrations.py makes the tables.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from talkhouse.pipelines.audit.outcome import Outcome
from talkhouse.pipelines.settings.connections import Connection
from talkhouse.pipelines.warehouse.comments import comment
from talkhouse.pipelines.warehouse.interface import AUDIT, Warehouse
from talkhouse.pipelines.warehouse.migrations import migrate
from talkhouse.sources.registry import PROVIDERS
from talkhouse.sources.rows.lenient_decode import Drift, Reject
from talkhouse.sources.rows.record import table_columns
from talkhouse.sources.scan.progress import Progress


@contextmanager
def audited(connection: Connection, warehouse: Warehouse, outcome: Outcome) -> Iterator[None]:
    """Notes a run: that it began, and when the context ends what came of it, be it an error."""
    migrate(warehouse)
    run_id = outcome.run_id
    # a run that was killed could not say so
    warehouse.execute(
        "update audit.runs set outcome = 'cut off' where account = %s and outcome = 'running'",
        [connection.name],
    )
    warehouse.execute(
        "insert into audit.runs (run_id, account, provider, started_at, outcome, "
        "talkhouse_version) values (%s, %s, %s, %s, 'running', %s)",
        [run_id, connection.name, outcome.provider, outcome.started_at, version("talkhouse")],
    )
    ended = "failed"
    try:
        yield
        ended = "ok" if outcome.ok else "failed"
    except KeyboardInterrupt:
        ended = "interrupted"
        raise
    except Exception as e:
        # its message is left out, since it may quote a row
        outcome.error = outcome.error or type(e).__name__
        raise
    finally:
        for name, progress in outcome.report.lists.items():
            _note_scan(warehouse, run_id, outcome, name, progress)
        note_end(warehouse, outcome, ended)
        _show_findings(warehouse)


def note_end(warehouse: Warehouse, outcome: Outcome, ended: str) -> None:
    """Notes what came of a run: `ended` is ok, failed or interrupted."""
    warehouse.execute(
        "update audit.runs set ended_at = %s, outcome = %s, error = %s, requests = %s, "
        "rows_loaded = %s, throttled_seconds = %s where run_id = %s",
        [datetime.now(UTC), ended, outcome.error or None, outcome.requests]
        + [sum(outcome.rows.values()), outcome.waited_seconds, outcome.run_id],
    )


def note_build(warehouse: Warehouse, is_ok: bool, models: str) -> datetime:
    """Notes a build of the analysts' tables; gives the time it is noted at. `models` is the hash
    of its dbt project.
    """
    migrate(warehouse)
    # whatever was built before is no more what is there
    warehouse.execute("update audit.builds set built_of = null where built_of is not null")
    built_at = datetime.now(UTC)
    warehouse.execute(
        "insert into audit.builds (built_at, outcome, models) values (%s, %s, %s)",
        [built_at, "ok" if is_ok else "failed", models],
    )
    return built_at


def note_good_build(
    warehouse: Warehouse,
    built_at: datetime,
    built_of: str | None = None,
    good_until: datetime | None = None,
) -> None:
    """Notes that the build ended well that is noted at that time; of what it was built, if another
    build of the same would make the same, and until when (unchanged_build.py).
    """
    warehouse.execute(
        "update audit.builds set built_at = %s, outcome = 'ok', built_of = %s, good_until = %s "
        "where built_at = %s",
        [datetime.now(UTC), built_of, good_until, built_at],
    )


def last_build(warehouse: Warehouse) -> dict[str, Any] | None:
    """When the analysts' tables were last built, and its outcome: `ok`, or `failed`."""
    if not warehouse.has_table(AUDIT, "builds"):
        return None
    # one that is under way is noted as failed, until it is not
    latest = "select built_at, outcome from audit.builds order by built_at desc limit 1 offset %s"
    return next(iter(warehouse.rows(latest, [int(warehouse.is_building())])), None)


def was_built_of(warehouse: Warehouse, models: str) -> bool:
    """Whether these models, and no others, made the analysts' tables since a build was good."""
    found = warehouse.rows(
        "select distinct models from audit.builds where built_at >= all "
        "(select built_at from audit.builds where outcome = 'ok')"
    )
    return [row["models"] for row in found] == [models]


def last_build_failed(warehouse: Warehouse) -> bool:
    """Whether the analysts' tables are what a failed build left."""
    built = last_build(warehouse)
    return built is not None and built["outcome"] == "failed"


def _note_scan(
    warehouse: Warehouse, run_id: str, outcome: Outcome, name: str, progress: Progress
) -> None:
    unchanged = None if progress.new is None else progress.loaded - progress.new - progress.changed
    row: dict[str, Any] = {
        "run_id": run_id,
        "account": outcome.connection,
        "provider": outcome.provider,
        "list": name,
        "mode": progress.mode or None,
        "started_at": progress.started_at or None,
        "watermark": progress.watermark or None,
        "is_finished": progress.finished,
        "is_whole": progress.is_whole,
        "is_in_order": progress.is_in_order,
        "pages": progress.pages,
        "requests": progress.requests,
        "rows_seen": progress.rows,
        "rows_new": progress.new,
        "rows_changed": None if progress.new is None else progress.changed,
        "rows_unchanged": unchanged,
        "rows_deleted": progress.deleted,
        "declared_count": progress.declared,
        "distinct_ids": progress.distinct,
        "rows_quarantined": len(progress.quarantined),
        "messages_missing": progress.missing,
        "rows_left": progress.left,
        "throttled_seconds": progress.waited_seconds,
        "skipped": progress.skipped or None,
    }
    marks = ", ".join(["%s"] * len(row))
    warehouse.execute(
        f"insert into audit.scans ({', '.join(row)}) values ({marks})", list(row.values())
    )


def _show_findings(warehouse: Warehouse) -> None:
    """What was found in the rows of all providers, in one place each."""
    for record in (Drift, Reject):
        with warehouse.loading(AUDIT):
            names = [name for name in PROVIDERS if warehouse.has_table(name, record.table)]
            columns = [*(column.name for column in table_columns(record)), "_dlt_load_id"]
            # who reads a view keeps it from being replaced
            if names and not _shows(warehouse, record.table, names, columns):
                query = " union all ".join(
                    f"select '{name}' as provider, {', '.join(columns)} from {name}.{record.table}"
                    for name in names
                )
                with warehouse.transaction():
                    warehouse.execute(f"create or replace view audit.{record.table} as {query}")
                    comment(warehouse, AUDIT)


def _shows(warehouse: Warehouse, view: str, names: list[str], columns: list[str]) -> bool:
    """Whether the view is there, with these columns of these providers."""
    there = [row["column_name"] for row in warehouse.columns(AUDIT, view)]
    if there != ["provider", *columns]:
        return False
    [found] = warehouse.rows(
        "select view_definition as query from information_schema.views "
        "where table_schema = %s and table_name = %s",
        [AUDIT, view],
    )
    return all(f"{name}.{view}" in (found["query"] or "") for name in names)
