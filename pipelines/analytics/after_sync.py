"""What a sync does with its rows when it ends: builds the analysts' tables, publishes the copy."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from talkhouse.pipelines.analytics.build import Built, build, failed_build, time_zone_of
from talkhouse.pipelines.analytics.publish import Publication, published
from talkhouse.pipelines.audit.notes import last_build
from talkhouse.pipelines.audit.outcome import Outcome
from talkhouse.pipelines.settings.extras import BUILD
from talkhouse.pipelines.warehouse.destination import Copy, configured
from talkhouse.pipelines.warehouse.interface import (
    AlreadySyncing,
    WarehouseError,
)
from talkhouse.sources.settings import SettingsError, duration


def build_age(text: str) -> timedelta | None:
    """How old the last good build may be, as `--build` says; None if nothing is to be built.

    Raises SettingsError, also if there is no dbt, or no such time zone as it would build for.
    """
    if not text:
        return None
    BUILD.require("--build")
    time_zone_of()
    try:
        return duration(text)
    except ValueError as e:
        raise SettingsError(f"--build: {e}") from None


def build_synced(outcomes: Sequence[Outcome], every: timedelta | None) -> Built | None:
    """Builds the models if any of these syncs loaded something and the last build failed or is
    older than `every`; returns its result, or None. If another process is building, the next sync
    builds.
    """
    if every is None or not any(outcome.ok or outcome.rows for outcome in outcomes):
        return None
    destination = configured()
    try:
        with destination.open(read_only=True) as warehouse:
            last = last_build(warehouse)
        # it ends some time after its sync began, and is not to be left to the sync after the next
        if last and last["outcome"] == "ok" and datetime.now(UTC) - last["built_at"] < every * 0.9:
            return None
        return build(destination)
    except AlreadySyncing:
        return None
    except (SettingsError, WarehouseError) as e:
        return failed_build(destination, str(e))


def publish_synced(outcomes: Sequence[Outcome], copy: Copy | None) -> Publication | None:
    """Publishes a copy if one is wanted and any of these syncs loaded something."""
    if copy is None or not any(outcome.ok or outcome.rows for outcome in outcomes):
        return None
    return published(copy)
