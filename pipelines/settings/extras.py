"""The extras of the package: libraries that only some installations have."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from talkhouse.sources.settings import SettingsError


@dataclass(frozen=True)
class Extra:
    """The name of an extra, what it adds, and the modules that are imported of it."""

    name: str
    adds: str
    modules: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.adds}: pip install 'talkhouse[{self.name}]'"

    @property
    def is_installed(self) -> bool:
        return all(map(_is_there, self.modules))

    def require(self, needed_by: str) -> None:
        """Raises SettingsError if it is not installed."""
        if not self.is_installed:
            raise SettingsError(f"{needed_by} needs {self}")


def _is_there(module: str) -> bool:
    """Whether a module could be imported. Its package is not: that takes long of some."""
    package, *names = module.split(".")
    found = find_spec(package)
    places = found.submodule_search_locations if found else None
    return bool(found) and (not names or any(Path(each, *names).exists() for each in places or ()))


BUILD = Extra("build", "dbt", ("dbt.cli", "dbt.adapters.duckdb", "dbt.adapters.postgres"))
POSTGRES = Extra("postgres", "the Postgres drivers", ("psycopg2", "adbc_driver_postgresql"))
