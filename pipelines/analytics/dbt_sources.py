"""The raw tables as dbt's sources, told from the record types: `models/staging/sources.yml`.

python -m talkhouse.pipelines.analytics.dbt_sources > models/staging/sources.yml
"""

import sys
from typing import Any

import yaml

from talkhouse.sources.registry import PROVIDERS, provider
from talkhouse.sources.rows.record import Record, table_columns

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
# The raw tables, as `python -m talkhouse.pipelines.analytics.dbt_sources` tells them from the
# record types of sources/. Not to be edited by hand: a test compares them.
"""


def sources() -> str:
    """The YAML."""
    described = [
        {
            "name": name,
            "description": f"What {name} gave, in its own words.",
            "tables": [_table(record) for record in provider(name).records],
        }
        for name in PROVIDERS
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
