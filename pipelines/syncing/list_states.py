"""What the lists' scans know, kept where dlt keeps it: with the rows that it describes.

dlt's own functions are not used, since it takes longer to import than a sync in which nothing is
new. Its format is JSON, compressed, in base64; what of it is not the lists' is left as it is.
"""

import base64
import hashlib
import secrets
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from talkhouse.pipelines.settings.connections import Connection
from talkhouse.pipelines.warehouse.interface import Warehouse
from talkhouse.sources.scan.list_state import ListState, state_of, stored_state

PAGES = "_pages"
# what dlt leaves out of a state's hash
UNHASHED = ("_state_version", "_state_engine_version", "_version_hash")


def list_states(connection: Connection, warehouse: Warehouse) -> dict[str, ListState]:
    """The state of every list that was ever read, by the list's name."""
    found = _stored(connection, warehouse)
    if found is None:
        return {}
    states = _resources(connection, _decoded(found["state"]))
    return {
        name.removesuffix(PAGES): state_of(state)
        for name, state in sorted(states.items())
        if name.endswith(PAGES)
    }


def store_states(
    connection: Connection,
    warehouse: Warehouse,
    load_id: str,
    changed: Mapping[str, ListState],
) -> None:
    """Stores the lists' states, by their names, as a load package of that id would have."""
    found = _stored(connection, warehouse)
    assert found, "a connection whose first package is not loaded"
    dataset, now = connection.provider.name, datetime.now(UTC)
    document = _decoded(found["state"])
    _resources(connection, document).update(
        {f"{name}{PAGES}": stored_state(state) for name, state in changed.items()}
    )
    version = document["_state_version"] = document["_state_version"] + 1
    hash = document["_version_hash"] = _hash(document)
    warehouse.execute(
        f"insert into {dataset}._dlt_pipeline_state (version, engine_version, pipeline_name, "
        "state, created_at, version_hash, _dlt_load_id, _dlt_id) "
        "values (%s, %s, %s, %s, %s, %s, %s, %s)",
        [version, document["_state_engine_version"], connection.name, _encoded(document), now]
        + [hash, load_id, secrets.token_urlsafe(10)],
    )
    warehouse.execute(
        f"insert into {dataset}._dlt_loads (load_id, schema_name, status, inserted_at, "
        f"schema_version_hash) select %s, schema_name, 0, %s, schema_version_hash "
        f"from {dataset}._dlt_loads where load_id = %s",
        [load_id, now, found["_dlt_load_id"]],
    )


def _stored(connection: Connection, warehouse: Warehouse) -> dict[str, Any] | None:
    dataset = connection.provider.name
    if not warehouse.has_table(dataset, "_dlt_pipeline_state"):
        return None
    found = warehouse.rows(
        f"select state, _dlt_load_id from {dataset}._dlt_pipeline_state where pipeline_name = %s "
        # of a load that was cut off, the rows are not all in
        f"and _dlt_load_id in (select load_id from {dataset}._dlt_loads where status = 0) "
        # as dlt itself looks for the newest
        "order by _dlt_load_id desc limit 1",
        [connection.name],
    )
    return found[0] if found else None


def _resources(connection: Connection, document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    # a package of threads alone has none
    source = document.setdefault("sources", {}).setdefault(connection.provider.name, {})
    resources: dict[str, dict[str, Any]] = source.setdefault("resources", {})
    return resources


def _decoded(text: str) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.json.decode(zlib.decompress(base64.b64decode(text)))
    return document


def _encoded(document: Mapping[str, Any]) -> str:
    return base64.b64encode(zlib.compress(msgspec.json.encode(document))).decode("ascii")


def _hash(document: Mapping[str, Any]) -> str:
    hashed = {name: value for name, value in document.items() if name not in UNHASHED}
    content = msgspec.json.encode(hashed, order="deterministic")
    return base64.b64encode(hashlib.sha3_256(content).digest()).decode("ascii")
