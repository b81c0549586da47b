"""The raw tables as dbt's sources, told from the record types: `models/staging/sources.yml`.

python -m pipelines.describe > models/staging/sources.yml
"""

import sys
from contextlib import closing
from typing import Any

import yaml

from pipelines.connections import connection
from pipelines.simulate import simulated
from simulator import World
from sources import PROVIDERS
from sources.records import Record, table_columns

TYPES = {
    "text": "text",
    "bigint": "bigint",
    "bool": "boolean",
    "double": "double precision",
    "timestamp": "timestamp with time zone",
    "json": "json",
}
AUDIT = {
    "runs": "Every sync of a connection, and what came of it.",
    "scans": "Every list that a sync read.",
    "drift": "Fields that were not as declared.",
    "rejects": "Rows that could not be loaded.",
}
HEADER = """\
# The raw tables, as `python -m pipelines.describe` tells them from the record types of sources/.
# Not to be edited by hand: a test compares them.
"""


def records_of(provider: str) -> list[type[Record]]:
    """The records of every table that the provider fills."""
    values: dict[str, Any] = simulated(World(7, 40), "http://127.0.0.1:1")[f"demo_{provider}"]
    one = connection("described", values)
    tables = [table for each in one.provider.lists(one.settings) for table in each.tables]
    if one.provider.threads:
        with closing(one.provider.connect(one.settings)) as client:
            tables += one.provider.threads(client, one.settings).tables
    return [*dict.fromkeys(table.record for table in tables)]


def sources() -> str:
    """The YAML."""
    described = [
        {
            "name": provider,
            "description": f"What {provider} gave, in its own words.",
            "tables": [_table(record) for record in records_of(provider)],
        }
        for provider in PROVIDERS
    ]
    audit = [{"name": name, "description": text} for name, text in AUDIT.items()]
    described.append(
        {"name": "audit", "description": "What every sync did, and the proof.", "tables": audit}
    )
    document: str = yaml.safe_dump(
        {"version": 2, "sources": described}, sort_keys=False, width=100, allow_unicode=True
    )
    return HEADER + document


def _table(record: type[Record]) -> dict[str, Any]:
    columns = [
        {"name": each.name, "description": each.description, "data_type": TYPES[each.type.dlt]}
        for each in table_columns(record)
    ]
    brought = "The load package that brought the row."
    columns.append({"name": "_dlt_load_id", "description": brought, "data_type": "text"})
    return {
        "name": record.table,
        "description": " ".join((record.__doc__ or "").split()),
        "columns": columns,
    }


if __name__ == "__main__":
    sys.stdout.write(sources())
