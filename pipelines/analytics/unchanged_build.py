"""Whether a build would only make again what is there.

A good build notes what it was made of (`built_of` in audit.builds): models, seeds and settings,
versions, the local day, the marks of who changed rows (row_changes.py) and how many there are; with
the tables and views that it left. It notes, too, until when what it tells of the moment is true
(`good_until`). When a build begins, or dbt is run by hand, the note of the one before goes.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from talkhouse.pipelines.audit.notes import note_good_build
from talkhouse.pipelines.audit.row_changes import marks
from talkhouse.pipelines.warehouse.interface import AUDIT, BUILT, Warehouse
from talkhouse.sources.settings import instant

MADE_BY = ("talkhouse", "dbt-core", "dbt-adapters", "dbt-duckdb", "dbt-postgres", "duckdb")
Ingredients = dict[str, Any]
"""What a build is made of."""


def ingredients(
    warehouse: Warehouse, models: str, variables: Mapping[str, Any]
) -> Ingredients | None:
    """What a build with these models and variables is made of if it begins now; None if rows may be
    coming meanwhile.
    """
    marked = marks(warehouse)
    if marked is None:
        return None
    [today] = warehouse.rows(
        "select cast(cast(timezone(%s, cast(%s as timestamptz)) as date) as text) as day",
        [variables["time_zone"], _moment(variables)],
    )
    return {
        "models": models,
        "variables": dict(variables),
        "versions": {name: version(name) for name in MADE_BY},
        "day": today["day"],
        "changes": marked,
        "rows": _counted(warehouse, variables["tables"]),
    }


def unchanged_since(
    warehouse: Warehouse, models: str, variables: Mapping[str, Any]
) -> datetime | None:
    """When the good build ended that one with these models and variables would only repeat; None if
    there is none.
    """
    if warehouse.is_older or not warehouse.has_table(AUDIT, "builds"):
        return None
    found = warehouse.rows(
        "select built_at, built_of, good_until from audit.builds "
        "where outcome = 'ok' and built_of is not null"
    )
    if len(found) != 1 or (of := ingredients(warehouse, models, variables)) is None:
        return None
    [last] = found
    built_at: datetime = last["built_at"]
    # where the clock was put back, it tells nothing
    is_over = last["good_until"] is not None and last["good_until"] <= _moment(variables)
    if is_over or built_at > datetime.now(UTC) or last["built_of"] != _told(warehouse, of):
        return None
    return built_at


def note_built(warehouse: Warehouse, built_at: datetime, of: Ingredients | None) -> None:
    """Notes that the build is good that is noted at that time, and what it was made of."""
    [windows] = warehouse.rows(
        "select min(open_until_at) as close_at from marts.whatsapp_windows where is_open"
    )
    told = None if of is None else _told(warehouse, of)
    note_good_build(warehouse, built_at, told, windows["close_at"])


def _moment(variables: Mapping[str, Any]) -> datetime:
    return instant(variables["as_of"]) if variables.get("as_of") else datetime.now(UTC)


def _told(warehouse: Warehouse, of: Ingredients) -> str:
    """The ingredients and what was made of them, as one short text."""
    schemas = ", ".join(f"'{schema}'" for schema in BUILT)
    made = warehouse.rows(
        "select table_schema, table_name, table_type from information_schema.tables "
        f"where table_schema in ({schemas}) order by table_schema, table_name"
    )
    whole = json.dumps({**of, "made": [list(row.values()) for row in made]}, sort_keys=True)
    return hashlib.sha256(whole.encode()).hexdigest()


def _counted(warehouse: Warehouse, tables: Mapping[str, list[str]]) -> dict[str, int]:
    """How many rows each raw table has, however they came or went."""
    names = [f"{dataset}.{table}" for dataset, those in tables.items() for table in those]
    counts = " union all ".join(
        f"select '{name}' as name, count(*) as n from {name}" for name in names
    )
    return {row["name"]: int(row["n"]) for row in warehouse.rows(counts)}
