"""What a provider's source declares, without a request being made."""

from contextlib import closing
from functools import cache
from typing import Any

from dlt.common.schema.typing import TTableSchema

from talkhouse.pipelines.demo.simulate import simulated
from talkhouse.pipelines.settings.connections import connection
from talkhouse.simulator import World
from talkhouse.sources.dlt_source.resources import source as dlt_source
from talkhouse.sources.dlt_source.run import Run
from talkhouse.sources.rows.storage_rules import Terms
from talkhouse.sources.scan.progress import Plan


@cache
def tables_of(name: str) -> dict[str, TTableSchema]:
    """The tables of a provider, as dlt is told of them."""
    values: dict[str, Any] = simulated(World(7, 40), "http://127.0.0.1:1")[f"demo_{name}"]
    one = connection("tables", values)
    with closing(one.provider.connect(one.settings)) as client:
        source = dlt_source(one.provider, Run(Terms("tables"), client, Plan()), one.settings)
        schemas = [resource.compute_table_schema() for resource in source.resources.values()]
    return {schema["name"]: schema for schema in schemas}
