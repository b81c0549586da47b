"""How packages get into a DuckDB file: dlt's own destination, upon a connection that is open."""

from dlt.destinations import duckdb

from talkhouse.pipelines.warehouse.resolved_once import ResolvedOnce


class OpenDuckDb(ResolvedOnce, duckdb):
    """A DuckDB file as dlt's destination."""
