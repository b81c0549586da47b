"""Which database everything is loaded into, as `.dlt` and the environment have it.

    destination = "postgres"                                 in .dlt/config.toml, at its top
    destination.postgres.credentials = "postgresql://..."    in .dlt/secrets.toml, as dlt names it

or, without the first, a DuckDB file: `destination.duckdb`, or `talkhouse.duckdb`; and with
`destination.publish` a copy of it for others to read.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from talkhouse.pipelines.settings.extras import POSTGRES
from talkhouse.pipelines.settings.project import HERE, Project
from talkhouse.pipelines.warehouse.interface import Destination
from talkhouse.sources.settings import SettingsError

DEFAULT_FILE = "talkhouse.duckdb"


def configured(project: Project = HERE) -> Destination:
    """The destination that is configured. Raises SettingsError.

    Neither database's library is imported for the other's sake.
    """
    # what is of that name in one file hides what is in another: a word here, a table there
    found = list(project.sections("destination"))
    named = next((each for each in found if isinstance(each, str)), "")
    if named == "postgres":
        POSTGRES.require('destination = "postgres"')
        from talkhouse.pipelines.warehouse.postgres.settings import configured_database

        return configured_database(project)
    if named not in ("", "duckdb"):
        raise SettingsError(f"destination is {named!r}, and must be duckdb or postgres")
    if not named and any(isinstance(each, dict) and "postgres" in each for each in found):
        raise SettingsError(
            'destination.postgres is set, and destination is not: write destination = "postgres" '
            "at the top of .dlt/config.toml, above its first table"
        )
    from talkhouse.pipelines.warehouse.duckdb_file import DuckDbFile

    file: Any = project.setting("destination.duckdb")
    if isinstance(file, dict):
        file = file.get("credentials")
    return DuckDbFile(project.path(str(file or DEFAULT_FILE)))


@dataclass(frozen=True)
class Copy:
    """The warehouse's file, and the file that others read instead."""

    warehouse: Path
    target: Path

    def readable(self) -> Destination:
        """The copy, to be read."""
        from talkhouse.pipelines.warehouse.duckdb_file import DuckDbFile

        return DuckDbFile(self.target)


def configured_copy(project: Project = HERE) -> Copy | None:
    """The copy that every sync is to publish, if any. Raises SettingsError."""
    return copy_to("", project) if _publish(project) else None


def copy_to(named: str, project: Project = HERE) -> Copy:
    """The copy in the named file, or in the one that the settings name. Raises SettingsError."""
    warehouse, named = configured(project), named or _publish(project)
    from talkhouse.pipelines.warehouse.duckdb_file import DuckDbFile, hidden_dataset

    if not isinstance(warehouse, DuckDbFile):
        raise SettingsError(
            "only a DuckDB file is published: readers of Postgres need no copy, and read the "
            "database itself while a sync is under way"
        )
    if not named:
        raise SettingsError(
            "no file to publish to: name one, as in `talkhouse publish --to published.duckdb`, or "
            "for every sync as destination.publish in .dlt/config.toml"
        )
    target = project.path(named)
    if target.resolve() == warehouse.file.resolve():
        raise SettingsError(f"{target} is what everything is loaded into; publish to another file")
    if hidden := hidden_dataset(target):
        raise SettingsError(
            f"a DuckDB file named {target.name} hides its own dataset {hidden}; publish to another"
        )
    return Copy(warehouse.file, target)


def _publish(project: Project) -> str:
    return str(project.setting("destination.publish") or "")
