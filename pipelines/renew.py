"""What is to be done when stored rows went or changed: builds anew what was built of them, writes
their tables anew, so that nothing is left on the disk, and replaces the copy that others read.
"""

from collections.abc import Iterable

from pipelines.build import build, is_built
from pipelines.destination import Copy
from pipelines.publish import published
from pipelines.warehouse import Destination


def renew(destination: Destination, tables: Iterable[str], copy: Copy | None) -> list[str]:
    """Does it; what failed, each with what to do. Raises WarehouseError."""
    failures = []
    if is_built(destination):
        built = build(destination, full=True)
        failures += [f"build: {failure}" for failure in built.failures]
    with destination.open() as warehouse:
        warehouse.forget(tables)
    if copy:
        publication = published(copy)
        failures += [] if publication.ok else [str(publication)]
    return failures
