"""What a command deleted or changed, and has not yet removed from all that was made of it.

audit.unrenewed   a table whose rows a command deleted or changed, until all of that is done; or a
                  class of personal data and what is to be done with it, until it is read again: a
                  command that was cut off is made up by the next one
"""

from collections.abc import Iterable
from datetime import UTC, datetime

from talkhouse.pipelines.audit.row_changes import note_change
from talkhouse.pipelines.warehouse.interface import AUDIT, Warehouse

ERASE, PRIVACY, READ_AGAIN, RETAIN = "erase", "privacy", "read again", "retain"


# how each is made up
AGAIN = {
    ERASE: "talkhouse erase",
    PRIVACY: "talkhouse privacy --apply",
    READ_AGAIN: "talkhouse privacy --apply",
    RETAIN: "talkhouse retain",
}


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


def note_renewed(warehouse: Warehouse, command: str, began: datetime) -> None:
    """Notes that nothing is left to do of what the command had noted when the renewal began."""
    warehouse.execute(
        "delete from audit.unrenewed where command = %s and noted_at <= %s", [command, began]
    )


def cut_off(warehouse: Warehouse) -> list[str]:
    """The commands that are to be run again."""
    return sorted({again for command, again in AGAIN.items() if unrenewed(warehouse, command)})
