"""What a provider's source declares, without a request being made."""

from contextlib import closing
from functools import cache
from typing import Any

from dlt.common.schema.typing import TTableSchema

from pipelines.connections import connection
from pipelines.simulate import simulated
from simulator import World
from sources.listing import Plan
from sources.run import Run
from sources.terms import Terms


@cache
def tables_of(name: str) -> dict[str, TTableSchema]:
    """The tables of a provider, as dlt is told of them."""
    values: dict[str, Any] = simulated(World(7, 40), "http://127.0.0.1:1")[f"demo_{name}"]
    one = connection("tables", values)
    with closing(one.provider.connect(one.settings)) as client:
        source = one.provider.source(Run(Terms("tables"), client, Plan()), one.settings)
        schemas = [resource.compute_table_schema() for resource in source.resources.values()]
    return {schema["name"]: schema for schema in schemas}
