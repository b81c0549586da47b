"""Which database everything is loaded into, as `.dlt` and the environment have it.

    destination = "postgres"                                 in .dlt/config.toml, at its top
    destination.postgres.credentials = "postgresql://..."    in .dlt/secrets.toml, as dlt names it

or, without the first, a DuckDB file: `destination.duckdb`, or `talkhouse.duckdb`.
"""

from pathlib import Path
from typing import Any

import dlt

from pipelines.warehouse import Destination
from sources.settings import SettingsError

DEFAULT_FILE = "talkhouse.duckdb"


def configured() -> Destination:
    """The destination that is configured. Raises SettingsError.

    Neither database's library is imported for the other's sake.
    """
    named: Any = dlt.config.get("destination")
    if named == "postgres":
        from pipelines.postgres import configured_database

        return configured_database()
    if isinstance(named, str) and named != "duckdb":
        raise SettingsError(f"destination is {named!r}, and must be duckdb or postgres")
    from pipelines.duckdb_file import DuckDbFile

    file = dlt.config.get("destination.duckdb") if named != "duckdb" else None
    if isinstance(file, dict):
        file = file.get("credentials")
    return DuckDbFile(Path(str(file or DEFAULT_FILE)))
