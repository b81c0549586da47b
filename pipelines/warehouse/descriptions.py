"""What each raw table and each table of the audit holds, column by column.

The records of the providers describe their own tables.
"""

from talkhouse.pipelines.warehouse.interface import AUDIT
from talkhouse.sources.registry import provider
from talkhouse.sources.rows.lenient_decode import Drift, Reject
from talkhouse.sources.rows.record import Record, description_of, table_columns

Descriptions = dict[str, str]
"""The description of each column; that of the table under the empty name."""

LOAD_ID = {"_dlt_load_id": "Id of the last load package that brought the row or saw it unchanged."}

DLT_TABLES: dict[str, Descriptions] = {
    "_dlt_loads": {
        "": "Load packages that were loaded completely.",
        "load_id": "Id of the load package.",
        "schema_name": "Name of the dlt schema that was loaded.",
        "status": "Status of the load package: 0 is complete.",
        "inserted_at": "Time at which the load package was complete.",
        "schema_version_hash": "Hash of the dlt schema that the package was loaded with.",
    },
    "_dlt_version": {
        "": "Versions of the dlt schema that the tables were made with.",
        "version": "Number of the schema's version.",
        "engine_version": "Version of dlt's own format of schemas.",
        "inserted_at": "Time at which the version was stored.",
        "schema_name": "Name of the dlt schema.",
        "version_hash": "Hash of the schema's content.",
        "schema": "The dlt schema as JSON.",
    },
    "_dlt_pipeline_state": {
        "": "States of the pipelines: where each list of a connection goes on.",
        "version": "Number of the state's version.",
        "engine_version": "Version of dlt's own format of states.",
        "pipeline_name": "Name of the pipeline, which is the connection's.",
        "state": "The state, compressed and encoded as Base64.",
        "created_at": "Time at which the state was made.",
        "version_hash": "Hash of the state's content.",
        "_dlt_id": "Id of the row, which dlt makes.",
        **LOAD_ID,
    },
}

ACCOUNT = "Name of the connection."
PROVIDER = "Name of the provider, such as chatwoot."

AUDIT_TABLES: dict[str, Descriptions] = {
    "runs": {
        "": "Every sync of a connection, and how it ended.",
        "run_id": "Id of the run.",
        "account": ACCOUNT,
        "provider": PROVIDER,
        "started_at": "Time at which the run began.",
        "ended_at": "Time at which the run ended; null while it runs or if it was cut off.",
        "outcome": "Outcome of the run: ok, failed, interrupted, cut off or running.",
        "error": "Reason why the run failed; null if it did not.",
        "requests": "Number of requests sent to the provider.",
        "rows_loaded": "Number of rows loaded into the raw tables.",
        "throttled_seconds": "Seconds spent waiting for the provider's rate limit.",
        "talkhouse_version": "Version of Talkhouse that ran.",
    },
    "scans": {
        "": "Every list that a sync read.",
        "run_id": "Id of the run that read the list.",
        "account": ACCOUNT,
        "provider": PROVIDER,
        "list": "Name of the list.",
        "mode": "Mode of the scan: full, recent, window or threads.",
        "started_at": "Time at which the scan began, by the provider's clock.",
        "watermark": "Time up to which the list is complete; null if it never was.",
        "is_finished": "Whether the scan was finished in this run.",
        "is_whole": "Whether the scan read the whole list without a gap.",
        "is_in_order": "Whether the rows came in the expected order; null if not checked.",
        "pages": "Number of pages read.",
        "requests": "Number of requests sent for the list.",
        "rows_seen": "Number of rows that the provider gave.",
        "rows_new": "Number of loaded rows that were not in the table yet.",
        "rows_changed": "Number of loaded rows that differ from the stored ones.",
        "rows_unchanged": "Number of loaded rows that equal the stored ones.",
        "rows_deleted": "Number of rows marked as deleted at the provider.",
        "declared_count": "Number of rows in the list, according to the provider.",
        "distinct_ids": "Number of distinct rows that the full scan brought.",
        "rows_quarantined": "Number of rows that the provider could not give.",
        "messages_missing": "Number of messages that the provider counts and does not give.",
        "rows_left": "Number of threads left to read in later runs.",
        "throttled_seconds": "Seconds spent waiting for the provider's rate limit.",
        "skipped": "Reason why the list was skipped; null if it was read.",
    },
    "builds": {
        "": "Every build of the analysts' tables.",
        "built_at": "Time at which the build ended, or began if it did not end well.",
        "outcome": "Outcome of the build: ok or failed; failed too while it runs.",
        "models": "Hash of the dbt project that was built.",
        "built_of": "Hash of the build's inputs; null if a later build may differ.",
        "good_until": "Time until which the same inputs give the same tables.",
    },
    "changes": {
        "": "Connections and commands that changed rows of the raw tables.",
        "name": "Name of the connection or command.",
        "mark": "Random text that is replaced with each change.",
        "is_under_way": "Whether more rows may still arrive.",
    },
    "alerts": {
        "": "Alerts that were sent or are still to be sent.",
        "alert_id": "Id of the alert.",
        "noted_at": "Time at which the alert was noted.",
        "kind": "Kind of problem, such as failed, stale or drift.",
        "account": "Name of the connection; empty if the alert concerns none.",
        "is_over": "Whether the alert says that the problem is over.",
        "text": "Text of the alert.",
        "run_id": "Id of the run that found the problem; empty if no run did.",
        "about": "Findings that the alert reports, for kinds that do not end; else empty.",
        "undelivered": "Channels that have not accepted the alert yet.",
    },
    "sweeps": {
        "": "Last deletion of old audit rows of each connection.",
        "account": ACCOUNT,
        "swept_at": "Time of the last deletion.",
    },
    "privacy": {
        "": "Privacy policy that all stored rows are under.",
        "kind": "Class of personal data.",
        "action": "Action taken on the class: keep, hash, mask, drop or redact.",
        "key_hash": "Hash of the key that values were hashed with.",
        "applied_at": "Time at which the policy was applied.",
    },
    "erased": {
        "": "Keyed hashes of erased persons, whom later syncs leave out.",
        "token": "Keyed hash of a phone number, an e-mail address or an id.",
        "key_hash": "Hash of the key that the token was made with.",
        "erased_at": "Time at which the person was erased.",
    },
    "unrenewed": {
        "": "Work that a command has not finished yet.",
        "command": "Command that changed the rows.",
        "name": "Table whose rows were changed, or class of personal data to read again.",
        "noted_at": "Time at which the work was noted.",
    },
    "versions": {
        "": "Migrations of the warehouse.",
        "version": "Number of the migration.",
        "talkhouse_version": "Version of Talkhouse that ran the migration.",
        "taken_at": "Time at which the migration was finished.",
    },
}


def described(dataset: str) -> dict[tuple[str, str], str]:
    """The descriptions of a dataset's tables and columns, by table and column; the column of a
    table's own description is empty.
    """
    tables = audit_tables() if dataset == AUDIT else _raw_tables(dataset)
    return {
        (table, column): text for table, texts in tables.items() for column, text in texts.items()
    }


def audit_tables() -> dict[str, Descriptions]:
    """The descriptions of the audit's tables and views."""
    views = {
        record.table: {"provider": PROVIDER, **of_record(record)} for record in (Drift, Reject)
    }
    return AUDIT_TABLES | views


def _raw_tables(dataset: str) -> dict[str, Descriptions]:
    records: tuple[type[Record], ...] = (*provider(dataset).records, Drift, Reject)
    return {record.table: of_record(record) for record in records} | DLT_TABLES


def of_record(record: type[Record]) -> Descriptions:
    """The descriptions of a record's table."""
    columns = {column.name: column.description for column in table_columns(record)}
    return {"": description_of(record), **columns, **LOAD_ID}
