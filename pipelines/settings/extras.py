"""The extras of the package: libraries that only some installations have."""

from dataclasses import dataclass
from importlib.util import find_spec

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
        try:
            return all(find_spec(module) for module in self.modules)
        except ModuleNotFoundError:
            # of a module in a package, the package is imported
            return False

    def require(self, needed_by: str) -> None:
        """Raises SettingsError if it is not installed."""
        if not self.is_installed:
            raise SettingsError(f"{needed_by} needs {self}")


BUILD = Extra("build", "dbt", ("dbt.cli", "dbt.adapters.duckdb", "dbt.adapters.postgres"))
POSTGRES = Extra("postgres", "the Postgres drivers", ("psycopg2", "adbc_driver_postgresql"))
