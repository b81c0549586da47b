"""The metrics: what the latest sync of a connection came to, the latest build and publication.

prometheus_client is imported only when something is measured.
"""

import time
from typing import TYPE_CHECKING

from talkhouse.pipelines.analytics.publish import Publication
from talkhouse.pipelines.audit.outcome import Outcome
from talkhouse.pipelines.settings.connections import Connection
from talkhouse.pipelines.syncing.list_states import list_states
from talkhouse.pipelines.syncing.worklist import Worklist, as_of
from talkhouse.pipelines.warehouse.interface import Warehouse
from talkhouse.sources.rows.lenient_decode import Drift, Reject
from talkhouse.sources.scan.progress import Progress
from talkhouse.sources.settings import instant

if TYPE_CHECKING:
    from prometheus_client import Gauge

    # it has the libraries of both databases
    from talkhouse.pipelines.analytics.build import Built

METRICS = {
    "talkhouse_sync_last_run_timestamp_seconds": "When the latest sync ended.",
    "talkhouse_sync_last_success_timestamp_seconds": "When the latest sync that went well ended.",
    "talkhouse_sync_success": "Whether the latest sync went well.",
    "talkhouse_sync_duration_seconds": "How long it took.",
    "talkhouse_sync_requests": "Requests that it made.",
    "talkhouse_sync_throttled_seconds": "How long it waited for the host's budget.",
    "talkhouse_sync_rows_loaded": "Rows that it loaded, new or not, by their table.",
    "talkhouse_list_complete_as_of_timestamp_seconds": (
        "Everything that moved before this is in the warehouse."
    ),
    "talkhouse_list_finished": "Whether the latest sync came to the end of the list.",
    "talkhouse_list_duration_seconds": "How long the latest sync took for the list.",
    "talkhouse_list_requests": "Requests that it made for the list.",
    "talkhouse_list_throttled_seconds": "How long it waited for the host's budget, for the list.",
    "talkhouse_list_rows_read": "Rows of the list that it read.",
    "talkhouse_list_rows_new": "Rows of the list that were new.",
    "talkhouse_list_rows_changed": "Rows of the list that had changed.",
    "talkhouse_list_rows_deleted": "Rows of the list that it marked deleted.",
    "talkhouse_list_rows_quarantined": "Rows of the list that the provider cannot give.",
    "talkhouse_threads_left": "Conversations whose messages are still to be read.",
    "talkhouse_drift_fields": "Fields that were ever sent otherwise than declared.",
    "talkhouse_rejected_rows": "Rows that were ever met and could not be loaded.",
    "talkhouse_build_last_run_timestamp_seconds": "When the latest build ended.",
    "talkhouse_build_success": "Whether the latest build went well.",
    "talkhouse_build_duration_seconds": "How long it took.",
    "talkhouse_build_models": "Tables and views that it made.",
    "talkhouse_build_tests_passed": "Tests that passed.",
    "talkhouse_build_warnings": "Tests that warn.",
    "talkhouse_build_failures": "Models and tests that failed.",
    "talkhouse_publish_last_run_timestamp_seconds": "When the latest publication ended.",
    "talkhouse_publish_success": "Whether the latest publication went well.",
    "talkhouse_publish_tables": "Tables in the copy that it made.",
    "talkhouse_publish_bytes": "Size of the copy that it made.",
}
"""Every metric, with what it says. All are gauges: they tell of the latest run, or of now."""


# what is asked of the warehouse: it holds until that is asked again
STANDING = (
    "talkhouse_sync_last_success_timestamp_seconds",
    "talkhouse_list_complete_as_of_timestamp_seconds",
    "talkhouse_threads_left",
    "talkhouse_drift_fields",
    "talkhouse_rejected_rows",
)
# what was built: it holds until there is something to build again
BUILT = (
    "talkhouse_build_duration_seconds",
    "talkhouse_build_models",
    "talkhouse_build_tests_passed",
    "talkhouse_build_warnings",
    "talkhouse_build_failures",
)


class Sheet:
    """The metrics of one thing. `labels` are those that all of its samples have."""

    def __init__(self, **labels: str) -> None:
        from prometheus_client import CollectorRegistry

        self.registry = CollectorRegistry()
        self._labels = labels
        self._gauges: dict[str, Gauge] = {}

    def set(self, name: str, value: float, **labels: str) -> None:
        """Sets a sample of one of METRICS."""
        from prometheus_client import Gauge

        labels = labels | self._labels
        if name not in self._gauges:
            self._gauges[name] = Gauge(name, METRICS[name], list(labels), registry=self.registry)
        gauge = self._gauges[name]
        (gauge.labels(**labels) if labels else gauge).set(value)


def measured_sync(outcome: Outcome) -> Sheet:
    """What a sync came to."""
    sheet = Sheet(connection=outcome.connection, provider=outcome.provider)
    sheet.set("talkhouse_sync_last_run_timestamp_seconds", time.time())
    sheet.set("talkhouse_sync_success", outcome.ok)
    sheet.set("talkhouse_sync_duration_seconds", outcome.seconds)
    sheet.set("talkhouse_sync_requests", outcome.requests)
    sheet.set("talkhouse_sync_throttled_seconds", outcome.waited_seconds)
    for table, rows in outcome.rows.items():
        sheet.set("talkhouse_sync_rows_loaded", rows, table=table)
    for name, progress in outcome.report.lists.items():
        _add_list(sheet, name, progress)
    return sheet


def _add_list(sheet: Sheet, name: str, progress: Progress) -> None:
    sheet.set("talkhouse_list_finished", progress.finished, list=name)
    sheet.set("talkhouse_list_duration_seconds", progress.seconds, list=name)
    sheet.set("talkhouse_list_requests", progress.requests, list=name)
    sheet.set("talkhouse_list_throttled_seconds", progress.waited_seconds, list=name)
    sheet.set("talkhouse_list_rows_read", progress.rows, list=name)
    if progress.new is not None:
        sheet.set("talkhouse_list_rows_new", progress.new, list=name)
        sheet.set("talkhouse_list_rows_changed", progress.changed, list=name)
    sheet.set("talkhouse_list_rows_deleted", progress.deleted, list=name)
    sheet.set("talkhouse_list_rows_quarantined", len(progress.quarantined), list=name)


def add_standing(sheet: Sheet, connection: Connection, warehouse: Warehouse) -> None:
    """Adds how the connection stands in the warehouse, whatever its latest sync came to."""
    dataset, account = connection.provider.name, connection.name
    [found] = warehouse.rows(
        "select max(ended_at) as at from audit.runs where account = %s and outcome = 'ok'",
        [account],
    )
    if found["at"]:
        sheet.set("talkhouse_sync_last_success_timestamp_seconds", found["at"].timestamp())
    for name, state in list_states(connection, warehouse).items():
        if state.watermark:
            at = instant(state.watermark).timestamp()
            sheet.set("talkhouse_list_complete_as_of_timestamp_seconds", at, list=name)
    there = warehouse.tables(dataset)
    for record, metric in ((Drift, "drift_fields"), (Reject, "rejected_rows")):
        if record.table in there:
            query = f"select count(*) as n from {dataset}.{record.table} where account = %s"
            [found] = warehouse.rows(query, [account])
            sheet.set(f"talkhouse_{metric}", found["n"])
    if connection.provider.worklist and connection.settings.messages:
        worklist = Worklist(connection, warehouse, as_of(connection, warehouse))
        sheet.set("talkhouse_threads_left", worklist.count())


def add_known(sheet: Sheet, before: str) -> None:
    """Adds how the connection stood, or what was built, by an earlier sheet, where this one does
    not say. Raises ValueError if that is none.
    """
    from prometheus_client.parser import text_string_to_metric_families

    said = {family.name for family in sheet.registry.collect()}
    for family in text_string_to_metric_families(before):
        if family.name in (*STANDING, *BUILT) and family.name not in said:
            for sample in family.samples:
                sheet.set(family.name, sample.value, **sample.labels)


def measured_build(built: "Built") -> Sheet:
    """What a build came to; of one that had nothing to do, no more than that it went well."""
    sheet = Sheet()
    sheet.set("talkhouse_build_last_run_timestamp_seconds", time.time())
    sheet.set("talkhouse_build_success", built.ok)
    if built.unchanged_since:
        return sheet
    sheet.set("talkhouse_build_duration_seconds", built.seconds)
    sheet.set("talkhouse_build_models", len(built.models))
    sheet.set("talkhouse_build_tests_passed", built.tests_passed)
    sheet.set("talkhouse_build_warnings", len(built.warnings))
    sheet.set("talkhouse_build_failures", len(built.failures))
    return sheet


def measured_publication(publication: Publication) -> Sheet:
    """The metrics of a publication."""
    sheet = Sheet()
    sheet.set("talkhouse_publish_last_run_timestamp_seconds", time.time())
    sheet.set("talkhouse_publish_success", publication.ok)
    if publication.ok:
        sheet.set("talkhouse_publish_tables", len(publication.tables))
        sheet.set("talkhouse_publish_bytes", publication.bytes)
    return sheet
