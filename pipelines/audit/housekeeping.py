"""Keeps from growing for ever what Talkhouse writes for itself: the audit, and dlt's own tables.

It is done at the end of a sync, whenever a hundredth of `audit.keep` has passed since it last was:
to know which loads no row came with, every table is looked through.
"""

from datetime import UTC, datetime, timedelta

from talkhouse.pipelines.settings.connections import Connection
from talkhouse.pipelines.settings.project import HERE, Project
from talkhouse.pipelines.warehouse.interface import Warehouse
from talkhouse.sources.settings import SettingsError, duration

KEEP = timedelta(days=90)
PARTS = 100


def kept_for(project: Project = HERE) -> timedelta:
    """How long the audit is kept: `audit.keep` of the settings. Raises SettingsError."""
    try:
        return duration(str(project.setting("audit.keep") or f"{KEEP.days}d"))
    except ValueError as e:
        raise SettingsError(f"audit.keep: {e}") from None


def tidy(connection: Connection, warehouse: Warehouse, keep: timedelta) -> None:
    """Deletes what is older than `keep` of the connection's audit, and what nothing refers to of
    dlt's tables in its dataset; unless it was done lately.
    """
    now, account = datetime.now(UTC), connection.name
    found = warehouse.rows("select swept_at from audit.sweeps where account = %s", [account])
    if found and now - found[0]["swept_at"] < keep / PARTS:
        return
    _forget_runs(account, warehouse, now - keep)
    if warehouse.tables(connection.provider.name):
        _forget_loads(connection, warehouse, now - keep)
    warehouse.execute(
        "insert into audit.sweeps (account, swept_at) values (%s, %s) "
        "on conflict (account) do update set swept_at = excluded.swept_at",
        [account, now],
    )


def _forget_runs(account: str, warehouse: Warehouse, before: datetime) -> None:
    """But of each outcome the last run, and of each list the last scan that came to its end."""
    warehouse.execute(
        "delete from audit.runs where account = %s and started_at < %s and run_id not in "
        "(select max(run_id) from audit.runs where account = %s group by outcome)",
        [account, before, account],
    )
    warehouse.execute(
        "delete from audit.scans where account = %s and run_id not in "
        "(select run_id from audit.runs where account = %s union all "
        "select max(run_id) from audit.scans where account = %s and is_finished group by list)",
        [account, account, account],
    )
    # what was told of fields stays: none is told twice
    warehouse.execute(
        "delete from audit.alerts where noted_at < %s and kind <> 'drift' and undelivered = '' "
        "and alert_id not in (select max(alert_id) from audit.alerts group by kind, account)",
        [before],
    )
    warehouse.execute(
        "delete from audit.builds where built_at < %s "
        "and built_at < (select max(built_at) from audit.builds)",
        [before],
    )


def _forget_loads(connection: Connection, warehouse: Warehouse, before: datetime) -> None:
    """But those that rows came with: work-lists trust a note only if its load came to its end."""
    dataset, name = connection.provider.name, connection.name
    warehouse.execute(
        f"delete from {dataset}._dlt_pipeline_state where pipeline_name = %s and _dlt_load_id < "
        f"(select max(load_id) from {dataset}._dlt_loads as loads "
        f"join {dataset}._dlt_pipeline_state as states on states._dlt_load_id = load_id "
        "where states.pipeline_name = %s and loads.status = 0)",
        [name, name],
    )
    referring = warehouse.rows(
        "select table_name from information_schema.columns "
        "where table_schema = %s and column_name = '_dlt_load_id'",
        [dataset],
    )
    used = " union ".join(
        f"select _dlt_load_id from {dataset}.{row['table_name']}" for row in referring
    )
    warehouse.execute(
        f"delete from {dataset}._dlt_loads where not exists "
        f"(select 1 from ({used}) as used where used._dlt_load_id = _dlt_loads.load_id)"
    )
    warehouse.execute(
        f"delete from {dataset}._dlt_version where inserted_at < %s "
        f"and inserted_at < (select max(inserted_at) from {dataset}._dlt_version)",
        [before],
    )
