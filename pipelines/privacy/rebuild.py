"""After stored rows were deleted or changed: rebuilds the models, rewrites the tables so that
nothing is left on the disk, and replaces the published copy.
"""

from datetime import UTC, datetime

from talkhouse.pipelines.analytics.build import build, is_built
from talkhouse.pipelines.analytics.publish import published
from talkhouse.pipelines.audit.unfinished import note_renewed, unrenewed
from talkhouse.pipelines.settings.extras import BUILD
from talkhouse.pipelines.warehouse.destination import Copy
from talkhouse.pipelines.warehouse.interface import Destination, Warehouse


def require_for_rebuild(destination: Destination) -> None:
    """Raises SettingsError if there are models that could not be rebuilt, since dbt is missing."""
    if is_built(destination):
        BUILD.require("rebuilding the analysts' tables")


def renew(destination: Destination, command: str, copy: Copy | None) -> list[str]:
    """Does it; what failed, each with what to do. Raises WarehouseError."""
    failures, began = [], datetime.now(UTC)
    if is_built(destination):
        built = build(destination, full=True)
        failures += [f"build: {failure}" for failure in built.failures]
    with destination.open() as warehouse:
        write_anew(warehouse, command)
    if copy:
        publication = published(copy)
        failures += [] if publication.ok else [str(publication)]
    if not failures:
        with destination.open() as warehouse:
            note_renewed(warehouse, command, began)
    return failures


def write_anew(warehouse: Warehouse, command: str) -> None:
    """Writes the tables anew whose rows the command deleted or changed."""
    # a build may have made an end of one
    there = {name for name in unrenewed(warehouse, command) if warehouse.columns(*name.split("."))}
    warehouse.forget(sorted(there))
