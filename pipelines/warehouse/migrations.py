"""The version of a warehouse, and the steps that bring an older one up to date.

A version is of all that a release leaves for the next one: the tables of the audit, what queries
expect of the providers' tables, and the shape of the lists' state (sources/scan/list_state.py).
Steps go forwards only. One that was cut off is taken again, so each must bear that. CONTRIBUTING.md
tells how to add one.

audit.versions   a step that was taken: when, and by which release
"""

from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TypeVar

from talkhouse.pipelines.warehouse.comments import comment
from talkhouse.pipelines.warehouse.interface import AUDIT, Warehouse, WarehouseError, WarehouseGone
from talkhouse.sources.registry import PROVIDERS

W = TypeVar("W", bound=Warehouse)

VERSIONS = """
create table if not exists audit.versions (
    version bigint primary key, talkhouse_version text not null, taken_at timestamptz not null
)"""
AUDIT_TABLES = (
    """
create table if not exists audit.runs (
    run_id text primary key, account text not null, provider text not null,
    started_at timestamptz not null, ended_at timestamptz, outcome text not null, error text,
    requests bigint, rows_loaded bigint, throttled_seconds double precision,
    talkhouse_version text not null
)""",
    """
create table if not exists audit.scans (
    run_id text not null, account text not null, provider text not null, list text not null,
    mode text not null, started_at timestamptz, watermark timestamptz,
    is_finished boolean not null, is_whole boolean not null, is_in_order boolean,
    pages bigint not null, requests bigint not null, rows_seen bigint not null,
    rows_new bigint, rows_changed bigint, rows_unchanged bigint, rows_deleted bigint not null,
    declared_count bigint, distinct_ids bigint, rows_quarantined bigint not null,
    messages_missing bigint not null, rows_left bigint not null,
    throttled_seconds double precision not null, skipped text,
    primary key (run_id, list)
)""",
    """
create table if not exists audit.builds (built_at timestamptz not null, outcome text not null)""",
)
# dlt adds a column with the next rows, and these are looked for before
LACKED_BY_0_1_0A1 = {
    **dict.fromkeys(
        "agents channels contacts conversations csat_responses inboxes labels messages teams "
        "templates users".split(),
        {"deleted_at": "timestamptz"},
    ),
    "message_reads": {
        "read_at": "timestamptz",
        "reread_at": "timestamptz",
        "failed_at": "timestamptz",
        "is_whole": "boolean",
        "is_checked": "boolean",
        "missing_messages": "bigint",
    },
}


def _audit_tables(warehouse: Warehouse) -> None:
    for statement in AUDIT_TABLES:
        warehouse.execute(statement)


def _columns_lacked_by_0_1_0a1(warehouse: Warehouse) -> None:
    for dataset in PROVIDERS:
        for table in LACKED_BY_0_1_0A1.keys() & set(warehouse.tables(dataset)):
            for column, kind in LACKED_BY_0_1_0A1[table].items():
                warehouse.execute(
                    f"alter table {dataset}.{table} add column if not exists {column} {kind}"
                )


def _sweeps(warehouse: Warehouse) -> None:
    warehouse.execute(
        "create table if not exists audit.sweeps "
        "(account text primary key, swept_at timestamptz not null)"
    )


def _models_of_builds(warehouse: Warehouse) -> None:
    warehouse.execute("alter table audit.builds add column if not exists models text")


def _alerts(warehouse: Warehouse) -> None:
    warehouse.execute(
        """
create table if not exists audit.alerts (
    alert_id text primary key, noted_at timestamptz not null, kind text not null,
    account text not null, is_over boolean not null, text text not null, run_id text not null,
    about text not null, undelivered text not null
)"""
    )


def _personal_data(warehouse: Warehouse) -> None:
    warehouse.execute(
        """
create table if not exists audit.privacy (
    kind text primary key, action text not null, key_hash text, applied_at timestamptz not null
)"""
    )
    warehouse.execute(
        """
create table if not exists audit.erased (
    token text primary key, key_hash text not null, erased_at timestamptz not null
)"""
    )


def _unrenewed(warehouse: Warehouse) -> None:
    warehouse.execute(
        """
create table if not exists audit.unrenewed (
    command text not null, name text not null, noted_at timestamptz not null
)"""
    )


def _what_builds_read(warehouse: Warehouse) -> None:
    for column in ("built_of text", "good_until timestamptz"):
        warehouse.execute(f"alter table audit.builds add column if not exists {column}")
    warehouse.execute(
        """
create table if not exists audit.changes (
    name text primary key, mark text not null, is_under_way boolean not null
)"""
    )


def _scans_without_mode(warehouse: Warehouse) -> None:
    """A list may fail before it is known how it would have been read."""
    warehouse.execute("alter table audit.scans alter column mode drop not null")


def _comments(warehouse: Warehouse) -> None:
    with warehouse.transaction():
        for dataset in (AUDIT, *PROVIDERS):
            if warehouse.tables(dataset):
                comment(warehouse, dataset)


STEPS: tuple[Callable[[Warehouse], None], ...] = (
    _audit_tables,
    _columns_lacked_by_0_1_0a1,
    _sweeps,
    _models_of_builds,
    _alerts,
    _personal_data,
    _unrenewed,
    _what_builds_read,
    _scans_without_mode,
    _comments,
)
VERSION = len(STEPS)


def up_to_date(warehouse: W, read_only: bool) -> W:
    """The warehouse with every step taken; one that is only to be read is left as it is, and knows
    whether it is older. Closes it, and raises WarehouseError, if a newer release wrote it or a step
    cannot be taken.
    """
    try:
        warehouse.is_older = _version(warehouse) < VERSION and not _is_empty(warehouse)
        if warehouse.is_older and not read_only:
            migrate(warehouse)
            warehouse.is_older = False
    except BaseException:
        warehouse.close()
        raise
    return warehouse


def migrate(warehouse: Warehouse) -> None:
    """Takes the steps that the warehouse lacks; in an empty one, makes what belongs there."""
    if _version(warehouse) == VERSION:
        return
    with warehouse.loading(AUDIT):
        try:
            # where the schema was made for it, a role needs not be one that may make schemas
            if not warehouse.has_schema(AUDIT):
                warehouse.execute(f"create schema {AUDIT}")
            warehouse.execute(VERSIONS)
            for number in range(_version(warehouse) + 1, VERSION + 1):
                STEPS[number - 1](warehouse)
                warehouse.execute(
                    "insert into audit.versions (version, talkhouse_version, taken_at) "
                    "values (%s, %s, %s)",
                    [number, version("talkhouse"), datetime.now(UTC)],
                )
        except WarehouseGone:
            raise
        except Exception as e:
            raise WarehouseError(
                f"the warehouse could not be brought to version {VERSION}: {type(e).__name__}; "
                "nothing in it is lost: may this role make and change tables there?"
            ) from e


def _version(warehouse: Warehouse) -> int:
    """The last step that was taken; 0 if none was, as before there were steps."""
    if not warehouse.has_table(AUDIT, "versions"):
        return 0
    [found] = warehouse.rows(
        "select version, talkhouse_version from audit.versions order by version desc limit 1"
    ) or [{"version": 0}]
    if found["version"] > VERSION:
        raise WarehouseError(
            f"Talkhouse {found['talkhouse_version']} brought the warehouse to version "
            f"{found['version']}, and this one, {version('talkhouse')}, knows {VERSION}: install "
            "that release or a newer one; nothing was changed"
        )
    return int(found["version"])


def _is_empty(warehouse: Warehouse) -> bool:
    return not any(warehouse.tables(name) for name in (AUDIT, *PROVIDERS))
