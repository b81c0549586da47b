"""The raw tables as dbt's sources, told from the record types: `models/staging/sources.yml`.

python -m talkhouse.pipelines.analytics.dbt_sources > models/staging/sources.yml
"""

import sys
from typing import Any

import yaml

from talkhouse.pipelines.warehouse.descriptions import Descriptions, audit_tables, of_record
from talkhouse.pipelines.warehouse.interface import AUDIT
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
    audit = [_described(name, texts) for name, texts in audit_tables().items()]
    described.append({"name": AUDIT, "description": "What every sync did.", "tables": audit})
    document: str = yaml.safe_dump(
        {"version": 2, "sources": described}, sort_keys=False, width=100, allow_unicode=True
    )
    return HEADER + document


def _table(record: type[Record]) -> dict[str, Any]:
    table = _described(record.table, of_record(record))
    types = {each.name: TYPES[each.type.dlt] for each in table_columns(record)}
    for column in table["columns"]:
        column["data_type"] = types.get(column["name"], "text")
    return table


def _described(name: str, texts: Descriptions) -> dict[str, Any]:
    columns = [{"name": column, "description": text} for column, text in texts.items() if column]
    return {"name": name, "description": texts[""], "columns": columns}


if __name__ == "__main__":
    sys.stdout.write(sources())
