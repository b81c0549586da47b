"""Keeps every other process from the warehouse while rows are deleted or rewritten."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from talkhouse.pipelines.settings.connections import Connection
from talkhouse.pipelines.warehouse.interface import AUDIT, Warehouse


def accounts(warehouse: Warehouse, chosen: Sequence[Connection]) -> set[str]:
    """The connections, and every other that was ever synced into the warehouse."""
    known = {each.name for each in chosen}
    if not warehouse.has_table(AUDIT, "runs"):
        return known
    return known | {
        row["account"] for row in warehouse.rows("select distinct account from audit.runs")
    }


@contextmanager
def alone(warehouse: Warehouse, chosen: Sequence[Connection]) -> Iterator[None]:
    """Keeps every other process from syncing and building. Raises AlreadySyncing if one does."""
    with ExitStack() as locks:
        locks.enter_context(warehouse.building())
        for account in accounts(warehouse, chosen):
            locks.enter_context(warehouse.syncing(account))
        yield
