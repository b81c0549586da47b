"""What is to be done when stored rows went or changed: builds anew what was built of them, writes
their tables anew, so that nothing is left on the disk, and replaces the copy that others read.

audit.unrenewed   a table whose rows a command deleted or changed, until all of that is done; or a
                  class of personal data and what is to be done with it, until it is read again: a
                  command that was cut off is made up by the next one
"""

from collections.abc import Iterable
from datetime import UTC, datetime

from pipelines.build import build, is_built
from pipelines.changes import note_change
from pipelines.destination import Copy
from pipelines.publish import published
from pipelines.warehouse import AUDIT, Destination, Warehouse

ERASE, PRIVACY, READ_AGAIN, RETAIN = "erase", "privacy", "read again", "retain"

# how each is made up
AGAIN = {
    ERASE: "talkhouse erase",
    PRIVACY: "talkhouse privacy --apply",
    READ_AGAIN: "talkhouse privacy --apply",
    RETAIN: "talkhouse retain",
}


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


def note_unrenewed(warehouse: Warehouse, command: str, names: Iterable[str]) -> None:
    """Notes that the command deletes or changes rows of these tables, or which classes are to be
    read again. The next build sees it as a change.
    """
    for name in names:
        note_change(warehouse, command)
        warehouse.execute(
            "insert into audit.unrenewed (command, name, noted_at) values (%s, %s, %s)",
            [command, name, datetime.now(UTC)],
        )


def unrenewed(warehouse: Warehouse, command: str) -> list[str]:
    """What `note_unrenewed` noted, and `note_renewed` did not."""
    if not warehouse.has_table(AUDIT, "unrenewed"):
        return []
    query = "select distinct name from audit.unrenewed where command = %s order by name"
    return [row["name"] for row in warehouse.rows(query, [command])]


def write_anew(warehouse: Warehouse, command: str) -> None:
    """Writes the tables anew whose rows the command deleted or changed."""
    # a build may have made an end of one
    there = {name for name in unrenewed(warehouse, command) if warehouse.columns(*name.split("."))}
    warehouse.forget(sorted(there))


def note_renewed(warehouse: Warehouse, command: str, began: datetime) -> None:
    """Notes that nothing is left to do of what the command had noted when the renewal began."""
    warehouse.execute(
        "delete from audit.unrenewed where command = %s and noted_at <= %s", [command, began]
    )


def cut_off(warehouse: Warehouse) -> list[str]:
    """The commands that are to be run again."""
    return sorted({again for command, again in AGAIN.items() if unrenewed(warehouse, command)})
