"""What the lists' scans know, read from where it was loaded: with the rows that it describes."""

from typing import Any

from dlt.common.versioned_state import decompress_state

from pipelines.connections import Connection
from pipelines.warehouse import Warehouse
from sources.listing import Mode

MODES: tuple[Mode, ...] = ("full", "recent", "window")


def list_states(connection: Connection, warehouse: Warehouse) -> dict[str, dict[str, Any]]:
    """The state of every list that was ever read, by the list's name."""
    dataset = connection.provider.name
    if not warehouse.tables(dataset):
        return {}
    found = warehouse.rows(
        f"select state from {dataset}._dlt_pipeline_state where pipeline_name = %s "
        # of a load that was cut off, the rows are not all in
        f"and _dlt_load_id in (select load_id from {dataset}._dlt_loads where status = 0) "
        # as dlt itself looks for the newest
        "order by _dlt_load_id desc limit 1",
        [connection.name],
    )
    if not found:
        return {}
    state = decompress_state(found[0]["state"])
    states: dict[str, dict[str, Any]] = state["sources"].get(dataset, {}).get("resources", {})
    return {
        name.removesuffix("_pages"): state
        for name, state in sorted(states.items())
        if name.endswith("_pages")
    }
